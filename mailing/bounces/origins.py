"""Finds the mail of ours that a message is about, proved by a token that only we can have signed."""

import re
from collections.abc import Iterable
from email.message import Message

from mailing.bounces import parts
from mailing.sending import return_paths, tokens
from mailing.sending.tokens import Purpose

# where servers write the address that a message was sent to
RECIPIENT_HEADERS = (
    "X-Original-To",
    "Delivered-To",
    "Envelope-To",
    "X-Envelope-To",
    "X-Delivered-To",
    "X-Real-To",
    "X-Rcpt-To",
    "To",
    "Cc",
)
_FOR = re.compile(r"\bfor\s+<?([^\s<>;@]+@[^\s<>;@]+)>?(?:[\s;]|$)")
_MESSAGE_ID = re.compile(rb"message-id:[ \t\r\n]*<([\w-]{24})@", re.IGNORECASE)
_UNSUBSCRIBE = re.compile(
    r"^\W*+(?:(?:re|aw|sv|fwd?|wg)\s*+:\s*+)*+(?:please\s+)?(?:unsubscribe|remove|opt[ -]?out|stop|abmelden"
    r"|abbestellen|austragen|d[ée]sinscription|d[ée]sabonne\w*|darse de baja|baja|cancella\w*|disiscri\w*"
    r"|uitschrijven|afmelden|avregistrera|wypisz)\b(?:\s+me)?(?:\s+([\w-]{24}))?\W*(?:from .{0,60})?$",
    re.IGNORECASE,
)


def list_recipients(message: Message, headers: Iterable[str] = RECIPIENT_HEADERS) -> list[str]:
    """Return the addresses that servers and the sender say a message was sent to."""
    found = [
        address
        for name in headers
        for value in parts.read_headers(message, name)
        for address in parts.ADDRESS.findall(value)
    ]
    for value in parts.read_headers(message, "Received"):
        found += _FOR.findall(value)
    return found


def list_own_addresses(message: Message) -> frozenset[str]:
    """Return the addresses of ours that a report was sent to."""
    headers = [
        name for name in RECIPIENT_HEADERS if name != "X-Original-To" or not _is_from_dragonfly(message)
    ]
    return frozenset(address.strip("<>.'").lower() for address in list_recipients(message, headers))


def _is_from_dragonfly(message: Message) -> bool:
    """Return whether DragonFly Mail Agent wrote a report: it puts the failed recipient into X-Original-To."""
    return any("(DragonFly Mail Agent" in value for value in parts.read_headers(message, "Received"))


def find_delivery_id(message: Message, raw: bytes) -> int | None:
    """Return the delivery that a message is about, by the return path it was sent to, or by what it returns of ours.

    That is a Message-ID, or else a return path. None when it has neither, or names several mails of ours: any of them
    may be meant.
    """
    for address in list_recipients(message):
        if (pk := return_paths.find_delivery_id(address)) is not None:
            return pk or None
    texts = [raw, *(text.encode() for text in _decode_parts(message))]
    named = {
        pk
        for text in texts
        for found in _MESSAGE_ID.findall(text)
        if (pk := read_token(found.decode("ascii", "replace"), Purpose.MESSAGE_ID))
    } or {pk for text in texts for pk in return_paths.find_delivery_ids(text.decode("ascii", "replace"))}
    return named.pop() if len(named) == 1 else None


def _decode_parts(message: Message) -> list[str]:
    """Return the texts of the parts that cannot be read as they stand: gateways encode returned messages too."""
    encoded = (
        part for part in parts.list_own_parts(message) if parts.read_transfer_encoding(part) in parts.ENCODED
    )
    return [parts.decode_text(part) for part in encoded]


def read_token(token: str, purpose: Purpose) -> int | None:
    """Return the delivery of a token; None for a token that was not made here, and for the token of a test mail."""
    try:
        return tokens.read_token(token, purpose) or None
    except ValueError:
        return None


def find_unsubscribe_token(message: Message) -> int | None:
    """Return the delivery whose unsubscribe token stands in the subject, where our List-Unsubscribe header puts it."""
    found = _UNSUBSCRIBE.match(parts.read_header(message, "Subject"))
    return read_token(found[1], Purpose.UNSUBSCRIBE) if found and found[1] else None


def asks_to_unsubscribe(message: Message, words: str) -> bool:
    """Return whether a person or their mail program asks to be unsubscribed."""
    subject = parts.read_header(message, "Subject")
    if _UNSUBSCRIBE.match(subject):
        return True
    lines = [line for line in words.splitlines() if line.strip() and not line.lstrip().startswith(">")]
    return not subject.strip() and len(lines) == 1 and bool(_UNSUBSCRIBE.match(lines[0]))


def find_junk_report(message: Message) -> str:
    """Return who marked a mail as junk at Outlook.com, which has its own form of reports; "" for other messages."""
    for returned in _list_returned(message):
        address = parts.read_header(returned, "X-HmXmrOriginalRecipient")
        if found := parts.ADDRESS.search(address):
            return found[0].lower()
    return ""


def find_returned_recipients(message: Message) -> list[str]:
    """Return the recipients of the mail that a report returns."""
    return [
        address.lower()
        for returned in _list_returned(message)
        for value in parts.read_headers(returned, "To")
        for address in parts.ADDRESS.findall(value)
    ][:1]


def _list_returned(message: Message) -> list[Message]:
    return [
        child
        for part in parts.list_own_parts(message)
        if part.get_content_type() in ("message/rfc822", "message/global")
        for child in parts.list_children(part)
    ]
