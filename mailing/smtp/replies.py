"""What an SMTP server says (RFC 5321 §4.2, RFC 3463), and whose matter it is: recipient, message or connection."""

import re
from enum import StrEnum
from typing import NamedTuple

import msgspec

LONGEST_LINE = 8_192  # bytes; RFC 5321 allows 512, real servers are wordy, an attacker has no end
LONGEST_REPLY = 65_536  # bytes of one reply, all its lines
_CODES = {b"%d" % code: code for code in range(200, 600)}
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")


class Stage(StrEnum):
    """The step of the dialogue that was answered, or that never was."""

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
    QUIT = "quit"


class Reply(NamedTuple):
    """One reply: basic code, enhanced code ("5.1.1", "" when there was none), words (lines joined by a space)."""

    code: int
    enhanced: str
    text: str

    def __str__(self) -> str:
        return " ".join(filter(None, (str(self.code), self.enhanced, self.text)))


class RawReply(msgspec.Struct, frozen=True, gc=False):
    """A reply as it came: its code, and its lines without the code. `read` decodes it, once somebody asks."""

    code: int
    lines: tuple[bytes, ...]

    def read(self) -> Reply:
        """The Reply. Undecodable bytes become U+FFFD; the enhanced code is taken off the start of every line."""
        lines = [line.decode("utf-8", "replace").strip() for line in self.lines]
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
    """Cuts a stream of bytes into replies, however the network cut it before.

    Bounded: a line longer than LONGEST_LINE or a reply longer than LONGEST_REPLY raises, whatever follows.
    """

    __slots__ = ("_code", "_lines", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []  # of a reply that goes on
        self._code = 0
        self._size = 0

    def feed(self, data: bytes) -> list[RawReply]:
        """The replies completed by `data`.

        Raises NotSmtp: what came is no reply. The parser is of no use afterwards.
        """
        lines = ((self._rest + data) if self._rest else data).split(b"\n")
        self._rest = lines.pop()
        replies: list[RawReply] = []
        for line in lines:
            code = _CODES.get(line[:3])
            mark = line[3:4]
            if code is None or mark not in b"- \r":  # "" is in it too: a bare code ends a reply
                raise NotSmtp(f"it answered {line[:80]!r}", replies)
            if len(line) > LONGEST_LINE:
                raise NotSmtp(f"a line of its answer is longer than {LONGEST_LINE} bytes", replies)
            if self._lines or mark == b"-":
                if problem := self._continued(code, line):
                    raise NotSmtp(problem, replies)
                if mark == b"-":
                    continue
                replies.append(RawReply(code, tuple(self._lines)))
                self._lines = []
            else:
                replies.append(RawReply(code, (line[4:],)))
        if len(self._rest) > LONGEST_LINE:
            raise NotSmtp(f"a line of its answer is longer than {LONGEST_LINE} bytes", replies)
        return replies

    @property
    def is_idle(self) -> bool:
        """Nothing of an unfinished reply is held."""
        return not self._rest and not self._lines

    def _continued(self, code: int, line: bytes) -> str:
        """Add a line to the reply that goes on; what is wrong with it, or ""."""
        if not self._lines:
            self._code, self._size = code, 0
        elif code != self._code:
            return f"one answer has two codes, {self._code} and {code}"
        self._size += len(line)
        if self._size > LONGEST_REPLY:
            return f"its answer is longer than {LONGEST_REPLY} bytes"
        self._lines.append(line[4:])
        return ""


class Kind(StrEnum):
    """Whose matter a reply is."""

    ACCEPTED = "accepted"
    HARD = "hard"  # the recipient does not exist or refuses for good: bounced
    SOFT = "soft"  # the recipient cannot take it now: try again later
    POLICY = "policy"  # our message or standing is refused: our fault, counts to the breaker, never to the recipient
    THROTTLE = "throttle"  # too fast or busy: the connection slows down
    CONNECTION = "connection"  # login or sender refused: this connection stops


class Verdict(NamedTuple):
    """What to do after a reply.

    suppress: never mail this address again.
    spends_attempt: the attempt counts against the recipient's number of tries.
    retry_after: seconds the server asked to wait, None when it named none.
    """

    kind: Kind
    suppress: bool = False
    spends_attempt: bool = True
    retry_after: float | None = None


_SUPPRESSING = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}
_SENDER = {"1.7", "1.8"}  # the sender's address is refused, whatever the stage
_SAYS_UNKNOWN = re.compile(
    r"(?:user|recipient|mailbox|address|account|addressee)\b.{0,40}\b(?:unknown|not found|does(?:n't| not) exist"
    r"|invalid|disabled|no longer|not exist)"
    r"|(?:unknown|no such|invalid|non-?existent)\s+(?:local\s+)?(?:user|recipient|mailbox|address|account|person)",
    re.IGNORECASE,
)
_SAYS_POLICY = re.compile(
    r"spam|block|black ?list|deny|denied|polic(?:y|ies)|relay|reputation|spf|dkim|dmarc|authenticat|rbl|dnsbl|banned"
    r"|not permitted|not allowed|prohibited|virus|content|reverse dns|ptr",
    re.IGNORECASE,
)
_SAYS_FULL = re.compile(
    r"\bfull\b|quota|over ?limit|exceeded.{0,20}storage|insufficient.{0,20}storage", re.IGNORECASE
)
_SAYS_GREYLISTED = re.compile(r"gr[ea]y-?list", re.IGNORECASE)
_WAIT = re.compile(
    r"(?:(?:again|retry|back|resend|reconnect)\s+(?:in|after)\s+|retry-after\s*[:=]?\s*|wait\s+(?:for\s+)?)"
    r"(?:about\s+|at\s+least\s+|another\s+)?"
    r"(?:(?P<clock>\d{1,2}:\d\d(?::\d\d)?)\b|(?P<number>\d{1,6})\s*(?P<unit>s|m|h)?)",
    re.IGNORECASE,
)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_WAIT = 86_400.0  # a server that asks for more than a day is asking for "later"


