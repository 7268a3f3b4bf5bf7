"""Proves what must hold in this app: every count equals the ledger, and every waiting delivery can be found."""

from collections.abc import Iterator

from django.conf import settings
from django.db import connection

from mailing import attribution, global_hold_out
from mailing.models import Tally
from mailing.reports import stored_counts
from mailing.sending.arrivals import ARRIVED

# Both sides in one statement, so that they are of one moment, while senders run too.
COUNTS = """
WITH counted AS (
    SELECT campaign_id, connection_id, measure, count(*) AS amount
    FROM mailing_delivery, LATERAL (VALUES
        (status::text, true), ('opened', opened_at IS NOT NULL), ('clicked', clicked_at IS NOT NULL),
        ('unsubscribed', unsubscribed_at IS NOT NULL), ('complained', complained_at IS NOT NULL),
        ('delivered', delivered_at IS NOT NULL AND status <> 'bounced'),
        ('returned', status = 'bounced' AND sent_at IS NOT NULL)
    ) AS held (measure, holds)
    WHERE holds GROUP BY 1, 2, 3
    UNION ALL
    SELECT campaign_id, connection_id, measure::text, amount FROM mailing_retentioncount WHERE measure <> 'events'
),
ledger AS (SELECT campaign_id, connection_id, measure, sum(amount) AS amount FROM counted GROUP BY 1, 2, 3),
tallied AS (
    SELECT campaign_id, connection_id, measure::text, sum(amount) AS amount FROM mailing_tally GROUP BY 1, 2, 3
)
SELECT coalesce(ledger.campaign_id, tallied.campaign_id), coalesce(ledger.measure, tallied.measure),
       coalesce(tallied.amount, 0), coalesce(ledger.amount, 0)
FROM ledger FULL JOIN tallied
    ON tallied.campaign_id = ledger.campaign_id AND tallied.measure = ledger.measure
   AND tallied.connection_id IS NOT DISTINCT FROM ledger.connection_id
WHERE coalesce(tallied.amount, 0) <> coalesce(ledger.amount, 0)
ORDER BY 1, 2
"""

TOTALS = """
SELECT campaign.campaign_ptr_id, campaign.total, coalesce(sum(tally.amount), 0)
FROM mailing_emailcampaign AS campaign
LEFT JOIN mailing_tally AS tally ON tally.campaign_id = campaign.campaign_ptr_id
    AND tally.measure <> ALL (%(measures)s::text[] || '{held_out}')
WHERE campaign.content_hash <> ''
GROUP BY 1 HAVING campaign.total <> coalesce(sum(tally.amount), 0)
ORDER BY 1
"""

# An A/B test holds recipients without a time; one that was released must have a variant.
STRAY = """
SELECT delivery.campaign_id, delivery.id, delivery.status
FROM mailing_delivery AS delivery
JOIN mailing_emailcampaign AS campaign ON campaign.campaign_ptr_id = delivery.campaign_id
WHERE ((delivery.due_at IS NOT NULL) <> (delivery.status IN ('pending', 'deferred'))
       AND NOT (campaign.phase <> '' AND delivery.variant IS NULL AND delivery.status = 'pending'))
   OR (delivery.status IN ('claimed', 'in_data') AND delivery.run IS NULL)
   OR (campaign.phase <> '' AND delivery.variant IS NULL AND delivery.status NOT IN ('pending', 'skipped', 'held_out'))
ORDER BY 1, 2 LIMIT 100
"""

# Who is held out is never mailed, and has no code.
HELD_OUT = """
SELECT delivery.campaign_id, delivery.id FROM mailing_delivery AS delivery
WHERE delivery.status = 'held_out' AND (
    delivery.attempts > 0 OR delivery.sent_at IS NOT NULL OR delivery.due_at IS NOT NULL
    OR delivery.connection_id IS NOT NULL OR delivery.coupon_id IS NOT NULL
    OR EXISTS (SELECT FROM mailing_attempt AS attempt WHERE attempt.delivery_id = delivery.id)
    OR EXISTS (SELECT FROM promotions_coupon AS coupon
               WHERE coupon.made_for = delivery.contact_id AND coupon.batch = 'E-mail ' || delivery.campaign_id)
)
ORDER BY 1, 2 LIMIT 100
"""
DRAWN = """
SELECT campaign.campaign_ptr_id, coalesce((campaign.funnel ->> 'held_out')::bigint, 0), coalesce(sum(tally.amount), 0)
FROM mailing_emailcampaign AS campaign LEFT JOIN mailing_tally AS tally
    ON tally.campaign_id = campaign.campaign_ptr_id AND tally.measure = 'held_out'
WHERE campaign.content_hash <> ''
GROUP BY 1 HAVING coalesce((campaign.funnel ->> 'held_out')::bigint, 0) <> coalesce(sum(tally.amount), 0) ORDER BY 1
"""

