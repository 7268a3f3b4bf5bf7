"""Reads bounces in plain words, as older servers write them: qmail, Exim, Sendmail, Exchange, Lotus, IBM, MDaemon.

No library reads the reason. flufl.bounce finds the addresses, but neither codes nor words, and we suppress nobody
without these. So this module reads the words before the returned message, and the table of SMTP refusals judges them.
"""

import re
from email.message import Message

from mailing.bounces import parts
from mailing.bounces.verdicts import Failure, judge_failure

MOST_FAILURES = 20  # addresses read of one report
LONGEST_REASON = 600  # characters read behind an address

_ROBOT = re.compile(
    r"\b(?:mailer[-_ ]?daemon|mail[- ]?delivery|postmaster|mdaemon|mail[- ]?system|mailerdaemon)\b",
    re.IGNORECASE,
).search
# people and shops are called so too
_PERHAPS_ROBOT = re.compile(
    r"\b(?:delivery|lotus|notes|no-?reply-?bounce|majordomo|mail[- ]?administrator|microsoft ?exchange[0-9a-f]*)\b",
    re.IGNORECASE,
).search
_is_answer = re.compile(r"\W*(?:re|aw|sv|antw|fwd?|wg|tr|r[ée]p?)\s*:", re.IGNORECASE).match
_FAILED = re.compile(
    r"failure notice|delivery status notification: error|failed permanently"
    r"|undeliver|undelivered|returned (?:mail|to sender|message)|delivery (?:status notification "
    r"\(failure\)|fail|report|has failed|problem|unsuccessful)|mail (?:delivery |system )?(?:fail|error)"
    r"|delivery notification: (?:delivery )?(?:has )?failed|non[- ]?(?:delivery|deliverable|remis)|not deliver"
    r"|could not (?:be )?(?:send|sent|deliver)|unable to deliver|message not delivered|permanent (?:delivery )?fail"
    r"|unzustellbar|nicht (?:zugestellt|zustellbar)|unzustellbarkeit|fehlgeschlagen|mail konnte nicht|non remis"
    r"|[ée]chec (?:de |d')|no se (?:ha )?(?:pudo|podido) entregar|error de entrega|mancata consegna|non recapitat"
    r"|onbestelbaar|niet afgeleverd|niedostarcz|nie dostarcz|не доставлен|недоставлен|配信(?:不能|エラー|できません)"
    r"|退信|无法投递|nondeliverable|bounce|user unknown|rejected",
    re.IGNORECASE,
).search
_DELAYED = re.compile(
    r"delay|warning: (?:could not send|message)|will (?:be )?(?:retry|retried|keep trying|try again|continue to)"
    r"|still (?:being|trying)|not yet been delivered|has not been delivered yet|no action is required"
    r"|this is a warning message only|do not need to resend|verz[öo]ger|retard[ée]|en attente de|retrasad",
    re.IGNORECASE,
).search
_FINAL = re.compile(
    r"permanent|giving up|given up|i've given up|gave up|not be (?:delivered|retried)|undeliverable|failed"
    r"|fatal|returned",
    re.IGNORECASE,
).search
# Signs at the beginning of a line are gone through once (*+): a line of dashes is long in a message made to take time.
_ORIGINAL = re.compile(
    r"^(?:(?=[ \t>*=-]*?--)[ \t>*=-]*+.*(?:copy of|original message|returned (?:mail|message)"
    r"|message (?:header|body|text|follows)|unsent message|forwarded|transcript of session follows -----\s*\Z)"
    r"|[ \t>*=-]*?\* *original"
    r"|[ \t>*=-]*+(?:(?:included|below|attached|following|this) (?:is|are) (?:a|the) copy|message headers? follow"
    r"|(?<=--- )(?:the )?(?:header|original|below)|original message (?:follows|header)|received-from-mta:"
    r"|original message:?\s*$|the (?:header|first|following is|original).{0,40}(?:message|copy)"
    r"|your (?:original )?message follows"
    r"|unsent message follows|returned message follows|(?:kopie|nachfolgend).{0,40}nachricht"
    r"|original message headers?:?\s*$|message (?:header|contents?) (?:follow|begins?)))",
    re.IGNORECASE | re.MULTILINE,
)
_HEADERS = re.compile(
    r"^[ \t>]*(?:received: (?:from|by)|return-path: ?<|dkim-signature:|message-id: ?<|mime-version: 1)",
    re.IGNORECASE | re.MULTILINE,
)
_LOCAL = r"[\w.!#$%&'*+/=?^`{|}~-]"
_ADDRESS = re.compile(rf"(?<!{_LOCAL}){_LOCAL}+@[\w-]+(?:\.[\w-]+)+")
_PASSED_OVER = re.compile(
    r"(?:mailer-daemon|postmaster|mail-daemon|mailerdaemon|hostmaster|abuse|support|helpdesk|admin(?:istrator)?)@",
    re.IGNORECASE,
).match
_REPLY = re.compile(r"\[([45]\d\d[ -][^\]\n]*)\]|(?:^|[\s:>])([45]\d\d[ -](?:.|\n(?!\s*\n))*)")
_SAYS_ADDRESS = re.compile(
    r"(?:from|sender|sent by|mail from|return-path|reply-to|contact|message-id|return path)\W*(?:is|was)?\W*$",
    re.IGNORECASE,
).search


