"""Claims deliveries: the statement takes due rows and checks the campaign's status, the lane and the suppressions."""

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec
import psycopg
from django.conf import settings

from campaigns import database_time
from campaigns.annotations import Row
from mailing import content, global_hold_out
from mailing.mail_offers import MailOffer
from mailing.models.audience import STANDARD_FIELDS
from mailing.secrets import SecretUnreadable
from mailing.senders.domains import load_stored_signer
from mailing.senders.signing import Signer
from mailing.sending import metadata, return_paths, tokens, windows
from mailing.sending.turns import Limit
from mailing.sending.windows import ALWAYS, Stretch, Window
from promotions.offers import TERMS, Terms

logger = logging.getLogger(__name__)

# One statement: the rows that are due, locked unless another run has just taken them; the campaign still running and
# within its hours, the connection not held; those suppressed or gone since the launch, who asked for less mail, or who
# are held out of all mails since then, are skipped instead. The lane is locked for the moment, so that nobody cleans up
# behind a run whose lease has just ended while that run still claims. `Ledger.mark` looks at the campaign's status once
# more, before the content leaves.
_CLAIM = """
WITH lane AS MATERIALIZED (
    SELECT FROM mailing_lane WHERE run = %(run)s AND leased_until > now() FOR SHARE
),
due AS (
    SELECT delivery.id, delivery.email, delivery.contact_id, delivery.stage{coupon_id}
    FROM mailing_delivery AS delivery
    WHERE delivery.connection_id = %(planned)s AND delivery.campaign_id = %(campaign)s AND delivery.due_at <= now()
      AND delivery.status IN ('pending', 'deferred')
      AND EXISTS (SELECT FROM lane)
      AND EXISTS (SELECT FROM campaigns_campaign WHERE id = %(campaign)s AND status = 'running')
      AND NOT EXISTS (SELECT FROM mailing_pace WHERE connection_id = %(connection)s AND held_until > now())
      AND now() >= %(opens)s AND now() < %(closes)s{while_offered}
    ORDER BY delivery.due_at, delivery.id
    LIMIT %(most)s
    FOR NO KEY UPDATE OF delivery SKIP LOCKED
),
judged AS (
    SELECT due.id, earlier.tries, earlier.first_at,
           suppression.reason AS suppressed, contact.id AS contact_id, contact.first_name, contact.last_name,
           contact.phone, contact.city, contact.country, contact.language, contact.time_zone, contact.score,
           contact.attributes, contact.soft_bounces{coupon},
           CASE WHEN suppression.id IS NULL AND contact.frequency <> ''
                THEN mailing_is_too_soon(contact.id, %(campaign)s, contact.frequency) ELSE false END AS is_too_soon,
           {held_out_of_all} AS is_held_out_of_all
    FROM due
    LEFT JOIN mailing_contact AS contact ON contact.id = due.contact_id
    LEFT JOIN mailing_suppression AS suppression ON suppression.email = due.email{join_coupon}
    LEFT JOIN LATERAL (
        SELECT count(*) AS tries, min(at) AS first_at FROM mailing_attempt
        WHERE due.stage <> '' AND delivery_id = due.id
    ) AS earlier ON true
)
UPDATE mailing_delivery AS delivery
SET status = CASE WHEN judged.suppressed IS NULL AND judged.contact_id IS NOT NULL AND NOT judged.is_too_soon
                       AND NOT judged.is_held_out_of_all{has_code} THEN 'claimed' ELSE 'skipped' END,
    reason = CASE WHEN judged.suppressed = 'unsubscribed' THEN 'unsubscribed'
                  WHEN judged.suppressed IS NOT NULL THEN 'suppressed'
                  WHEN judged.contact_id IS NULL THEN 'invalid'
                  WHEN judged.is_held_out_of_all THEN 'held_out'
                  WHEN judged.is_too_soon THEN 'frequency'{or_no_code} ELSE '' END,
    connection_id = %(connection)s, run = %(run)s, due_at = NULL
FROM judged
WHERE delivery.id = judged.id
RETURNING delivery.id, delivery.status, delivery.email, delivery.attempts, judged.first_name, judged.last_name,
          judged.attributes, judged.phone, judged.city, judged.country, judged.language, judged.time_zone,
          judged.score, judged.soft_bounces, judged.tries, judged.first_at, delivery.variant{code}
"""
_HELD_OUT_OF_ALL = global_hold_out.write_draw("contact.id")
CLAIM = _CLAIM.format_map(defaultdict(str, held_out_of_all=_HELD_OUT_OF_ALL))
_WHILE_OFFERED = "\n      AND mailing_find_offer_fault(%(campaign)s, now()) = ''"
# Of a campaign without codes that is linked to one at the till: only while that gives something.
CLAIM_WHILE_OFFERED = _CLAIM.format_map(
    defaultdict(str, while_offered=_WHILE_OFFERED, held_out_of_all=_HELD_OUT_OF_ALL)
)
# Of a campaign with an offer: only while that gives something, and each with its code, which nobody has switched off.
CLAIM_WITH_CODES = _CLAIM.format(
    coupon_id=", delivery.coupon_id",
    while_offered=_WHILE_OFFERED,
    coupon=", coupon.id AS coupon_id, coupon.code, coupon.active",
    join_coupon="\n    LEFT JOIN promotions_coupon AS coupon ON coupon.id = due.coupon_id",
    has_code=" AND judged.active",
    held_out_of_all=_HELD_OUT_OF_ALL,
    or_no_code="\n                  WHEN judged.active IS NOT TRUE THEN 'no_code'",
    code=", judged.coupon_id, judged.code, clock_timestamp()",
)