def retry_after(text: str) -> float | None:
    """Seconds to wait from words such as "try again in 300 seconds", "retry after 5 min" or "come back in 00:05:00".

    A number without a unit is seconds. At most a day; None when the text names no time.
    """
    found = _WAIT.search(text)
    if not found:
        return None
    if clock := found["clock"]:
        seconds = 0
        for part in clock.split(":"):
            seconds = seconds * 60 + int(part)
    else:
        seconds = int(found["number"]) * _SECONDS[(found["unit"] or "s").lower()]
    return min(float(seconds), _LONGEST_WAIT)


def classify(stage: Stage, reply: Reply) -> Verdict:
    """Whose matter `reply` is when it came at `stage` (RFC 3463 and what the large providers send).

    The enhanced code decides; without one, the basic code and, for a 5xx, its words. An address is suppressed only
    on a code or on words that say it does not exist.
    """
    if 200 <= reply.code < 400:
        return Verdict(Kind.ACCEPTED)
    wait = retry_after(reply.text)
    subject = reply.enhanced.partition(".")[
        2
    ]  # "1.1" of "5.1.1": the class is the basic code's (RFC 2034 §4)
    if reply.code < 500:
        return _temporary(stage, reply, subject, wait)
    return _permanent(stage, reply, subject)


def _temporary(stage: Stage, reply: Reply, subject: str, wait: float | None) -> Verdict:
    about_recipient = stage in (Stage.RCPT, Stage.DATA, Stage.DOT) and reply.code != 421
    if about_recipient and _SAYS_GREYLISTED.search(reply.text):
        return Verdict(Kind.SOFT, spends_attempt=False, retry_after=wait)
    if about_recipient and (
        subject.startswith(("1.", "2.", "4.")) or (not subject and reply.code in (450, 452))
    ):
        return Verdict(Kind.SOFT, retry_after=wait)
    return Verdict(Kind.THROTTLE, spends_attempt=False, retry_after=wait)


def _permanent(stage: Stage, reply: Reply, subject: str) -> Verdict:
    if stage not in (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT):
        return Verdict(Kind.CONNECTION, spends_attempt=False)
    if subject in ("3.4", "2.3") or (not subject and reply.code == 552 and stage is not Stage.RCPT):
        return Verdict(Kind.POLICY)  # this message is too big, at MAIL too: the connection is well
    if stage is Stage.MAIL or reply.code in (530, 535):
        return Verdict(Kind.CONNECTION, spends_attempt=False)
    if subject in _SUPPRESSING:
        return Verdict(Kind.HARD, suppress=True)
    if subject == "2.2":
        return Verdict(Kind.SOFT)
    if subject in _SENDER or subject.startswith(("3.", "4.", "5.", "6.", "7.")):
        return Verdict(Kind.POLICY)
    if subject.startswith(("1.", "2.")):
        return Verdict(Kind.HARD)
    return _by_words(stage, reply)


def _by_words(stage: Stage, reply: Reply) -> Verdict:
    """A 5xx without a telling enhanced code. Doubt never suppresses."""
    if stage is Stage.RCPT and (reply.code == 552 or _SAYS_FULL.search(reply.text)):
        return Verdict(Kind.SOFT)
    if _SAYS_POLICY.search(reply.text) or reply.code not in (550, 551, 553, 556):
        return Verdict(Kind.POLICY)
    if reply.code == 556 or _SAYS_UNKNOWN.search(reply.text):
        return Verdict(Kind.HARD, suppress=True)
    return Verdict(Kind.HARD) if stage is Stage.RCPT else Verdict(Kind.POLICY)
