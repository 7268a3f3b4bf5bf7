"""SQL for the tills: prepared statements on Django's own connection, past Django and psycopg's cursors.

Django binds parameters on the client and prepares nothing, and asks `SELECT 1` of each kept connection at the start of
a request; psycopg's cursors adapt types both ways and may be interrupted. A till's sale is a handful of short
statements, where all this is more than half the time. So they go to libpq directly, through psycopg's own wrapper: in
one round trip each, prepared, with texts for parameters. A connection that turns out to be dead is replaced and the
work done again.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import count
from types import TracebackType
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections, transaction
from django.db.transaction import TransactionManagementError
from psycopg import abc
from psycopg.adapt import Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

Result = TypeVar("Result")
GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
# what was prepared is good no more: somebody discarded it, or a migration gave its columns other types
STALE = (InvalidSqlStatementName, FeatureNotSupported)
IDLE, BAD = TransactionStatus.IDLE, ConnStatus.BAD


class Rows:
    """What a statement answered. `count`: rows it returned or changed."""

    __slots__ = ("_loader", "_result", "count")

    def __init__(self, result: PGresult, loader: abc.Transformer) -> None:
        self._result = result
        self._loader = loader
        self.count = result.ntuples or result.command_tuples or 0

    def one(self) -> tuple[Any, ...] | None:
        """The first row, or None."""
        if not self._result.ntuples:
            return None
        self._loader.set_pgresult(self._result)
        return self._loader.load_row(0, tuple)

    def all(self) -> list[tuple[Any, ...]]:
        if not self._result.ntuples:
            return []
        self._loader.set_pgresult(self._result)
        return self._loader.load_rows(0, self._result.ntuples, tuple)


class Prepared:
    """What one connection has prepared, and how its results become Python's values."""

    __slots__ = ("loader", "names")

    def __init__(self, raw: psycopg.Connection) -> None:
        # of its adapters and not of itself: that would keep the connection in memory for good
        self.loader: abc.Transformer = Transformer(raw.adapters)
        self.names: set[bytes] = set()


_prepared: WeakKeyDictionary[psycopg.Connection, Prepared] = WeakKeyDictionary()
_numbers = count(1)


@cache
def translated(sql: str) -> tuple[bytes, bytes, tuple[str, ...]]:
    """A name for `sql`, the statement with $1, $2 … in the place of %(name)s, and these names in their order."""
    names: dict[str, int] = {}
    text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.setdefault(found[1], len(names) + 1)}", sql)
    return f"till_{next(_numbers)}".encode(), text.encode(), tuple(names)


def run(sql: str, parameters: Mapping[str, str | bytes | None]) -> Rows:
    """Execute one statement, prepared at its first use on the connection.

    `parameters`: by the names in `sql`, as %(amount)s::bigint; texts or bytes that the statement casts.
    Raises: django.db.Error.
    """
    django = connected()
    raw = django.connection
    name, text, names = translated(sql)
    with django.wrap_database_errors:
        pgconn = raw.pgconn
        # Django leaves it to the first statement
        if not raw.autocommit and pgconn.transaction_status == IDLE:
            checked(pgconn.exec_(b"BEGIN"), pgconn)
        known = _prepared.get(raw)
        if known is None:
            known = _prepared[raw] = Prepared(raw)
        if name not in known.names:
            checked(pgconn.prepare(name, text), pgconn)
            known.names.add(name)
        result = pgconn.exec_prepared(name, [encoded(parameters[key]) for key in names])
        checked(result, pgconn)
    if django.queries_logged:  # so that Django's tools see and count it
        django.queries_log.append({"sql": sql, "time": "0.000"})
    return Rows(result, known.loader)


def connected() -> Any:  # the stubs of Django's wrapper know no health check and no psycopg 3
    """Django's wrapper of this thread's connection, which is open, or was when it was last used."""
    django: Any = connections[DEFAULT_DB_ALIAS]
    django.health_check_done = True  # see `again`
    if django.connection is None:
        django.ensure_connection()
    return django


class Transaction:
    """All that `run` does in the block, or nothing; a savepoint where Django has a transaction under way.

    Only for `run`: Django itself does not know that it is in a transaction.
    """

    __slots__ = ("_django", "_savepoint")

    def __enter__(self) -> None:
        self._django = connected()
        self._savepoint = transaction.atomic() if self._django.in_atomic_block else None
        if self._savepoint is None:
            self._execute(b"BEGIN")
        else:
            self._savepoint.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._savepoint is not None:
            self._savepoint.__exit__(kind, error, trace)
        elif kind is None:
            # so it answers where an error was passed over
            if self._execute(b"COMMIT").command_status == b"ROLLBACK":
                raise TransactionManagementError(
                    "the transaction had failed already: nothing of it was committed"
                )
        elif self._django.connection.pgconn.status != BAD:  # PostgreSQL rolls back what is cut off
            self._execute(b"ROLLBACK")

    def _execute(self, command: bytes) -> PGresult:
        with self._django.wrap_database_errors:
            pgconn = self._django.connection.pgconn
            result = pgconn.exec_(command)
            checked(result, pgconn)
        return result


def encoded(value: str | bytes | None) -> bytes | None:
    """A parameter as PostgreSQL reads its text. libpq would take one with a NUL in it for what comes before that."""
    if isinstance(value, str):
        if "\0" in value:
            raise psycopg.DataError("a text of PostgreSQL holds no NUL")
        return value.encode()
    return None if value is None else b"\\x" + value.hex().encode()


def checked(result: PGresult, pgconn: PGconn) -> None:
    """Raise what PostgreSQL answered, where it is an error."""
    if result.status not in GOOD:
        if pgconn.status == BAD:
            raise psycopg.OperationalError("the connection is lost")
        error = error_from_result(result)
        if isinstance(error, STALE):
            raise psycopg.OperationalError(f"the connection needs to be opened anew: {error}") from error
        raise error


def again(work: Callable[[], Result]) -> Result:
    """Do `work`, and once more on a new connection when the database went away, or forgot what was prepared.

    `work` must be safe to do twice: it reads only, or finds out itself whether it was done.
    Raises: OperationalError, InterfaceError: the database is away.
    """
    try:
        return work()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return work()


def array(ids: Iterable[int]) -> str:
    """Numbers as PostgreSQL writes an array."""
    return "{" + ",".join(map(str, ids)) + "}"
