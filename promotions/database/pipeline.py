"""Sends prepared statements by libpq itself: one, or several in one round trip by its pipeline mode."""

import select
import time
from collections.abc import Sequence

import psycopg
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from campaigns.waits import LIMITS, silence_error

Command = tuple[bytes, Sequence[bytes | None]]
"""The name of a prepared statement, and its parameters as PostgreSQL reads their texts."""

READ, BOTH = select.POLLIN, select.POLLIN | select.POLLOUT
SYNC, ABORTED, BAD = ExecStatus.PIPELINE_SYNC, ExecStatus.PIPELINE_ABORTED, ConnStatus.BAD


class Pipeline:
    """Sends over one connection, which belongs to one thread and is idle, and waits without holding Python's lock."""

    __slots__ = ("_pgconn", "_poll")

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._poll = select.poll()
        self._poll.register(pgconn.socket, READ)

    def prepare(self, name: bytes, sql: bytes) -> PGresult:
        """Prepare a statement.

        Raises:
            psycopg.OperationalError: as `execute`.
        """
        self._pgconn.send_prepare(name, sql)
        return self._result()

    def begin(self) -> PGresult:
        """Begin a transaction.

        Raises:
            psycopg.OperationalError: as `execute`.
        """
        self._pgconn.send_query(b"BEGIN")
        return self._result()

    def roll_back(self) -> PGresult:
        """Roll a transaction back.

        Raises:
            psycopg.OperationalError: as `execute`.
        """
        self._pgconn.send_query(b"ROLLBACK")
        return self._result()

    def execute(self, name: bytes, values: Sequence[bytes | None]) -> PGresult:
        """Execute one prepared statement.

        Raises:
            psycopg.OperationalError: the connection is lost, or silent for longer than campaigns.waits allows; it is
                closed then.
        """
        self._pgconn.send_query_prepared(name, values)
        return self._result()

    def exchange(self, commands: Sequence[Command]) -> list[PGresult]:
        """Execute all in turn up to the first that fails; return the results, that of a failed one last.

        Raises:
            psycopg.OperationalError: as `execute`.
        """
        pgconn = self._pgconn
        try:
            pgconn.enter_pipeline_mode()
            for name, values in commands:
                pgconn.send_query_prepared(name, values)
            pgconn.pipeline_sync()
            if pgconn.flush():
                self._flush()
            results = self._results()
            pgconn.exit_pipeline_mode()
        except BaseException:  # also where a signal ends the wait: nobody could read the rest of the answers
            pgconn.finish()
            raise
        return results

    def _result(self) -> PGresult:
        pgconn = self._pgconn
        try:
            if pgconn.flush():
                self._flush()
            found = None
            while True:
                while pgconn.is_busy():
                    self._wait()
                    pgconn.consume_input()
                result = pgconn.get_result()
                if result is None:
                    break
                found = result
        except BaseException:  # also where a signal ends the wait: nobody could read the rest of the answer
            pgconn.finish()
            raise
        if found is None:
            raise psycopg.OperationalError("the connection is lost")
        return found

    def _wait(self) -> list[tuple[int, int]]:
        """Wait until the socket is ready, as long as this thread may wait."""
        seconds = LIMITS.seconds()
        if seconds is None:
            return self._poll.poll()
        began = time.monotonic()
        ready = self._poll.poll(seconds * 1000)
        LIMITS.count(began)
        if not ready:
            raise silence_error(seconds)
        return ready

    def _results(self) -> list[PGresult]:
        pgconn = self._pgconn
        results: list[PGresult] = []
        while True:
            while pgconn.is_busy():
                self._wait()
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:  # the end of one statement's results
                if pgconn.status == BAD:
                    raise psycopg.OperationalError("the connection is lost")
            elif result.status == SYNC:
                return results
            elif result.status != ABORTED:
                results.append(result)

    def _flush(self) -> None:
        """Send the bytes that the socket did not take at once, and read meanwhile, so that neither side blocks."""
        pgconn, poll = self._pgconn, self._poll
        poll.modify(pgconn.socket, BOTH)
        while pgconn.flush():
            for _, event in self._wait():
                if event != select.POLLOUT:
                    pgconn.consume_input()
        poll.modify(pgconn.socket, READ)
