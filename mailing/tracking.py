"""Opens, clicks and unsubscriptions: what comes back through the links of a mail.

Every link carries a signed token of its delivery, good for this purpose only, and a click the number of its link in the
campaign's frozen content: there is no address in it that could be changed. Each function is safe to call again with the
same token.
"""

from functools import lru_cache

import msgspec
from django.db import connection, transaction

from campaigns import database_time
from mailing import content, launch
from mailing.models import Content, Delivery, Event, Membership, Suppression
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from mailing.visitors import Visitor

REPEAT_SECONDS = 10  # the same thing again within them is the same thing
BURST_LINKS, BURST_SECONDS = 5, 1  # so many links of one mail within so many seconds: nobody reads as fast
TRAP_SECONDS = 10  # clicks so near to one of the honeypot link are the same machine's


class Addressee(msgspec.Struct, frozen=True):
    """Whom a mail went to, and the sender's name it bore; "" where that is written anew for each recipient."""

    email: str = ""
    sender: str = ""


NOBODY = Addressee()  # of a test e-mail


class BadLink(LookupError):
    """The token was not made here, or its delivery or link is no more."""


# What has happened proves that an uncertain mail arrived; only what a person did counts for the mail.
_NOTE = """
WITH seen AS (
    UPDATE mailing_delivery SET
        {moment} = CASE WHEN %(counts)s THEN coalesce({moment}, now()) ELSE {moment} END,
        status = CASE WHEN status = 'uncertain' THEN 'accepted' ELSE status END,
        sent_at = CASE WHEN status = 'uncertain' THEN coalesce(sent_at, now()) ELSE sent_at END
    WHERE id = %(pk)s AND ((%(counts)s AND {moment} IS NULL) OR status = 'uncertain')
)
INSERT INTO mailing_event (delivery_id, campaign_id, kind, at, link, how, origin, device, client, system)
SELECT id, campaign_id, %(kind)s, now(), %(link)s, %(how)s, %(origin)s, %(device)s, %(client)s, %(system)s
FROM mailing_delivery
WHERE id = %(pk)s AND NOT EXISTS (
    SELECT FROM mailing_event WHERE delivery_id = %(pk)s AND kind = %(kind)s
        AND link IS NOT DISTINCT FROM %(link)s AND origin = %(origin)s
        AND at > now() - make_interval(secs => %(repeat)s)
)
"""

# How many links were followed within the last second, and whether the honeypot was among them lately.
_READ_BURST = """
SELECT count(DISTINCT link) FILTER (WHERE at > now() - make_interval(secs => %(burst)s)),
       coalesce(bool_or(how = 'trap'), false)
FROM mailing_event
WHERE delivery_id = %(pk)s AND kind = 'clicked' AND at > now() - make_interval(secs => %(trap)s)
"""
_MARK_BURST = """
UPDATE mailing_event SET origin = 'machine'
WHERE delivery_id = %(pk)s AND (kind = 'clicked' OR how = 'click') AND origin <> 'machine'
  AND at > now() - make_interval(secs => %(seconds)s)
"""
_COUNT_PEOPLE_ANEW = """
UPDATE mailing_delivery AS delivery SET opened_at = found.opened_at, clicked_at = found.clicked_at
FROM (
    SELECT min(at) FILTER (WHERE kind = 'opened') AS opened_at, min(at) FILTER (WHERE kind = 'clicked') AS clicked_at
    FROM mailing_event WHERE delivery_id = %(pk)s AND origin = 'human'
) AS found
WHERE delivery.id = %(pk)s
"""


def note_open(token: str, visitor: Visitor | None) -> None:
    """Note that a mail was opened; without a visitor note nothing. Raises BadLink."""
    pk = _read_token(token, Purpose.OPEN)
    if visitor and pk != tokens.TEST_DELIVERY_ID:
        _note(pk, Event.Kind.OPENED, visitor)


def note_click(token: str, index: int, visitor: Visitor | None) -> str:
    """Note that a link was followed and return the address it leads to; without a visitor note nothing.

    Whoever follows a link has opened the mail, also where its pictures were never loaded. The honeypot link leads where
    the first link does: no person can see it, so a machine followed it. Raises BadLink.
    """
    is_trap = index == content.TRAP
    delivery = _find_delivery(_read_token(token, Purpose.CLICK))
    recipient = (
        launch.build_recipient(delivery.contact, seed=delivery.pk)
        if delivery.contact
        else content.Recipient(delivery.email)
    )
    try:
        target = _load_content(delivery.campaign_id).target(0 if is_trap else index, recipient)
    except (IndexError, content.ContentError, Content.DoesNotExist) as error:
        raise BadLink("This link leads nowhere any more.") from error
    if visitor and is_trap:
        machine = msgspec.structs.replace(visitor, origin=Event.Origin.MACHINE)
        _note_click(delivery, machine, None, how="trap")
    elif visitor:
        _note_click(delivery, visitor, index)
    return target