def is_from_server(message: Message) -> bool:
    """Return whether a mail server wrote the message. An empty return path only shows that some program did."""
    if "X-Failed-Recipients" in message or is_robot(message):
        return True
    subject = parts.read_header(message, "Subject")
    if _is_answer(subject):
        return False
    if _PERHAPS_ROBOT(parts.read_header(message, "From")):
        return is_failure_subject(subject)
    is_nobody = parts.read_header(message, "Return-Path") == "<>"
    return is_nobody and bool(_FAILED(subject))


def is_robot(message: Message) -> bool:
    """Return whether the sender is called as mail servers are, and nobody else."""
    return bool(_ROBOT(parts.read_header(message, "From")))


def is_failure_subject(subject: str) -> bool:
    """Return whether a subject tells of a mail that did not arrive, or not yet."""
    return bool(_FAILED(subject) or _DELAYED(subject))


def tells_failure(message: Message, text: str) -> bool:
    """Return whether a server's message in plain words is about a mail that did not arrive."""
    if "X-Failed-Recipients" in message:
        return True
    return bool(_FAILED(parts.read_header(message, "Subject")) or _FAILED(text[:2000]))


def tells_delay(message: Message, text: str) -> bool:
    """Return whether the message only says that the server goes on trying."""
    subject = parts.read_header(message, "Subject")
    if _FAILED(subject) and not _DELAYED(subject):
        return False
    is_delay = bool(_DELAYED(subject) or _DELAYED(text[:2000]))
    return is_delay and not (_FINAL(subject) or ("X-Failed-Recipients" in message))


def cut_original(text: str) -> str:
    """Return the words before the message that is returned."""
    places = [found.start() for pattern in (_ORIGINAL, _HEADERS) if (found := pattern.search(text, 1))]
    return text[: min(places)] if places else text


def read_failures(message: Message, text: str, own: frozenset[str]) -> list[Failure]:
    """Read the recipients that a report in plain words names, each with its reason.

    Args:
        text: the words before the returned message.
        own: our own addresses, to which the report was sent.
    """
    named = [
        address.lower()
        for header in parts.read_headers(message, "X-Failed-Recipients")
        for address in _ADDRESS.findall(header)
    ][:MOST_FAILURES]
    places = find_addresses(text, own)
    if named:
        places = [(address, find_place(places, address)) for address in dict.fromkeys(named)]
    failures = []
    for address, place in places[:MOST_FAILURES]:
        later = [other for _, other in places if other > place]
        reason = find_reason(text, address, place, min(later, default=len(text)))
        failures.append(judge_failure(address, "", reason, around=text[:1000]))
    return failures


def find_place(places: list[tuple[str, int]], address: str) -> int:
    """Find the place of an address in the text, 0 where it is not there."""
    return next((place for found, place in places if found == address), 0)


def find_addresses(text: str, own: frozenset[str]) -> list[tuple[str, int]]:
    """Return the addresses that a report may be about, each with its first place; without ours and those of servers."""
    found: dict[str, int] = {}
    for match in _ADDRESS.finditer(text):
        address = match[0].strip(".'`").lower()
        before = text[max(0, match.start() - 30) : match.start()]
        line = before.rpartition("\n")[2]
        if address in own or _PASSED_OVER(address) or _SAYS_ADDRESS(line):
            continue
        found.setdefault(address, match.start())
    return list(found.items())


def find_reason(text: str, address: str, place: int, end: int) -> str:
    """Return the words about one address: from its place to that of the next, or the lines above the first."""
    behind = text[place : min(end, place + LONGEST_REASON)]
    behind = behind[len(address) :] if behind.lower().startswith(address) else behind
    if reply := _REPLY.search(behind):  # what the server said, without what ours says around it
        return (reply[1] or reply[2]).strip()
    if len(behind.strip(" \r\n\t<>:;.,-")) > 3:
        return behind.strip(" \r\n\t<>:;,-").lstrip(". \r\n\t")
    return text[max(0, place - LONGEST_REASON) : place].strip()
