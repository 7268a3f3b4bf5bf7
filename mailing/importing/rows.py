"""One row of a file, as the database is to get it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mailing.addresses import normalised

from .columns import LIST

OWN = ("first_name", "last_name", "phone", "city", "country", "score", "customer_id")
LENGTHS = {"first_name": 100, "last_name": 100, "phone": 40, "city": 100, "country": 2, "customer_id": 64}
LONGEST_CELL = 10_000  # letters
HIGHEST_SCORE = 2**31

_number = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?").fullmatch
_between_lists = re.compile(r"\s*[,;|]\s*").split


class Row(msgspec.Struct):
    """One row of a file, read. `problem` says why it is not taken; `cells` are as they stand in the file."""

    line: int
    cells: Sequence[str]
    email: str
    values: dict[str, Any]
    attributes: dict[str, Any]
    lists: list[int]
    problem: str = ""


def read(number: int, cells: Sequence[str], names: Sequence[str], lists: Mapping[str, int]) -> Row:
    """One row; a cell that is empty says nothing.

    Args:
        names: what each column is taken for.
        lists: keys of the lists there are, by their name in lower case.
    """
    row = Row(number, cells, "", {}, {}, [])
    if len(cells) > len(names) and any(cells[len(names) :]):
        row.problem = (
            f"It has {len(cells)} cells, but the file {len(names)} columns: are quotation marks missing?"
        )
        return row
    given = {
        name: cell
        for name, cell in zip(names, (cell.strip() for cell in cells), strict=False)
        if name and cell
    }
    row.email = given.pop("email", "")
    if not row.email:
        row.problem = "The address is missing."
        return row
    try:
        row.email = normalised(row.email)
    except ValueError as error:
        row.problem = str(error)[:300]
        return row
    for name, cell in given.items():
        if "\0" in cell or len(cell) > LENGTHS.get(name, LONGEST_CELL):
            row.problem = f"“{name}” is too long or holds what no text may."
        elif name == "score":
            if not _number(cell) or "." in cell or abs(int(cell)) >= HIGHEST_SCORE:
                row.problem = f"“{cell[:50]}” is no whole number for the score."
            else:
                row.values[name] = int(cell)
        elif name in OWN:
            row.values[name] = cell.upper() if name == "country" else cell
        elif name == LIST:
            _join(row, cell, lists)
        else:
            row.attributes[name] = typed(cell)
    return row


def _join(row: Row, cell: str, lists: Mapping[str, int]) -> None:
    """A whole cell may be the name of one list, or of several with commas, semicolons or bars between."""
    whole = lists.get(cell.lower())
    for name in [] if whole else filter(None, _between_lists(cell)):
        if name.lower() in lists:
            row.lists.append(lists[name.lower()])
        else:
            row.problem = f"There is no list “{name[:100]}”: an import does not make it."
    if whole:
        row.lists.append(whole)


def typed(cell: str) -> str | int | float:
    """A number where it is written as one: templates and segments compare it as such."""
    if not _number(cell):
        return cell
    return float(cell) if "." in cell else int(cell)