# A delivery that was marked in_data and missed its turn before a byte of it left: back to pending.
UNMARK = """
UPDATE mailing_delivery SET status = 'pending', due_at = now()
WHERE id = %s AND run IS NOT DISTINCT FROM %s AND status = 'in_data'
"""

# What this run claimed and has not handed over goes back to pending, ahead of what is tried again. For a run that
# has died see lanes._RECOVER_DELIVERIES.
GIVE_BACK = """
UPDATE mailing_delivery AS delivery
SET status = CASE WHEN campaign.status IN ('cancelled', 'failed') OR suppression.id IS NOT NULL THEN 'skipped'
                  ELSE 'pending' END,
    reason = CASE WHEN campaign.status = 'cancelled' THEN 'cancelled'
                  WHEN campaign.status = 'failed' THEN 'stopped'
                  WHEN suppression.reason = 'unsubscribed' THEN 'unsubscribed'
                  WHEN suppression.id IS NOT NULL THEN 'suppressed' ELSE '' END,
    due_at = CASE WHEN campaign.status NOT IN ('cancelled', 'failed') AND suppression.id IS NULL
                  THEN CASE WHEN own.stage = '' THEN coalesce(campaign.starts_at, now()) ELSE now() END END
FROM mailing_delivery AS own
JOIN campaigns_campaign AS campaign ON campaign.id = own.campaign_id
LEFT JOIN mailing_suppression AS suppression ON suppression.email = own.email
WHERE own.id = ANY(%s) AND own.run IS NOT DISTINCT FROM %s AND own.status = 'claimed' AND delivery.id = own.id
"""

CAMPAIGNS = f"""
SELECT campaign.id, content.compiled, email.from_email, email.retry_hours,
       ARRAY(SELECT connection_id FROM mailing_route WHERE campaign_id = campaign.id ORDER BY position, id),
       email.sharing, coalesce(
           (SELECT nullif(bounce_address, '') FROM mailing_smtpconnection WHERE id = %s),
           ({return_paths.ADDRESS_OF_DOMAIN.format(domain="split_part(email.from_email, '@', 2)")}),
           ''
       ), split_part(email.from_email, '@', 2), (
           SELECT jsonb_agg(jsonb_build_array(key.selector, key.private_key) ORDER BY key.algorithm)
           FROM mailing_dkimkey AS key JOIN mailing_senderdomain AS domain ON domain.id = key.domain_id
           WHERE domain.name = split_part(email.from_email, '@', 2)
             AND key.switched_on_at IS NOT NULL AND key.replaced_at IS NULL
       ), (SELECT provider FROM mailing_webhook WHERE connection_id = %s), email.recent_results,
       email.window_from, email.window_until, email.window_days, email.window_zone,
       email.phase, email.per_second, email.per_minute, email.per_hour, email.promotion_campaign_id,
       email.offer_id, email.code_locations, email.code_ends_at, email.code_days, email.code_min_spend
FROM campaigns_campaign AS campaign
JOIN mailing_emailcampaign AS email ON email.campaign_ptr_id = campaign.id
JOIN mailing_content AS content ON content.campaign_id = campaign.id
WHERE campaign.kind = 'email' AND campaign.status = 'running' AND email.prepared_at IS NOT NULL
  AND email.planned ? %s AND NOT campaign.id = ANY(%s)
"""
# '': the offer gives something. 'held': all that is left of it is held at tills, so it may give something again.
RUNNING = """
SELECT id, clock_timestamp() FROM campaigns_campaign
WHERE kind = 'email' AND status = 'running' AND mailing_find_offer_fault(id, now()) IN ('', 'held')
"""


