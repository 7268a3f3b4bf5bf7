"""Opens, clicks and unsubscriptions: what comes back through the links of a mail.

Every link carries a signed token of its delivery, good for this purpose only, and a click the number of its link in the
campaign's frozen content: there is no address in it that could be changed. Each function is safe to call again with the
same token.
"""

from functools import lru_cache
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection, transaction

from campaigns import database_time
from mailing import bursts, content, launch
from mailing.bursts import BURST_LINKS, BURST_SECONDS, REPEAT_SECONDS, TRAP_SECONDS
from mailing.models import Content, Delivery, Event, Membership, Mode, Suppression
from mailing.models.tracking import choose_stricter
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from mailing.suppressions import suppress
from mailing.visitors import Visitor


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
INSERT INTO mailing_event (
    delivery_id, campaign_id, kind, at, link, how, origin, device, client, system, basis, consent_id
)
SELECT id, campaign_id, %(kind)s, now(), %(link)s, %(how)s, %(origin)s, %(device)s, %(client)s, %(system)s,
       %(basis)s, %(consent)s
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


_READ_TERMS = """
SELECT delivery.campaign_id, delivery.contact_id, delivery.opened_at, campaign.tracking, policy.mode, consent.id,
       consent.is_granted
FROM mailing_delivery AS delivery
JOIN mailing_emailcampaign AS campaign ON campaign.campaign_ptr_id = delivery.campaign_id
LEFT JOIN mailing_trackingpolicy AS policy ON policy.id = 1
LEFT JOIN LATERAL (
    SELECT id, is_granted FROM mailing_trackingconsent
    WHERE contact_id = delivery.contact_id ORDER BY id DESC LIMIT 1
) AS consent ON true
WHERE delivery.id = %s
FOR NO KEY UPDATE OF delivery
"""
_COUNT = """
INSERT INTO mailing_eventcount (campaign_id, kind, origin, link, device, client, system, at, amount)
VALUES (%(campaign)s, %(kind)s, %(origin)s, %(link)s, %(device)s, %(client)s, %(system)s, date_trunc('hour', now()),
        %(amount)s)
"""
_MARK_ENGAGED = """
UPDATE mailing_contact SET engaged_on = current_date
WHERE id = %s AND engaged_on IS DISTINCT FROM current_date
"""


class Terms(msgspec.Struct, frozen=True):
    """What may be noted of one delivery now. `basis` is "" where nothing may name its contact."""

    campaign: int
    contact: int | None
    is_opened: bool
    mode: str
    basis: str
    consent: int | None


def _read_terms(pk: int) -> Terms:
    """Read what may be noted of a delivery, and lock it: each of its clicks sees those before it. Raises BadLink."""
    with connection.cursor() as cursor:
        cursor.execute(_READ_TERMS, [pk])
        row = cursor.fetchone()
    if row is None:
        raise BadLink("The mail this link stood in is not known any more.")
    campaign, contact, opened_at, own, sites, consent, is_granted = row
    mode = choose_stricter(sites or Mode.INDIVIDUAL, own)
    basis = ""
    if mode == Mode.INDIVIDUAL:
        if is_granted:
            basis = Event.Basis.CONSENT
        elif is_granted is None and settings.TRACKING_CONSENT == "opt-out":
            basis = Event.Basis.INTEREST
    return Terms(
        campaign,
        contact,
        opened_at is not None,
        mode,
        basis,
        consent if basis == Event.Basis.CONSENT else None,
    )


def note_open(token: str, visitor: Visitor | None) -> None:
    """Note that a mail was opened; without a visitor note nothing. Raises BadLink."""
    pk = _read_token(token, Purpose.OPEN)
    if visitor is None or pk == tokens.TEST_DELIVERY_ID:
        return
    with transaction.atomic():
        terms = _read_terms(pk)
        if terms.basis:
            _note(pk, Event.Kind.OPENED, visitor, basis=terms.basis, consent=terms.consent)
        elif terms.mode != Mode.NONE and not bursts.is_repeated(pk, Event.Kind.OPENED, None):
            _count(terms, Event.Kind.OPENED, visitor)


