"""Cuts the bytes of an SMTP server into replies, and reads them (RFC 5321 §4.2, RFC 3463)."""

import re
from enum import StrEnum
from typing import NamedTuple

import msgspec

from campaigns.sentences import keep

LONGEST_LINE = 8_192  # bytes; RFC 5321 allows 512, real servers are wordy, an attacker has no end
LONGEST_REPLY = 65_536  # bytes of one reply, all its lines
_CODES = {b"%d" % code: code for code in range(200, 600)}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")


class Stage(StrEnum):
    """A step of the SMTP dialogue."""

    CONNECT = "connect"
    GREETING = "greeting"
    STARTTLS = "starttls"
    EHLO = "ehlo"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"
    RSET = "rset"


class Reply(NamedTuple):
    """One reply: basic code, enhanced code ("5.1.1", "" when there was none), words (lines joined by a space)."""

    code: int
    enhanced: str
    text: str

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))


class RawReply(msgspec.Struct, frozen=True, gc=False):
    """A reply as it came: its code, and its lines without the code. `decode` reads it when somebody asks."""

    code: int
    lines: tuple[bytes, ...]

    def decode(self) -> Reply:
        """Return the Reply, whose enhanced code is taken off the start of every line.

        Undecodable bytes become U+FFFD, control characters blanks: words of a server end in columns and logs.
        """
        lines = [line.decode("utf-8", "replace").strip() for line in self.lines]
        lines = [line if line.isprintable() else _CONTROL.sub(" ", line) for line in lines]
        enhanced = _ENHANCED.match(lines[0])
        if not enhanced:
            return Reply(self.code, "", " ".join(filter(None, lines)))
        code = enhanced[0]
        text = " ".join(filter(None, (line.removeprefix(code).strip() for line in lines)))
        return Reply(self.code, code, text)


class NotSmtp(ValueError):
    """The server sent something that is no SMTP reply; the words say what. `before`: the replies ahead of it."""

    def __init__(self, words: str, before: "list[RawReply]") -> None:
        super().__init__(words)
        self.before = before


class ReplyParser:
    """Cuts a stream of bytes into replies, in whatever pieces it comes.

    Bounded: a line longer than LONGEST_LINE or a reply longer than LONGEST_REPLY raises, whatever follows.
    """

    __slots__ = ("_code", "_lines", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []  # of a reply that goes on
        self._code = 0
        self._size = 0

    def feed(self, data: bytes) -> list[RawReply]:
        """Return the replies completed by `data`.

        Raises:
            NotSmtp: what came is no reply. The parser is of no use afterwards.
        """
        lines = ((self._rest + data) if self._rest else data).split(b"\n")
        self._rest = lines.pop()
        replies: list[RawReply] = []
        for line in lines:
            code = _CODES.get(line[:3])
            mark = line[3:4]
            if code is None or mark not in b"- \r":  # "" is in it too: a bare code ends a reply
                raise NotSmtp(keep("it answered %(line)s", line=repr(line[:80])), replies)
            if len(line) > LONGEST_LINE:
                raise NotSmtp(
                    keep(
                        "a line of its answer is longer than %(longest_line)s bytes",
                        longest_line=LONGEST_LINE,
                    ),
                    replies,
                )
            if self._lines or mark == b"-":
                if problem := self._find_continuation_fault(code, line):
                    raise NotSmtp(problem, replies)
                if mark == b"-":
                    continue
                replies.append(RawReply(code, tuple(self._lines)))
                self._lines = []
            else:
                replies.append(RawReply(code, (line[4:],)))
        if len(self._rest) > LONGEST_LINE:
            raise NotSmtp(
                keep("a line of its answer is longer than %(longest_line)s bytes", longest_line=LONGEST_LINE),
                replies,
            )
        return replies

    @property
    def is_idle(self) -> bool:
        """Whether it holds no part of an unfinished reply."""
        return not self._rest and not self._lines

    def _find_continuation_fault(self, code: int, line: bytes) -> str:
        """Add a line to the unfinished reply; return what is wrong with it, or ""."""
        if not self._lines:
            self._code, self._size = code, 0
        elif code != self._code:
            return keep(
                "one answer has two codes, %(code)s and %(code_2)s", code=str(self._code), code_2=str(code)
            )
        self._size += len(line)
        if self._size > LONGEST_REPLY:
            return keep("its answer is longer than %(longest_reply)s bytes", longest_reply=LONGEST_REPLY)
        self._lines.append(line[4:])
        return ""