# How many recipients of each variant are in each state.
VARIANTS = """
WITH ledger AS (
    SELECT campaign_id, variant, status, count(*) AS amount FROM mailing_delivery
    WHERE campaign_id IN (SELECT campaign_ptr_id FROM mailing_emailcampaign WHERE phase <> '') GROUP BY 1, 2, 3
),
tallied AS (
    SELECT campaign_id, variant, measure AS status, sum(amount) AS amount FROM mailing_tally
    WHERE measure <> ALL (%(measures)s::text[])
      AND campaign_id IN (SELECT campaign_ptr_id FROM mailing_emailcampaign WHERE phase <> '') GROUP BY 1, 2, 3
)
SELECT coalesce(ledger.campaign_id, tallied.campaign_id), coalesce(ledger.variant, tallied.variant),
       coalesce(ledger.status, tallied.status), coalesce(tallied.amount, 0), coalesce(ledger.amount, 0)
FROM ledger FULL JOIN tallied
    ON tallied.campaign_id = ledger.campaign_id AND tallied.status = ledger.status
   AND coalesce(tallied.variant, -1) = coalesce(ledger.variant, -1)
WHERE coalesce(tallied.amount, 0) <> coalesce(ledger.amount, 0) ORDER BY 1, 2, 3
"""

# Each recipient of a mail whose codes are personal has one of their own, of the mail's offer.
CODES = """
SELECT delivery.campaign_id, count(*)
FROM mailing_delivery AS delivery
JOIN mailing_emailcampaign AS campaign ON campaign.campaign_ptr_id = delivery.campaign_id
LEFT JOIN promotions_coupon AS coupon ON coupon.id = delivery.coupon_id
WHERE campaign.offer_id IS NOT NULL AND campaign.code_kind = 'personal'
  AND delivery.status NOT IN ('skipped', 'held_out')
  AND (coupon.id IS NULL OR coupon.promotion_id <> campaign.offer_id
       OR coupon.made_for <> coalesce(delivery.contact_id, coupon.made_for))
GROUP BY 1 ORDER BY 1
"""


# As many codes were made for recipients as there are recipients, held out ones not among them; no two share one.
CODES_MADE = """
SELECT campaign.campaign_ptr_id, made.amount, borne.amount, borne.different
FROM mailing_emailcampaign AS campaign
CROSS JOIN LATERAL (
    SELECT count(*) AS amount FROM promotions_coupon
    WHERE batch = 'E-mail ' || campaign.campaign_ptr_id AND batch <> '' AND made_for IS NOT NULL
) AS made
CROSS JOIN LATERAL (
    SELECT count(*) AS amount, count(DISTINCT coupon_id) AS different FROM mailing_delivery
    WHERE campaign_id = campaign.campaign_ptr_id AND status <> 'held_out' AND coupon_id IS NOT NULL
) AS borne
WHERE campaign.offer_id IS NOT NULL AND campaign.code_kind = 'personal' AND campaign.content_hash <> ''
  AND (made.amount <> borne.amount OR borne.different <> borne.amount)
ORDER BY 1
"""

ENDED = """
SELECT delivery.campaign_id, campaign.status, delivery.status, count(*)
FROM mailing_delivery AS delivery JOIN campaigns_campaign AS campaign ON campaign.id = delivery.campaign_id
WHERE campaign.status = 'completed' AND delivery.status IN ('pending', 'claimed', 'in_data', 'deferred')
GROUP BY 1, 2, 3 ORDER BY 1, 3
"""

# What names a person beyond what the setting and the campaign allow.
UNLAWFUL = """
SELECT event.campaign_id, count(*) FILTER (WHERE event.basis = 'interest' AND %(consent)s = 'opt-in'),
       count(*) FILTER (WHERE campaign.tracking NOT IN ('', 'individual')),
       count(*) FILTER (WHERE policy.mode <> 'individual' AND event.at > policy.changed_at)
FROM mailing_event AS event JOIN mailing_emailcampaign AS campaign ON campaign.campaign_ptr_id = event.campaign_id
LEFT JOIN mailing_trackingpolicy AS policy ON policy.id = 1
WHERE event.kind <> 'unsubscribed' GROUP BY 1 ORDER BY 1
"""

# Opens and clicks that became counts for their age: as many were taken as are counted.
FORGOTTEN = """
SELECT coalesce(taken.campaign_id, counted.campaign_id), coalesce(taken.amount, 0), coalesce(counted.amount, 0)
FROM (
    SELECT campaign_id, sum(amount) AS amount FROM mailing_retentioncount WHERE measure = 'events' GROUP BY 1
) AS taken
FULL JOIN (
    SELECT campaign_id, sum(amount) AS amount FROM mailing_eventcount WHERE was_named GROUP BY 1
) AS counted USING (campaign_id)
WHERE coalesce(taken.amount, 0) <> coalesce(counted.amount, 0) ORDER BY 1
"""
TOO_OLD = """
SELECT campaign_id, count(*) FROM mailing_event
WHERE kind <> 'unsubscribed' AND at < now() - make_interval(months => %s) - interval '2 days'
GROUP BY 1 ORDER BY 1
"""


