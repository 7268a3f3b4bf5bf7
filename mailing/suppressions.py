"""Addresses that get no campaign, from a CSV file: as another system or an agency hands them over."""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from mailing.addresses import normalised
from mailing.importing import columns, files
from mailing.models import Suppression

BATCH = 5000  # rows written at once


class Taken(msgspec.Struct):
    """What became of the rows of a file: suppressed by it, suppressed already, and without a proper address."""

    new: int = 0
    known: int = 0
    wrong: int = 0


def take_in(file: BinaryIO, *, reason: str, detail: str = "") -> Taken:
    """Suppress every address in the file; one that is suppressed already keeps its reason.

    Raises: UnreadableFile: it is no CSV, has no column of addresses, or breaks further down; then nothing was taken
    beyond whole batches before.
    """
    with tempfile.NamedTemporaryFile(suffix=".csv") as kept:
        shutil.copyfileobj(file, kept)
        kept.flush()
        path = Path(kept.name)
        names = columns.guessed(files.header(path), files.examples(path))
        if "email" not in names:
            raise files.UnreadableFile("No column holds e-mail addresses: name it “email”.")
        taken = Taken()
        addresses = _addresses(path, names.index("email"), taken)
        while batch := dict.fromkeys(islice(addresses, BATCH)):
            known = set(Suppression.objects.filter(email__in=batch).values_list("email", flat=True))
            fresh = [
                Suppression(email=email, reason=reason, source=Suppression.Source.CSV_IMPORT, detail=detail)
                for email in batch
                if email not in known
            ]
            Suppression.objects.bulk_create(fresh, ignore_conflicts=True)
            taken.new += len(fresh)
            taken.known += len(known)
    return taken


def _addresses(path: Path, place: int, taken: Taken) -> Iterator[str]:
    for cells in files.records(path):
        try:
            yield normalised(cells[place] if place < len(cells) else "")
        except ValueError:
            taken.wrong += 1
