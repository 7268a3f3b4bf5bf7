"""How segments compare the values of contacts: as numbers, as dates, else as text.

A number may have a decimal comma and thousands set off (12,50 and 1.234,50 and 1,234.50); one with a leading zero
equals only what is written alike, since it is a postal code or an article. A date is written as ISO 8601 or as
15.02.2026, and may have a time behind it; two times that name their offset from UTC compare as instants, others as
clocks show them. What is no number is neither above nor below one; what is no date is neither before nor after one.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from campaigns.annotations import Argument

# What is longer is neither a number nor a date. The length is asked by itself, since "{1,100}" in a pattern takes
# PostgreSQL seven times as long as "+".
_LONGEST = 100
# Each form of a number: how it is recognised, and the SQL that reads it.
_NUMBERS = (
    (r"^[-+]?[0-9]+([.][0-9]+)?$", "({0})::numeric"),
    (r"^[-+]?[0-9]+,[0-9]{1,2}$", "replace({0}, ',', '.')::numeric"),
    (r"^-?[0-9]{1,3}([.][0-9]{3}){1,4},[0-9]{1,2}$", "replace(replace({0}, '.', ''), ',', '.')::numeric"),
    (r"^-?[0-9]{1,3}(,[0-9]{3}){1,4}[.][0-9]{1,2}$", "replace({0}, ',', '')::numeric"),
)
_EQUAL = r"^-?(0|[1-9][0-9]{0,14})([.,][0-9]{1,15})?$"  # numbers that equal others in value
_MONTH_DAY = (
    r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))"
)
_ISO = rf"^[0-9]{{4}}-{_MONTH_DAY}([T ].*)?$"
_DOTTED = r"^(0?[1-9]|[12][0-9]|3[01])[.](0?[1-9]|1[0-2])[.][0-9]{4}( .*)?$"
_LEAP_DAY = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29"
_DAY = (
    r"([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    rf"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP_DAY})"
)
# What PostgreSQL casts to an instant without an error: all of it is checked, since one row must not stop a count.
_INSTANT = (
    rf"^(?!0000){_DAY}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{{1,6}})?)?"
    r"(Z|[-+](0[0-9]|1[0-4])(:?[0-5][0-9])?)$"
)
_ISO_DAY = rf"^[0-9]{{4}}-{_MONTH_DAY}$"
_DOTTED_DAY = r"^(0?[1-9]|[12][0-9]|3[01])[.](0?[1-9]|1[0-2])[.][0-9]{4}$"

_DOTTED_AS_ISO = (
    "right(split_part({0}, ' ', 1), 4) || '-' || lpad(split_part({0}, '.', 2), 2, '0')"
    " || '-' || lpad(split_part({0}, '.', 1), 2, '0')"
)

_iso_value = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)\S{0,12})?").fullmatch
_dotted_value = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})").fullmatch

_thousands = re.compile(r"(?<=[0-9])[ '’\xa0\u202f](?=[0-9]{3}(?![0-9]))").sub
_digits_only = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)*(?:e[-+]?[0-9]+)?", re.IGNORECASE).fullmatch


class Condition(NamedTuple):
    """SQL that is true for the rows of mailing_contact AS contact it chooses, and its parameters in their order."""

    sql: str
    params: list[Argument]


def is_among(column: str, found: str) -> str:
    """Return the condition that `column` is among what the query `found` yields, of one column; it is never unknown.

    PostgreSQL joins what is asked by EXISTS or NOT EXISTS, however much is found. NOT IN, and IN beside OR, would go
    through all that was found for each row, unless it fits into the memory of a hash.
    """
    return f"EXISTS (SELECT FROM ({found}) AS found (key) WHERE found.key = {column})"


def negate(sql: str) -> str:
    """Return the condition that another is not true: it is false, or unknown."""
    return f"NOT {sql}" if sql.startswith("EXISTS (") else f"({sql}) IS NOT TRUE"


def compare(text: str, sign: str, value: str) -> Condition:
    """Return the condition that `text`, SQL without parameters, is above or below a value; `sign`: < > <= or >=."""
    if number := read_number(value):
        cases = [(form, reading, "%s::numeric", number) for form, reading in _NUMBERS]
        return _compare_what_is_short(text, sign, cases)
    if day := read_date(value):
        part = "left({0}, 10)" if len(day) == 10 else "left(replace({0}, ' ', 'T'), 19)"
        cases = [(_ISO, part, "%s", day), (_DOTTED, _DOTTED_AS_ISO, "%s", day)]
        if instant := read_instant(value):
            cases.insert(0, (_INSTANT, "({0})::timestamptz", "%s::timestamptz", instant))
        return _compare_what_is_short(text, sign, cases)
    if _digits_only(value):
        return Condition("false", [])  # a number beyond all that a field may hold
    return Condition(f"lower({text}) {sign} lower(%s)", [value])


def equals(text: str, value: str) -> Condition:
    """Return the condition that `text`, SQL without parameters, equals a value as a number, a date or in any case."""
    same = f"lower({text}) = lower(%s)"
    day = read_date(value)
    if len(day) == len("2026-01-15"):
        cases = [(_ISO_DAY, "{0}", "%s", day), (_DOTTED_DAY, _DOTTED_AS_ISO, "%s", day)]
        as_day = _compare_by_form(text, "=", cases)
        return Condition(f"({same} OR coalesce({as_day.sql}, false))", [value, *as_day.params])
    if not re.match(_EQUAL, value):
        return Condition(same, [value])
    number = value.replace(",", ".")
    as_number = f"CASE WHEN {text} ~ '{_EQUAL}' THEN replace({text}, ',', '.')::numeric = %s::numeric END"
    return Condition(f"({same} OR coalesce({as_number}, false))", [value, number])


def _compare_what_is_short(text: str, sign: str, cases: Sequence[tuple[str, str, str, str]]) -> Condition:
    """Compare by the first form that fits a text that is not too long, and begins as each of the forms does."""
    compared = _compare_by_form(text, sign, cases)
    unlike = f"length({text}) > {_LONGEST} OR {text} !~ '^[-+]?[0-9]'"
    return Condition(f"CASE WHEN {unlike} THEN NULL ELSE {compared.sql} END", compared.params)


def _compare_by_form(text: str, sign: str, cases: Sequence[tuple[str, str, str, str]]) -> Condition:
    """Compare by the first form that fits. A text that fits none is neither above, below nor equal.

    A case is the form as a pattern, the SQL that reads the text, the mark of the value, and the value.
    """
    whens = [
        f"WHEN {text} ~ '{form}' THEN {reading.format(text)} {sign} {mark}"
        for form, reading, mark, _ in cases
    ]
    return Condition(f"CASE {' '.join(whens)} END", [value for *_, value in cases])


def read_number(value: str) -> str:
    """Return a value as SQL reads numbers, "" when it is none. Blanks and apostrophes may separate thousands."""
    value = _thousands("", value.strip())
    if len(value) > _LONGEST or not any(re.match(form, value) for form, _ in _NUMBERS):
        return ""
    if value.rfind(",") > value.rfind("."):
        return value.replace(".", "").replace(",", ".")
    return value.replace(",", "")


def is_impossible_date(value: str) -> bool:
    """Return whether a value is written as a date, but there is no such day."""
    return bool(_iso_value(value) or _dotted_value(value)) and not read_date(value)


def read_date(value: str) -> str:
    """Return a value as ISO 8601, to the day or, if it has a time, to the second; "" when it is no date."""
    if match := _iso_value(value):
        day, time = match[1], match[2]
    elif match := _dotted_value(value):
        day, time = f"{match[3]}-{match[2]:0>2}-{match[1]:0>2}", None
    else:
        return ""
    try:
        date.fromisoformat(day)
    except ValueError:
        return ""
    return f"{day}T{time}" if time else day


def read_instant(value: str) -> str:
    """Return a value with a time and its offset from UTC as ISO 8601 in UTC; "" for what is none."""
    if not re.match(_INSTANT, value):
        return ""
    try:
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):  # an instant before the year 1 or after 9999
        return ""