# What people did stands in their events and at their deliveries, until either became too old.
UNCOUNTED = """
SELECT event.campaign_id, event.kind, count(DISTINCT event.delivery_id)
FROM mailing_event AS event JOIN mailing_delivery AS delivery ON delivery.id = event.delivery_id
WHERE event.origin = 'human' AND ((event.kind = 'opened' AND delivery.opened_at IS NULL)
    OR (event.kind = 'clicked' AND delivery.clicked_at IS NULL))
  AND NOT EXISTS (SELECT FROM mailing_retentioncount AS old WHERE old.campaign_id = event.campaign_id)
GROUP BY 1, 2 ORDER BY 1, 2
"""

# What has come of a mail since proves that it arrived.
DOUBTED = f"""
SELECT campaign_id, count(*) FROM mailing_delivery AS delivery WHERE status = 'uncertain' AND {ARRIVED}
GROUP BY 1 ORDER BY 1
"""

NEGATIVE = """
SELECT campaign_id, kind, origin, sum(amount) FROM mailing_eventcount
GROUP BY campaign_id, kind, origin, link HAVING sum(amount) < 0 ORDER BY 1, 2, 3
"""


def list_breaches() -> Iterator[str]:
    """Yield a sentence for each figure that differs from its ledger, and for each delivery that nobody would send."""
    beside_states = {"measures": list(Tally.Measure.values)}  # counted beside the state of each delivery
    with connection.cursor() as cursor:
        cursor.execute(COUNTS)
        for campaign, measure, told, found in cursor.fetchall():
            yield f"Campaign {campaign}: {told} are counted as {measure}, the ledger has {found}."
        cursor.execute(TOTALS, beside_states)
        for campaign, total, found in cursor.fetchall():
            yield f"Campaign {campaign}: it has {total} recipients, its states make {found}."
        cursor.execute(STRAY)
        for campaign, pk, status in cursor.fetchall():
            yield f"Campaign {campaign}: delivery {pk} is {status}, which its time or run contradicts."
        cursor.execute(HELD_OUT)
        for campaign, pk in cursor.fetchall():
            yield f"Campaign {campaign}: delivery {pk} is held out, but has a code or was tried."
        cursor.execute(DRAWN)
        for campaign, told, found in cursor.fetchall():
            yield f"Campaign {campaign}: {told} were held out at its launch, the ledger has {found}."
        cursor.execute(VARIANTS, beside_states)
        for campaign, variant, status, told, found in cursor.fetchall():
            yield f"Campaign {campaign}: {told} of variant {variant} are counted as {status}, the ledger has {found}."
        cursor.execute(CODES)
        for campaign, found in cursor.fetchall():
            yield f"Campaign {campaign}: {found} recipients have no code of their own, or one of another promotion."
        cursor.execute(CODES_MADE)
        for campaign, made, borne, different in cursor.fetchall():
            yield f"Campaign {campaign}: {made} codes were made, {borne} recipients have {different} different ones."
        cursor.execute(ENDED)
        for campaign, was, status, found in cursor.fetchall():
            yield f"Campaign {campaign} is {was}, but {found} of its deliveries are {status}."
        cursor.execute(FORGOTTEN)
        for campaign, taken, found in cursor.fetchall():
            yield f"Campaign {campaign}: {taken} old events became counts, which make {found}."
        cursor.execute(TOO_OLD, [settings.TRACKING_MONTHS])
        for campaign, found in cursor.fetchall():
            yield f"Campaign {campaign}: {found} events name a person for longer than TRACKING_MONTHS says."
        cursor.execute(UNLAWFUL, {"consent": settings.TRACKING_CONSENT})
        for campaign, without_consent, too_many, since in cursor.fetchall():
            if without_consent:
                yield f"Campaign {campaign}: {without_consent} events have no consent, and TRACKING_CONSENT is opt-in."
            if too_many:
                yield f"Campaign {campaign}: {too_many} events name a person, and its tracking allows none."
            if since:
                yield (
                    f"Campaign {campaign}: {since} events name a person, and came since the site’s tracking "
                    "allows none."
                )
        cursor.execute(UNCOUNTED)
        for campaign, kind, found in cursor.fetchall():
            yield f"Campaign {campaign}: {found} recipients have events of people, and are not counted as {kind}."
        cursor.execute(DOUBTED)
        for campaign, found in cursor.fetchall():
            yield f"Campaign {campaign}: {found} deliveries are uncertain, although it is known that they arrived."
        cursor.execute(NEGATIVE)
        for campaign, kind, origin, amount in cursor.fetchall():
            yield f"Campaign {campaign}: {amount} events that are anonymous are counted as {kind} ({origin})."
    yield from global_hold_out.list_breaches()
    yield from attribution.list_breaches()
    yield from stored_counts.list_breaches()
