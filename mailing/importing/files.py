"""Reading CSV as spreadsheets write it: in whatever encoding, with whatever delimiter."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.conf import settings

LONGEST_LINE = 100_000  # letters read of the first line
LOOKED_AT = 1_000_000  # bytes that tell the encoding
ROWS_LOOKED_AT = 200  # for examples
FORMATS = {b"PK\x03\x04": "a workbook", b"\xd0\xcf\x11\xe0": "a workbook", b"%PDF": "a PDF document"}

_quoted = re.compile(r'"[^"]*"')


class UnreadableFile(ValueError):
    """The file cannot be taken for CSV; `str()` is a sentence."""


def path_of(upload_id: int) -> Path:
    """Where an upload is kept until it is taken in."""
    return settings.VAR_DIR / "imports" / f"{upload_id}.csv"


def header(path: Path) -> list[str]:
    """The names of the columns. Raises UnreadableFile."""
    start = _start(path, 4)
    if start in FORMATS:
        raise UnreadableFile(
            f"This is {FORMATS[start]}, not CSV: save it as “CSV UTF-8” and choose that file."
        )
    try:
        with _opened(path) as file:
            names = [name.strip() for name in next(csv.reader(file, delimiter=delimiter(path)), [])]
    except (csv.Error, UnicodeError) as error:
        raise UnreadableFile(f"The first line cannot be read. {_reason(error)}") from error
    if not any(names):
        raise UnreadableFile("The file is empty: its first line must name the columns.")
    if any("\0" in name for name in names):
        raise UnreadableFile("The file is not text: save it as “CSV UTF-8” and choose that file.")
    if address := next((name for name in names if "@" in name), None):
        raise UnreadableFile(
            f"The first line must name the columns, but it holds the address “{address[:100]}”."
        )
    return names


def records(path: Path) -> Iterator[list[str]]:
    """The rows below the names of the columns, empty lines left out. Raises UnreadableFile, perhaps in their midst."""
    number = 0
    try:
        with _opened(path) as file:
            reader = csv.reader(file, delimiter=delimiter(path))
            next(reader, None)
            for cells in reader:
                if cells:
                    number += 1
                    yield cells
    except (csv.Error, UnicodeError) as error:
        after = f"after row {number:,}" if number else "below its first line"
        raise UnreadableFile(f"The file cannot be read {after}. {_reason(error)}") from error


def examples(path: Path, most: int = 3) -> list[list[str]]:
    """A few different values of each column, from its first rows. Raises UnreadableFile."""
    found: list[dict[str, None]] = [{} for _ in header(path)]  # in the order they come, each once
    for cells in islice(records(path), ROWS_LOOKED_AT):
        for values, cell in zip(found, cells, strict=False):
            if cell.strip() and len(values) < most:
                values[cell.strip()[:100]] = None
    return [list(values) for values in found]


def delimiter(path: Path) -> str:
    with _opened(path) as file:
        first = _quoted.sub("", file.readline(LONGEST_LINE))
    return max(",;\t|", key=first.count)


def _opened(path: Path) -> io.TextIOWrapper:
    """UTF-8 where it is, else what spreadsheets of the West write."""
    start = _start(path, LOOKED_AT)
    if len(start) == LOOKED_AT:  # a letter may be cut in two
        start = start[: start.rfind(b"\n") + 1]
    encoding = "utf-8-sig"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        try:
            start.decode()
        except UnicodeDecodeError:
            encoding = "cp1252"
    return path.open(encoding=encoding, newline="")


def _start(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError as error:
        raise UnreadableFile("The file is no longer here: upload it again.") from error


def _reason(error: csv.Error | UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        name = {"charmap": "neither UTF-8 nor Windows-1252"}.get(
            error.encoding, f"not {error.encoding.upper()}"
        )
        return f"Its text is {name}: save it as “CSV UTF-8” and choose that file."
    if isinstance(error, UnicodeError):
        return "Its text is in no encoding we know: save it as “CSV UTF-8” and choose that file."
    # the one thing Python's reader objects to
    return (
        f"A cell is longer than {csv.field_size_limit():,} letters: perhaps a quotation mark is not closed."
    )
