"""Reads CSV as spreadsheets and shops write it: in any encoding, with any delimiter, in bounded memory."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from campaigns.sentences import keep, mark

from .columns import names_an_address
from .encodings import GONE, NEITHER, UnreadableFile, check_encoding, encoding_of

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
_address = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+").fullmatch

__all__ = ["Rows", "UnreadableFile", "path_of", "read_examples", "read_header", "read_samples"]


class RowTooLong(Exception):
    """A row is longer than any row may be."""


class OpenQuotation(Exception):
    """The file ends within quotation marks: the cell may have swallowed all rows below it."""


class OddRow(list[str]):
    """A line that cannot be read as a row: its cells as far as they can be read, and the `reason`, a sentence."""

    def __init__(self, cells: Iterable[str], reason: str) -> None:
        super().__init__(cells)
        self.reason = reason


class Dialect(NamedTuple):
    """How a file is written. `above`: how many of its records stand above the names of the columns.

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
    """Return the path of an upload's file, which is kept until it is imported."""
    return settings.VAR_DIR / "imports" / f"{upload_id}.csv"


class Rows:
    """The rows below the names of the columns; blank ones, of delimiters only, are left out.

    A quotation mark that stands there by mistake merges no rows: if it does not open a cell of several lines, its line
    becomes an OddRow, and the lines below are read as rows of their own.

    encoding: the codec that somebody has chosen; "" to find it. `letters` counts the letters read so far. Iterating may
    raise UnreadableFile, also after some rows.
    """

    def __init__(self, path: Path, most: int | None = None, encoding: str = "") -> None:
        self.path = path
        self.encoding = encoding
        self.most = most
        self.letters = 0
        self._lines: list[str] = []  # of the row that is being read
        self._length = 0  # of these
        self._waiting: deque[str] = deque()  # lines to be read once more
        self._has_odd = False

    def __iter__(self) -> Iterator[list[str]]:
        number = 0
        try:
            for cells in islice(self._read_rows(), self.most):
                number += 1
                yield cells
        except OSError as error:
            raise UnreadableFile(GONE) from error
        except (csv.Error, UnicodeError, RowTooLong, OpenQuotation) as error:
            after = keep("after row %(number)s", number=number) if number else mark("below its first line")
            raise UnreadableFile(
                keep(
                    "The file cannot be read %(after)s. %(error)s",
                    after=after,
                    error=_describe_csv_error(error),
                )
            ) from error

    def _read_rows(self) -> Iterator[list[str]]:
        dialect = dialect_of(self.path, self.encoding)
        with self.path.open(encoding=dialect.encoding, newline="") as file:
            reader = dialect.reader(self._read_lines(file))
            names: list[str] = []
            for _ in range(dialect.above + 1):
                names = _unquote_row(next(reader, []), dialect.delimiter)
                self._begin_row()
            shape = RowShape(names, dialect)
            width = len(names)
            while True:
                try:
                    cells = next(reader)
                    if cells and cells[-1].endswith(_END) and cells[-1] != _END:
                        raise OpenQuotation
                    is_odd = len(self._lines) > 1 and not shape.fits_many_lines(self._lines, cells)
                except StopIteration:
                    return
                except (csv.Error, RowTooLong, OpenQuotation):
                    if not self._has_odd or len(self._lines) < 2:
                        raise  # nothing tells where the mark stands that opens all this
                    is_odd = True
                if is_odd:
                    yield self._set_odd_apart(dialect)
                    reader = dialect.reader(self._read_lines(file))
                    continue
                self._begin_row()
                if len(cells) == 1 < width and dialect.delimiter in cells[0]:
                    cells[:] = _split_quoted_row(cells[0], dialect.delimiter)
                if not cells or not (cells[0].strip(BLANK) or any(cell.strip(BLANK) for cell in cells)):
                    continue
                if len(cells) > width and not any(cells[width:]):
                    del cells[width:]
                yield cells

    def _begin_row(self) -> None:
        self._lines.clear()
        self._length = 0

    def _set_odd_apart(self, dialect: Dialect) -> OddRow:
        """Return the first line of what seemed to be one row as an OddRow; the other lines are read again."""
        first, *others = self._lines
        self._has_odd = True
        self._waiting.extendleft(line for line in reversed(others) if line != _END)
        self.letters -= sum(map(len, others))
        self._begin_row()
        bare = first.rstrip("\r\n")
        return OddRow(
            bare.replace(dialect.quote, "").split(dialect.delimiter),
            keep(
                "A quotation mark in it is not closed: it reads “%(bare)s”. Close it, or take it out.",
                bare=bare[:100],
            ),
        )

    def _read_lines(self, file: io.TextIOWrapper) -> Iterator[str]:
        readline, lines = file.readline, self._lines
        while line := (self._waiting.popleft() if self._waiting else readline(LONGEST_ROW)):
            self.letters += len(line)
            self._length += len(line)
            lines.append(line)
            if self._length >= LONGEST_ROW:
                raise RowTooLong
            yield line
        lines.append(_END)
        yield _END


