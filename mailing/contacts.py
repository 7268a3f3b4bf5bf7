"""Contacts from a CSV file: by COPY, in pieces, each row with a verdict. It never brings a suppressed address back.

A piece is judged and taken in one transaction that also writes how far the file has come: a process that dies, or a
file that is started twice, takes no row twice and leaves none out.
"""

import csv
import io
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from mailing.addresses import normalised
from mailing.models import ContactImport, ContactList

PIECE = 20_000  # rows taken in one transaction
LONGEST_CELL = 10_000  # letters
OWN = ("first_name", "last_name", "phone", "city", "country", "score", "customer_id")
LENGTHS = {"first_name": 100, "last_name": 100, "phone": 40, "city": 100, "country": 2, "customer_id": 64}
TABLE_OF_NAMES = {
    "e_mail": "email",
    "mail": "email",
    "email_address": "email",
    "firstname": "first_name",
    "lastname": "last_name",
    "surname": "last_name",
    "telephone": "phone",
    "town": "city",
}
LEFT_OUT = ""  # in `columns`: the column is not taken

_attribute = re.compile(r"[^\W\d]\w{0,63}").fullmatch
_number = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?").fullmatch
_not_in_names = re.compile(r"\W+")


class ImportError(ValueError):  # noqa: A001 an import of contacts, in this module's own words
    """The file cannot be read; `str()` is a sentence."""


class Row(msgspec.Struct):
    """One row of a file, read. `problem` says why it is not taken."""

    line: int
    email: str
    values: dict[str, Any]
    attributes: dict[str, Any]
    problem: str = ""


def import_csv(
    file: BinaryIO,
    *,
    name: str = "",
    list: ContactList | None = None,  # noqa: A002 the word of the product
    new_list: str = "",
    columns: dict[str, str] | None = None,
    trial: bool = False,
    by: Any = None,
) -> ContactImport:
    """Take in a file at once; what `receive` and `run` do in turn. Raises ImportError."""
    upload = receive(file, name=name, list=list, new_list=new_list, columns=columns, trial=trial, by=by)
    return run(upload.pk)


def receive(
    file: BinaryIO,
    *,
    name: str = "",
    list: ContactList | None = None,  # noqa: A002
    new_list: str = "",
    columns: dict[str, str] | None = None,
    trial: bool = False,
    by: Any = None,
) -> ContactImport:
    """Keep a file and what to do with it, for `run`.

    Args:
        list: the list its contacts join; or `new_list`, the name of one to make.
        columns: field or attribute by the name of each column, "" for one to leave out; None: by their names.
        trial: only judge the rows.
    Raises: ImportError: it is no CSV file, or has no column of addresses.
    """
    with transaction.atomic():
        if new_list and not trial:
            list = ContactList.objects.get_or_create(name=new_list)[0]  # noqa: A001
        upload = ContactImport.objects.create(
            name=(name or getattr(file, "name", "") or "contacts.csv")[-200:],
            size=0,
            list=list,
            is_trial=trial,
            by=by,
        )
        path = path_of(upload)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as kept:
            shutil.copyfileobj(file, kept)
        try:
            upload.columns = [*chosen_columns(header_of(path), columns).items()]  # pairs: JSON has no order
        except ImportError:
            path.unlink()
            raise
        upload.size = path.stat().st_size
        upload.save()
    return upload


def run(upload_id: int, seconds: float | None = None) -> ContactImport:
    """Take in what is left of a file; safe to call again after it was stopped anywhere, and at the same time.

    Args:
        seconds: stop between two pieces after this long; the import then is still running.
    Raises: ImportError: the file is broken further down; what came before has been taken.
    """
    deadline = time.monotonic() + seconds if seconds is not None else None
    upload = ContactImport.objects.get(pk=upload_id)
    path = path_of(upload)
    change = ContactImport.objects.filter(pk=upload_id).update
    try:
        if upload.rows is None:
            change(rows=sum(1 for _ in records(path)), status=ContactImport.Status.RUNNING)
        names = [taken for _, taken in upload.columns]
        numbered = islice(enumerate(records(path), 1), upload.done, None)
        while piece := [read(number, cells, names) for number, cells in islice(numbered, PIECE)]:
            _take(upload_id, piece)
            if deadline is not None and time.monotonic() > deadline:
                return ContactImport.objects.get(pk=upload_id)
    except (csv.Error, UnicodeError) as error:
        change(status=ContactImport.Status.FAILED, error=str(error), finished_at=timezone.now())
        raise ImportError(f"The file is broken further down: {error}") from error
    change(status=ContactImport.Status.DONE, finished_at=timezone.now())
    path.unlink(missing_ok=True)
    return ContactImport.objects.get(pk=upload_id)


