"""The folder of caught messages, and beside it their index: a look at the list opens no message twice."""

import itertools
import os
import re
import time
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

import msgspec
from django.conf import settings
from django.utils.translation import gettext

from campaigns.texts import make_storable
from mailing.bounces import parts
from mailing.catcher import index
from mailing.catcher.index import IndexEntry

MOST_MESSAGES = 20_000  # messages; older ones go
FROM, TO = b"X-Caught-From: ", b"X-Caught-To: "
HEADER_BYTES_READ = 16_384  # bytes read of a message for a line of the list

_id = re.compile(r"\d{19}-\d{9}").fullmatch
_headers = BytesHeaderParser()  # that of the policy `default` takes twenty times as long
_numbers = itertools.count(os.getpid() % 1000 * 1_000_000)


class MailNotCaught(LookupError):
    """There is no such message."""


class CaughtMail(msgspec.Struct, frozen=True):
    """A line of the list. `sender` and `recipients` are the envelope's; `size` in bytes."""

    id: str
    at: datetime
    sender: str
    recipients: list[str]
    from_header: str
    subject: str
    size: int


class CaughtMessage(msgspec.Struct, frozen=True):
    """One message: its parts as text, "" where it has none, its headers in their order, and all of it as it came."""

    caught: CaughtMail
    headers: list[tuple[str, str]]
    html: str
    text: str
    raw: bytes


def folder() -> Path:
    """Return the folder that keeps caught mails."""
    return settings.VAR_DIR / "outbox"


def _index() -> Path:
    return settings.VAR_DIR / "outbox.sqlite3"


def store_message(sender: str, recipients: list[str], content: bytes) -> str:
    """Store one message and return its id."""
    box = folder()
    box.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns():019}-{next(_numbers) % 1_000_000_000:09}"
    named = [" ".join(text.split()) for text in (sender, ", ".join(recipients))]  # a line each
    said = [text.encode("utf-8", "surrogateescape") for text in named]
    envelope = b"%b%b\r\n%b%b\r\n" % (FROM, said[0], TO, said[1])
    draft = box / f".{name}"
    try:
        draft.write_bytes(envelope + content)
        draft.rename(box / f"{name}.eml")
    except OSError:
        draft.unlink(missing_ok=True)  # a full disk keeps half a mail otherwise
        raise
    index.add_entry(
        _index(), _make_entry(name, sender, recipients, content[:HEADER_BYTES_READ], len(content))
    )
    return name


def delete_oldest() -> None:
    """Delete the oldest messages until KEPT are left."""
    for name in _list_ids()[MOST_MESSAGES:]:
        _path_of(name).unlink(missing_ok=True)


def delete_all() -> None:
    """Delete all messages."""
    for name in _list_ids():
        _path_of(name).unlink(missing_ok=True)


def delete_messages_to(address: str) -> None:
    """Delete the messages that went to this address, to others as well or not."""
    for name in _list_ids():
        entry = _read_entry(name)
        if entry and address in (recipient.lower() for recipient in entry.recipients):
            _path_of(name).unlink(missing_ok=True)


def count_messages() -> int:
    """Count the mails that are kept."""
    return len(_list_ids())


def list_messages(*, before: str = "", most: int = 50, words: str = "") -> list[CaughtMail]:
    """Return a page of the messages, the newest first.

    Args:
        before: the id of the last message of the page before.
        words: only those whose subject, sender or recipients hold each of these words.
    """
    lines = index.find_entries(_index(), _list_ids(), _read_entry, before=before, most=most, words=words)
    return [_make_caught(line) for line in lines]


def read_message(id: str) -> CaughtMessage:  # noqa: A002 the word of its page
    """Return one message, opened.

    Raises:
        MailNotCaught: no such message is kept.
    """
    line = _read_entry(id) if _id(id) else None
    if line is None:
        raise MailNotCaught(gettext("No message %(id)s was caught, or it is gone by now.") % {"id": id})
    _, raw = _split_envelope(_path_of(id).read_bytes())
    try:
        parsed = parts.open_message(raw, most=len(raw))
    except parts.Unreadable:
        return CaughtMessage(_make_caught(line), [], "", make_storable(parts.decode_bytes(raw, "")), raw)
    headers = [(name, next(parts.read_values([value]))) for name, value in parsed.raw_items()]
    return CaughtMessage(
        _make_caught(line), headers, _read_part(parsed, "text/html"), _read_part(parsed, "text/plain"), raw
    )


def _list_ids() -> list[str]:
    """Return the ids, the newest first."""
    try:
        return sorted(
            (entry.name[:-4] for entry in os.scandir(folder()) if entry.name.endswith(".eml")), reverse=True
        )
    except FileNotFoundError:
        return []


def _path_of(name: str) -> Path:
    return folder() / f"{name}.eml"


def _split_envelope(stored: bytes) -> tuple[tuple[str, list[str]], bytes]:
    sender, recipients, raw = stored.split(b"\r\n", 2)
    return (
        sender.removeprefix(FROM).decode("utf-8", "replace"),
        recipients.removeprefix(TO).decode("utf-8", "replace").split(", "),
    ), raw


def _read_entry(name: str) -> IndexEntry | None:
    """Read what the list shows of a message; None when it has just been deleted."""
    try:
        with _path_of(name).open("rb") as file:
            envelope = file.readline() + file.readline()  # as long as the list of recipients is
            (sender, recipients), head = _split_envelope(envelope + file.read(HEADER_BYTES_READ))
            size = os.fstat(file.fileno()).st_size - len(envelope)
    except FileNotFoundError:
        return None
    return _make_entry(name, sender, recipients, head, size)


def _make_entry(name: str, sender: str, recipients: list[str], head: bytes, size: int) -> IndexEntry:
    """Make the entry of a message from its envelope and its beginning."""
    headers = _headers.parsebytes(head.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n")
    writer, subject = (parts.read_header(headers, header) for header in ("From", "Subject"))
    return IndexEntry(name, sender, recipients, writer, subject, size)


def _make_caught(line: IndexEntry) -> CaughtMail:
    return CaughtMail(at=datetime.fromtimestamp(int(line.id[:19]) / 1e9, UTC), **msgspec.structs.asdict(line))


def _read_part(parsed: Message, kind: str) -> str:
    """Return the text of the first part of this kind that is no file, "" without one."""
    for part in parts.list_own_parts(parsed):
        if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
            return parts.decode_text(part, most=None)
    return ""