def unsubscribe(token: str, how: str, visitor: Visitor) -> Addressee:
    """Suppress the address a mail went to, at once and everywhere, and return it.

    how: "one-click" (RFC 8058) or "page"; kept with who asked and when, as evidence. Raises BadLink.
    """
    pk = _read_token(token, Purpose.UNSUBSCRIBE)
    if pk == tokens.TEST_DELIVERY_ID:
        return NOBODY
    delivery = _find_delivery(pk)
    with transaction.atomic():
        Suppression.objects.bulk_create(
            [
                Suppression(
                    email=delivery.email,
                    reason=Suppression.Reason.UNSUBSCRIBED,
                    source=Suppression.Source.TRACKING_LINK,
                    detail=f"Through a link of “{delivery.campaign}”, {how}.",
                )
            ],
            ignore_conflicts=True,
        )
        Membership.objects.filter(
            contact__email=delivery.email, list__targets__campaign=delivery.campaign_id, unsubscribed_at=None
        ).update(unsubscribed_at=database_time.now())
        if delivery.unsubscribed_at is None:
            _note(pk, Event.Kind.UNSUBSCRIBED, visitor, how=how)
    return _make_addressee(delivery)


def find_addressee(token: str) -> Addressee:
    """Whom a mail went to. Raises BadLink."""
    pk = _read_token(token, Purpose.UNSUBSCRIBE)
    return NOBODY if pk == tokens.TEST_DELIVERY_ID else _make_addressee(_find_delivery(pk))


def _make_addressee(delivery: Delivery) -> Addressee:
    sender = delivery.campaign.from_name
    return Addressee(delivery.email, "" if "{" in sender else sender)


def _read_token(token: str, purpose: Purpose) -> int:
    try:
        return tokens.read_token(token, purpose)
    except ValueError as error:
        raise BadLink(str(error)) from error


def _find_delivery(pk: int) -> Delivery:
    delivery = Delivery.objects.select_related("contact", "campaign").filter(pk=pk).first()
    if delivery is None:
        raise BadLink("The mail this link stood in is not known any more.")
    return delivery


@transaction.atomic
def _note_click(delivery: Delivery, visitor: Visitor, link: int | None, how: str = "") -> None:
    """Note a click, and whether it proves that a machine made those of the last moments."""
    # clicks of one mail one after the other: each sees those before it
    Delivery.objects.select_for_update(no_key=True).filter(pk=delivery.pk).values_list("pk").first()
    _note(delivery.pk, Event.Kind.CLICKED, visitor, link=link, how=how)
    if delivery.opened_at is None and visitor.origin == Event.Origin.HUMAN:
        _note(delivery.pk, Event.Kind.OPENED, visitor, how="click")
    with connection.cursor() as cursor:
        values = {"pk": delivery.pk, "burst": BURST_SECONDS, "trap": TRAP_SECONDS}
        cursor.execute(_READ_BURST, values)
        links, is_trapped = cursor.fetchone()
        if is_trapped or links >= BURST_LINKS:
            cursor.execute(_MARK_BURST, values | {"seconds": TRAP_SECONDS if is_trapped else BURST_SECONDS})
            cursor.execute(_COUNT_PEOPLE_ANEW, values)


def _note(pk: int, kind: Event.Kind, visitor: Visitor, *, link: int | None = None, how: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE.format(moment=f"{kind}_at"),
            {
                "pk": pk,
                "kind": kind,
                "link": link,
                "how": how,
                "counts": visitor.origin == Event.Origin.HUMAN or kind == Event.Kind.UNSUBSCRIBED,
                "origin": visitor.origin,
                "device": visitor.device,
                "client": visitor.client,
                "system": visitor.system,
                "repeat": REPEAT_SECONDS,
            },
        )


@lru_cache(maxsize=32)
def _load_content(campaign_id: int) -> content.Compiled:
    """The frozen content of a campaign: it never changes."""
    return content.load(bytes(Content.objects.get(campaign=campaign_id).compiled))
