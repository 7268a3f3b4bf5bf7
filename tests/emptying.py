"""Empties the database after a test that commits: only the tables it has written to.

Django truncates all tables and has the permissions made anew, which takes longer than most tests. Here each table
with rows is emptied by DELETE, and the few that migrations fill are compared with what they held before the first test.
"""

from collections.abc import Iterator

from django.db import connection, transaction
from psycopg import sql

FILLED = "filled_by_migrations"  # a schema with a copy of each table that is not empty from the beginning
MANY_BYTES = 8_000_000  # of a table: from here on TRUNCATE is quicker, and gives the room back


def list_tables() -> list[str]:
    """Return the names of all tables but the one that says which migrations have run."""
    return [name for name in connection.introspection.table_names() if name != "django_migrations"]


def copy_filled_tables() -> bool:
    """Keep a copy of what the migrations have filled in; return whether tables may be emptied in our way.

    Only a superuser may switch the triggers off that keep the history and the ledger from being deleted.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        if cursor.fetchone() != (True,):
            return False
        cursor.execute(f"DROP SCHEMA IF EXISTS {FILLED} CASCADE; CREATE SCHEMA {FILLED}")
        for name in _find_filled(cursor, list_tables()):
            table = sql.Identifier(name)
            cursor.execute(
                sql.SQL("CREATE TABLE {}.{} AS TABLE {}").format(sql.Identifier(FILLED), table, table)
            )
    return True


def empty_written_tables() -> None:
    """Bring every table back to what the migrations have left in it. Sequences go on."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [FILLED])
        copied = {name for (name,) in cursor.fetchall()}
        tables = list_tables()
        # no trigger, and no order among tables
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relname = ANY(%s) AND relkind = 'r'",
            [tables],
        )
        (largest,) = cursor.fetchone()
        if largest > MANY_BYTES:
            names = sql.SQL(", ").join(map(sql.Identifier, tables))
            cursor.execute(sql.SQL("TRUNCATE {}").format(names))
            written = list(copied)
        else:
            written = [name for name in _find_filled(cursor, tables) if name not in copied]
            written += _find_changed(cursor, copied)
            for name in written:
                cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        for name in copied.intersection(written):
            cursor.execute(
                sql.SQL("INSERT INTO {} TABLE {}.{}").format(
                    sql.Identifier(name), sql.Identifier(FILLED), sql.Identifier(name)
                )
            )


def _find_filled(cursor, tables: list[str]) -> list[str]:
    """Return those of the tables that have a row."""
    asked = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
    return _find(cursor, (asked.format(name, sql.Identifier(name)) for name in tables))


def _find_changed(cursor, copied: set[str]) -> list[str]:
    """Return those of the copied tables that are not what they were."""
    asked = sql.SQL(
        "SELECT {name} WHERE EXISTS ("
        "(TABLE {now} EXCEPT ALL TABLE {then}) UNION ALL (TABLE {then} EXCEPT ALL TABLE {now}))"
    )
    return _find(
        cursor,
        (
            asked.format(name=name, now=sql.Identifier(name), then=sql.Identifier(FILLED, name))
            for name in copied
        ),
    )


def _find(cursor, questions: Iterator[sql.Composed]) -> list[str]:
    cursor.execute(sql.SQL(" UNION ALL ").join(questions))
    return [name for (name,) in cursor.fetchall()]