def _count(
    terms: Terms, kind: Event.Kind, visitor: Visitor, link: int | None = None, amount: int = 1
) -> None:
    """Move the totals of a campaign; of a contact note the day at most."""
    values: dict[str, Any] = {"campaign": terms.campaign, "kind": kind, "link": link, "amount": amount}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values | msgspec.structs.asdict(visitor))
        if terms.mode == Mode.HYGIENE and visitor.origin == Event.Origin.HUMAN:
            cursor.execute(_MARK_ENGAGED, [terms.contact])


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
        _note_click(delivery.pk, machine, None, how="trap")
    elif visitor:
        _note_click(delivery.pk, visitor, index)
    return target


def unsubscribe(token: str, how: str, visitor: Visitor) -> Addressee:
    """Unsubscribe whom a link belongs to, as `unsubscribe_delivery` does; that of a test mail is nobody's.

    Raises BadLink.
    """
    pk = _read_token(token, Purpose.UNSUBSCRIBE)
    return NOBODY if pk == tokens.TEST_DELIVERY_ID else unsubscribe_delivery(pk, how, visitor)


def unsubscribe_delivery(pk: int, how: str, visitor: Visitor) -> Addressee:
    """Suppress the address a mail went to, at once and everywhere, and return it.

    how: "one-click" (RFC 8058), "page" or "mail"; kept with who asked and when, as evidence. Raises BadLink.
    """
    delivery = _find_delivery(pk)
    with transaction.atomic():
        suppress(
            delivery.email,
            Suppression.Reason.UNSUBSCRIBED,
            Suppression.Source.TRACKING_LINK,
            f"Through a link of “{delivery.campaign}”, {how}.",
        )
        Membership.objects.filter(
            contact__email=delivery.email, list__targets__campaign=delivery.campaign_id, unsubscribed_at=None
        ).update(unsubscribed_at=database_time.now())
        if delivery.unsubscribed_at is None:
            _note(pk, Event.Kind.UNSUBSCRIBED, visitor, how=how, basis=Event.Basis.EVIDENCE)
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
def _note_click(pk: int, visitor: Visitor, link: int | None, how: str = "") -> None:
    """Note a click, and whether it proves that a machine made those of the last moments."""
    terms = _read_terms(pk)
    if not terms.basis:
        if terms.mode != Mode.NONE and not bursts.is_repeated(pk, Event.Kind.CLICKED, link):
            _count_click(pk, terms, visitor, link)
        return
    named: dict[str, Any] = {"basis": terms.basis, "consent": terms.consent}
    _note(pk, Event.Kind.CLICKED, visitor, link=link, how=how, **named)
    if not terms.is_opened and visitor.origin == Event.Origin.HUMAN:
        _note(pk, Event.Kind.OPENED, visitor, how="click", **named)
    with connection.cursor() as cursor:
        values = {"pk": pk, "burst": BURST_SECONDS, "trap": TRAP_SECONDS}
        cursor.execute(_READ_BURST, values)
        links, is_trapped = cursor.fetchone()
        if is_trapped or links >= BURST_LINKS:
            cursor.execute(_MARK_BURST, values | {"seconds": TRAP_SECONDS if is_trapped else BURST_SECONDS})
            cursor.execute(_COUNT_PEOPLE_ANEW, values)


def _count_click(pk: int, terms: Terms, visitor: Visitor, link: int | None) -> None:
    """Count a click of nobody; a burst, which only this process remembers, takes those before it back."""
    is_machine, before = bursts.add_click(pk, link, visitor)
    for earlier, taken_back in before:
        _count(terms, Event.Kind.CLICKED, taken_back, earlier, amount=-1)
        machine = msgspec.structs.replace(taken_back, origin=Event.Origin.MACHINE)
        _count(terms, Event.Kind.CLICKED, machine, earlier)
    if is_machine:
        visitor = msgspec.structs.replace(visitor, origin=Event.Origin.MACHINE)
    _count(terms, Event.Kind.CLICKED, visitor, link)


def _note(
    pk: int,
    kind: Event.Kind,
    visitor: Visitor,
    *,
    basis: str,
    consent: int | None = None,
    link: int | None = None,
    how: str = "",
) -> None:
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
                "basis": basis,
                "consent": consent,
                "repeat": REPEAT_SECONDS,
            },
        )


@lru_cache(maxsize=32)
def _load_content(campaign_id: int) -> content.Compiled:
    """The frozen content of a campaign: it never changes."""
    return content.load(bytes(Content.objects.get(campaign=campaign_id).compiled))
