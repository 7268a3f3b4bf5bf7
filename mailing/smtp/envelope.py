"""Writes one message for a server: the commands of its envelope, and its content in wire form."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Self

import msgspec

from campaigns.sentences import keep, mark
from mailing.smtp.addresses import AddressRefused, encode_for_wire
from mailing.smtp.replies import Reply, Stage
from mailing.smtp.verdicts import Kind, Verdict


class Mail(msgspec.Struct, frozen=True, gc=False):
    """One message to one recipient.

    sender: the return path, "" for the null sender; bytes are in wire form already.
    content: header and body in any line ends.
    ready: `content` is in wire form already: CRLF line ends only, the last line ended, dots at line starts doubled.
    """

    sender: str | bytes
    recipient: str
    content: bytes
    ready: bool = False


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"  # by the server's reply, or by us before anything was sent (reply is None)
    WITHHELD = "withheld"  # the caller did not say go; not sent, connection closed
    DROPPED = "dropped"  # the connection ended
    TIMED_OUT = mark("timed out")  # no answer in the stage's time; connection closed


class Result(msgspec.Struct, frozen=True):
    """The fate of one message.

    stage: where it was decided. reply and verdict: of the answer that decided it, if one did.
    uncertain: the dot may have left and no answer came: the message may or may not be accepted.
    sentence: for people, what happened when no reply says it.
    """

    outcome: Outcome
    stage: Stage
    reply: Reply | None = None
    verdict: Verdict | None = None
    uncertain: bool = False
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server's EHLO offers.

    largest: bytes a message may have, 0 when no limit is told. logins: SASL mechanisms, in capitals.
    """

    pipelining: bool = False
    eight_bit: bool = False
    smtputf8: bool = False
    starttls: bool = False
    size: bool = False
    largest: int = 0
    logins: tuple[str, ...] = ()

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> Self:
        """Read the answer to EHLO, whose first line is the server's name; ignore unknown and broken lines."""
        offers: dict[str, str] = {}
        for line in lines[1:]:
            keyword, _, rest = line.decode("ascii", "replace").strip().upper().partition(" ")
            if keyword.startswith("AUTH="):  # as servers of the nineties write it
                keyword, rest = "AUTH", f"{keyword[5:]} {rest}"
            offers[keyword] = f"{offers.get(keyword, '')} {rest}".strip()
        size = offers.get("SIZE", "")
        return cls(
            pipelining="PIPELINING" in offers,
            eight_bit="8BITMIME" in offers,
            smtputf8="SMTPUTF8" in offers,
            starttls="STARTTLS" in offers,
            size="SIZE" in offers,
            largest=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else 0,
            logins=tuple(offers.get("AUTH", "").split()),
        )


class Unsendable(Exception):
    """The message cannot go to this server. `result` says why; nothing was sent."""

    def __init__(self, stage: Stage, kind: Kind, sentence: str) -> None:
        super().__init__(sentence)
        verdict = Verdict(kind, suppress=kind is Kind.HARD)
        self.result = Result(Outcome.REFUSED, stage, verdict=verdict, sentence=sentence)


_encode_sender = lru_cache(maxsize=64)(encode_for_wire)  # one for many messages


def write_envelope(mail: Mail, offers: Capabilities) -> bytes:
    """Write the commands MAIL, RCPT and DATA, one line each, for a server with these capabilities.

    Raises:
        Unsendable: an address is malformed or needs SMTPUTF8, the message is too big, or 8-bit where the server is not.
    """
    try:
        sender = (
            mail.sender
            if isinstance(mail.sender, bytes)
            else _encode_sender(mail.sender, smtputf8=offers.smtputf8)
            if mail.sender
            else b""
        )
    except AddressRefused as error:
        raise Unsendable(Stage.MAIL, Kind.POLICY, str(error)) from error
    try:
        recipient = encode_for_wire(mail.recipient, smtputf8=offers.smtputf8)
    except AddressRefused as error:
        kind = Kind.POLICY if error.needs_smtputf8 else Kind.HARD
        raise Unsendable(Stage.RCPT, kind, str(error)) from error
    size = len(mail.content)
    if offers.largest and size > offers.largest:
        what = keep(
            "The message has %(size)s bytes; this server takes at most %(largest)s.",
            size=size,
            largest=offers.largest,
        )
        raise Unsendable(Stage.MAIL, Kind.POLICY, what)
    options = b" SIZE=%d" % size if offers.size else b""
    if not mail.content.isascii():
        if not offers.eight_bit:
            what = mark("The message has 8-bit text and this server does not offer 8BITMIME.")
            raise Unsendable(Stage.MAIL, Kind.POLICY, what)
        options += b" BODY=8BITMIME"
    if offers.smtputf8 and not (sender.isascii() and recipient.isascii()):
        options += b" SMTPUTF8"
    return b"MAIL FROM:<%b>%b\r\nRCPT TO:<%b>\r\nDATA\r\n" % (sender, options, recipient)


def write_wire_form(content: bytes) -> bytes:
    """Return `content` as it is sent after DATA: CRLF line ends, the last line ended, dots at line starts doubled.

    A bare CR or LF becomes a line end: left alone, some servers take one for the end of the message and the rest
    for commands (SMTP smuggling, CVE-2023-51764).
    """
    lines = content.splitlines()
    lines.append(b"")
    wire = b"\r\n".join(lines)
    if b"\r\n." in wire:
        wire = wire.replace(b"\r\n.", b"\r\n..")
    return b"." + wire if wire.startswith(b".") else wire