def path_of(upload: ContactImport) -> Path:
    return settings.VAR_DIR / "imports" / f"{upload.pk}.csv"


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def header_of(path: Path) -> list[str]:
    """The names of the columns. Raises ImportError."""
    try:
        with _opened(path) as file:
            header = next(csv.reader(file, delimiter=_delimiter(path)), [])
    except (csv.Error, UnicodeError) as error:
        raise ImportError(f"The file cannot be read as CSV: {error}") from error
    if not any(header):
        raise ImportError("The file is empty: its first line must name the columns.")
    return [name.strip() for name in header]


def chosen_columns(header: Sequence[str], columns: dict[str, str] | None) -> dict[str, str]:
    """What each column is taken for: a field, an attribute, or "" to leave it out. Raises ImportError."""
    taken: dict[str, str] = {}
    for place, name in enumerate(header):
        wanted = columns.get(name, LEFT_OUT) if columns is not None else _guess(name)
        if wanted and wanted not in ("email", *OWN) and not _attribute(wanted):
            raise ImportError(f"“{wanted}” cannot be the name of an attribute: use letters, digits and _.")
        if wanted and wanted in taken.values():
            raise ImportError(f"Two columns are taken for “{wanted}”.")
        taken[name or f"column {place + 1}"] = wanted
    if len(taken) < len(header):
        raise ImportError("Two columns of the file have the same name.")
    if "email" not in taken.values():
        raise ImportError("No column is named “email”: the addresses are missing.")
    return taken


def _guess(name: str) -> str:
    word = _not_in_names.sub("_", name.strip().lower()).strip("_")
    return TABLE_OF_NAMES.get(word, word if not word[:1].isdigit() else f"_{word}")[:64]


def records(path: Path) -> Iterator[list[str]]:
    """The rows after the names of the columns, empty lines left out."""
    with _opened(path) as file:
        reader = csv.reader(file, delimiter=_delimiter(path))
        next(reader, None)
        for cells in reader:
            if cells:
                yield cells


def _opened(path: Path) -> io.TextIOWrapper:
    """UTF-8 where it is, else what spreadsheets of the West write."""
    with path.open("rb") as file:
        start = file.read(1_000_000)
    encoding = "utf-8-sig"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        try:
            start[: start.rfind(b"\n") + 1].decode()
        except UnicodeDecodeError:
            encoding = "cp1252"
    return path.open(encoding=encoding, newline="")


def _delimiter(path: Path) -> str:
    with _opened(path) as file:
        first = file.readline(LONGEST_CELL)
    return max(",;\t|", key=first.count)


def read(number: int, cells: Sequence[str], names: Sequence[str]) -> Row:
    """One row as the database is to get it; a cell that is empty says nothing."""
    given = {
        name: cell
        for name, cell in zip(names, (cell.strip() for cell in cells), strict=False)
        if name and cell
    }
    row = Row(number, given.pop("email", ""), {}, {})
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
            if not _number(cell) or "." in cell or abs(int(cell)) >= 2**31:
                row.problem = f"“{cell[:50]}” is no whole number for the score."
            else:
                row.values[name] = int(cell)
        elif name in OWN:
            row.values[name] = cell.upper() if name == "country" else cell
        else:
            row.attributes[name] = _typed(cell)
    return row


def _typed(cell: str) -> str | int | float:
    """A number where it is written as one: templates and segments compare it as such."""
    if not _number(cell):
        return cell
    return float(cell) if "." in cell else int(cell)


# ── taking ───────────────────────────────────────────────────────────────────────────────────────────────────────────

INCOMING = """
CREATE TEMPORARY TABLE incoming (
    line int, email text, first_name text, last_name text, phone text, city text, country text, score int,
    customer_id text, attributes jsonb, verdict text, detail text
) ON COMMIT DROP
"""
COPY = f"COPY incoming (line, email, {', '.join(OWN)}, attributes, verdict, detail) FROM STDIN"

