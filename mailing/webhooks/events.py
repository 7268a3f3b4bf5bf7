"""Acts on the events of providers. An event may come twice, late, or out of order, and counts once and rightly."""

from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from django.db import connection, transaction

from campaigns import database_time
from mailing import tracking, unsubscribing
from mailing.bounces import policy
from mailing.bounces.verdicts import Failure
from mailing.models import Delivery, Event, ReceivedEvent, Suppression
from mailing.sending import arrivals
from mailing.spool import Visit
from mailing.visitors import Visitor, read_visitor
from mailing.webhooks import links

KEEP_DIGESTS = timedelta(days=8)  # providers repeat an event for up to three days
SAME_SECONDS = 60.0  # within which our own pixel or link noted the same
SOURCE = Suppression.Source.WEBHOOK

_REMEMBER = "INSERT INTO mailing_receivedevent (digest, at) VALUES (%s, now()) ON CONFLICT DO NOTHING RETURNING digest"


class Kind(StrEnum):
    """What happened to a mail."""

    ACCEPTED = "accepted"  # the provider has it, and tries or will try to hand it on
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"


class ProviderEvent(msgspec.Struct, frozen=True):
    """One thing that happened to one mail of ours.

    digest: of an open or click; an event that is sent again has the same. at: when it happened, None when the provider
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


def take_event(event: ProviderEvent) -> None:
    """Do what an event asks for. An event about a deleted delivery changes nothing."""
    with suppress(tracking.MailGone), transaction.atomic():
        _follow(event)


def _follow(event: ProviderEvent) -> None:
    pk = event.delivery_id
    if event.kind is Kind.DELIVERED:
        arrivals.note_delivered(pk, event.at)
    elif event.kind is Kind.ACCEPTED:
        arrivals.note_taken(pk)
    elif event.kind is Kind.BOUNCED and event.failure:
        policy.note_bounce(pk, event.failure, SOURCE)
    elif event.kind is Kind.COMPLAINED:
        policy.note_complaint(pk, SOURCE, event.detail)
    elif event.kind is Kind.UNSUBSCRIBED:
        unsubscribing.unsubscribe_delivery(pk, "provider", Visitor(), SOURCE)
    elif event.kind in (Kind.OPENED, Kind.CLICKED):
        _note_engagement(event)


def _note_engagement(event: ProviderEvent) -> None:
    """Record an open or a click by the rules of tracking, once, unless our own pixel or link has recorded it."""
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER, [event.digest])
        if cursor.fetchone() is None:
            return
    pk, link = event.delivery_id, None
    kind = Event.Kind.OPENED if event.kind is Kind.OPENED else Event.Kind.CLICKED
    if kind == Event.Kind.CLICKED:
        link = links.find_index(
            pk, Delivery.objects.values_list("campaign_id", flat=True).get(pk=pk), event.url
        )
        if link is None:
            return
    at = event.at or database_time.now()
    visit = Visit(delivery=pk, kind=kind, visitor=read_visitor(event.user_agent), link=link, at=at)
    tracking.write_visit(visit, within=SAME_SECONDS, is_reported=True)


@transaction.atomic
def remember_proof(proof: str, proof_and_body: str) -> bool:
    """Remember the digest of a proof and that of it with its body; return False where it came with another body."""
    with connection.cursor() as cursor:
        cursor.execute(_REMEMBER, [proof])
        is_new = cursor.fetchone() is not None
        if is_new:
            cursor.execute(_REMEMBER, [proof_and_body])
    return is_new or ReceivedEvent.objects.filter(pk=proof_and_body).exists()


def forget_digests(now: datetime) -> None:
    """Delete the digests of events that no provider sends again."""
    ReceivedEvent.objects.filter(at__lt=now - KEEP_DIGESTS).delete()
