"""Judges how much a failure says against its recipient, by the table of SMTP refusals.

A report comes after the whole delivery has failed, so a temporary refusal is final here. A report never suppresses an
address that the same words in a reply to RCPT would not suppress.
"""

import re
from enum import StrEnum

import msgspec

from mailing.smtp.phrases import Meaning, find_meaning
from mailing.smtp.replies import Reply, Stage
from mailing.smtp.verdicts import Kind as ReplyKind
from mailing.smtp.verdicts import classify

LONGEST_REASON = 1000  # characters kept of a reason
_CODE = re.compile(r"(?<![\d.])([245]\d\d)(?=[\s#(-]|$)")
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
# as IronPort and Amazon SES write what a server said: 5.1.0 - Unknown address error 550-'5.7.1 …'
_inner_reply = re.compile(
    r"\d\.\d\.\d - [A-Za-z ]{1,60} ([245]\d\d)-'(.*?)'?(?: \(delivery attempts: \d+\))?"
).fullmatch
_SAYS_NOTHING = frozenset(
    {
        None,
        Meaning.NO_SUCH_RECIPIENT,
        Meaning.UNCERTAIN,
        Meaning.LOCKED,
        Meaning.REFUSED,
        Meaning.WEAK_NOT_NOW,
    }
)
# what an expiry or an outage may say besides, without a word about us
_SAYS_NO_MORE = frozenset({None, Meaning.WEAK_NOT_NOW, Meaning.NOT_NOW, Meaning.REFUSED})
_EXPIRED = ("4.4.", "5.4.4", "5.4.7", "5.4.1")
_tells_expiry = re.compile(
    r"delivery time expired|could not be delivered for|retry time(?:out| not reached)|message (?:has )?expired"
    r"|envelope expired"
    r"|queue too long|too long in the queue|maximal queue|too old|timed? ?out|giving up|delivery timeout"
    r"|failing for a long time|delivery failed \d+ attempts",
    re.IGNORECASE,
).search
# of a host that could not be reached: the words of an operating system, and no answer of a mail server
_OUTAGE = re.compile(
    r"connection (?:was )?(?:refused|reset)|no route to host|(?:host|network) is unreachable|lost connection"
    r"|(?:did not|cannot|could not|unable to) (?:accept our requests to )?connect|dns query failed",
    re.IGNORECASE,
)


class Severity(StrEnum):
    """What a failure says of the address."""

    HARD = "hard"  # it does not exist: suppress it
    SOFT = "soft"  # it could not take the mail for days: five in a row suppress it
    REFUSED = "refused"  # refused for good, but not as unknown: counted, nobody is suppressed
    OURS = "ours"  # our mail, our server or our pace was refused: it says nothing of the address


_MILDEST_FIRST = (Severity.OURS, Severity.REFUSED, Severity.SOFT, Severity.HARD)


class Failure(msgspec.Struct, frozen=True):
    """One recipient that a report says the mail did not reach.

    address: as the server saw it last. original: as we wrote it, "" where the report does not say. text: the reason.
    """

    address: str
    severity: Severity
    original: str = ""
    code: int | None = None
    enhanced: str = ""
    text: str = ""


def judge_failure(address: str, status: str, reason: str, *, original: str = "", around: str = "") -> Failure:
    """Judge one failed recipient.

    Args:
        address: the recipient, "" when the report names none.
        status: the enhanced code the report states, "" for none.
        reason: what the server said, with or without codes.
        around: other words of the report. They may prevent a suppression, and never cause one.
    """
    words = " ".join(reason.split())[:LONGEST_REASON]
    if wrapped := _inner_reply(words):  # the words before it are those of the code alone
        words = f"{wrapped[1]} {wrapped[2]}"
    stated, said = _ENHANCED.search(status), _ENHANCED.search(words)
    enhanced = stated[1] if stated else ""
    if said and (not enhanced or enhanced.endswith(".0.0")):
        enhanced = said[1]
    basic = _CODE.search(words)
    code = int(basic[1]) if basic and basic[1][0] != "2" else None
    likely = code or (450 if enhanced.startswith("4") else 550)
    is_answer = code is not None and enhanced[1:4] != ".4."
    return Failure(
        address,
        _judge(likely, enhanced, words, around, is_answer=is_answer),
        original,
        code,
        enhanced,
        words,
    )


def choose_mildest(failures: list[Failure]) -> Failure:
    """Return the mildest of several failures. None of them names our recipient."""
    return min(failures, key=lambda failure: _MILDEST_FIRST.index(failure.severity))


def _judge(code: int, enhanced: str, words: str, around: str, *, is_answer: bool) -> Severity:
    text = _ENHANCED.sub(" ", _CODE.sub(" ", words)).strip(" :;-#()")
    verdict = classify(Stage.RCPT, Reply(code, enhanced, text))
    if not verdict.suppress and _was_away(enhanced, text, is_answer=is_answer):
        return Severity.SOFT  # for days
    if verdict.kind is ReplyKind.HARD:
        if enhanced[1:4] == ".4." and "recipient address rejected" not in words.lower():
            return Severity.SOFT  # no way to the host, which a resolver of ours may be the cause of
        if not verdict.suppress:
            return Severity.REFUSED
        is_doubted = not text and find_meaning(around) not in _SAYS_NOTHING
        return Severity.REFUSED if is_doubted else Severity.HARD
    return Severity.SOFT if verdict.kind is ReplyKind.SOFT else Severity.OURS


def _was_away(enhanced: str, text: str, *, is_answer: bool) -> bool:
    """Return whether a failure only says that the host was not reached until the server gave up.

    Args:
        is_answer: a mail server said these words. An operating system may have said others.
    """
    if _tells_expiry(text) or (not is_answer and _OUTAGE.search(text)):
        return find_meaning(_OUTAGE.sub(" ", text)) in _SAYS_NO_MORE
    return enhanced.startswith(_EXPIRED) and find_meaning(text) in (None, Meaning.WEAK_NOT_NOW)