# Of rows with the same address, or the same customer number, the last counts.
JUDGE = """
UPDATE incoming SET
    verdict = CASE WHEN seen.last_of_address > incoming.line THEN 'repeated'
                   WHEN seen.owner IS NOT NULL OR seen.last_of_number > incoming.line THEN 'invalid'
                   WHEN seen.contact_id IS NOT NULL THEN 'updated' ELSE 'created' END,
    detail = CASE WHEN seen.last_of_address > incoming.line THEN 'Row ' || seen.last_of_address || ' counts.'
                  WHEN seen.owner IS NOT NULL THEN 'Its customer number belongs to ' || seen.owner || '.'
                  WHEN seen.last_of_number > incoming.line
                  THEN 'Row ' || seen.last_of_number || ' has the same customer number.'
                  WHEN seen.suppression_id IS NOT NULL THEN 'Suppressed, and stays so.' ELSE '' END
FROM (
    SELECT row.line, contact.id AS contact_id, owner.email AS owner, suppression.id AS suppression_id,
           max(row.line) OVER (PARTITION BY row.email) AS last_of_address,
           CASE WHEN row.customer_id IS NOT NULL
                THEN max(row.line) FILTER (WHERE owner.id IS NULL) OVER (PARTITION BY row.customer_id) END
               AS last_of_number
    FROM incoming AS row
    LEFT JOIN mailing_contact AS contact ON contact.email = row.email
    LEFT JOIN mailing_contact AS owner ON owner.customer_id = row.customer_id AND owner.email <> row.email
    LEFT JOIN mailing_suppression AS suppression ON suppression.email = row.email
    WHERE row.verdict IS NULL
) AS seen
WHERE seen.line = incoming.line
"""

UPSERT = """
INSERT INTO mailing_contact (email, first_name, last_name, phone, city, country, score, customer_id, attributes,
                             created_at, updated_at)
SELECT email, coalesce(first_name, ''), coalesce(last_name, ''), coalesce(phone, ''), coalesce(city, ''),
       coalesce(country, ''), score, customer_id, attributes, now(), now()
FROM incoming WHERE verdict IN ('created', 'updated')
ORDER BY email
ON CONFLICT (email) DO UPDATE SET
    first_name = coalesce(nullif(EXCLUDED.first_name, ''), mailing_contact.first_name),
    last_name = coalesce(nullif(EXCLUDED.last_name, ''), mailing_contact.last_name),
    phone = coalesce(nullif(EXCLUDED.phone, ''), mailing_contact.phone),
    city = coalesce(nullif(EXCLUDED.city, ''), mailing_contact.city),
    country = coalesce(nullif(EXCLUDED.country, ''), mailing_contact.country),
    score = coalesce(EXCLUDED.score, mailing_contact.score),
    customer_id = coalesce(EXCLUDED.customer_id, mailing_contact.customer_id),
    attributes = mailing_contact.attributes || EXCLUDED.attributes,
    updated_at = now()
RETURNING id
"""

# Whoever left the list stays out of it: their row is there already.
UPSERT_INTO_LIST = f"""
WITH taken AS ({UPSERT})
INSERT INTO mailing_membership (list_id, contact_id, joined_at) SELECT %s, id, now() FROM taken
ON CONFLICT (list_id, contact_id) DO NOTHING
"""

VERDICTS = """
INSERT INTO mailing_importrow (upload_id, line, email, verdict, detail)
SELECT %s, line, left(email, 254), verdict, left(detail, 300) FROM incoming ORDER BY line
"""
COUNTS = """
SELECT count(*) FILTER (WHERE verdict = 'created'), count(*) FILTER (WHERE verdict = 'updated'),
       count(*) FILTER (WHERE verdict = 'repeated'), count(*) FILTER (WHERE verdict = 'invalid'),
       count(*) FILTER (WHERE detail = 'Suppressed, and stays so.')
FROM incoming
"""


def _take(upload_id: int, rows: Sequence[Row]) -> None:
    """Judge and take one piece, as far as nobody has."""
    with transaction.atomic(), connection.cursor() as cursor:
        upload = ContactImport.objects.select_for_update().get(pk=upload_id)
        rows = [row for row in rows if row.line > upload.done]
        if not rows:
            return
        cursor.execute(INCOMING)
        with cursor.copy(COPY) as copy:
            for values in _copied(rows):
                copy.write_row(values)
        cursor.execute("ANALYZE incoming (line, email, customer_id, verdict)")  # what JUDGE joins by
        cursor.execute(JUDGE)
        if not upload.is_trial:
            if upload.list_id:
                cursor.execute(UPSERT_INTO_LIST, [upload.list_id])
                upload.joined += cursor.rowcount
            else:
                cursor.execute(UPSERT)
        cursor.execute(VERDICTS, [upload_id])
        cursor.execute(COUNTS)
        created, updated, repeated, invalid, suppressed = cursor.fetchone()
        upload.created += created
        upload.updated += updated
        upload.repeated += repeated
        upload.invalid += invalid
        upload.suppressed += suppressed
        upload.done = rows[-1].line
        upload.save()
        cursor.execute("DROP TABLE incoming")


def _copied(rows: Iterable[Row]) -> Iterator[list[Any]]:
    for row in rows:
        yield [
            row.line,
            row.email.replace("\0", ""),
            *[row.values.get(name) for name in OWN],
            msgspec.json.encode(row.attributes).decode(),
            "invalid" if row.problem else None,
            row.problem,
        ]
