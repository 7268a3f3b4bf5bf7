"""The steps of an import, from the upload of a file to its end."""

import logging
import math
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import psycopg
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext
from django_q.tasks import async_task

from campaigns import database_time
from campaigns.annotations import ColumnValue
from campaigns.formats import in_sentence
from campaigns.refusals import Refused
from campaigns.sentences import keep
from campaigns.waits import DATABASE_AWAY
from mailing.models import ContactList, Upload, VerdictBlock

from . import columns, files, stored_verdicts
from .batches import import_batch
from .columns import LEFT_OUT, LIST
from .rows import RowBatch, read_rows

logger = logging.getLogger(__name__)

BATCH_ROWS = 20_000  # rows taken in one transaction
BATCH_LETTERS = 10_000_000  # and about as much text
ROWS_READ_AT_ONCE = 100  # rows read before their letters are looked at
TRIES = 3  # of a piece, as somebody may delete its list meanwhile
UPLOADS_KEPT_FOR = timedelta(days=7)  # how long a file waits for somebody to go on with it
STALLED_AFTER = timedelta(seconds=30)  # an import that has not moved for so long may have lost its process
Status, Kind = Upload.Status, Upload.Kind


def receive_contacts(
    file: BinaryIO,
    *,
    name: str = "",
    list: ContactList | None = None,  # noqa: A002 the word of the product
    by: User | None = None,
    encoding: str = "",
) -> Upload:
    """Store a file of contacts and guess what its columns are. `list` is proposed as the list that everybody joins.

    Args:
        encoding: a key of ENCODINGS; "" to find it.

    Raises:
        UnreadableFile: it is no CSV file.
    """
    with transaction.atomic():
        upload, header, taken = _store_upload(file, name=name, by=by, list=list, encoding=encoding)
        upload.columns = [*zip(header, taken, strict=True)]
        upload.save()
    return upload


def receive_suppressions(
    file: BinaryIO,
    *,
    reason: str,
    detail: str = "",
    name: str = "",
    by: User | None = None,
    encoding: str = "",
) -> Upload:
    """Store a file of addresses to suppress, and check its rows. Only the column with addresses counts.

    Raises:
        UnreadableFile: it is no CSV file, or has no such column.
    """
    with transaction.atomic():
        upload, header, taken = _store_upload(
            file,
            name=name,
            by=by,
            kind=Kind.SUPPRESSIONS,
            reason=reason,
            detail=detail,
            encoding=encoding,
        )
        if "email" not in taken:
            files.path_of(upload.pk).unlink()
            raise files.UnreadableFile(gettext("No column holds e-mail addresses: name it “email”."))
        meant = [each if each == "email" else LEFT_OUT for each in taken]
        upload.save()
        _begin(upload.pk, Upload.OPEN, columns=[*zip(header, meant, strict=True)], is_trial=True)
    return upload


def _store_upload(
    file: BinaryIO, *, name: str, by: User | None, **fields: ColumnValue
) -> tuple[Upload, list[str], list[str]]:
    """Store a file; return the upload, the names of its columns, and what each seems to be.

    Files that nobody has continued for a week are deleted.
    """
    _delete_old_uploads(database_time.now() - UPLOADS_KEPT_FOR)
    upload = Upload.objects.create(
        name=(name or getattr(file, "name", "") or "contacts.csv")[-200:], size=0, by=by, **fields
    )
    path = files.path_of(upload.pk)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as kept:
        shutil.copyfileobj(file, kept)
    try:
        header, taken = _guess_columns(path, upload.encoding)
    except files.UnreadableFile:
        path.unlink()
        raise
    upload.size = path.stat().st_size
    return upload, header, taken


def _guess_columns(path: Path, encoding: str) -> tuple[list[str], list[str]]:
    """Return the names of the columns, and what each seems to be.

    Raises:
        UnreadableFile: it is no CSV file.
    """
    header = files.read_header(path, encoding)
    return header, columns.guess_columns(header, files.read_samples(path, encoding))


def find_encoding(upload: Upload) -> str:
    """Return the key of ENCODINGS by which a file is read.

    Raises:
        UnreadableFile: it is no CSV file.
    """
    return files.dialect_of(files.path_of(upload.pk), upload.encoding).encoding


def read_in_encoding(upload: Upload, encoding: str) -> None:
    """Read a file of contacts in the encoding that somebody has chosen, and guess its columns anew.

    Raises:
        UnreadableFile: the file is not in this encoding.
        Refused: its columns were chosen already.
    """
    header, taken = _guess_columns(files.path_of(upload.pk), encoding)
    changed = Upload.objects.filter(Upload.OPEN, pk=upload.pk, kind=Kind.CONTACTS).update(
        encoding=encoding, columns=[*zip(header, taken, strict=True)], rows=None, status=Status.CHOOSING
    )
    if not changed:
        raise Refused(gettext("Somebody has continued this import already."))


