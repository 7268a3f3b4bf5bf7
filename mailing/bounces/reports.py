"""Reads one message of a bounce mailbox: what it is, whom it is about, and which delivery of ours it proves.

Everything in it may be forged except the signed addresses and Message-IDs that we gave out. So a report without any of
them is about no mail of ours, whatever it says.
"""

from email.message import Message
from enum import StrEnum
from typing import NamedTuple

import msgspec

from mailing.bounces import automatic_replies, notifications, origins, parts, plain_text
from mailing.bounces.verdicts import Failure, Severity

__all__ = ["Failure", "Kind", "Report", "Severity", "read_report"]

COMPLAINTS = ("abuse", "fraud", "virus", "other", "miscategorized", "complaint")
OPT_OUTS = ("opt-out", "opt-out-list")


class Kind(StrEnum):
    """What a message is."""

    BOUNCE = "bounce"
    DELAYED = "delayed"  # the server goes on trying
    DELIVERED = "delivered"  # delivered, relayed or passed on: good news
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    UNSUBSCRIBE = "unsubscribe"
    UNKNOWN = "unknown"


class Report(msgspec.Struct, frozen=True):
    """One message, read.

    failures: the recipients it names, each with what the failure says of it; for a delay those that wait, for a
    complaint those who complained, for good news those in whose mailbox the mail lies. spared: the recipients of whom a
    bounce says that they have the mail or may still get it. delivery_id: the delivery that a signed token in it proves,
    None without one. sender, subject: as its headers say.
    """

    kind: Kind
    failures: list[Failure] = []
    spared: list[Failure] = []
    delivery_id: int | None = None
    sender: str = ""
    subject: str = ""


def read_report(raw: bytes) -> Report:
    """Read one message. Never raises: what cannot be read is `Kind.UNKNOWN`."""
    try:
        message = parts.open_message(raw)
    except parts.Unreadable:
        return Report(Kind.UNKNOWN)
    kind, failures, spared = _judge(message)
    # the return path travels with a forwarded mail: it proves which mail failed, and asks for nothing
    about = (
        origins.find_unsubscribe_token(message)
        if kind is Kind.UNSUBSCRIBE
        else origins.find_delivery_id(message, raw[: parts.MOST_BYTES_READ])
    )
    return Report(
        kind,
        failures,
        spared,
        about,
        parts.read_header(message, "From")[:254],
        parts.read_header(message, "Subject")[:300],
    )


class _Judgement(NamedTuple):
    kind: Kind
    failures: list[Failure]
    spared: list[Failure] = []


def _judge(message: Message) -> _Judgement:
    own_parts = parts.list_own_parts(message)
    text = "\n".join(parts.read_text(part) for part in own_parts if part.get_content_maintype() == "text")
    types = {part.get_content_type(): part for part in reversed(own_parts)}
    for name in notifications.FEEDBACK_TYPES:
        if name in types:
            return _judge_feedback(types[name], message)
    words = plain_text.cut_original(text)
    status = next((part for part in own_parts if part.get_content_type() in notifications.STATUS_TYPES), None)
    if status is None and plain_text.is_from_server(message):  # some gateways send it as a text or a file
        status = next((part for part in own_parts if _is_status_in_disguise(part)), None)
    if status is not None:
        return _choose_action(notifications.read_recipients(status, words))
    if complainer := origins.find_junk_report(message):
        return _Judgement(Kind.COMPLAINT, [Failure(complainer, Severity.HARD)])
    if origins.asks_to_unsubscribe(message, words):
        sender = notifications.read_address(parts.read_header(message, "From"))
        return _Judgement(Kind.UNSUBSCRIBE, [Failure(sender, Severity.HARD)] if sender else [])
    if automatic_replies.is_certain(message):
        return _Judgement(Kind.AUTO_REPLY, [])
    if plain_text.is_from_server(message):
        is_delay = plain_text.tells_delay(message, words)
        if is_delay or plain_text.tells_failure(message, words):
            failures = plain_text.read_failures(message, words, origins.list_own_addresses(message))
            return _Judgement(Kind.DELAYED if is_delay else Kind.BOUNCE, failures)
    return _Judgement(Kind.AUTO_REPLY if automatic_replies.is_automatic(message) else Kind.UNKNOWN, [])


def _is_status_in_disguise(part: Message) -> bool:
    if part.get_content_maintype() not in ("text", "application"):
        return False
    return "\nfinal-recipient" in f"\n{parts.read_text(part).lower()}"


def _choose_action(told: dict[str, list[Failure]]) -> _Judgement:
    """Return the kind of a status report, and whom it is about: failures count first, then delays, then deliveries."""
    if failed := told.get("failed"):
        spared = [each for action, others in told.items() if action != "failed" for each in others]
        return _Judgement(Kind.BOUNCE, failed, spared)
    if delayed := told.get("delayed"):
        return _Judgement(Kind.DELAYED, delayed)
    if told.keys() & {"delivered", "relayed", "expanded"}:
        return _Judgement(Kind.DELIVERED, told.get("delivered", []))
    return _Judgement(Kind.UNKNOWN, [])


def _judge_feedback(part: Message, message: Message) -> _Judgement:
    feedback, addresses = notifications.read_feedback(part)
    if not addresses:
        addresses = origins.find_returned_recipients(message)
    about = [Failure(address, Severity.HARD) for address in addresses]
    if feedback in COMPLAINTS:
        return _Judgement(Kind.COMPLAINT, about)
    return _Judgement(Kind.UNSUBSCRIBE if feedback in OPT_OUTS else Kind.UNKNOWN, about)
