"""Several prepared statements in one round trip, by libpq's pipeline mode."""

import select
from collections.abc import Sequence

import psycopg
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

Command = tuple[bytes, Sequence[bytes | None]]
"""The name of a prepared statement, and its parameters as PostgreSQL reads their texts."""

READ, BOTH = select.POLLIN, select.POLLIN | select.POLLOUT
SYNC, ABORTED, BAD = ExecStatus.PIPELINE_SYNC, ExecStatus.PIPELINE_ABORTED, ConnStatus.BAD


class Pipeline:
    """Sends to one connection, which is of one thread and otherwise idle, and waits without holding Python's lock."""

    __slots__ = ("_pgconn", "_poll")

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._poll = select.poll()
        self._poll.register(pgconn.socket, READ)

    def exchange(self, commands: Sequence[Command]) -> list[PGresult]:
        """Execute all in turn up to the first that fails; the results of those that were executed, the failed one last.

        Raises: psycopg.OperationalError: the connection is lost; it is closed then.
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

    def _results(self) -> list[PGresult]:
        pgconn = self._pgconn
        results: list[PGresult] = []
        while True:
            while pgconn.is_busy():
                self._poll.poll()
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
        """Send the rest of what the socket did not take at once, reading meanwhile, so that both sides get on."""
        pgconn, poll = self._pgconn, self._poll
        poll.modify(pgconn.socket, BOTH)
        while pgconn.flush():
            for _, event in poll.poll():
                if event != select.POLLOUT:
                    pgconn.consume_input()
        poll.modify(pgconn.socket, READ)
