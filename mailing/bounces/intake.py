"""Takes the messages of a bounce mailbox: acts on each, or holds it for a person."""

from enum import StrEnum
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import database_time
from campaigns.refusals import Refused
from campaigns.sentences import keep
from mailing import unsubscribing
from mailing.addresses import normalise_address
from mailing.bounces import policy
from mailing.bounces.reports import Kind, Report, read_report
from mailing.models import BounceMailbox, HeldReport, Suppression
from mailing.sending import arrivals
from mailing.suppressions import suppress
from mailing.visitors import Visitor

LARGEST_HELD = 512 * 1024  # bytes kept of a message that a person is to judge
REASONS = {
    HeldReport.Decision.BOUNCE: Suppression.Reason.HARD_BOUNCE,
    HeldReport.Decision.UNSUBSCRIBED: Suppression.Reason.UNSUBSCRIBED,
}


class Outcome(StrEnum):
    """What was done with a message."""

    ACTED = "acted on"
    NOTHING = "nothing to do"
    HELD = "held for a person"


@transaction.atomic
def take_message(raw: bytes, mailbox: BounceMailbox | None = None) -> Outcome:
    """Read one message and do what it asks for. The same message taken again changes nothing."""
    report = read_report(raw)
    pk = report.delivery_id
    if report.kind in (Kind.DELAYED, Kind.DELIVERED, Kind.AUTO_REPLY):
        is_news = pk is not None and _note_arrival(pk, report)
        return Outcome.ACTED if is_news else Outcome.NOTHING
    address = policy.find_address(pk) if pk else None
    if pk is None or address is None:
        return hold_message(raw, report, mailbox)
    if report.kind is Kind.BOUNCE and policy.is_spared(report.spared, address):
        return Outcome.ACTED if arrivals.note_taken(pk) else Outcome.NOTHING
    if report.kind is Kind.BOUNCE:
        failure = policy.choose_failure(report.failures, address)
        if failure is None:
            return hold_message(raw, report, mailbox, address)
        policy.note_bounce(pk, failure, Suppression.Source.MAILBOX)
    elif report.kind is Kind.COMPLAINT:
        policy.note_complaint(
            pk, Suppression.Source.MAILBOX, keep("A report of %(sender)s.", sender=report.sender)
        )
    elif report.kind is Kind.UNSUBSCRIBE:
        unsubscribing.unsubscribe_delivery(pk, "mail", Visitor(), Suppression.Source.MAILBOX)
    else:
        return hold_message(raw, report, mailbox, address)
    return Outcome.ACTED


def _note_arrival(delivery_id: int, report: Report) -> bool:
    """Note what a report proves that is no bounce: somebody has the mail. Return whether that was news."""
    if report.kind is Kind.DELIVERED and report.failures:  # in a mailbox, and not only passed on
        return arrivals.note_delivered(delivery_id)
    return arrivals.note_taken(delivery_id)


def hold_message(raw: bytes, report: Report, mailbox: BounceMailbox | None, address: str = "") -> Outcome:
    """Keep a message for a person, once."""
    first = report.failures[0] if report.failures else None
    HeldReport.objects.get_or_create(
        digest=sha256(raw).hexdigest(),
        defaults={
            "mailbox": mailbox,
            "kind": report.kind,
            "sender": report.sender,
            "subject": report.subject,
            "address": (address or (first.address if first else ""))[:254],
            "reason": first.text if first else "",
            "content": raw[:LARGEST_HELD],
        },
    )
    return Outcome.HELD


def decide(report_id: int, decision: HeldReport.Decision, address: str, by: User) -> HeldReport:
    """Carry out a person's decision on a held message: `address` bounces or unsubscribes, or the message is ignored.

    Raises:
        Refused: it was decided already, or `address` is no address.
    """
    with transaction.atomic():
        held = HeldReport.objects.select_for_update(no_key=True).get(pk=report_id)
        if held.decision != HeldReport.Decision.WAITING:
            raise Refused(_("Somebody has already decided about this message."))
        if reason := REASONS.get(decision):
            try:
                held.address = normalise_address(address)
            except ValueError as error:
                raise Refused([("address", str(error))]) from error
            suppress(
                held.address,
                reason,
                Suppression.Source.MAILBOX,
                keep("Decided by %(by)s: %(subject)s", by=by, subject=held.subject),
            )
        held.decision, held.decided_by, held.decided_at = decision, by, database_time.now()
        held.save(update_fields=["address", "decision", "decided_by", "decided_at"])
    return held
