"""Django's backend for PostgreSQL. Its waits keep the limits of `campaigns.waits`, its connections ask for the time."""

import math
import time

import psycopg
from django.db.backends.postgresql import base

from campaigns import database_time
from campaigns.annotations import Argument, Columns
from campaigns.waits import LIMITS, silence_error

QUICK_SECONDS = 2.0
"""For what a living server answers at once: who connects, and whether an old connection stands."""
SILENT_SECONDS = 2.0
"""After a server answered nobody who connects: until then the others of a web process do not try."""


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
    silent_until = 0.0  # of the monotonic clock, for all threads

    def is_usable(self) -> bool:
        before = LIMITS.each
        if LIMITS.seconds() is not None:
            LIMITS.each = min(before or QUICK_SECONDS, QUICK_SECONDS)
        try:
            stands: bool = super().is_usable()
        finally:
            LIMITS.each = before
        return stands

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
        began = time.monotonic()
        if seconds == 0 or began < DatabaseWrapper.silent_until:
            raise silence_error(seconds)
        try:
            return super().get_new_connection(conn_params | {"connect_timeout": math.ceil(seconds)})
        except psycopg.OperationalError:
            if time.monotonic() - began >= seconds:
                DatabaseWrapper.silent_until = time.monotonic() + SILENT_SECONDS
            raise
        finally:
            LIMITS.count(began)