class RunningCampaign(msgspec.Struct):
    """A running campaign for a run: its frozen content, its sender, its connections in their order.

    recent_results: of its last messages, as earlier runs stored them; see `breaker.ResultRate`. retry_for: how long
    after its first try a delivery is tried again. stretch: the stretch of its window that is open or comes next.
    is_open: it was open at the last look. is_tied: it stops with a promotion, with codes or without. variants: the
    contents of an A/B test without the first.
    """

    pk: int
    compiled: content.Compiled
    sender: str
    retry_for: timedelta
    connections: list[int]
    is_failover: bool
    limit: Limit
    window: Window | None = None
    variants: dict[int, content.Compiled] = {}
    stretch: Stretch = ALWAYS
    is_open: bool = True
    write_return_path: Callable[[int], bytes] | None = None
    write_metadata: Callable[[str], bytes] | None = None
    recent_results: dict[str, str] = {}
    signer: Signer | None = None
    offer: MailOffer | None = None
    is_tied: bool = False

    def find_content(self, variant: int | None) -> content.Compiled:
        """Return the content of a variant; the first variant has the campaign's own."""
        return self.variants[variant] if variant else self.compiled

    def look_at_clock(self, now: datetime) -> None:
        """Find out by the database's clock whether it may send now."""
        if self.window:
            self.stretch = self.window.find_stretch(now)
            self.is_open = self.stretch.holds(now)

    def find_end_of_tries(self, first_tried_at: datetime) -> datetime:
        """Return until when a delivery that was first tried then is tried again. Closed hours do not count."""
        if self.window:
            return self.window.add_open_time(first_tried_at, self.retry_for)
        return first_tried_at + self.retry_for

    def sender_of(self, delivery_id: int) -> str | bytes:
        """Return the return path of a delivery: an address of its own, if there is a bounce mailbox."""
        return self.write_return_path(delivery_id) if self.write_return_path else self.sender


class ClaimedDelivery(msgspec.Struct):
    """One delivery a run has taken.

    attempts: earlier tries that count towards the limit; tries: all earlier tries; first_tried_at: when the first was.
    coupon: whose code its mail bears; code_ends_at: the end that is written with the mark, where it counts days.
    turn: when it is to leave, None where there is no limit. taken_at: when a place took it to prepare that. Both in
    the time of RateLimiter.
    """

    pk: int
    campaign: RunningCampaign
    email: str
    attempts: int
    recipient: content.Recipient
    tokens: tokens.Tokens
    has_bounced: bool
    tries: int = 0
    first_tried_at: datetime | None = None
    variant: int | None = None
    turn: float | None = None
    taken_at: float = 0.0
    coupon: int | None = None
    code_ends_at: datetime | None = None

    def message(self, base: str) -> bytes:
        """Return the whole message in wire form, signed if its domain has keys.

        Raises:
            ContentError: it does not compile or render.
        """
        own, campaign, at = self.tokens, self.campaign, database_time.unix_time()
        message = campaign.find_content(self.variant).render(
            self.recipient, content.Links(base, own.unsubscribe, own.open, own.click, own.preferences), at=at
        )
        if campaign.signer:
            message = campaign.signer.sign_wire(message, at)
        # not signed: the provider reads it and takes it out
        return campaign.write_metadata(own.message_id) + message if campaign.write_metadata else message


