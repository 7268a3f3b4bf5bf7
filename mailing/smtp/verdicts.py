"""Judges what a refusal is about: the recipient, the message, our pace or our connection.

The code alone misleads: rate limits and listed addresses come with the code of a dead mailbox, dead mailboxes with the
code of a policy. So the words decide first (phrases.txt), then the stage, then the codes. In doubt the recipient is not
suppressed. A refusal of our machine, our sender or our login is the same for everybody, and costs no recipient a try.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from mailing.smtp.phrases import Meaning, find_meaning, gives_no_reason
from mailing.smtp.replies import Reply, Stage


class Kind(StrEnum):
    """What a reply is about."""

    ACCEPTED = "accepted"
    HARD = "hard"  # the recipient does not exist or refuses for good: bounced
    SOFT = "soft"  # the recipient cannot take it now: try again later
    POLICY = "policy"  # our message or standing is refused: our fault, counts to the breaker, never to the recipient
    THROTTLE = "throttle"  # too fast or busy: the connection slows down
    CONNECTION = "connection"  # login or sender refused: this connection stops


class Verdict(NamedTuple):
    """What to do after a reply.

    suppress: never mail this address again.
    spends_attempt: the try counts against the recipient; with POLICY, the recipient is given up. A POLICY that spends
    none is about our machine or our sender: everybody stays to be sent to.
    retry_after: seconds the server asked to wait, None when it named none.
    starts_session: this connection has taken all it may; on a new one the server goes on at once.
    """

    kind: Kind
    suppress: bool = False
    spends_attempt: bool = True
    retry_after: float | None = None
    starts_session: bool = False


_ACCEPTED = Verdict(Kind.ACCEPTED)
_DEAD = Verdict(Kind.HARD, suppress=True)
_BOUNCED = Verdict(Kind.HARD)
_SOFT = Verdict(Kind.SOFT)
_POLICY = Verdict(Kind.POLICY)
_OURS = Verdict(Kind.POLICY, spends_attempt=False)
_THROTTLE = Verdict(Kind.THROTTLE, spends_attempt=False)
LOGIN_REFUSED = Verdict(Kind.CONNECTION, spends_attempt=False)

_M = Meaning
_OF_A_MESSAGE = (Stage.RCPT, Stage.DATA, Stage.DOT)
_NEEDS_LOGIN = (530, 534, 535, 538)  # RFC 4954 §6
_SUPPRESSING = {"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"}
# The sender's address is refused, or what shows that it is theirs (RFC 7372: DKIM, SPF, PTR), whatever the stage
_SENDER = {"1.7", "1.8", *(f"7.{number}" for number in range(20, 28))}
_TOO_BIG = {"2.3", "3.4"}
_SENDER_RIGHT = {"2.252", "7.60", "7.750"}  # Exchange Online: an address this login may not send from
_AN_IP = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\[(?:ipv6:)?[0-9a-f:]{4,}\]", re.IGNORECASE).search

# What is said about us is the same at every stage. Only the recipient's own refusals wait for the stages of a message.
_WHATEVER_THE_STAGE = {
    _M.SESSION_FULL: _THROTTLE._replace(starts_session=True),
    _M.QUOTA: LOGIN_REFUSED,
    _M.HELLO: LOGIN_REFUSED,
    _M.LOGIN: LOGIN_REFUSED,
    _M.SENDER_RIGHT: LOGIN_REFUSED,
    _M.SENDER_DOMAIN: LOGIN_REFUSED,
}
_TEMPORARY = {
    _M.GREYLISTED: Verdict(Kind.SOFT, spends_attempt=False),
    _M.RECEIVER_BUSY: _SOFT,
    _M.FULL: _SOFT,
    _M.SENDER: LOGIN_REFUSED,
    _M.LISTED: _THROTTLE,
    _M.TOO_FAST: _THROTTLE,
    _M.SCREENED: _SOFT,
    _M.UNCERTAIN: _SOFT,
    _M.LOCKED: _SOFT,
    _M.NO_SUCH_RECIPIENT: _SOFT,
}
_PERMANENT = {
    _M.GREYLISTED: Verdict(Kind.SOFT, spends_attempt=False),
    _M.RECEIVER_BUSY: _SOFT,
    _M.FULL: _SOFT,
    _M.SCREENED: _BOUNCED,
    _M.AUTHENTICITY: _OURS,
    _M.SENDER: _OURS,
    _M.TOO_BIG: _POLICY,
    _M.LISTED: _OURS,
    _M.TOO_FAST: _THROTTLE,
    _M.RELAY: _OURS,
    _M.SPAM: _POLICY,
    _M.NOT_NOW: _SOFT,
    _M.UNCERTAIN: _BOUNCED,
    _M.LOCKED: _BOUNCED,
    _M.NO_SUCH_RECIPIENT: _DEAD,
}
_WAIT = re.compile(
    r"(?:(?:again|retry|back|resend|reconnect)\s+(?:in|after)\s+|retry-after\s*+(?:[:=]\s*+)?|wait\s+(?:for\s+)?)"
    r"(?:about\s+|at\s+least\s+|another\s+)?"
    r"(?:(?P<clock>\d{1,2}:\d\d(?::\d\d)?)\b|(?P<number>\d{1,6})\s*(?P<unit>s|m|h)?)",
    re.IGNORECASE,
)
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_WAIT = 86_400.0  # a server that asks for more than a day is asking for "later"


def find_retry_seconds(text: str) -> float | None:
    """Read seconds to wait from words such as "try again in 300 seconds", "retry after 5 min" or "in 00:05:00".

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
    """Judge what a reply at `stage` is about."""
    if 200 <= reply.code < 400:
        return _ACCEPTED
    meaning = _find_reply_meaning(reply)
    # "1.1" of "5.1.1": the class is the basic code's (RFC 2034 §4)
    subject = reply.enhanced.partition(".")[2]
    if reply.code < 500:
        return _judge_temporary(stage, reply, subject, meaning)._replace(
            retry_after=find_retry_seconds(reply.text)
        )
    return _judge_permanent(stage, reply, subject, meaning)


