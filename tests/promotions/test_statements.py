"""Statements spoken to libpq directly: they survive what happens to a connection, and carry values as they are."""

import gc
import weakref
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, DataError, connection, transaction
from django.db.transaction import TransactionManagementError

from promotions.database.statements import Transaction, array_text, bytea_text, retry_on_lost_connection, run
from tests.pos.tills import run_at_once

ECHO = "SELECT %(value)s::text"


def echo(value):
    return run(ECHO, {"value": value}).one()[0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value", ["", "x" * 100_000, "ö ☕ 🧀", "'; DROP TABLE pos_sale; --", "\\x00", "%(value)s", None]
)
def test_a_text_arrives_as_it_is(value):
    assert echo(value) == value


@pytest.mark.django_db
def test_a_text_with_a_nul_is_refused_and_not_cut_off():
    with pytest.raises(DataError, match="NUL"):
        echo("S1\0x")
    assert echo("S1") == "S1"


@pytest.mark.django_db
def test_bytes_numbers_times_arrays_and_json_come_back_as_pythons_own():
    sql = """
        SELECT %(bytes)s::bytea, %(number)s::bigint, %(at)s::timestamptz, %(ids)s::bigint[], %(json)s::jsonb, NULL, true
    """
    at = datetime(2026, 10, 25, 1, 30, 0, 123456, tzinfo=UTC)
    parameters = {
        "bytes": bytea_text(bytes(range(256))),
        "number": str(2**63 - 1),
        "at": at.isoformat(),
        "ids": array_text([3, 1, 2]),
        "json": '{"a": [1, 2.5, null]}',
    }
    found = run(sql, parameters).one()
    assert bytes(found[0]) == bytes(range(256))
    assert found[1:4] == (2**63 - 1, at, [3, 1, 2])
    assert found[5:] == (None, True)


@pytest.mark.django_db
def test_rows_are_read_whenever_they_are_wanted_and_counted_at_once():
    numbers = run("SELECT n FROM generate_series(1, 3) AS n", {})
    none = run("SELECT 1 WHERE false", {})
    assert (numbers.count, none.count) == (3, 0)
    assert none.one() is None
    assert none.all() == []
    assert numbers.all() == [(1,), (2,), (3,)]
    assert numbers.one() == (1,)


@pytest.mark.django_db(transaction=True)
def test_an_error_leaves_the_connection_fit_for_the_next_statement():
    for _ in range(2):  # once as it is prepared, once as it is executed
        with pytest.raises(DatabaseError, match="division by zero"):
            run("SELECT 1 / %(zero)s::int", {"zero": "0"})
    with pytest.raises(DatabaseError, match="division by zero"), Transaction():
        run("SELECT 1 / %(zero)s::int", {"zero": "0"})
    with pytest.raises(DatabaseError, match="no_such_table"):
        run("SELECT FROM no_such_table", {})
    assert echo("still there") == "still there"
    with Transaction():
        assert echo("in a transaction too") == "in a transaction too"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", ["DISCARD ALL", "DEALLOCATE ALL"])
def test_statements_that_somebody_discarded_are_prepared_anew(command):
    assert echo("before") == "before"
    with connection.cursor() as cursor:
        cursor.execute(command)
    assert retry_on_lost_connection(lambda: echo("after")) == "after"
    with connection.cursor() as cursor:
        cursor.execute(command)

    def in_transaction():
        with Transaction():
            return echo("in a transaction")

    assert retry_on_lost_connection(in_transaction) == "in a transaction"


@pytest.mark.django_db(transaction=True)
def test_a_column_that_a_migration_gave_another_type_is_read_as_what_it_is_now():
    everything = "SELECT * FROM kept_for_a_test"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept_for_a_test AS SELECT 1 AS amount")
    try:
        assert run(everything, {}).one() == (1,)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE kept_for_a_test ALTER amount TYPE text")
        assert retry_on_lost_connection(lambda: run(everything, {}).one()) == ("1",)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE kept_for_a_test")


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_closed_is_not_kept_in_memory():
    connection.close()  # one of other tests, that the traceback of an error may still hold
    echo("prepared")
    gone = weakref.ref(connection.connection)
    connection.close()
    gc.collect()
    assert gone() is None


@pytest.mark.django_db(transaction=True)
def test_threads_prepare_and_run_each_on_its_own_connection():
    answers = run_at_once(8, lambda number: [echo(f"{number}-{turn}") for turn in range(20)])
    assert answers == [[f"{number}-{turn}" for turn in range(20)] for number in range(8)]


@pytest.mark.django_db(transaction=True)
def test_work_is_done_anew_only_when_the_database_went_away_and_never_inside_a_transaction():
    tried = []

    def dies():
        tried.append(1)
        echo("open")
        run("SELECT pg_terminate_backend(pg_backend_pid())", {})

    with pytest.raises(DatabaseError):
        retry_on_lost_connection(dies)
    assert len(tried) == 2
    assert retry_on_lost_connection(lambda: echo("on a new connection")) == "on a new connection"

    def wrong():
        tried.append(1)
        run("SELECT 1 / %(zero)s::int", {"zero": "0"})

    with pytest.raises(DatabaseError, match="division by zero"):
        retry_on_lost_connection(wrong)
    assert len(tried) == 3
    with pytest.raises(DatabaseError), transaction.atomic():
        retry_on_lost_connection(dies)
    assert len(tried) == 4
    assert retry_on_lost_connection(lambda: echo("once more")) == "once more"


@pytest.mark.django_db(transaction=True)
def test_a_transaction_whose_error_was_passed_over_does_not_pretend_that_it_was_committed():
    def passes_over():
        with Transaction(), suppress(DatabaseError):
            run("SELECT 1 / %(zero)s::int", {"zero": "0"})

    with pytest.raises(TransactionManagementError, match="nothing of it was committed"):
        passes_over()
    assert echo("after") == "after"
