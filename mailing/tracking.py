"""Opens and clicks: what comes back through the links of a mail.

Every link carries a signed token of its delivery, good for this purpose only, and a click the number of its link in the
campaign's frozen content: there is no address in it that could be changed. Each function is safe to call again with the
same token. While the database is away, opens and clicks wait on disk: see `mailing.spool`.
"""

import logging
from datetime import datetime

import msgspec
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from campaigns.annotations import Columns, ColumnValue
from mailing import bursts, content, launch, plain_targets, spool
from mailing.bursts import BURST_LINKS, BURST_SECONDS, REPEAT_SECONDS, TRAP_SECONDS
from mailing.models import Contact, Event, Mode
from mailing.models.tracking import choose_stricter
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from mailing.spool import Visit
from mailing.visitors import Visitor

logger = logging.getLogger(__name__)


class BadLink(LookupError):
    """The token was not made here, or its delivery or link is no more."""


class DatabaseAway(Exception):
    """Where the link leads stands in the database, which does not answer."""


# What has happened proves that an uncertain mail arrived; only what a person did counts for the mail.
_NOTE = """
WITH seen AS (
    UPDATE mailing_delivery SET
        {moment} = CASE WHEN %(counts)s THEN least({moment}, coalesce(%(at)s, now())) ELSE {moment} END,
        status = CASE WHEN status = 'uncertain' THEN 'accepted' ELSE status END,
        sent_at = CASE WHEN status = 'uncertain' THEN coalesce(sent_at, %(at)s, now()) ELSE sent_at END
    WHERE id = %(pk)s
      AND ((%(counts)s AND ({moment} IS NULL OR {moment} > coalesce(%(at)s, now()))) OR status = 'uncertain')
)
INSERT INTO mailing_event (
    delivery_id, campaign_id, kind, at, link, how, origin, device, client, system, basis, consent_id
)
SELECT id, campaign_id, %(kind)s, coalesce(%(at)s, now()), %(link)s, %(how)s, %(origin)s, %(device)s, %(client)s,
       %(system)s, %(basis)s, %(consent)s
FROM mailing_delivery
WHERE id = %(pk)s AND NOT EXISTS (
    SELECT FROM mailing_event WHERE delivery_id = %(pk)s AND kind = %(kind)s
        AND link IS NOT DISTINCT FROM %(link)s AND origin = %(origin)s
        AND at > coalesce(%(at)s, now()) - make_interval(secs => %(repeat)s)
        AND at < coalesce(%(at)s, now()) + make_interval(secs => %(repeat)s)
)
"""

# How many links were followed within a second, and whether the honeypot was among them lately.
_READ_BURST = """
SELECT count(DISTINCT link) FILTER (WHERE at > coalesce(%(at)s, now()) - make_interval(secs => %(burst)s)),
       coalesce(bool_or(how = 'trap'), false)
FROM mailing_event
WHERE delivery_id = %(pk)s AND kind = 'clicked' AND (%(at)s IS NULL OR at <= %(at)s)
  AND at > coalesce(%(at)s, now()) - make_interval(secs => %(trap)s)
"""
_MARK_BURST = """
UPDATE mailing_event SET origin = 'machine'
WHERE delivery_id = %(pk)s AND (kind = 'clicked' OR how = 'click') AND origin <> 'machine'
  AND (%(at)s IS NULL OR at <= %(at)s) AND at > coalesce(%(at)s, now()) - make_interval(secs => %(seconds)s)
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
       consent.is_granted, delivery.email, delivery.variant
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
INSERT INTO mailing_eventcount (campaign_id, kind, origin, variant, link, device, client, system, at, amount)
VALUES (%(campaign)s, %(kind)s, %(origin)s, %(variant)s, %(link)s, %(device)s, %(client)s, %(system)s,
        date_trunc('hour', coalesce(%(at)s, now())), %(amount)s)
"""
_MARK_ENGAGED = """
UPDATE mailing_contact SET engaged_on = greatest(engaged_on, coalesce(%(at)s, now())::date)
WHERE id = %(contact)s AND (engaged_on IS NULL OR engaged_on < coalesce(%(at)s, now())::date)
"""


class Terms(msgspec.Struct, frozen=True):
    """What may be noted of one delivery now. `basis` is "" where nothing may name its contact."""

    pk: int
    campaign: int
    contact: int | None
    is_opened: bool
    mode: str
    basis: str
    consent: int | None
    email: str
    variant: int | None = None


