"""Checks rows of a file, and turns them into lines for the database. A row that is refused gets a sentence here.

It works column by column: a loop over the cells takes three times as long, and imports bring millions.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress, count, repeat, zip_longest

import msgspec

from campaigns.sentences import keep, mark
from campaigns.texts import holds_unseen, is_blank
from campaigns.workspace.spreadsheets import remove_mark
from mailing.addresses import normalise_address
from mailing.countries import country_code
from mailing.languages import read_language
from mailing.local_time import read_zone

from .columns import CONSENT, LEFT_OUT, LIST, holds_marked_text
from .files import OddRow
from .headings import find_decline_reason
from .stored_verdicts import Block, Verdict

OWN_COLUMNS = (
    "first_name",
    "last_name",
    "phone",
    "city",
    "country",
    "language",
    "time_zone",
    "score",
    "customer_id",
)
LENGTHS = {"first_name": 100, "last_name": 100, "phone": 40, "city": 100, "customer_id": 64}
# Fields that hold one of a list: what people write is read into it.
READERS: tuple[tuple[str, str, Callable[[str], str]], ...] = (
    ("country", "country", country_code),
    ("language", "language", read_language),
    ("time_zone", "time zone", read_zone),
)
READ_FIELDS = tuple(taken for taken, _, _ in READERS)
LONGEST_CELL = 10_000  # letters
LONGEST_SHOWN = 300  # letters, of what could not be read
HIGHEST_SCORE = 2**31

_number = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?").fullmatch
_whole = re.compile(r"(-?\d{1,10})(?:[.,]0{1,2})?", re.ASCII).fullmatch  # 1.000 may be a thousand
_between_lists = re.compile(r"[,;|]").split


class RowBatch(msgspec.Struct):
    """Rows that stand together in a file, as they were read. Places count from 0.

    block: their verdicts as far as the file alone tells. `created` is provisional: where the database knows the
    contact, it becomes `updated`; the database may also refuse the row.
    lines: the rows with the verdict `created` as CSV: place, address, OWN_COLUMNS, and the attributes as JSON. cells:
    all rows as they stand in the file. lists: keys by place, for the rows that name any. numbers: the places of each
    customer number that comes more than once. declined: the reason of a suppression by place, for those who want no
    mail.
    """

    block: Block
    lines: str
    cells: Sequence[Sequence[str]]
    lists: dict[int, list[int]]
    numbers: dict[str, list[int]]
    declined: dict[int, str]


def read_rows(
    first: int,
    cells: Sequence[Sequence[str]],
    names: Sequence[tuple[str, str]],
    lists: Mapping[str, int],
) -> RowBatch:
    """Read rows, the first of which is the row `first` of the file. An empty cell changes nothing.

    What is wrong with a cell becomes a sentence in `problems`; `_judge_addresses` gives such a row the verdict INVALID.

    Args:
        names: for each column its name in the file, and its meaning.
        lists: keys of the lists there are, by their name in lower case.
    """
    problems = _find_misshapen(cells, len(names))
    notes: dict[int, list[str]] = {}
    declined: dict[int, str] = {}
    columns: dict[str, list[str]] = {}
    for (name, taken), values in zip(names, _turn_into_columns(cells, len(names)), strict=True):
        if taken in CONSENT:
            _find_declined(name, taken, [*map(str.strip, values)], declined, notes)
        elif taken != LEFT_OUT:
            columns[taken] = _clean_cells(name, taken, values, problems)
    emails = _read_each(columns.pop("email"), _read_email, problems)
    for name, column in columns.items():
        columns[name] = _leave_out_long(name, column, notes)
    if "score" in columns:
        columns["score"] = _read_each(columns["score"], _read_score, problems)
    for taken, called, read in READERS:
        if taken in columns:
            columns[taken] = _read_known(columns[taken], called, read, notes)
    named = _match_lists(columns.pop(LIST, ()), lists, problems)
    own = {name: columns.pop(name) for name in OWN_COLUMNS if name in columns}
    block = _judge_addresses(first, emails, problems, notes)
    lines = _write_copy_lines(
        block, [own.get(name, repeat("")) for name in OWN_COLUMNS], _encode_attributes(columns, len(cells))
    )
    return RowBatch(block, lines, cells, named, _find_doubles(own.get("customer_id", ())), declined)


def _clean_cells(name: str, taken: str, column: Sequence[str], problems: dict[int, str]) -> list[str]:
    """Return the cells without blanks around them and without the marks that make spreadsheets read them as text."""
    bare = [*map(str.strip, column)]
    text = "".join(bare)  # one look at all of them: nearly always there is neither
    if "\0" in text and taken != "email":
        for place, cell in enumerate(bare):
            if "\0" in cell:
                problems.setdefault(
                    place, keep("“%(taken)s” holds a character that cannot be stored.", taken=taken)
                )
    if holds_unseen(text):
        bare = ["" if is_blank(cell) else cell for cell in bare]
    if "\x1a" in text:  # it ends files of DOS
        bare = [cell.strip("\x1a") for cell in bare]
    if not unicodedata.is_normalized("NFC", text):  # a Mac writes é as two
        bare = [unicodedata.normalize("NFC", cell) for cell in bare]
    if '="' in text:  # how Excel is told that 00123 is text
        bare = [cell[2:-1] if cell.startswith('="') and cell.endswith('"') else cell for cell in bare]
    if "'" in text:
        if holds_marked_text(name, taken):
            return [cell.removeprefix("'") if cell[1:2].isalnum() else remove_mark(cell) for cell in bare]
        return [*map(remove_mark, bare)]
    return bare


def _find_declined(
    name: str, taken: str, column: Sequence[str], declined: dict[int, str], notes: dict[int, list[str]]
) -> None:
    """Add to `declined` each row in which this column says that the person wants no mail."""
    reasons = {cell: find_decline_reason(name, taken, cell) for cell in {*column}}
    if not any(reasons.values()):
        return
    for place, cell in enumerate(column):
        if reasons[cell] and place not in declined:
            declined[place] = reasons[cell]
            notes.setdefault(place, []).append(
                keep("Opted out: “%(name)s” is “%(cell)s”.", name=name[:50], cell=cell[:50])
            )


def _find_misshapen(cells: Sequence[Sequence[str]], width: int) -> dict[int, str]:
    """Find lines that are no rows, and rows with values beyond the last column; return a sentence for each."""
    return {
        place: row.reason
        if isinstance(row, OddRow)
        else keep(
            "It has %(count)s cells, but the file %(width)s columns: are quotation marks missing?",
            count=len(row),
            width=width,
        )
        for place, row in enumerate(cells)
        if isinstance(row, OddRow) or (len(row) > width and any(row[width:]))
    }


def _turn_into_columns(cells: Sequence[Sequence[str]], width: int) -> list[Sequence[str]]:
    """Return the cells by column, as many columns as the file has. A short row is filled with empty cells."""
    if any(len(row) > width for row in cells):
        cells = [row[:width] for row in cells]
    columns: list[Sequence[str]] = [*zip_longest(*cells, fillvalue="")]
    return columns + [("",) * len(cells)] * (width - len(columns))


def _read_each(column: Sequence[str], read_one: Callable[[str], str], problems: dict[int, str]) -> list[str]:
    """Return the column with each cell as `read_one` reads it. A cell that it refuses is a problem, and stays."""
    values = []
    for place, cell in enumerate(column):
        try:
            values.append(read_one(cell))
        except ValueError as error:
            values.append(cell[:LONGEST_SHOWN])
            problems.setdefault(place, str(error)[:LONGEST_SHOWN])
    return values


def _read_email(cell: str) -> str:
    if not cell:
        raise ValueError(mark("The address is missing."))
    return normalise_address(cell)


def _read_score(cell: str) -> str:
    if not cell:
        return ""
    whole = _whole(cell)
    if not whole or abs(int(whole[1])) >= HIGHEST_SCORE:
        raise ValueError(keep("“%(cell)s” is not a whole number for the score.", cell=cell[:50]))
    return str(int(whole[1]))


def _leave_out_long(name: str, column: list[str], notes: dict[int, list[str]]) -> list[str]:
    """Empty the cells that are too long for an optional field, with a note; their rows are imported."""
    longest = LONGEST_CELL if name in (LIST, *READ_FIELDS) else LENGTHS.get(name, LONGEST_CELL)
    if max(map(len, column)) <= longest:
        return column
    for place, cell in enumerate(column):
        if len(cell) > longest:
            notes.setdefault(place, []).append(
                keep(
                    "“%(name)s” is left out: it is longer than %(longest)s letters.",
                    name=name,
                    longest=longest,
                )
            )
    return [cell if len(cell) <= longest else "" for cell in column]


def _read_known(
    column: Sequence[str], called: str, read: Callable[[str], str], notes: dict[int, list[str]]
) -> list[str]:
    """Return the column with each cell as `read` reads it; empty a cell that it does not know, with a note."""
    known = {cell: read(cell) for cell in {*column} if cell}
    unknown = {cell for cell, value in known.items() if not value}
    for place, cell in enumerate(column) if unknown else ():
        if cell in unknown:
            notes.setdefault(place, []).append(
                keep("The %(called)s is left out: “%(cell)s” is none we know.", called=called, cell=cell[:50])
            )
    return [known.get(cell, "") for cell in column]


def _match_lists(
    column: Iterable[str], lists: Mapping[str, int], problems: dict[int, str]
) -> dict[int, list[int]]:
    """Find the lists that each cell names: by the whole cell, or by names between commas, semicolons or bars."""
    found: dict[int, list[int]] = {}
    for place, cell in enumerate(column):
        if not cell:
            continue
        words = (
            [cell]
            if cell.lower() in lists
            else [word for part in _between_lists(cell) if (word := part.strip())]
        )
        for word in words:
            if word.lower() in lists:
                found.setdefault(place, []).append(lists[word.lower()])
            else:
                problems.setdefault(
                    place, keep("There is no list “%(word)s”: an import does not make it.", word=word[:100])
                )
    return found


def _encode_attributes(columns: Mapping[str, Sequence[str]], rows: int) -> list[str]:
    """Return the attributes of each row as a JSON object. Values repeat, so each different value is encoded once."""
    members = []
    for name, column in columns.items():
        key = msgspec.json.encode(name).decode()
        said = {
            cell: f"{key}:{msgspec.json.encode(read_typed_value(cell)).decode()}"
            for cell in {*column}
            if cell
        }
        members.append([said.get(cell, "") for cell in column])
    if not members:
        return ["{}"] * rows
    return [f"{{{','.join(filter(None, of_row))}}}" for of_row in zip(*members, strict=True)]


def _judge_addresses(
    first: int, emails: list[str], problems: dict[int, str], notes: Mapping[int, Sequence[str]]
) -> Block:
    """Judge the rows by their addresses; of rows with the same address the last one counts."""
    details = {place: " ".join(said) for place, said in notes.items()} | problems
    block = Block(first, emails, [Verdict.CREATED] * len(emails), details, {})
    last: dict[str, int] = {}
    for place, email in enumerate(emails):
        if place in problems:
            block.verdicts[place] = Verdict.INVALID
            continue
        if (before := last.get(email)) is not None:
            block.verdicts[before] = Verdict.REPEATED
            block.details[before] = keep("Row %(first)s counts.", first=first + place)
        last[email] = place
    return block


def _write_copy_lines(block: Block, own: Sequence[Iterable[str]], attributes: Sequence[str]) -> str:
    rows = zip(count(), block.emails, *own, attributes, strict=False)  # some have no end
    lines = io.StringIO()
    csv.writer(lines).writerows(compress(rows, [verdict is Verdict.CREATED for verdict in block.verdicts]))
    return lines.getvalue()


def _find_doubles(numbers: Sequence[str]) -> dict[str, list[int]]:
    given = [*filter(None, numbers)]
    if len({*given}) == len(given):
        return {}
    places: dict[str, list[int]] = {}
    for place, number in enumerate(numbers):
        if number:
            places.setdefault(number, []).append(place)
    return {number: of_it for number, of_it in places.items() if len(of_it) > 1}


def read_typed_value(cell: str) -> str | int | float:
    """Return a number, if its text reads the same afterwards, else the text: 12.5 becomes a number, 12.50 stays."""
    if not _number(cell):
        return cell
    number = float(cell) if "." in cell else int(cell)
    return number if str(number) == cell else cell
