"""Reads reports that are made for machines: delivery status (RFC 3464, RFC 6533) and feedback (RFC 5965)."""

import re
from collections.abc import Iterator
from email.message import Message

from mailing.bounces import parts
from mailing.bounces.verdicts import Failure, judge_failure

STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
FEEDBACK_TYPES = ("message/feedback-report",)
MOST_RECIPIENTS = 1000  # recipients read of one report
LONGEST_REPORT = 256 * 1024  # characters read of one
ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_OF_CLASS = {"5": "failed", "4": "delayed", "2": "relayed"}  # by the first digit of the status

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")

Group = dict[str, str]


def read_groups(text: str) -> Iterator[Group]:
    """Read the blocks of fields of a status or feedback report; names in small letters, folded lines joined.

    A repeated field begins a new block, since some servers forget the empty line between blocks.
    """
    group: Group = {}
    last = ""
    for line in text.splitlines():
        if not line.strip():
            if group:
                yield group
            group, last = {}, ""
        elif line[0] in " \t" and last:
            group[last] = f"{group[last]} {line.strip()}".strip()
        elif field := _FIELD.match(line):
            last = field[1].lower()
            if last == "final-recipient" and last in group:
                yield group
                group = {}
            group.setdefault(last, field[2].strip())
    if group:
        yield group


def read_recipients(part: Message, around: str) -> dict[str, list[Failure]]:
    """Read what a status report says of its recipients, by action: one of ACTIONS.

    Where the action is missing, or a word of another language, the class of the status tells it.
    """
    told: dict[str, list[Failure]] = {}
    count = 0
    for group in read_groups(decode_report(part)):
        final = read_address(group.get("final-recipient", ""))
        original = read_address(group.get("original-recipient", ""))
        action = _read_action(group, is_recipient=bool(final or original))
        if not action or count >= MOST_RECIPIENTS:
            continue
        count += 1
        reason = strip_type(group.get("diagnostic-code", ""))
        failure = judge_failure(
            final or original, group.get("status", ""), reason, original=original, around=around
        )
        told.setdefault(action, []).append(failure)
    return told


def _read_action(group: Group, *, is_recipient: bool) -> str:
    stated = group.get("action", "").lower().split(" ")[0].strip("\"';,.()")
    if stated.startswith(("fail", "expired")):
        return "failed"
    if stated in ACTIONS or not is_recipient:
        return stated if stated in ACTIONS else ""
    return _OF_CLASS.get(group.get("status", "")[:1], "")


def read_feedback(part: Message) -> tuple[str, list[str]]:
    """Read a feedback report: its type in small letters, and the recipients it names."""
    text = decode_report(part)
    fields: Group = {}
    for group in read_groups(text):
        fields = group | fields
    words = fields.get("feedback-type", "").lower().split()
    named = re.findall(
        r"^(?:original-rcpt-to|removal-recipient)[ \t]*:[ \t]*(.+)", text, re.IGNORECASE | re.MULTILINE
    )
    addresses = [address for value in named[:MOST_RECIPIENTS] if (address := read_address(value))]
    return (words[0].strip(";,.") if words else "", addresses)


def decode_report(part: Message) -> str:
    """Return the text of a report."""
    return parts.decode_text(part, LONGEST_REPORT)


def read_address(value: str) -> str:
    """Return the address of "rfc822; ada@shop.example", in small letters; "" where there is none."""
    kind, separator, rest = value.partition(";")
    if separator and "@" not in kind:
        value = rest
        if kind.strip().lower() == "utf-8":
            value = _UNITEXT.sub(lambda found: decode_point(found[1]), value)
        else:
            value = _decode_xtext(value)
    found = parts.ADDRESS.search(value.strip())
    return found[0].strip(".'").lower() if found else ""


def decode_point(digits: str) -> str:
    """Return the letter of a code point in hexadecimal digits; the digits when there is no such letter."""
    number = int(digits, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else digits


def strip_type(value: str) -> str:
    """Return a value without its type: of "smtp; 550 5.1.1 no such user" what follows "smtp;"."""
    kind, separator, rest = value.partition(";")
    return rest.strip() if separator and re.fullmatch(r"[\w.-]+", kind.strip()) else value.strip()


def _decode_xtext(value: str) -> str:
    """Decode the xtext (RFC 3461 §4) of an address. Only signs that no address may hold count as encoded."""

    def decode(found: re.Match[str]) -> str:
        letter = chr(int(found[1], 16))
        return letter if letter in "+=" else found[0]

    return _XTEXT.sub(decode, value)