class RowShape:
    """What a row of the file looks like: how many cells it has, and where an address stands."""

    def __init__(self, names: Sequence[str], dialect: Dialect) -> None:
        self._dialect = dialect
        self._most = len(names)
        self._least = max((place for place, name in enumerate(names, 1) if name.strip(BLANK)), default=1)
        named = {place for place, name in enumerate(names) if names_an_address([name])}
        self._of_addresses = named or {*range(self._most)}
        quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
        escaped = rf"|{re.escape(dialect.escape)}." if dialect.escape else ""
        quoted = rf" *+{quote}(?:[^{quote}{re.escape(dialect.escape or '')}]|{quote}{quote}{escaped})*+{quote}[ \r\n]*+"
        plain = rf"(?! *{quote})[^{delimiter}]++|"
        self._is_well_quoted = re.compile(
            rf"(?:{quoted}|{plain})(?:{delimiter}(?:{quoted}|{plain}))*+", re.DOTALL
        ).fullmatch

    def fits_many_lines(self, lines: Sequence[str], cells: Sequence[str]) -> bool:
        """Return whether these lines are one row: each closing mark ends a cell, and no line is a row of its own."""
        if len(cells) == 1 < self._most and self._dialect.delimiter in cells[0]:
            return self._is_row_in_marks(cells[0])
        if len(cells) < self._least or any(cells[self._most :]) or not self._is_well_quoted("".join(lines)):
            return False
        return not self._are_rows([line for line in lines if line.strip(BLANK + "\r\n")])

    def _are_rows(self, lines: Sequence[str]) -> bool:
        """Return whether lines that could be one row are rows of their own.

        A cell with a note may hold a line or two that look like rows of two cells, but hardly a line like a wide row.
        """
        first, *between, last = lines
        if not between:
            return self._is_row(first) and self._is_row(last)
        if self._most > 2:
            return any(map(self._is_row, between))
        return all(map(self._is_row, [*between, last]))

    def _is_row_in_marks(self, row: str) -> bool:
        """Return whether a row that stands in quotation marks as one cell is one row inside them too."""
        lines = io.StringIO(row, newline="").readlines()
        records = [*csv.reader(lines, delimiter=self._dialect.delimiter, skipinitialspace=True)]
        return len(records) == 1 and self._least <= len(records[0]) <= self._most

    def _is_row(self, line: str) -> bool:
        """Return whether a line by itself has the cells of a row, with an address where one is to be."""
        cells = line.rstrip("\r\n").split(self._dialect.delimiter)
        if not self._least <= len(cells) <= self._most:
            return False
        return any(
            place < len(cells) and _address(cells[place].strip(BLANK + self._dialect.quote))
            for place in self._of_addresses
        )


