"""Limits how long a thread waits for the database.

A frozen PostgreSQL, or a network that drops packets, answers nothing, and no timeout of the server helps. So the client
measures its own wait: in `campaigns.postgresql` for everything that uses Django, in `promotions.database.pipeline` for
tills. When the time is over, it closes the connection and raises psycopg.OperationalError, and PostgreSQL rolls back
what was not committed. A wait has no limit outside of `limit_waits`, which the web servers use for each request.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import InterfaceError, OperationalError

DATABASE_AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
"""What is raised while the database is away. Django leaves some of psycopg's own errors as they are: of a COPY, or when
a cursor of the server is closed."""


class Limits(threading.local):
    """The limits of this thread in seconds; None for none."""

    each: float | None = None  # for one statement
    left: float | None = None  # for all statements that are still to come, together

    def seconds(self) -> float | None:
        """Return how long the next statement may take; never below 0."""
        if self.left is None:
            return self.each
        left = max(0.0, self.left)
        return left if self.each is None else min(left, self.each)

    def count(self, began: float) -> None:
        """Subtract the time since `began`, of the monotonic clock, from what is left."""
        if self.left is not None:
            self.left -= time.monotonic() - began


LIMITS = Limits()


@contextmanager
def limit_waits(*, each: float | None = None, total: float | None = None) -> Iterator[None]:
    """Limit the waits in the block: of each statement, or of all together. The limits before it hold again after it."""
    before = LIMITS.each, LIMITS.left
    LIMITS.each, LIMITS.left = each, total
    try:
        yield
    finally:
        LIMITS.each, LIMITS.left = before


def silence_error(seconds: float) -> psycopg.OperationalError:
    """Return the error of a database that did not answer in time."""
    return psycopg.OperationalError(f"the database did not answer within {seconds:.1f} s")