def read_terms(pk: int) -> Terms:
    """Read what may be noted of a delivery, and lock it: each of its clicks sees those before it.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    with connection.cursor() as cursor:
        cursor.execute(_READ_TERMS, [pk])
        row = cursor.fetchone()
    if row is None:
        raise BadLink("The mail this link stood in is not known any more.")
    campaign, contact, opened_at, own, sites, consent, is_granted, email, variant = row
    mode = choose_stricter(sites or Mode.INDIVIDUAL, own)
    basis = ""
    if mode == Mode.INDIVIDUAL:
        if is_granted:
            basis = Event.Basis.CONSENT
        elif is_granted is None and settings.TRACKING_CONSENT == "opt-out":
            basis = Event.Basis.INTEREST
    by_consent = consent if basis == Event.Basis.CONSENT else None
    return Terms(pk, campaign, contact, opened_at is not None, mode, basis, by_consent, email, variant)


def note_open(token: str, visitor: Visitor | None) -> None:
    """Note that a mail was opened; without a visitor note nothing.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    pk = read_token(token, Purpose.OPEN)
    if visitor is None or pk == tokens.TEST_DELIVERY_ID:
        return
    visit = Visit(delivery=pk, kind=Event.Kind.OPENED, visitor=visitor)
    if spool.is_database_away():
        spool.keep_visit(visit)
        return
    try:
        with transaction.atomic():
            write_visit(visit, read_terms(pk))
    except (OperationalError, InterfaceError) as error:
        spool.note_outage(error)
        spool.keep_visit(visit)


def note_click(token: str, index: int, visitor: Visitor | None) -> str:
    """Note that a link was followed and return the address it leads to; without a visitor note nothing.

    Whoever follows a link has opened the mail, also where its pictures were never loaded. The honeypot link leads where
    the first link does: no person can see it, so a machine followed it.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
        DatabaseAway: only the database knows where the link leads.
    """
    is_trap = index == content.TRAP
    number = 0 if is_trap else index
    try:
        pk, campaign = tokens.read_click_token(token)
    except ValueError as error:
        raise BadLink(str(error)) from error
    visit = None
    if visitor and is_trap:
        machine = msgspec.structs.replace(visitor, origin=Event.Origin.MACHINE)
        visit = Visit(delivery=pk, kind=Event.Kind.CLICKED, visitor=machine, how="trap")
    elif visitor:
        visit = Visit(delivery=pk, kind=Event.Kind.CLICKED, visitor=visitor, link=index)
    if spool.is_database_away():
        return _answer_without_database(campaign, number, visit)
    try:
        target = None if campaign is None else _find_plain_target(campaign, number)
        if target is not None and visit is None:
            return target
        with transaction.atomic():
            terms = read_terms(pk)
            if target is None:
                target = _find_target(terms, number)
            if visit:
                write_visit(visit, terms)
    except (OperationalError, InterfaceError) as error:
        spool.note_outage(error)
        return _answer_without_database(campaign, number, visit)
    return target


def _answer_without_database(campaign: int | None, number: int, visit: Visit | None) -> str:
    """Return where a plain link leads, and keep the visit on disk. Raises BadLink, DatabaseAway."""
    try:
        target = None if campaign is None else plain_targets.read_file(campaign)[number]
    except IndexError as error:
        raise BadLink("This link leads nowhere any more.") from error
    except plain_targets.NoFile:
        target = None
    if target is None:
        raise DatabaseAway
    if visit:
        spool.keep_visit(visit)
    return target


def _find_plain_target(campaign: int, number: int) -> str | None:
    """Return where a link leads that is the same for everybody; None for one that is not.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    try:
        return plain_targets.read_targets(campaign)[number]
    except (IndexError, plain_targets.NoFile, content.ContentError) as error:
        raise BadLink("This link leads nowhere any more.") from error


def _find_target(terms: Terms, number: int) -> str:
    """Return where a link leads for the recipient of this delivery.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    if plain := _find_plain_target(terms.campaign, number):
        return plain
    contact = Contact.objects.filter(pk=terms.contact).first() if terms.contact else None
    recipient = launch.build_recipient(contact, seed=terms.pk) if contact else content.Recipient(terms.email)
    try:
        return plain_targets.load_content(terms.campaign).target(number, recipient)
    except (plain_targets.NoFile, content.ContentError) as error:
        raise BadLink("This link leads nowhere any more.") from error


