"""CSV as it is handed out, line by line: a million rows never stand in memory together."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence

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


def harmless(cell: str) -> str:
    """The cell, made plain text where a spreadsheet would take it for a formula."""
    is_formula = cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not _number(cell)
    return f"'{cell}" if is_formula else cell
