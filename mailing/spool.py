"""Keeps opens and clicks on disk while the database is away, and writes each of them once when it is back.

They lie under var/spool/, in a folder for each database, readable to this user only. Any process appends to one file,
each visit a line with a checksum. The writer takes the file under another name and goes through it in batches; how far
it came stands in the database (`SpoolFile`), in the transaction that writes the batch. So a visit is written once,
wherever a process is killed. The consent at the time of writing decides what is recorded of a visit.

A killed process loses nothing. When the machine dies, visits of the last FSYNC_SECONDS may be lost.
"""

import fcntl
import logging
import os
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django_q.tasks import async_task

from campaigns import database_time
from mailing.models import SpoolFile
from mailing.visitors import Visitor

logger = logging.getLogger(__name__)

MOST_BYTES = 64 * 2**20  # of what waits; visits beyond it are not noted
FSYNC_SECONDS = 1.0
AWAY_SECONDS = 1.0  # so long nobody asks a database again that has just not answered
BATCH_VISITS = 200  # written in one transaction
WAITING, TAKEN, UNREADABLE = "waiting", ".taken", ".unreadable"
# nothing but a file of ours: no link is followed, and no pipe waited for
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One open or click of a delivery. `at` is None for a visit that is written at once."""

    delivery: int
    kind: str
    visitor: Visitor
    link: int | None = None
    how: str = ""
    at: datetime | None = None


class Outage:
    """What this process knows: until when it need not try the database, and when it last synced the disk."""

    until = 0.0
    synced_at = 0.0
    is_full = False


_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Visit).decode


def is_database_away() -> bool:
    """Return whether the database has just not answered."""
    return time.monotonic() < Outage.until


def note_outage(error: Exception) -> None:
    """Remember that the database does not answer."""
    if not is_database_away():
        logger.error("The database is away, opens and clicks wait on disk: %s", " ".join(str(error).split()))
    Outage.until = time.monotonic() + AWAY_SECONDS


# ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def keep_visit(visit: Visit) -> bool:
    """Append a visit with its time to the file that waits; return False when the disk is full or the limit reached."""
    line = _encode(msgspec.structs.replace(visit, at=visit.at or database_time.now_as_known()))
    try:
        is_kept = _append(b"\n%08x %s\n" % (zlib.crc32(line), line))
    except OSError:
        logger.exception("A visit could not be kept on disk")
        return False
    if not is_kept and not Outage.is_full:
        logger.error(
            "What waits on disk has reached %s bytes: further opens and clicks are not noted.", MOST_BYTES
        )
    Outage.is_full = not is_kept
    return is_kept


def _append(line: bytes) -> bool:
    path = _folder() / WAITING
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        file = os.open(path, _APPENDING, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_still(file, path):
                continue  # the writer has just taken it
            if os.fstat(file).st_size + len(line) > MOST_BYTES:
                return False
            is_whole = os.write(file, line) == len(line)
            if time.monotonic() - Outage.synced_at > FSYNC_SECONDS:
                os.fdatasync(file)
                Outage.synced_at = time.monotonic()
            return is_whole
        finally:
            os.close(file)


def _is_still(file: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file), path.stat())
    return False


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def queue_waiting(now: datetime) -> None:
    """Queue the writer if visits wait and no process writes them."""
    if not (_folder() / WAITING).exists() and not _list_taken():
        return
    with _alone() as is_alone:
        if is_alone:
            async_task("mailing.tasks.write_spooled")


def write_waiting(write: Callable[[Visit], None], seconds: float) -> int:
    """Write the visits that wait, for at most `seconds`; return how many it went through.

    Safe to call again after it was killed anywhere. Of two calls at the same time one does nothing.

    Args:
        write: writes one visit, in the transaction it is called in.

    Raises:
        OperationalError, InterfaceError: the database is away again. Nothing is lost.
    """
    deadline, visits = time.monotonic() + seconds, 0
    with _alone() as is_alone:
        while is_alone and time.monotonic() < deadline:
            taken = _list_taken() or _take()
            if not taken:
                break
            try:
                visits += _write_file(taken[0], write, deadline)
            except OSError:
                logger.exception("A file of the spool cannot be read, and is set aside")
                taken[0].rename(taken[0].with_suffix(UNREADABLE))
    return visits


def _write_file(path: Path, write: Callable[[Visit], None], deadline: float) -> int:
    """Write the rest of a taken file, and delete the file at its end."""
    row, _ = SpoolFile.objects.get_or_create(name=path.name)
    visits = 0
    with path.open("rb") as file:
        records = filter(None, (line.rstrip(b"\n") for line in file))
        done = sum(1 for _ in islice(records, row.done))
        while batch := list(islice(records, BATCH_VISITS)):
            _write_batch(row.pk, done, batch, write)
            done += len(batch)
            visits += len(batch)
            if time.monotonic() > deadline:
                return visits
    path.unlink()  # first: without the row the file would be written once more
    row.delete()
    return visits


def _write_batch(row: int, done: int, batch: list[bytes], write: Callable[[Visit], None]) -> None:
    """Write these visits and how far they reach in one transaction; log and skip a visit that cannot be written."""
    with transaction.atomic():
        for record in batch:
            visit = _read_record(record)
            if visit is None:
                logger.error("A line of the spool is damaged, and left out.")
                continue
            try:
                with transaction.atomic():
                    write(visit)
            except (OperationalError, InterfaceError):
                raise
            except Error:
                logger.exception("A visit could not be written, and is left out")
        SpoolFile.objects.filter(pk=row).update(done=done + len(batch))


def _read_record(record: bytes) -> Visit | None:
    checksum, _, line = record.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(line):
        return None
    try:
        return _decode(line)
    except msgspec.DecodeError:
        return None


def _take() -> list[Path]:
    """Rename the files that wait, so that no process appends to them any more."""
    path = _folder() / WAITING
    taken = path.with_name(f"{uuid.uuid4().hex}{TAKEN}")
    try:
        path.rename(taken)
    except FileNotFoundError:
        return []
    found = _list_taken()
    if taken in found:
        with suppress(OSError), taken.open("rb") as file:  # what cannot be read is set aside where it is read
            fcntl.flock(file, fcntl.LOCK_EX)  # who had opened it before has finished
    return found


def _list_taken() -> list[Path]:
    """List the taken files, and nothing that only has such a name."""
    return sorted(path for path in _folder().glob(f"*{TAKEN}") if path.is_file() and not path.is_symlink())


@contextmanager
def _alone() -> Iterator[bool]:
    """Yield whether this process is the only writer on this machine during the block."""
    _folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(_folder() / "writer", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(file)


def _folder() -> Path:
    folder: Path = settings.VAR_DIR / "spool" / str(connection.settings_dict["NAME"])
    return folder
