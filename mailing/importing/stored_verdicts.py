"""Stores the verdict of each row in blocks, and reads them row by row. `rows` and `batches` reach the verdicts."""

import csv
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import compress, count

import msgspec
from django.db import connection, models
from django.utils.translation import gettext, gettext_lazy

from campaigns.stored_sentences import translate_stored
from campaigns.workspace import spreadsheets
from mailing.models import Upload, VerdictBlock


class Verdict(models.TextChoices):
    CREATED = "created", gettext_lazy("New")
    UPDATED = "updated", gettext_lazy("Updated")
    REPEATED = "repeated", gettext_lazy("Duplicate")
    INVALID = "invalid", gettext_lazy("Skipped")


class RowVerdict(msgspec.Struct, frozen=True):
    """The result of one row. `line` counts from 1 below the names of the columns; `cells`: only of rejected rows."""

    line: int
    email: str
    verdict: Verdict
    detail: str
    cells: list[str]


class Block(msgspec.Struct):
    """The verdicts of rows that stand together. `details` and `cells` are by place, from 0; most rows have neither."""

    first: int
    emails: list[str]
    verdicts: list[Verdict]
    details: dict[int, str]
    cells: dict[int, list[str]]

    def note(self, place: int, sentence: str) -> None:
        """Add a sentence to the details of a row."""
        before = self.details.get(place, "")
        self.details[place] = f"{before} {sentence}" if before else sentence

    def rows(self) -> Iterator[RowVerdict]:
        for place, (email, verdict) in enumerate(zip(self.emails, self.verdicts, strict=True)):
            detail, cells = self.details.get(place, ""), self.cells.get(place, [])
            yield RowVerdict(self.first + place, email, verdict, detail, cells)


_decoder = msgspec.json.Decoder(Block)


def store_block(upload_id: int, block: Block) -> dict[str, int]:
    """Store the verdicts of the next rows; return how many rows have each verdict, with 0 for the others."""
    found = Counter(block.verdicts)
    counts = {verdict.value: found[verdict] for verdict in Verdict}
    last = block.first + len(block.emails) - 1
    VerdictBlock.objects.create(upload_id=upload_id, last=last, packed=_pack(block), **counts)
    return counts


def read_verdicts(upload: Upload, verdict: str = "", *, after: int = 0) -> Iterator[RowVerdict]:
    """Yield the results of the rows below the row `after`, in their order; with `verdict` only those with it."""
    blocks = upload.blocks.filter(last__gt=after).order_by("last")
    if verdict:
        blocks = blocks.filter(**{f"{verdict}__gt": 0})
    for packed in blocks.values_list("packed", flat=True).iterator(chunk_size=1):
        for row in _unpack(packed).rows():
            if row.line > after and verdict in ("", row.verdict):
                yield row


def rejected_rows_csv(upload: Upload) -> Iterator[str]:
    """Yield the rows that were not imported as CSV: the columns of the file, and one more with the reason."""
    width = len(upload.columns)
    yield "\ufeff"  # so that Excel takes it for UTF-8
    yield from spreadsheets.csv_lines(
        [[*(name for name, _ in upload.columns), *spreadsheets.write_headings([gettext("Reason")])]]
    )
    yield from spreadsheets.csv_lines(
        [*row.cells[:width], *[""] * (width - len(row.cells)), translate_stored(row.detail)]
        for row in read_verdicts(upload, Verdict.INVALID)
    )


def replace_address(address: str, stand_in: str) -> None:
    """Put another address in the place of this one in all results, and leave out what a rejected row said beside it.

    Needs a transaction.
    """
    for kept in VerdictBlock.objects.order_by("pk").iterator(chunk_size=1):
        plain = zlib.decompress(kept.packed)
        if address.encode() not in plain.lower():
            continue
        block = _decoder.decode(plain)
        for place, email in enumerate(block.emails):
            row = [email, *block.cells.get(place, ()), block.details.get(place, "")]
            if not any(address in text.lower() for text in row):
                continue
            block.emails[place] = stand_in
            block.details.pop(place, None)
            if place in block.cells:
                block.cells[place] = []
        kept.packed = _pack(block)
        kept.save(update_fields=["packed"])


def _pack(block: Block) -> bytes:
    return zlib.compress(msgspec.json.encode(block), 1)


def _unpack(packed: bytes | memoryview) -> Block:
    return _decoder.decode(zlib.decompress(packed))


# ── a trial ──────────────────────────────────────────────────────────────────────────────────────────────────────────

CREATE_NEW_ROWS = "CREATE TEMPORARY TABLE new_rows (line int, email text) ON COMMIT DROP"
FIND_REPEATS = """
SELECT line FROM (SELECT line, row_number() OVER (PARTITION BY email ORDER BY line) AS nth FROM new_rows) AS numbered
WHERE nth > 1 ORDER BY line
"""


def count_once(upload: Upload) -> int:
    """Correct the verdicts of the check: an address that is new in two pieces of the file is new only once.

    A check stores no contacts, so no piece knows which contacts an earlier piece would have made. Needs a transaction.

    Returns:
        how many rows are now “updated” that were “new”.
    """
    with connection.cursor() as cursor:
        cursor.execute(CREATE_NEW_ROWS)
        for packed in upload.blocks.values_list("packed", flat=True).iterator(chunk_size=1):
            block, lines = _unpack(packed), io.StringIO()
            is_new = [verdict is Verdict.CREATED for verdict in block.verdicts]
            numbered = zip(count(block.first), block.emails, strict=False)  # the one has no end
            csv.writer(lines).writerows(compress(numbered, is_new))
            with cursor.copy("COPY new_rows FROM STDIN (FORMAT csv)") as copy:
                copy.write(lines.getvalue())
        cursor.execute(FIND_REPEATS)
        repeats = {line for (line,) in cursor}
        cursor.execute("DROP TABLE new_rows")
    if not repeats:
        return 0
    for kept in upload.blocks.filter(created__gt=0).order_by("last").iterator(chunk_size=1):
        block = _unpack(kept.packed)
        places = repeats.intersection(range(block.first, kept.last + 1))
        for line in places:
            block.verdicts[line - block.first] = Verdict.UPDATED
        if places:
            kept.packed = _pack(block)
            kept.created -= len(places)
            kept.updated += len(places)
            kept.save()
    return len(repeats)
