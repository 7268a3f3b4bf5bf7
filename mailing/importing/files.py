"""Reading CSV as spreadsheets and shops write it: in whatever encoding, with whatever delimiter, in bounded memory."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from .columns import names_an_address
from .encodings import NEITHER, UnreadableFile, encoding_of

LONGEST_ROW = 200_000  # letters; Python's reader takes no cell above 131,072
MOST_COLUMNS = 500
ROWS_LOOKED_AT = 200  # for examples
ROWS_ABOVE = 20  # at most, of titles and blank lines above the names of the columns
SAMPLE = 64_000  # letters that tell the delimiter
DELIMITERS = ",;\t|"
BLANK = " \t\xa0\ufeff\x1a"  # the last ends files of DOS
_END = "\x1a\x1a\x1a"  # read as a last line: a blank one, but where quotation marks are open

_named_delimiter = re.compile(r"""["']?sep=([^\w\s"']|\t)["']?[,;\s]*""", re.IGNORECASE).fullmatch
_escaped_quote = re.compile(r'\\"[^,;\t|\r\n"]').search

__all__ = ["Rows", "UnreadableFile", "path_of", "read_examples", "read_header", "read_samples"]


class RowTooLong(Exception):
    """A row goes on and on."""


class OpenQuotation(Exception):
    """The file ends within quotation marks: the cell may have swallowed all rows below it."""


class Dialect(NamedTuple):
    """How a file is read. `above`: how many of its records stand above the names of the columns.

    `quote` stands round cells; `escape` before a quotation mark in one, where it is not doubled.
    """

    encoding: str
    delimiter: str
    above: int
    quote: str = '"'
    escape: str | None = None

    def reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            skipinitialspace=True,
        )


def path_of(upload_id: int) -> Path:
    """Where an upload is kept until it is taken in."""
    return settings.VAR_DIR / "imports" / f"{upload_id}.csv"


class Rows:
    """The rows below the names of the columns; blank ones, of delimiters only, are left out.

    `letters` counts what was read so far. Iterating raises UnreadableFile, perhaps in their midst.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        self.path = path
        self.most = most
        self.letters = 0
        self._row_began = 0

    def __iter__(self) -> Iterator[list[str]]:
        number = 0
        try:
            for cells in islice(self._records(), self.most):
                number += 1
                yield cells
        except (csv.Error, UnicodeError, RowTooLong, OpenQuotation) as error:
            after = f"after row {number:,}" if number else "below its first line"
            raise UnreadableFile(f"The file cannot be read {after}. {_describe_csv_error(error)}") from error

    def _records(self) -> Iterator[list[str]]:
        dialect = dialect_of(self.path)
        with self.path.open(encoding=dialect.encoding, newline="") as file:
            reader = dialect.reader(self._lines(file))
            width = 0
            for _ in range(dialect.above + 1):
                width = len(_unquote_row(next(reader, []), dialect.delimiter))
                self._row_began = self.letters
            for cells in reader:
                self._row_began = self.letters
                if cells and cells[-1].endswith(_END) and cells[-1] != _END:
                    raise OpenQuotation
                if len(cells) == 1 < width and dialect.delimiter in cells[0]:
                    cells[:] = _split_quoted_row(cells[0], dialect.delimiter)
                if not cells or not (cells[0].strip(BLANK) or any(cell.strip(BLANK) for cell in cells)):
                    continue
                if len(cells) > width and not any(cells[width:]):
                    del cells[width:]
                yield cells

    def _lines(self, file: io.TextIOWrapper) -> Iterator[str]:
        readline = file.readline
        while line := readline(LONGEST_ROW):
            self.letters += len(line)
            if self.letters - self._row_began >= LONGEST_ROW:
                raise RowTooLong
            yield line
        yield _END


def read_header(path: Path) -> list[str]:
    """The names of the columns. Raises UnreadableFile."""
    dialect = dialect_of(path)
    try:
        with path.open(encoding=dialect.encoding, newline="") as file:
            records = dialect.reader(_read_sample_lines(file))
            first = _unquote_row(next(islice(records, dialect.above, None), []), dialect.delimiter)
            names = [name.strip(BLANK).strip() for name in first]
    except (csv.Error, UnicodeError, RowTooLong) as error:
        raise UnreadableFile(f"The first line cannot be read. {_describe_csv_error(error)}") from error
    while len(names) > MOST_COLUMNS and not names[-1]:
        names.pop()
    if not any(names):
        raise UnreadableFile("The file is empty: its first line must name the columns.")
    if any("\0" in name for name in names):
        raise UnreadableFile("The file is not text: save it as “CSV UTF-8” and choose that file.")
    if len(names) > MOST_COLUMNS:
        raise UnreadableFile(
            f"The first line names {len(names):,} columns; at most {MOST_COLUMNS} are taken: leave some out."
        )
    if address := next((name for name in names if "@" in name), None):
        raise UnreadableFile(
            f"The first line must name the columns, but it holds the address “{address[:100]}”."
        )
    return names