def write_visit(visit: Visit, terms: Terms, memory: bursts.Memory = bursts.MEMORY) -> None:
    """Write one open or click as the terms of its delivery allow, in the caller's transaction.

    Args:
        memory: what is remembered of clicks that name nobody; for visits with a time one of its own.
    """
    pk, kind, link = terms.pk, visit.kind, visit.link
    if not terms.basis:
        if terms.mode == Mode.NONE or memory.is_repeated(pk, kind, link, _seconds(visit)):
            return
        if kind == Event.Kind.CLICKED:
            _count_click(visit, terms, memory)
        else:
            _count(terms, visit, visit.visitor)
        return
    named: Columns = {"basis": terms.basis, "consent": terms.consent, "at": visit.at}
    if kind == Event.Kind.OPENED:
        note_event(pk, Event.Kind.OPENED, visit.visitor, **named)
        return
    notes = [_fill_note(pk, Event.Kind.CLICKED, visit.visitor, link=link, how=visit.how, **named)]
    if not terms.is_opened and visit.visitor.origin == Event.Origin.HUMAN:
        notes.append(_fill_note(pk, Event.Kind.OPENED, visit.visitor, how="click", **named))
    _note_and_judge_burst(pk, visit, notes)


def write_spooled(seconds: float) -> int:
    """Write the opens and clicks that wait on disk, for at most so long; return how many were gone through."""
    memory = bursts.Memory()

    def write(visit: Visit) -> None:
        try:
            terms = read_terms(visit.delivery)
        except BadLink:
            logger.info("A visit waited for delivery %s, which is no more.", visit.delivery)
        else:
            write_visit(visit, terms, memory)

    return spool.write_waiting(write, seconds)


def _seconds(visit: Visit) -> float | None:
    return visit.at.timestamp() if visit.at else None


def _note_and_judge_burst(pk: int, visit: Visit, notes: list[tuple[str, Columns]]) -> None:
    """Write a click in one round trip; mark those of the last moments as a machine's where it proves that."""
    with connection.cursor() as cursor:
        values = {"pk": pk, "burst": BURST_SECONDS, "trap": TRAP_SECONDS, "at": visit.at}
        statements = [cursor.mogrify(sql, given) for sql, given in [*notes, (_READ_BURST, values)]]
        cursor.execute(";".join(statements))
        while cursor.nextset():
            pass
        links, is_trapped = cursor.fetchone()
        if is_trapped or links >= BURST_LINKS:
            cursor.execute(_MARK_BURST, values | {"seconds": TRAP_SECONDS if is_trapped else BURST_SECONDS})
            cursor.execute(_COUNT_PEOPLE_ANEW, values)


def _count(terms: Terms, visit: Visit, visitor: Visitor, *, link: int | None = None, amount: int = 1) -> None:
    """Move the totals of a campaign; of a contact note the day at most."""
    values: Columns = {
        "campaign": terms.campaign,
        "variant": terms.variant,
        "kind": visit.kind,
        "link": link,
        "amount": amount,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values | {"at": visit.at} | msgspec.structs.asdict(visitor))
        if terms.mode == Mode.HYGIENE and visitor.origin == Event.Origin.HUMAN:
            cursor.execute(_MARK_ENGAGED, {"at": visit.at, "contact": terms.contact})


def _count_click(visit: Visit, terms: Terms, memory: bursts.Memory) -> None:
    """Count a click of nobody; a burst, which only this process remembers, takes those before it back."""
    visitor = visit.visitor
    is_machine, before = memory.add_click(terms.pk, visit.link, visitor, _seconds(visit))
    for earlier, taken_back in before:
        _count(terms, visit, taken_back, link=earlier, amount=-1)
        machine = msgspec.structs.replace(taken_back, origin=Event.Origin.MACHINE)
        _count(terms, visit, machine, link=earlier)
    if is_machine:
        visitor = msgspec.structs.replace(visitor, origin=Event.Origin.MACHINE)
    _count(terms, visit, visitor, link=visit.link)


def read_token(token: str, purpose: Purpose) -> int:
    """Read the key of the delivery a token was made for.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    try:
        return tokens.read_token(token, purpose)
    except ValueError as error:
        raise BadLink(str(error)) from error


def note_event(pk: int, kind: Event.Kind, visitor: Visitor, **given: ColumnValue) -> None:
    """Write an event that names a contact, in the caller's transaction; the same again within seconds is the same.

    Args:
        given: as `_fill_note` takes it: `basis`, and where there are such `consent`, `link`, `how` and `at`.
    """
    with connection.cursor() as cursor:
        cursor.execute(*_fill_note(pk, kind, visitor, **given))


def _fill_note(
    pk: int,
    kind: Event.Kind,
    visitor: Visitor,
    *,
    basis: str,
    consent: int | None = None,
    link: int | None = None,
    how: str = "",
    at: datetime | None = None,
) -> tuple[str, Columns]:
    """Return the statement that writes an event, and its values."""
    return _NOTE.format(moment=f"{kind}_at"), {
        "pk": pk,
        "kind": kind,
        "at": at,
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
    }
