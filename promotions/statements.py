"""SQL for the tills: prepared statements on Django's own connection, inside Django's transactions.

Django binds parameters on the client and prepares nothing, and asks `SELECT 1` of each kept connection at the start of
a request. A till's sale is a handful of short statements, where that is half the time; so they go to psycopg directly,
with parameters bound by the server, and a connection that turns out to be dead is replaced and the work done again.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections

Result = TypeVar("Result")


def run(sql: str, parameters: Mapping[str, str | bytes | None]) -> psycopg.Cursor:
    """Execute one statement, prepared at its first use, and return its cursor.

    Parameters are texts (or bytes) that the statement casts, as `%(amount)s::bigint`: Python numbers would be sent as
    the smallest type that holds them, and the same statement prepared anew for each.
    Raises: django.db.Error.
    """
    django = connections[DEFAULT_DB_ALIAS]
    django.health_check_done = True  # type: ignore[attr-defined]  # unknown to django-stubs; see `again`
    if django.connection is None:
        django.ensure_connection()
    raw = django.connection
    raw.prepare_threshold = 0
    cursor = psycopg.Cursor(raw)
    with django.wrap_database_errors:
        cursor.execute(sql, parameters, prepare=True)
    if django.queries_logged:  # so that Django's tools see and count it
        django.queries_log.append({"sql": sql, "time": "0.000"})
    return cursor


def again(work: Callable[[], Result]) -> Result:
    """Do `work`, and once more on a new connection when the database went away in between.

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