def read_header(path: Path, encoding: str = "") -> list[str]:
    """Return the names of the columns.

    Raises:
        UnreadableFile: it is no CSV file.
    """
    dialect = dialect_of(path, encoding)
    try:
        with path.open(encoding=dialect.encoding, newline="") as file:
            records = dialect.reader(_read_sample_lines(file))
            first = _unquote_row(next(islice(records, dialect.above, None), []), dialect.delimiter)
            names = [name.strip(BLANK).strip() for name in first]
    except (csv.Error, UnicodeError, RowTooLong) as error:
        raise UnreadableFile(
            keep("The first line cannot be read. %(error)s", error=_describe_csv_error(error))
        ) from error
    while len(names) > MOST_COLUMNS and not names[-1]:
        names.pop()
    if not any(names):
        raise UnreadableFile(mark("The file is empty: its first line must name the columns."))
    if any("\0" in name for name in names):
        raise UnreadableFile(mark("The file is not text: save it as “CSV UTF-8” and choose that file."))
    if len(names) > MOST_COLUMNS:
        raise UnreadableFile(
            keep(
                "The first line names %(count)s columns; at most %(most_columns)s are taken: leave some out.",
                count=len(names),
                most_columns=MOST_COLUMNS,
            )
        )
    if address := next((name for name in names if "@" in name), None):
        raise UnreadableFile(
            keep(
                "The first line must name the columns, but it holds the address “%(address)s”.",
                address=address[:100],
            )
        )
    return names


def read_samples(path: Path, encoding: str = "") -> list[list[str]]:
    """Return the values of each column in the first rows, those that are not empty.

    Raises:
        UnreadableFile: it is no CSV file.
    """
    found: list[list[str]] = [[] for _ in read_header(path, encoding)]
    for cells in Rows(path, ROWS_LOOKED_AT, encoding):
        for values, cell in zip(found, cells, strict=False):
            if value := cell.strip():
                values.append(value[:100])
    return found


def read_examples(path: Path, encoding: str = "", most: int = 3) -> list[list[str]]:
    """Return a few different values of each column, from its first rows.

    Raises:
        UnreadableFile: it is no CSV file.
    """
    return [[*dict.fromkeys(values)][:most] for values in read_samples(path, encoding)]


def dialect_of(path: Path, encoding: str = "") -> Dialect:
    """Return how the file is to be read.

    Raises:
        UnreadableFile: it is no CSV file.
    """
    encoding = check_encoding(path, encoding) if encoding else encoding_of(path)
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
    """Return the first records as far as they can be read, with the blank ones."""
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

    Excel writes such rows when it has read a file with another delimiter and saves it again.
    """
    return next(csv.reader([row], delimiter=delimiter, skipinitialspace=True))


def _unquote_row(cells: list[str], delimiter: str) -> list[str]:
    """Return the cells inside a row that is one quoted cell with names of columns; any other row as it is."""
    if len(cells) != 1 or delimiter not in cells[0]:
        return cells
    inner = _split_quoted_row(cells[0], delimiter)
    return inner if names_an_address(inner) else cells


def _rate_delimiter(records: list[list[str]]) -> tuple[bool, bool, int, int]:
    """Rate a delimiter: whether it gives a column for addresses, and how many rows have one width; higher is better."""
    above = _count_rows_above(records)
    names = records[above] if above < len(records) else []
    alike = sum(len(record) == len(names) for record in records)
    return names_an_address(names), len(names) > 1, alike, len(names)


def _count_rows_above(records: Sequence[Sequence[str]]) -> int:
    """Return how many records stand above the names of the columns: blank lines, and titles, which fill fewer cells."""
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
        return mark("The file ends within quotation marks: one is not closed, or the file is not whole.")
    if isinstance(error, UnicodeDecodeError):
        if error.encoding == "charmap":
            return NEITHER
        name = error.encoding.upper()
        return keep(
            "Its text is not %(name)s: choose its encoding, or save it as “CSV UTF-8” and choose that file.",
            name=name,
        )
    if isinstance(error, UnicodeError):
        return mark("Its text is in no encoding we know: save it as “CSV UTF-8” and choose that file.")
    if isinstance(error, RowTooLong):
        return keep(
            "The row is longer than %(longest_row)s letters: perhaps a quotation mark is not closed.",
            longest_row=LONGEST_ROW,
        )
    # the one thing Python's reader objects to
    return keep(
        "A cell is longer than %(field_size_limit)s letters: perhaps a quotation mark is not closed.",
        field_size_limit=csv.field_size_limit(),
    )
