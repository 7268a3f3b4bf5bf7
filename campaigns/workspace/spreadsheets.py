"""Writes CSV line by line, so that a million rows are never in memory together.

No cell becomes a formula in a spreadsheet, whichever separator it uses. An apostrophe, the spreadsheets' own mark for
text, stands before a sign that could begin a formula: at the start of the cell, and after each `;`, tab, bar or line
break in it, where another separator would begin a new cell. `remove_mark` removes exactly these marks.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.utils import timezone

from campaigns import formats
from campaigns.annotations import Words

CHUNK = 2000  # rows read from the database at once

_BEGINS = "=+\\-@＝＋－＠"  # Excel takes the full-width forms for the ASCII ones
# What a spreadsheet may leave out before a formula: spaces of all kinds, signs that are not seen, and a quotation mark,
# which opens a cell behind another separator.
_BLANKS = r'["\0-\x08\x0e-\x1b\x1f \u00a0\u1680\u2000-\u200b\u202f\u205f\u3000\ufeff]*'
_START = rf"((?:^|[;|\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029]){_BLANKS})"
_may_need_mark = re.compile(rf"[{_BEGINS}\t\r']").search
_unmarked = re.compile(rf"{_START}('*)(?=[{_BEGINS}])|\A('*)(?=[\t\r])")
_marked = re.compile(rf"{_START}'('*)(?=[{_BEGINS}])|\A'('*)(?=[\t\r])")
_number = re.compile(r"[+-][\d \u00a0().,/-]*").fullmatch  # of a telephone too
# as Shopify writes: '00184, '+39333000000
_marked_number = re.compile(r"'+[+-]?\d[\d \u00a0().,/-]*").fullmatch


class _Echo:
    """A file for csv.writer that returns each line instead of storing it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Return each row as a line of CSV, its values as `write_cell` writes them."""
    writer = csv.writer(_Echo())
    return (writer.writerow([*map(write_cell, row)]) for row in rows)


def write_headings(labels: Iterable[Words]) -> list[str]:
    """Return labels of columns as the first line of a file has them, in the language of the page."""
    return [formats.in_sentence(label) for label in labels]


def write_cell(value: object) -> object:
    """Write a value: an instant in the user's zone with its offset, a text so that it is no formula."""
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, str) and _may_need_mark(value) and not _number(value):
        # a number that has a mark of its own gets one more, so that exactly ours comes off again
        return f"'{value}" if _marked_number(value) else _unmarked.sub(r"\1'\2\3", value)
    return value


def remove_mark(value: str) -> str:
    """Return the text without the mark of `write_cell`, or the mark that other systems put before numbers."""
    if "'" not in value:
        return value
    return value[1:] if _marked_number(value) else _marked.sub(r"\1\2\3", value)