def _delete_old_uploads(before: datetime) -> None:
    for old in Upload.objects.filter(Upload.OPEN, created_at__lt=before):
        discard(old)
    for old in Upload.objects.filter(status=Status.STOPPED, is_trial=False, moved_at__lt=before):
        end(old)


def choose_columns(
    upload: Upload,
    taken: Sequence[str],
    *,
    list: ContactList | None = None,  # noqa: A002 the word of the product
    new_list: str = "",
) -> None:
    """Say what each column is and which list everybody joins, and start the check: it judges rows and imports none.

    Args:
        taken: for each column a key of columns.FIELDS, LIST, LEFT_OUT or the name of an attribute.
        new_list: the name of a list that is made when the import starts.

    Raises:
        Refused: a column cannot have this meaning, or the upload is past this step.
    """
    if wrong := columns.find_column_problems(taken):
        raise Refused([("", sentence) for _, sentence in wrong])
    names = [name for name, _ in upload.columns]
    _begin(
        upload.pk,
        Upload.OPEN,
        columns=[*zip(names, taken, strict=True)],
        list=list,
        new_list=new_list,
        is_trial=True,
    )


def start(upload: Upload) -> None:
    """Import what has been checked.

    Raises:
        Refused: it is not checked yet, or somebody has started it already.
    """
    with transaction.atomic():
        if upload.status != Status.TRIED:
            raise Refused(
                gettext("“%(upload)s” is %(status)s: only a checked file can be imported.")
                % {"upload": upload, "status": in_sentence(upload.get_status_display())}
            )
        made = ContactList.objects.get_or_create(name=upload.new_list)[0] if upload.new_list else upload.list
        _begin(upload.pk, Q(status=Status.TRIED), list=made, is_trial=False)


def _begin(upload_id: int, waiting: Q, **changes: ColumnValue) -> None:
    """Write these changes and queue the work from the first row on, if the upload's status is `waiting`."""
    fresh = {"error": "", "finished_at": None, "moved_at": database_time.now(), "status": Status.RUNNING}
    zero = dict.fromkeys(
        ("done", "created", "updated", "repeated", "invalid", "suppressed", "declined", "joined"), 0
    )
    with transaction.atomic():
        if not Upload.objects.filter(waiting, pk=upload_id).update(**fresh, **zero, **changes):
            raise Refused(gettext("Somebody has continued this import already."))
        VerdictBlock.objects.filter(upload=upload_id).delete()
        _queue(upload_id)


def _queue(upload_id: int) -> None:
    transaction.on_commit(partial(async_task, "mailing.tasks.import_upload", upload_id))


def stop(upload: Upload) -> None:
    """Stop a running import after its present piece. Imported rows stay.

    Raises:
        Refused: it does not run.
    """
    if not Upload.objects.filter(pk=upload.pk, status=Status.RUNNING).update(
        status=Status.STOPPED, moved_at=database_time.now()
    ):
        raise Refused(_refuse_step("stopped", upload))


def resume(upload: Upload) -> None:
    """Resume a stopped import at the row it was at.

    Raises:
        Refused: it is not stopped.
    """
    with transaction.atomic():
        if not Upload.objects.filter(pk=upload.pk, status=Status.STOPPED).update(
            status=Status.RUNNING, moved_at=database_time.now()
        ):
            raise Refused(_refuse_step("resumed", upload))
        _queue(upload.pk)


def end(upload: Upload) -> None:
    """End a stopped import. Imported rows stay, the others are skipped.

    Raises:
        Refused: no row was imported, or it is not stopped.
    """
    stopped = Upload.objects.filter(pk=upload.pk, status=Status.STOPPED, is_trial=False)
    if not stopped.update(status=Status.ENDED, finished_at=database_time.now()):
        raise Refused(_refuse_step("ended", upload))
    _delete_file(upload.pk)


def discard(upload: Upload) -> None:
    """Delete an upload of which no row was imported.

    Raises:
        Refused: it is running.
    """
    untaken = Upload.OPEN | Q(status=Status.FAILED, is_trial=True)
    gone, _ = Upload.objects.filter(untaken, pk=upload.pk).delete()
    if not gone:
        raise Refused(_refuse_step("discarded", upload))
    _delete_file(upload.pk)


def _delete_file(upload_id: int) -> None:
    """Delete the file of an upload. One that is in a folder we may not write must not keep the import from its end."""
    try:
        files.path_of(upload_id).unlink(missing_ok=True)
    except OSError:
        logger.exception("The file of import %s could not be deleted", upload_id)


def _refuse_step(done: str, upload: Upload) -> str:
    """Return why a step is refused, with the status as it is now, since the page may have shown an older one."""
    now = Upload.objects.filter(pk=upload.pk).first()
    return gettext("“%(upload)s” is %(now)s: it cannot be %(done)s.") % {
        "upload": upload,
        "now": in_sentence(now.get_status_display()) if now else gettext("gone"),
        "done": done,
    }


