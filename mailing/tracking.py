"""Records opens and clicks, which come through the links of a mail.

Every link carries a signed token of its delivery that is good for this purpose only. A link to click also carries its
number in the campaign's frozen content, and no address that somebody could change. Each function is safe to call again
with the same token. While the database is away, opens and clicks wait on disk: see `mailing.spool`.

What may be noted of a visit, whether it is the same again and whether a machine made it is all decided by one function
of the database, `mailing_note_visit`: one round trip, and one transaction that locks the delivery, so that each click
sees those before it in whatever process they were noted.
"""

import logging
from hashlib import blake2b

import msgspec
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from campaigns.sentences import mark
from mailing import content, detours, launch, offers, plain_targets, spool
from mailing.models import Contact, Delivery, Event
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from mailing.spool import Visit
from mailing.visitors import Visitor
from promotions.database import statements

logger = logging.getLogger(__name__)

REPEAT_SECONDS = 10  # the same thing again within them is the same thing
BURST_LINKS, BURST_SECONDS = 5, 1  # so many links of one mail within so many seconds: nobody reads as fast
TRAP_SECONDS = 10  # clicks so near to one of the honeypot link are the same machine's


class BadLink(LookupError):
    """The token was not made here, or its delivery or link is no more."""


class MailGone(BadLink):
    """The delivery that the token was made for is no more."""

    def __init__(self) -> None:
        super().__init__(mark("The mail this link stood in is not known any more."))


class DatabaseAway(Exception):
    """The target of the link stands in the database only, and the database does not answer."""


_NOTE_VISIT = """
SELECT mailing_note_visit(
    %(pk)s::bigint, %(kind)s, %(link)s::integer, %(how)s, %(origin)s, %(device)s, %(client)s, %(system)s,
    %(at)s::timestamptz, %(digest)s, %(may_object)s::boolean, %(is_reported)s::boolean, %(repeat)s::float8,
    %(links)s::integer, %(burst)s::float8, %(trap)s::float8
)
"""
# What has happened proves that an uncertain mail arrived.
_NOTE_UNSUBSCRIPTION = """
WITH seen AS (
    UPDATE mailing_delivery SET
        unsubscribed_at = least(unsubscribed_at, now()),
        status = CASE WHEN status = 'uncertain' THEN 'accepted' ELSE status END,
        sent_at = CASE WHEN status = 'uncertain' THEN coalesce(sent_at, now()) ELSE sent_at END
    WHERE id = %(pk)s AND (unsubscribed_at IS NULL OR status = 'uncertain')
)
INSERT INTO mailing_event (delivery_id, campaign_id, kind, at, how, origin, device, client, system, basis)
SELECT id, campaign_id, 'unsubscribed', now(), %(how)s, %(origin)s, %(device)s, %(client)s, %(system)s, 'evidence'
FROM mailing_delivery WHERE id = %(pk)s
"""


def note_open(token: str, visitor: Visitor | None) -> None:
    """Record that a mail was opened; without a visitor record nothing.

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
        write_visit(visit)
    except (OperationalError, InterfaceError) as error:
        spool.note_outage(error)
        spool.keep_visit(visit)


def note_click(token: str, index: int, visitor: Visitor | None) -> str:
    """Record a click and return the address that the link leads to; without a visitor record nothing.

    Where the site asks for it, the link of a mail whose offer is over leads to a page of ours first.

    A click counts as an open too, although no picture was loaded. The honeypot link leads where the first link does. No
    person can see it, so a machine followed it.

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
    target = None
    if spool.is_database_away():
        return _answer_without_database(campaign, number, visit, target)
    try:
        if campaign is not None:
            target = _find_plain_target(campaign, number)
        if target is None:
            target = find_target(pk, number)
        if visit:
            write_visit(visit)
        page = None if is_trap else detours.find_page(pk, campaign, number)
    except (OperationalError, InterfaceError) as error:
        spool.note_outage(error)
        return _answer_without_database(campaign, number, visit, target)
    return page or target


