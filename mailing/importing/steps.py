"""What is done with a file, step by step, from its upload to its end."""

import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from campaigns.refusals import Refused
from mailing import spreadsheets
from mailing.models import ContactImport, ContactList, ImportRow

from . import columns, files
from .columns import LIST
from .rows import Row, read
from .taking import take

PIECE = 20_000  # rows taken in one transaction
KEPT = timedelta(days=7)  # how long a file waits for somebody to go on with it
STALLED = timedelta(seconds=30)  # an import that has not moved for so long may have lost its process
Status = ContactImport.Status
OPEN = (Status.CHOOSING, Status.TRIED)  # somebody is to go on with it

# In a trial nothing is taken, so that an address that comes again in a later piece was judged to be new twice.
SECOND_TIMES = """
WITH again AS (
    UPDATE mailing_importrow SET verdict = 'updated' WHERE id IN (
        SELECT id FROM (
            SELECT id, row_number() OVER (PARTITION BY email ORDER BY line) AS nth
            FROM mailing_importrow WHERE upload_id = %(upload)s AND verdict = 'created'
        ) AS new WHERE nth > 1
    ) RETURNING 1
)
SELECT count(*) FROM again
"""


def receive(file: BinaryIO, *, name: str = "", by: Any = None) -> ContactImport:
    """Keep a file and guess what its columns are; files nobody has gone on with for a week are forgotten.

    Raises: UnreadableFile: it is no CSV file.
    """
    for old in ContactImport.objects.filter(status__in=OPEN, created_at__lt=timezone.now() - KEPT):
        discard(old)
    with transaction.atomic():
        upload = ContactImport.objects.create(
            name=(name or getattr(file, "name", "") or "contacts.csv")[-200:], size=0, by=by
        )
        path = files.path_of(upload.pk)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as kept:
            shutil.copyfileobj(file, kept)
        try:
            header = files.header(path)
            taken = columns.guessed(header, files.examples(path))
        except files.UnreadableFile:
            path.unlink()
            raise
        upload.columns = list(zip(header, taken, strict=True))
        upload.size = path.stat().st_size
        upload.save()
    return upload


def choose(
    upload: ContactImport,
    taken: Sequence[str],
    *,
    list: ContactList | None = None,  # noqa: A002 the word of the product
    new_list: str = "",
) -> None:
    """Say what each column is taken for and which list everybody joins, and try it: rows are judged, none is taken.

    Args:
        taken: for each column a key of columns.FIELDS, LIST, LEFT_OUT or the name of an attribute.
        new_list: the name of a list that is made when it is taken in.
    Raises: Refused: a column cannot be taken so, or it is not waiting for this.
    """
    if wrong := columns.checked(taken):
        raise Refused([("", sentence) for _, sentence in wrong])
    names = [name for name, _ in upload.columns]
    _begin(
        upload.pk,
        columns=[*zip(names, taken, strict=True)],
        list=list,
        new_list=new_list,
        is_trial=True,
    )


def start(upload: ContactImport) -> None:
    """Take in for real what has been tried. Raises Refused: it has not, or somebody has started it already."""
    with transaction.atomic():
        if upload.status != Status.TRIED:
            raise Refused(
                f"“{upload}” is {upload.get_status_display().lower()}: only what has been tried is taken in."
            )
        made = ContactList.objects.get_or_create(name=upload.new_list)[0] if upload.new_list else upload.list
        _begin(upload.pk, list=made, is_trial=False)


def _begin(upload_id: int, **changes: Any) -> None:
    """Start over with these changes and queue the work."""
    fresh = {
        "rows": None,
        "error": "",
        "finished_at": None,
        "moved_at": timezone.now(),
        "status": Status.RUNNING,
    }
    zero = dict.fromkeys(("done", "created", "updated", "repeated", "invalid", "suppressed", "joined"), 0)
    with transaction.atomic():
        if not ContactImport.objects.filter(pk=upload_id, status__in=OPEN).update(**fresh, **zero, **changes):
            raise Refused("Somebody has gone on with this import already.")
        transaction.on_commit(partial(async_task, "mailing.tasks.import_contacts", upload_id))


