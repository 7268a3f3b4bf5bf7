"""The time by the clock of PostgreSQL.

Each machine has its own clock, and a wrong one must not end a campaign for everybody. So nothing depends on it: a
process measures how much its clock differs from the database's, and adds the difference. It measures when a connection
is opened, again once a minute, and at once after the machine's clock was set or stood still.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, connection
from psycopg.pq import TransactionStatus

logger = logging.getLogger(__name__)

KEEP = 60.0  # seconds after which the difference is measured again
LEAP = 1.0  # seconds by which the machine's clock may run ahead of its monotonic one, or behind, between measurements
NOISE = 1.0  # seconds of difference that count as none: the answer took its time, and clocks that are set agree so far
LARGE = 30.0  # seconds of difference that are worth a word
SQL = "SELECT extract(epoch FROM clock_timestamp())::float8"


class Measurement(NamedTuple):
    """The result of comparing the two clocks, in seconds."""

    difference: float  # of the database's clock to the machine's
    gap: float  # of the machine's clock to its monotonic one
    at: float  # on the monotonic clock


_last: Measurement | None = None


def now() -> datetime:
    """Return the database's time. It asks the database if the difference is unknown or may have changed.

    Raises:
        django.db.OperationalError, InterfaceError: it had to ask, and the database is away.
    """
    if is_due() and not _is_in_event_loop():
        measure()
    return now_as_known()


def now_as_known() -> datetime:
    """Return the database's time as far as it is known, without asking."""
    return datetime.fromtimestamp(unix_time(), UTC)


def unix_time() -> float:
    """Return the database's time in seconds since 1970, as far as it is known, without asking."""
    return time.time() + difference()


def now_at_till() -> datetime:
    """Return the database's time without asking once a minute, since the statements of tills bring it along."""
    if _last is None or _has_leapt(_last):
        measure()
    return now_as_known()


def difference() -> float:
    """Return by how many seconds the database's clock is ahead of this machine's; 0 while that is unknown."""
    return _last.difference if _last else 0.0


def is_due() -> bool:
    """Return whether it is time to ask the database again."""
    return _last is None or time.monotonic() - _last.at > KEEP or _has_leapt(_last)


def measure() -> None:
    """Ask the database for its time. Opening a connection asks too."""
    if connection.connection is None:
        connection.ensure_connection()
        return
    if _last and connection.connection.info.transaction_status == TransactionStatus.INERROR:
        return  # it answers nothing until that is rolled back
    try:
        with connection.wrap_database_errors:
            (seconds,) = connection.connection.execute(SQL).fetchone()
    except (OperationalError, InterfaceError):  # the connection died while nobody used it
        if connection.in_atomic_block:
            raise
        connection.close()
        connection.ensure_connection()
    else:
        note(seconds)


def note(seconds: float) -> None:
    """Remember the database's time, in seconds since 1970, which has just been answered."""
    global _last
    wall, steady = time.time(), time.monotonic()
    found = seconds - wall if abs(seconds - wall) > NOISE else 0.0
    before, _last = difference(), Measurement(found, wall - steady, steady)
    if abs(_last.difference) > LARGE and abs(_last.difference - before) > LARGE:
        logger.warning("%s", warning())


def warning() -> str:
    """Return a sentence when this machine's clock is far from the database's, else ""."""
    seconds = difference()
    if abs(seconds) <= LARGE:
        return ""
    way = "behind" if seconds > 0 else "ahead of"
    return (
        f"This machine's clock is {abs(seconds):,.0f} s {way} the database's, by which everything is judged: "
        "correct it."
    )


def _has_leapt(last: Measurement) -> bool:
    return abs(time.time() - time.monotonic() - last.gap) > LEAP


def _is_in_event_loop() -> bool:
    """Return whether this thread runs an event loop, so that asking would block its other tasks."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