def _answer_without_database(
    campaign: int | None, number: int, visit: Visit | None, target: str | None
) -> str:
    """Return where a plain link leads, or the target known by now, and keep the visit on disk.

    Raises:
        BadLink: the link leads nowhere.
        DatabaseAway: only the database knows where it leads.
    """
    if target is None and campaign is not None:
        try:
            target = plain_targets.read_file(campaign)[number]
        except IndexError as error:
            raise BadLink("This link leads nowhere any more.") from error
        except plain_targets.NoFile:
            logger.debug("Campaign %s has no file of its targets here.", campaign)
    if target is None:
        raise DatabaseAway
    if visit:
        spool.keep_visit(visit)
    return target


def _find_plain_target(campaign: int, number: int) -> str | None:
    """Return the target of a link that is the same for everybody; None for any other link.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    try:
        return plain_targets.read_targets(campaign)[number]
    except (IndexError, plain_targets.NoFile, content.ContentError) as error:
        raise BadLink("This link leads nowhere any more.") from error


def find_target(pk: int, number: int) -> str:
    """Return where a link leads for the recipient of this delivery.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    row = Delivery.objects.filter(pk=pk).values_list("campaign_id", "contact_id", "email").first()
    if row is None:
        raise MailGone
    campaign, contact_id, email = row
    if plain := _find_plain_target(campaign, number):
        return plain
    contact = Contact.objects.filter(pk=contact_id).first() if contact_id else None
    offer = offers.write_values_of(pk)
    recipient = (
        launch.build_recipient(contact, seed=pk, offer=offer)
        if contact
        else content.Recipient(email, {"offer": offer} if offer else {})
    )
    try:
        return plain_targets.load_content(campaign).target(number, recipient)
    except (plain_targets.NoFile, content.ContentError) as error:
        raise BadLink("This link leads nowhere any more.") from error


def write_visit(visit: Visit, *, within: float = REPEAT_SECONDS, is_reported: bool = False) -> None:
    """Write one open or click as far as the modes and the contact's consent of now allow; one transaction.

    Args:
        within: seconds in which the same again is the same.
        is_reported: a provider tells of it; what our own picture or link has noted is the same, whoever seems to have
            asked.

    Raises:
        BadLink: its mail is gone.
    """
    visitor = visit.visitor
    values = {
        "pk": str(visit.delivery),
        "kind": str(visit.kind),
        "link": None if visit.link is None else str(visit.link),
        "how": visit.how,
        "origin": str(visitor.origin),
        "device": visitor.device,
        "client": visitor.client,
        "system": visitor.system,
        "at": visit.at.isoformat() if visit.at else None,
        "digest": _make_digest(visit.delivery),
        "may_object": "true" if settings.TRACKING_CONSENT == "opt-out" else "false",
        "is_reported": "true" if is_reported else "false",
        "repeat": str(within),
        "links": str(BURST_LINKS),
        "burst": str(BURST_SECONDS),
        "trap": str(TRAP_SECONDS),
    }
    row = statements.retry_on_lost_connection(lambda: statements.run(_NOTE_VISIT, values)).one()
    if not (row and row[0]):
        raise MailGone


def _make_digest(pk: int) -> str:
    """Return what stands for a delivery where nothing may name it: nobody without SECRET_KEY can tell whose it is."""
    key = blake2b(settings.SECRET_KEY.encode(), person=b"fanfare visits").digest()
    return blake2b(str(pk).encode(), key=key, digest_size=16).hexdigest()


def write_spooled(seconds: float) -> int:
    """Write the opens and clicks that wait on disk, for at most `seconds`; return how many it went through."""
    return spool.write_waiting(_write_known, seconds)


def _write_known(visit: Visit) -> None:
    try:
        write_visit(visit)
    except BadLink:
        logger.info("A visit waited for delivery %s, which is no more.", visit.delivery)


def read_token(token: str, purpose: Purpose) -> int:
    """Read the key of the delivery a token was made for.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    try:
        return tokens.read_token(token, purpose)
    except ValueError as error:
        raise BadLink(str(error)) from error


def note_unsubscription(pk: int, visitor: Visitor, how: str) -> None:
    """Write the evidence of an unsubscription, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_UNSUBSCRIPTION, {"pk": pk, "how": how, **msgspec.structs.asdict(visitor)})
