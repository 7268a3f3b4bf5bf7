"""SQL for the tills: prepared statements on Django's own connection, without Django's and psycopg's cursors.

Django binds parameters on the client, prepares nothing, and sends `SELECT 1` on each kept connection at the start of a
request. psycopg's cursors adapt types both ways and can be interrupted. A sale is a handful of short statements, and
all this would take more than half of its time. So the statements go to libpq directly, through psycopg's own wrapper.
They are prepared, and their parameters are texts. In a transaction, a statement whose answer is not needed waits and
travels with the next one whose answer is needed, in one round trip. When a connection turns out to be dead, it is
replaced and the work is done once more.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import count
from types import TracebackType
from typing import Any, TypeVar
from weakref import ref

import psycopg
from django.db import (
    DEFAULT_DB_ALIAS,
    DataError,
    InterfaceError,
    OperationalError,
    connection,
    connections,
    transaction,
)
from django.db.transaction import TransactionManagementError
from psycopg import abc
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from campaigns.annotations import Argument, Row
from promotions.database.pipeline import Command, Pipeline

Result = TypeVar("Result")
Parameters = Mapping[str, str | None]
SUCCEEDED = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
# A prepared statement is of no use any more: it was discarded, or a migration gave its columns other types.
STALE = (InvalidSqlStatementName, FeatureNotSupported)
IDLE, BAD = TransactionStatus.IDLE, ConnStatus.BAD
GUARD_FAILED_SQLSTATE = b"FF001"  # SQLSTATE


class GuardFailed(Exception):
    """A guarded statement found no row to change: a limit leaves too little. promotions_unmet() raises it."""


class Rows:
    """The result of a statement. `count`: how many rows it returned or changed."""

    __slots__ = ("_loader", "_result", "count")

    def __init__(self, result: PGresult, loader: abc.Transformer) -> None:
        self._result = result
        self._loader = loader
        self.count = result.ntuples or result.command_tuples or 0

    def one(self) -> Row | None:
        """Return the first row, or None."""
        if not self._result.ntuples:
            return None
        self._loader.set_pgresult(self._result)
        return self._loader.load_row(0, tuple)

    def all(self) -> list[Row]:
        if not self._result.ntuples:
            return []
        self._loader.set_pgresult(self._result)
        return self._loader.load_rows(0, self._result.ntuples, tuple)


class Session:
    """One connection: the statements it has prepared, and those that wait to be sent."""

    __slots__ = ("django", "is_open", "loader", "names", "pgconn", "pipeline", "raw", "waiting")

    def __init__(self, django: Argument) -> None:
        raw = django.connection
        self.django = django
        self.raw = ref(raw)  # one that was closed is not kept in memory
        self.pgconn: PGconn = raw.pgconn
        self.pipeline = Pipeline(self.pgconn)
        self.loader: abc.Transformer = Transformer(raw.adapters)
        self.names: set[bytes] = set()
        self.is_open = False  # inside a Transaction: what is sent may wait
        self.waiting: list[Command] = []

    def command(self, sql: str, parameters: Parameters) -> Command:
        """Return a statement ready to be sent; prepare it first if the connection has not."""
        name, text, names = translate_placeholders(sql)
        if name not in self.names:
            with self.django.wrap_database_errors:
                raise_on_error(self.pipeline.prepare(name, text), self.pgconn)
            self.names.add(name)
        if self.django.force_debug_cursor:  # so that Django's tools see and count it
            self.django.queries_log.append({"sql": sql, "time": "0.000"})
        values = [None if (value := parameters[key]) is None else value.encode() for key in names]
        if b"\0" in b"".join(filter(None, values)):  # libpq would take it for the end of the text
            raise DataError("a text of PostgreSQL holds no NUL")
        return name, values

    def execute(self, command: Command) -> PGresult:
        """Execute the waiting statements and this one; return its result."""
        pgconn = self.pgconn
        with self.django.wrap_database_errors:
            if self.waiting:
                commands = [*self.waiting, command]
                self.waiting.clear()
                for result in self.pipeline.exchange(commands):
                    raise_on_error(result, pgconn)
            else:
                # Django leaves it to the first statement
                if not self.django.autocommit and pgconn.transaction_status == IDLE:
                    raise_on_error(self.pipeline.begin(), pgconn)
                name, values = command
                result = self.pipeline.execute(name, values)
                raise_on_error(result, pgconn)
        return result


class ThreadConnection(threading.local):
    """This thread's connection and its session. The wrapper is kept, because Django's own look-up is slower."""

    def __init__(self) -> None:
        self.django: Any = connections[DEFAULT_DB_ALIAS]  # the stubs know no health check and no psycopg 3
        self.session: Session | None = None


_thread_connection = ThreadConnection()
_statement_numbers = count(1)


def open_session() -> Session:
    """Return the session of this thread's connection, and open the connection when there is none."""
    django, session = _thread_connection.django, _thread_connection.session
    django.health_check_done = True  # see `retry_on_lost_connection`
    if django.connection is None:
        django.ensure_connection()
    if session is None or session.raw() is not django.connection:
        session = _thread_connection.session = Session(django)
    return session


