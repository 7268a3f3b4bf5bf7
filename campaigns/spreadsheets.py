"""CSV as it is handed out, line by line: a million rows never stand in memory together."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.utils import timezone

CHUNK = 2000  # rows read from the database at once

_number = re.compile(r"[+-][\d\s().,/-]*").fullmatch  # of a telephone too


class _Echo:
    """A file for csv.writer that gives back each line it is given."""

    def write(self, line: str) -> str:
        return line


def lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Each row as a line of CSV."""
    writer = csv.writer(_Echo())
    return (writer.writerow(row) for row in rows)


def cell(value: object) -> object:
    """A value as it is written: an instant in the site's zone, a text so that no spreadsheet takes it for a formula."""
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(sep=" ", timespec="seconds")
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) and not _number(value):
        return f"'{value}"
    return value