def run(upload_id: int, seconds: float | None = None) -> bool:
    """Judge the rest of a file, and import it unless this is the check.

    Safe to call again after it was killed anywhere, and twice at the same time. A file that is broken further down
    fails with the reason; rows before that stay imported. So does one whose rows no try could import.

    Args:
        seconds: stop between two pieces after this long.

    Returns:
        whether rows are left.
    """
    deadline = time.monotonic() + seconds if seconds is not None else math.inf
    tries = 1
    while True:
        try:
            return _run(upload_id, deadline)
        except (*DATABASE_AWAY, MemoryError):
            raise  # it passes, and the import is tried again
        except Exception as error:
            what = f"{type(error).__name__}: {error}".partition("\n")[0][:500]
            if tries == TRIES or not isinstance(error, IntegrityError | psycopg.IntegrityError):
                _finish(upload_id, error=keep("An unforeseen error stopped it. %(what)s", what=what))
                raise
            logger.warning("A piece of import %s is tried again: %s", upload_id, what)
            tries += 1


def _run(upload_id: int, deadline: float) -> bool:
    upload = Upload.objects.get(pk=upload_id)
    if upload.status != Status.RUNNING:
        return False
    try:
        if upload.rows is None:
            rows = sum(1 for _ in files.Rows(files.path_of(upload_id), encoding=upload.encoding))
            Upload.objects.filter(pk=upload_id).update(rows=rows, moved_at=database_time.now())
        for piece in _read_ahead(_read_batches(upload)):
            if not import_batch(upload, piece):
                return False  # it was stopped, or another run is ahead of this one
            if time.monotonic() > deadline:
                return True
    except files.UnreadableFile as error:
        _finish(upload_id, error=str(error))
        return False
    _finish(upload_id)
    return False


def _read_batches(upload: Upload) -> Iterator[RowBatch]:
    """Yield the rest of the file in batches."""
    names = [(name, taken) for name, taken in upload.columns]
    lists = (
        {name.lower(): pk for pk, name in ContactList.objects.values_list("pk", "name")}
        if LIST in (taken for _, taken in names)
        else {}
    )
    rows = files.Rows(files.path_of(upload.pk), encoding=upload.encoding)
    records = islice(rows, upload.done, None)

    def read_on() -> Iterator[RowBatch]:
        first = upload.done + 1
        while cells := _next_rows(rows, records):
            yield read_rows(first, cells, names, lists)
            first += len(cells)

    return read_on()


def _next_rows(rows: files.Rows, records: Iterator[list[str]]) -> list[list[str]]:
    """Return the rows of the next piece: limited in number and in length."""
    cells: list[list[str]] = []
    while more := [*islice(records, min(ROWS_READ_AT_ONCE, BATCH_ROWS - len(cells)))]:
        if not cells:
            began = rows.letters
        cells += more
        if len(cells) >= BATCH_ROWS or rows.letters - began >= BATCH_LETTERS:
            break
    return cells


def _read_ahead(pieces: Iterator[RowBatch]) -> Iterator[RowBatch]:
    """Yield the same batches, each read while the database imports the one before."""
    with ThreadPoolExecutor(1) as reader, _share_python_often():
        coming = reader.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = reader.submit(next, pieces, None)
            yield piece


@contextmanager
def _share_python_often() -> Iterator[None]:
    """Let another thread of this process wait for Python for 0.3 ms at most, while the block lasts.

    A batch goes to the database in dozens of writes. After each of them the writer would wait up to 5 ms for the
    reader, a tenth of an import of a million rows and more of a small one.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0003)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _finish(upload_id: int, *, error: str = "") -> None:
    with transaction.atomic():
        upload = Upload.objects.select_for_update(no_key=True).get(pk=upload_id)
        if upload.status != Status.RUNNING or not (error or upload.done == upload.rows):
            return  # another run has, or somebody has stopped it, perhaps begun it anew
        upload.status = Status.FAILED if error else Status.TRIED if upload.is_trial else Status.DONE
        if upload.status == Status.TRIED:
            repeats = stored_verdicts.count_once(upload)
            upload.created -= repeats
            upload.updated += repeats
        upload.error, upload.finished_at = error, database_time.now()
        upload.save()
    if upload.status != Status.TRIED:
        _delete_file(upload_id)


def queue_stalled(now: datetime) -> None:
    """Queue the imports that have made no progress for some time: their process has died, or their turn is late."""
    stalled = Upload.objects.filter(status=Status.RUNNING, moved_at__lt=now - STALLED_AFTER)
    for pk in stalled.values_list("pk", flat=True):
        if stalled.filter(pk=pk).update(moved_at=now):
            async_task("mailing.tasks.import_upload", pk)
