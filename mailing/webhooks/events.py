"""What an event of a provider leads to. Each may come twice, late, or out of order: it counts once, and right."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from django.db import connection, transaction

from campaigns import database_time
from mailing import bursts, tracking, unsubscribing
from mailing.bounces import policy
from mailing.bounces.verdicts import Failure
from mailing.models import Event, ReceivedEvent, Suppression
from mailing.spool import Visit
from mailing.visitors import Visitor, read_visitor
from mailing.webhooks import links

KEEP_DIGESTS = timedelta(days=8)  # providers repeat an event for up to three days
SAME_SECONDS = 60.0  # within which our own pixel or link noted the same
SOURCE = Suppression.Source.WEBHOOK
MEMORY = bursts.Memory()  # of events that name nobody, which bear a time

_DELIVER = """
UPDATE mailing_delivery SET
    delivered_at = least(coalesce(%(at)s, now()), now()),
    status = CASE WHEN status = 'uncertain' THEN 'accepted' ELSE status END,
    sent_at = CASE WHEN status = 'uncertain' THEN coalesce(sent_at, now()) ELSE sent_at END
WHERE id = %(pk)s AND delivered_at IS NULL AND status IN ('accepted', 'uncertain', 'in_data')
RETURNING id
"""
_REMEMBER = "INSERT INTO mailing_receivedevent (digest, at) VALUES (%s, now()) ON CONFLICT DO NOTHING RETURNING digest"


class Kind(StrEnum):
    """What happened to a mail."""

    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"


class ProviderEvent(msgspec.Struct, frozen=True):
    """One thing that happened to one mail of ours.

    digest: of an open or click, the same for the same event sent again. at: when it happened, None where the provider
    does not say. failure: of a bounce. url: of a click. user_agent: of an open or click.
    """

    kind: Kind
    delivery_id: int
    digest: str
    at: datetime | None = None
    failure: Failure | None = None
    url: str = ""
    user_agent: str = ""
    detail: str = ""


@transaction.atomic
def take_event(event: ProviderEvent) -> None:
    """Do what an event asks for; one about a mail that is not known any more leads to nothing."""
    pk = event.delivery_id
    if policy.find_address(pk) is None:
        return
    if event.kind is Kind.DELIVERED:
        note_delivered(pk, event.at)
    elif event.kind is Kind.BOUNCED and event.failure:
        policy.note_bounce(pk, event.failure, SOURCE)
    elif event.kind is Kind.COMPLAINED:
        policy.note_complaint(pk, SOURCE, event.detail)
    elif event.kind is Kind.UNSUBSCRIBED:
        unsubscribing.unsubscribe_delivery(pk, "provider", Visitor(), SOURCE)
    elif event.kind in (Kind.OPENED, Kind.CLICKED):
        _note_engagement(event)


def note_delivered(delivery_id: int, at: datetime | None = None) -> bool:
    """Note that the recipient's server took a mail; return whether that was news. A bounced one stays bounced."""
    with connection.cursor() as cursor:
        cursor.execute(_DELIVER, {"pk": delivery_id, "at": at})
        return cursor.fetchone() is not None


def _note_engagement(event: ProviderEvent) -> None:
    """Note an open or a click by the rules of tracking, once, and not beside our own pixel and links."""
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER, [event.digest])
        if cursor.fetchone() is None:
            return
    pk, link = event.delivery_id, None
    terms = tracking.read_terms(pk)
    kind = Event.Kind.OPENED if event.kind is Kind.OPENED else Event.Kind.CLICKED
    if kind == Event.Kind.CLICKED:
        link = links.find_index(pk, terms.campaign, event.url)
        if link is None:
            return
    at = event.at or database_time.now()
    if terms.basis:
        is_noted = _is_noted(pk, kind, link, at)
    else:
        is_noted = bursts.MEMORY.is_repeated(pk, kind, link, within=SAME_SECONDS)
    if not is_noted:
        visitor = read_visitor(event.user_agent)
        visit = Visit(delivery=pk, kind=kind, visitor=visitor, link=link, at=at)
        tracking.write_visit(visit, terms, MEMORY)


def _is_noted(pk: int, kind: Event.Kind, link: int | None, at: datetime) -> bool:
    """Return whether our own pixel or link noted the same about that time."""
    noted = Event.objects.filter(delivery=pk, kind=kind)
    if link is not None:
        noted = noted.filter(link=link)
    moment = timedelta(seconds=SAME_SECONDS)
    return noted.filter(at__gt=at - moment, at__lt=at + moment).exists()


def forget_digests(now: datetime) -> None:
    """Forget what no provider repeats any more."""
    ReceivedEvent.objects.filter(at__lt=now - KEEP_DIGESTS).delete()