@cache
def translate_placeholders(sql: str) -> tuple[bytes, bytes, tuple[str, ...]]:
    """Give `sql` a name, and replace each %(name)s by $1, $2 and so on.

    Returns:
        the name of the statement, its text, and the names of its parameters in the order of their numbers.
    """
    names: dict[str, int] = {}
    text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.setdefault(found[1], len(names) + 1)}", sql)
    return f"till_{next(_statement_numbers)}".encode(), text.encode(), tuple(names)


def run(sql: str, parameters: Parameters) -> Rows:
    """Execute the waiting statements and this one, which is prepared at its first use on the connection.

    `parameters`: by the names in `sql`, as %(amount)s::bigint; texts that the statement casts.

    Raises:
        django.db.Error: the statement failed.
        GuardFailed: a limit leaves too little.
    """
    session = open_session()
    return Rows(session.execute(session.command(sql, parameters)), session.loader)


def send(sql: str, parameters: Parameters) -> None:
    """Queue a statement: it is sent with the next `run`, or with the commit of the `Transaction` around it.

    An error of it is raised there. Outside of a `Transaction` it is executed at once.
    """
    session = open_session()
    command = session.command(sql, parameters)
    if session.is_open:
        session.waiting.append(command)
    else:
        session.execute(command)


class Transaction:
    """A transaction for all statements of the block; a savepoint inside a transaction of Django.

    Only for `run` and `send`: Django itself does not know of the transaction. They cannot be nested.
    """

    __slots__ = ("_savepoint", "_session")

    def __enter__(self) -> None:
        self._session = session = open_session()
        self._savepoint = transaction.atomic() if session.django.in_atomic_block else None
        if self._savepoint is not None:
            self._savepoint.__enter__()
        elif session.is_open:
            raise TransactionManagementError("this connection is in a Transaction already")
        else:
            session.waiting.append(session.command("BEGIN", {}))
            session.is_open = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._savepoint is not None:
            self._savepoint.__exit__(kind, error, trace)
            return
        self._session.is_open = False
        if kind is None:
            self._commit()
        else:
            self._roll_back()

    def _commit(self) -> None:
        try:
            result = self._session.execute(self._session.command("COMMIT", {}))
        except BaseException:
            self._roll_back()
            raise
        if result.command_status == b"ROLLBACK":  # so it answers where an error was passed over
            raise TransactionManagementError(
                "the transaction had failed already: nothing of it was committed"
            )

    def _roll_back(self) -> None:
        session, pgconn = self._session, self._session.pgconn
        session.waiting.clear()
        # On a lost connection PostgreSQL rolls back by itself.
        if pgconn.status != BAD and pgconn.transaction_status != IDLE:
            with session.django.wrap_database_errors:
                raise_on_error(session.pipeline.roll_back(), pgconn)


def raise_on_error(result: PGresult, pgconn: PGconn) -> None:
    """Raise the error that PostgreSQL answered, if it is one."""
    if result.status not in SUCCEEDED:
        if pgconn.status == BAD:
            raise psycopg.OperationalError("the connection is lost")
        if result.error_field(DiagnosticField.SQLSTATE) == GUARD_FAILED_SQLSTATE:
            raise GuardFailed
        error = error_from_result(result)
        if isinstance(error, STALE):
            raise psycopg.OperationalError(f"the connection needs to be opened anew: {error}") from error
        raise error


def retry_on_lost_connection(work: Callable[[], Result]) -> Result:
    """Call `work`, and once more on a new connection if the database went away or forgot its prepared statements.

    `work` must be safe to call twice: it only reads, or finds out itself whether it was done.

    Raises:
        OperationalError, InterfaceError: the database is away.
    """
    try:
        return work()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block or is_in_transaction():
            raise
        connection.close()
        return work()


def is_in_transaction() -> bool:
    """Return whether this thread is inside a `Transaction`."""
    return _thread_connection.session is not None and _thread_connection.session.is_open


def array_text(ids: Iterable[int]) -> str:
    """Return numbers as PostgreSQL writes an array."""
    return "{" + ",".join(map(str, ids)) + "}"


def bytea_text(value: bytes) -> str:
    """Return bytes as PostgreSQL writes them."""
    return "\\x" + value.hex()
