"""Django's backend for PostgreSQL. Its waits keep the limits of `campaigns.waits`, its connections ask for the time."""

import math
import threading
import time

import psycopg
from django.db.backends.postgresql import base

from campaigns import database_time
from campaigns.annotations import Argument, Columns
from campaigns.waits import LIMITS, silence_error

QUICK_SECONDS = 2.0
"""For what a living server answers at once: who connects, and whether an old connection stands."""
TELLING_SECONDS = 1.0
"""Without an answer within this time a server is silent."""
SILENT_SECONDS = 2.0
"""After a server did not answer: until then nobody in a web process asks it, and then one asks for all."""


class Silence:
    """Whether the server answers nobody, as all threads of a process know it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0  # of the monotonic clock; 0: it answers
        self._answered_at = 0.0

    def is_known(self) -> bool:
        """Return whether the server is silent. When it is time to ask again, only one thread is told to: False."""
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                return True
            if self._until:
                self._until = now + QUICK_SECONDS
            return False

    def judge(self, began: float, allowed: float) -> None:
        """Note what a thread has seen of the server, which could have answered, if only by a refusal, while it waited.

        Args:
            began: when it began to wait. The news of who began before the latest answer is old.
            allowed: seconds that it could wait. Who could wait for a moment only has seen nothing.
        """
        with self._lock:
            now = time.monotonic()
            if now - began < allowed:
                self._until, self._answered_at = 0.0, now
            elif allowed >= TELLING_SECONDS and began > self._answered_at:
                self._until = now + SILENT_SECONDS


SILENCE = Silence()


class Connection(psycopg.Connection[Argument]):
    """A connection that is closed when a statement takes longer than this thread may wait."""

    def wait(self, gen: Argument, *arguments: Argument, **named: Argument) -> Argument:
        seconds = LIMITS.seconds()
        if seconds is None:
            return super().wait(gen, *arguments, **named)
        began = time.monotonic()
        try:
            return super().wait(gen, timeout=seconds)
        except psycopg.OperationalError as error:
            if time.monotonic() - began < seconds:
                raise
            self.pgconn.finish()  # its answer may come yet, and nobody would know to which question
            raise silence_error(seconds) from error
        finally:
            LIMITS.count(began)


class Driver:
    """psycopg, which opens our connections here."""

    connect = staticmethod(Connection.connect)

    def __getattr__(self, name: str) -> Argument:
        return getattr(psycopg, name)


class DatabaseWrapper(base.DatabaseWrapper):
    """A frozen server costs whoever asks for a page some seconds, however many ask at once and wait for a thread."""

    Database = Driver()

    def is_usable(self) -> bool:
        seconds, before = LIMITS.seconds(), LIMITS.each
        if seconds is None:
            return self.answers()
        if SILENCE.is_known():
            return False
        began = time.monotonic()
        LIMITS.each = min(before or QUICK_SECONDS, QUICK_SECONDS)
        try:
            return self.answers()
        finally:
            LIMITS.each = before
            SILENCE.judge(began, min(seconds, QUICK_SECONDS))

    def answers(self) -> bool:
        """Return whether the server answers this connection."""
        usable: bool = super().is_usable()
        return usable

    def get_new_connection(self, conn_params: Columns) -> Argument:
        connection = self.connect_within_limits(conn_params)
        connection.autocommit = True  # Django chooses afterwards
        (seconds,) = connection.execute(database_time.SQL).fetchone()
        connection.autocommit = False
        database_time.note(seconds)
        return connection

    def connect_within_limits(self, conn_params: Columns) -> Argument:
        seconds = LIMITS.seconds()
        if seconds is None:
            return super().get_new_connection(conn_params)
        seconds = min(seconds, QUICK_SECONDS)
        if seconds == 0 or SILENCE.is_known():
            raise silence_error(seconds)
        began = time.monotonic()
        try:
            return super().get_new_connection(conn_params | {"connect_timeout": math.ceil(seconds)})
        finally:
            LIMITS.count(began)
            SILENCE.judge(began, seconds)
