"""The index of caught messages: what the list shows and searches of each, in one SQLite file beside their folder.

The messages themselves are the truth. Each search compares the index with their names and reads what is missing. So the
index may be deleted, be left behind by a killed process, or lack what another process has just stored. SQLite's locks
keep it whole when several processes write.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from campaigns.texts import make_storable

logger = logging.getLogger(__name__)

VERSION = 1  # of the table; another one is thrown away and made anew
LOCK_WAIT_SECONDS = 5.0  # seconds for another process that writes
_CREATE_TABLE = f"""
DROP TABLE IF EXISTS line;
CREATE TABLE line (
    id TEXT PRIMARY KEY, sender TEXT, recipients TEXT, from_header TEXT, subject TEXT, size INTEGER, searched TEXT
) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
_INSERT_ENTRY = "INSERT OR REPLACE INTO line VALUES (?, ?, ?, ?, ?, ?, ?)"


class IndexEntry(msgspec.Struct, frozen=True):
    """What the index holds of one message."""

    id: str
    sender: str
    recipients: list[str]
    from_header: str
    subject: str
    size: int


Read = Callable[[str], IndexEntry | None]


def add_entry(file: Path, line: IndexEntry) -> None:
    """Add one message. A failure is only logged, since the next search reads the message."""
    try:
        with _open(file) as index:
            index.execute(_INSERT_ENTRY, _make_row(line))
    except sqlite3.Error as error:
        logger.warning("A caught mail is not in the index yet: %s", error)


def find_entries(
    file: Path, names: list[str], read: Read, *, before: str, most: int, words: str
) -> list[IndexEntry]:
    """Find messages, the newest first.

    Args:
        file: the index. If it cannot be written, an index in memory replaces it for this call.
        names: the ids of all messages there are.
        read: reads the entry of a message; None when the message is gone.
        before: only those with a smaller id, "" for all.
        most: how many at most.
        words: only those whose subject, sender or recipients hold each of these words.
    """
    try:
        return _find(file, names, read, before, most, words)
    except sqlite3.Error as error:
        logger.warning("The index of caught mails is made anew: %s", error)
        try:
            file.unlink(missing_ok=True)
            return _find(file, names, read, before, most, words)
        except (sqlite3.Error, OSError) as again:
            logger.warning("The index of caught mails cannot be kept: %s", again)
            return _find(":memory:", names, read, before, most, words)


def _find(
    file: Path | str, names: list[str], read: Read, before: str, most: int, words: str
) -> list[IndexEntry]:
    with _open(file) as index:
        _bring_up_to_date(index, names, read)
        wanted = [word.lower() for word in words.split()]
        where = " AND ".join(["(? = '' OR id < ?)", *("instr(searched, ?)" for _ in wanted)])
        found = index.execute(
            f"SELECT id, sender, recipients, from_header, subject, size FROM line WHERE {where} "
            "ORDER BY id DESC LIMIT ?",
            [before, before, *wanted, most],
        )
        return [
            IndexEntry(name, sender, json.loads(recipients), from_header, subject, size)
            for name, sender, recipients, from_header, subject, size in found
        ]


def _bring_up_to_date(index: sqlite3.Connection, names: list[str], read: Read) -> None:
    known = {name for (name,) in index.execute("SELECT id FROM line")}
    if missing := sorted(set(names) - known):
        index.executemany(_INSERT_ENTRY, (_make_row(line) for line in _read_all(missing, read)))
    if gone := known.difference(names):
        index.executemany("DELETE FROM line WHERE id = ?", ((name,) for name in gone))


def _read_all(names: Iterable[str], read: Read) -> Iterator[IndexEntry]:
    return (line for name in names if (line := read(name)) is not None)


@contextmanager
def _open(file: Path | str) -> Iterator[sqlite3.Connection]:
    """Open the index and make its table if needed; commit at the end of the block, or roll back after an error."""
    index = sqlite3.connect(file, timeout=LOCK_WAIT_SECONDS, isolation_level="IMMEDIATE")
    try:
        index.execute("PRAGMA synchronous = OFF")  # what a power cut breaks is made anew
        index.execute("PRAGMA journal_mode = TRUNCATE")
        if index.execute("PRAGMA user_version").fetchone() != (VERSION,):
            index.executescript(f"BEGIN IMMEDIATE; {_CREATE_TABLE} COMMIT;")
        with index:
            yield index
    finally:
        index.close()


def _make_row(line: IndexEntry) -> tuple[str, str, str, str, str, int, str]:
    searched = f"{line.subject} {line.from_header} {line.sender} {' '.join(line.recipients)}".lower()
    texts = (line.sender, json.dumps(line.recipients), line.from_header, line.subject)
    sender, recipients, from_header, subject = map(make_storable, texts)
    return line.id, sender, recipients, from_header, subject, line.size, make_storable(searched)