def is_bare_goodbye(reply: Reply) -> bool:
    """Return whether the server ends the connection without giving a reason in words."""
    return reply.code == 421 and _find_reply_meaning(reply) in (None, _M.REFUSED)


def _find_reply_meaning(reply: Reply) -> Meaning | None:
    return find_meaning(f"{reply.enhanced} {reply.text}")


def _judge_temporary(stage: Stage, reply: Reply, subject: str, meaning: Meaning | None) -> Verdict:
    if meaning is _M.SESSION_FULL:
        return _WHATEVER_THE_STAGE[meaning]
    if stage not in (Stage.MAIL, *_OF_A_MESSAGE) or (meaning is _M.LOGIN and reply.code == 421):
        return _THROTTLE
    if meaning in _WHATEVER_THE_STAGE:
        return _WHATEVER_THE_STAGE[meaning]
    if stage is Stage.MAIL:
        return LOGIN_REFUSED if meaning is _M.SENDER and reply.code != 421 else _THROTTLE
    if reply.code == 421:
        return _THROTTLE
    if meaning in (_M.FULL, _M.UNCERTAIN) and subject.startswith("3."):
        return _THROTTLE  # the server's own disk or memory
    if meaning in _TEMPORARY:
        return _TEMPORARY[meaning]
    if subject in _SENDER:
        return LOGIN_REFUSED
    if subject.startswith(("1.", "2.", "4.")) or (not subject and reply.code in (450, 452)):
        return _SOFT
    return _THROTTLE


def _judge_permanent(stage: Stage, reply: Reply, subject: str, meaning: Meaning | None) -> Verdict:
    if meaning is _M.SESSION_FULL:
        return _WHATEVER_THE_STAGE[meaning]
    if stage not in (Stage.MAIL, *_OF_A_MESSAGE):
        is_brief = stage is not Stage.AUTH and meaning in (_M.TOO_FAST, _M.NOT_NOW, _M.GREYLISTED)
        return _THROTTLE if is_brief else LOGIN_REFUSED
    if meaning in _WHATEVER_THE_STAGE or subject in _SENDER_RIGHT or reply.code in _NEEDS_LOGIN:
        return LOGIN_REFUSED
    if (
        meaning is _M.TOO_BIG
        or subject in _TOO_BIG
        or (meaning is None and not subject and reply.code == 552 and stage is not Stage.RCPT)
    ):
        return _POLICY  # at MAIL too: the connection is well
    if stage is Stage.MAIL:
        return (
            _THROTTLE
            if meaning in (_M.TOO_FAST, _M.NOT_NOW, _M.GREYLISTED, _M.RECEIVER_BUSY)
            else LOGIN_REFUSED
        )
    if meaning is _M.NO_SUCH_RECIPIENT and subject in _SENDER:
        return _OURS  # the code says that it is the sender who does not exist
    if meaning in _PERMANENT:
        return _PERMANENT[meaning]
    return _judge_by_codes(stage, reply, subject, meaning)


def _judge_by_codes(stage: Stage, reply: Reply, subject: str, meaning: Meaning | None) -> Verdict:
    """Judge a 5xx whose words decide nothing. Unknown words make the code of a dead mailbox doubtful."""
    if subject in _SENDER:
        return _OURS
    if subject in _SUPPRESSING:
        return _DEAD if not meaning and gives_no_reason(reply.text) and not _AN_IP(reply.text) else _BOUNCED
    if subject == "2.2":
        return _SOFT
    if subject.startswith(("3.", "4.", "5.", "6.", "7.")):
        return _POLICY
    if subject.startswith(("1.", "2.")):
        return _POLICY if meaning is _M.REFUSED else _BOUNCED
    if reply.code == 556:  # RFC 7504: the domain takes no mail
        return _DEAD
    if meaning is _M.WEAK_NOT_NOW or (stage is Stage.RCPT and reply.code == 552):
        return _SOFT
    if meaning is _M.REFUSED or stage is not Stage.RCPT or reply.code not in (550, 551, 553):
        return _POLICY
    return _BOUNCED