def read_samples(path: Path) -> list[list[str]]:
    """The values of each column in the first rows, those that are not empty. Raises UnreadableFile."""
    found: list[list[str]] = [[] for _ in read_header(path)]
    for cells in Rows(path, ROWS_LOOKED_AT):
        for values, cell in zip(found, cells, strict=False):
            if value := cell.strip():
                values.append(value[:100])
    return found


def read_examples(path: Path, most: int = 3) -> list[list[str]]:
    """A few different values of each column, from its first rows. Raises UnreadableFile."""
    return [[*dict.fromkeys(values)][:most] for values in read_samples(path)]


def dialect_of(path: Path) -> Dialect:
    """How the file is to be read. Raises UnreadableFile."""
    encoding = encoding_of(path)
    stat = path.stat()
    return _find_dialect(path, stat.st_size, stat.st_mtime_ns, encoding)


@lru_cache(maxsize=64)
def _find_dialect(path: Path, size: int, changed: int, encoding: str) -> Dialect:
    # what is in another encoding is told where its row is read
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        text = file.read(SAMPLE)
    lines = io.StringIO(text, newline="").readlines()
    named = _named_delimiter(lines[0].strip("\r\n \ufeff")) if lines else None
    delimiter, below = (named[1], lines[1:]) if named else ("", lines)
    if not delimiter:
        delimiter = max(DELIMITERS, key=lambda each: _rate_delimiter(_read_first_records(lines, each)))
    records = _read_first_records(below, delimiter)
    above = _count_rows_above(records)
    names = records[above] if above < len(records) else []
    return Dialect(
        encoding,
        delimiter,
        above + len(lines) - len(below),
        "'" if names and all(len(name) > 1 and name[0] == name[-1] == "'" for name in names) else '"',
        "\\" if '""' not in text and _escaped_quote(text) else None,
    )


def _read_first_records(lines: list[str], delimiter: str) -> list[list[str]]:
    """Those that can be read of the first ones, the blank too."""
    records: list[list[str]] = []
    try:
        records.extend(
            [cell.strip(BLANK) for cell in _unquote_row(cells, delimiter)[: MOST_COLUMNS + 1]]
            for cells in islice(csv.reader(lines, delimiter=delimiter, skipinitialspace=True), ROWS_ABOVE)
        )
    except csv.Error:
        return records  # what cannot be read is told with its row
    return records


def _split_quoted_row(row: str, delimiter: str) -> list[str]:
    """Split a row that stands in quotation marks as one cell.

    Excel writes such rows where it read a file of another delimiter, and saves it again.
    """
    return next(csv.reader([row], delimiter=delimiter, skipinitialspace=True))


def _unquote_row(cells: list[str], delimiter: str) -> list[str]:
    """The cells of a row which is one cell that names columns itself; any other row as it is."""
    if len(cells) != 1 or delimiter not in cells[0]:
        return cells
    inner = _split_quoted_row(cells[0], delimiter)
    return inner if names_an_address(inner) else cells


def _rate_delimiter(records: list[list[str]]) -> tuple[bool, bool, int, int]:
    """What speaks for a delimiter: its names hold one for addresses, and rows are as wide as they are many."""
    above = _count_rows_above(records)
    names = records[above] if above < len(records) else []
    alike = sum(len(record) == len(names) for record in records)
    return names_an_address(names), len(names) > 1, alike, len(names)


def _count_rows_above(records: Sequence[Sequence[str]]) -> int:
    """How many records stand above the names of the columns: blank lines, and titles, which fill fewer cells."""
    filled = [sum(map(bool, record)) for record in records]
    first = next((place for place, cells in enumerate(filled) if cells), 0)
    for place in range(first, len(records)):
        is_wider = all(cells < filled[place] for cells in filled[:place])
        if is_wider and names_an_address(records[place]):
            return place
    return first


def _read_sample_lines(file: io.TextIOWrapper) -> Iterator[str]:
    letters = 0
    while line := file.readline(LONGEST_ROW):
        letters += len(line)
        if letters >= LONGEST_ROW:
            raise RowTooLong
        yield line


def _describe_csv_error(error: csv.Error | UnicodeError | RowTooLong | OpenQuotation) -> str:
    if isinstance(error, OpenQuotation):
        return "The file ends within quotation marks: one is not closed, or the file is not whole."
    if isinstance(error, UnicodeDecodeError):
        if error.encoding == "charmap":
            return NEITHER
        return f"Its text is not {error.encoding.upper()}: save it as “CSV UTF-8” and choose that file."
    if isinstance(error, UnicodeError):
        return "Its text is in no encoding we know: save it as “CSV UTF-8” and choose that file."
    if isinstance(error, RowTooLong):
        return f"The row is longer than {LONGEST_ROW:,} letters: perhaps a quotation mark is not closed."
    # the one thing Python's reader objects to
    return (
        f"A cell is longer than {csv.field_size_limit():,} letters: perhaps a quotation mark is not closed."
    )