def discard(upload: ContactImport) -> None:
    """Forget a file that nothing was taken from, and what was found in it. Raises Refused: it is being worked on."""
    untaken = Q(status__in=OPEN) | Q(status=Status.FAILED, is_trial=True)
    gone, _ = ContactImport.objects.filter(untaken, pk=upload.pk).delete()
    if not gone:
        raise Refused(f"“{upload}” is {upload.get_status_display().lower()}: it cannot be discarded.")
    files.path_of(upload.pk).unlink(missing_ok=True)


def run(upload_id: int, seconds: float | None = None) -> bool:
    """Judge, and unless it is a trial take in, what is left of a file.

    Safe to call again after it was stopped anywhere, and at the same time. A file that is broken further down ends as
    failed, with the reason; what came before has been taken.

    Args:
        seconds: stop between two pieces after this long.
    Returns: whether this run is to be continued.
    """
    deadline = time.monotonic() + seconds if seconds is not None else None
    upload = ContactImport.objects.get(pk=upload_id)
    if upload.status != Status.RUNNING:
        return False
    path = files.path_of(upload_id)
    names = [taken for _, taken in upload.columns]
    lists = (
        {name.lower(): pk for pk, name in ContactList.objects.values_list("pk", "name")}
        if LIST in names
        else {}
    )
    try:
        if upload.rows is None:
            _count(upload_id, sum(1 for _ in files.records(path)))
        numbered = islice(enumerate(files.records(path), 1), upload.done, None)
        rows = (read(number, cells, names, lists) for number, cells in numbered)
        for piece in _ahead(iter(lambda: [*islice(rows, PIECE)], [])):
            if not take(upload_id, piece):
                return False  # another run is ahead of this one
            if deadline is not None and time.monotonic() > deadline:
                return True
    except files.UnreadableFile as error:
        _finish(upload_id, Status.FAILED, error=str(error))
        return False
    _finish(upload_id, Status.TRIED if upload.is_trial else Status.DONE)
    return False


def _ahead(pieces: Iterator[list[Row]]) -> Iterator[list[Row]]:
    """The same, each read while the database takes the one before."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = reader.submit(next, pieces, None)
            yield piece


def _count(upload_id: int, rows: int) -> None:
    """Write how many rows there are and clear away what an earlier trial found; of two runs, the first does."""
    with transaction.atomic():
        upload = ContactImport.objects.select_for_update().get(pk=upload_id)
        if upload.rows is None:
            upload.verdicts.all().delete()
            ContactImport.objects.filter(pk=upload_id).update(rows=rows, moved_at=timezone.now())


def _finish(upload_id: int, status: str, *, error: str = "") -> None:
    with transaction.atomic():
        upload = ContactImport.objects.select_for_update().get(pk=upload_id)
        if upload.status != Status.RUNNING:
            return  # another run has
        if status == Status.TRIED:
            with connection.cursor() as cursor:
                cursor.execute(SECOND_TIMES, {"upload": upload_id})
                again = cursor.fetchone()[0]
            upload.created -= again
            upload.updated += again
        upload.status, upload.error, upload.finished_at = status, error, timezone.now()
        upload.save()
    if status != Status.TRIED:
        files.path_of(upload_id).unlink(missing_ok=True)


def wake(now: datetime) -> None:
    """Queue the imports that have not moved for a while: their process has died, or their turn is late."""
    stalled = ContactImport.objects.filter(status=Status.RUNNING, moved_at__lt=now - STALLED)
    for pk in stalled.values_list("pk", flat=True):
        if stalled.filter(pk=pk).update(moved_at=now):
            async_task("mailing.tasks.import_contacts", pk)


def rejected(upload: ContactImport) -> Iterator[str]:
    """The rows that were not taken as CSV: the columns of the file, and the reason in one more."""
    width = len(upload.columns)
    yield "\ufeff"  # so that Excel takes it for UTF-8
    yield from spreadsheets.lines([[*(name for name, _ in upload.columns), "reason"]])
    rows = upload.verdicts.filter(verdict=ImportRow.Verdict.INVALID).order_by("line")
    yield from spreadsheets.lines(
        [*(cells or [])[:width], *[""] * (width - len(cells or [])), detail]
        for cells, detail in rows.values_list("cells", "detail").iterator(chunk_size=2000)
    )