async def read_campaigns(
    database: psycopg.AsyncConnection,
    connection_id: int,
    known: dict[int, RunningCampaign],
    broken: dict[int, Exception],
    unsignable: dict[int, str],
) -> dict[int, RunningCampaign]:
    """Return the running campaigns that have recipients on this connection; the `known` ones are not read again.

    A campaign whose frozen content cannot be read goes into `broken` instead, with the error. A campaign whose mails
    cannot be signed goes into `unsignable`, with the reason.
    """
    running: dict[int, datetime] = dict(await (await database.execute(RUNNING)).fetchall())
    found = {pk: campaign for pk, campaign in known.items() if pk in running}
    cursor = database.cursor(binary=True)
    await cursor.execute(
        CAMPAIGNS, [connection_id, connection_id, str(connection_id), [*found, *broken, *unsignable]]
    )
    for (
        pk,
        compiled,
        sender,
        retry_hours,
        routes,
        sharing,
        bounces,
        domain,
        dkim_keys,
        provider,
        recent,
        begins,
        ends,
        days,
        zone,
        phase,
        per_second,
        per_minute,
        per_hour,
        *promised,
    ) in await cursor.fetchall():
        try:
            loaded = content.load(bytes(compiled))
            variants = await _load_variants(database, pk) if phase else {}
            linked_id, offer_id, locations, *code_terms = promised
            terms = await _read_terms(database, offer_id, locations) if offer_id else None
            offer = MailOffer.of_terms(terms, *code_terms) if terms else None
        except Exception as error:
            logger.exception("Campaign %s: its frozen content cannot be read.", pk)
            broken[pk] = error
            continue
        try:
            signer = load_stored_signer(domain, dkim_keys or ())
        except SecretUnreadable as error:
            unsignable[pk] = str(error)
            continue
        found[pk] = RunningCampaign(
            pk,
            loaded,
            sender,
            timedelta(hours=retry_hours),
            [connection_id] if sharing == "single" else routes,
            sharing == "failover",
            Limit(per_second, per_minute, per_hour),
            windows.read_window(begins, ends, days, zone, settings.TIME_ZONE),
            variants,
            write_return_path=return_paths.make_writer(bounces) if bounces else None,
            write_metadata=metadata.make_writer(provider) if provider else None,
            recent_results=recent,
            signer=signer,
            offer=offer,
            is_tied=bool(offer_id or linked_id),
        )
    for pk, campaign in found.items():
        if pk in running:
            campaign.look_at_clock(running[pk])
    return found


async def _load_variants(database: psycopg.AsyncConnection, campaign_id: int) -> dict[int, content.Compiled]:
    cursor = database.cursor(binary=True)
    await cursor.execute(
        "SELECT variant, compiled FROM mailing_variantcontent WHERE campaign_id = %s", [campaign_id]
    )
    return {variant: content.load(bytes(compiled)) for variant, compiled in await cursor.fetchall()}


async def _read_terms(database: psycopg.AsyncConnection, promotion: int, locations: list[str]) -> Terms:
    cursor = await database.execute(TERMS, [locations, locations, promotion])
    return Terms(*await cursor.fetchone() or ())


async def claim_deliveries(
    database: psycopg.AsyncConnection,
    campaign: RunningCampaign,
    *,
    connection_id: int,
    planned_connection_id: int,
    run: int,
    most: int,
) -> tuple[list[ClaimedDelivery], int]:
    """Take up to `most` due deliveries of a campaign that still runs; they were planned for one connection.

    Args:
        connection_id: the connection that will send them.

    Returns:
        the claimed deliveries, and how many rows the statement looked at: when fewer than `most`, nothing more is due.
    """
    cursor = database.cursor(binary=True)
    await cursor.execute(
        CLAIM_WITH_CODES if campaign.offer else CLAIM_WHILE_OFFERED if campaign.is_tied else CLAIM,
        {
            "planned": planned_connection_id,
            "campaign": campaign.pk,
            "connection": connection_id,
            "run": run,
            "most": most,
            **campaign.stretch._asdict(),
        },
    )
    rows = await cursor.fetchall()
    taken = [row for row in rows if row[1] == "claimed"]
    signed = tokens.sign_tokens((row[0] for row in taken), campaign.pk)
    return [_make_claimed(campaign, row, own) for row, own in zip(taken, signed, strict=True)], len(rows)


def _make_claimed(campaign: RunningCampaign, row: Row, own: tokens.Tokens) -> ClaimedDelivery:
    offer, coupon, ends_at = campaign.offer, None, None
    if offer:
        coupon, code, now = row[-3:]
        row = row[:-3]
    pk, _, email, attempts, first_name, last_name, attributes, *standard, soft, tries, first, variant = row
    attributes |= zip(STANDARD_FIELDS, standard, strict=True)
    if offer:
        attributes["offer"] = offer.write_values(code, own.offer, now)
        ends_at = offer.find_code_end(now) if offer.code_days else None
    recipient = content.Recipient(email, attributes, first_name, last_name, own.message_id, pk)
    return ClaimedDelivery(
        pk,
        campaign,
        email,
        attempts,
        recipient,
        own,
        soft > 0,
        tries,
        first,
        variant,
        coupon=coupon,
        code_ends_at=ends_at,
    )


async def return_deliveries(database: psycopg.AsyncConnection, run: int, keys: Sequence[int]) -> None:
    """Give back deliveries that were claimed and not handed over; skip those that are suppressed by now."""
    if keys:
        await database.execute(GIVE_BACK, [list(keys), run])
