"""Statements that nobody waits for travel with the next that is waited for, or with the commit: all of them or none."""

from functools import partial

import pytest
from django.db import DatabaseError, DataError, OperationalError, connection
from django.db.transaction import TransactionManagementError

from promotions.database.pipeline import Pipeline
from promotions.database.statements import GuardFailed, Transaction, retry_on_lost_connection, run, send
from tests.factories import PromotionCampaignFactory
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db(transaction=True)

WRITE = "INSERT INTO kept_for_a_test SELECT %(value)s::text"
KEPT = "SELECT value FROM kept_for_a_test ORDER BY value"


@pytest.fixture(autouse=True)
def table():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept_for_a_test (value text)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE kept_for_a_test")


@pytest.fixture
def exchanges(monkeypatch):
    """How many statements went in each round trip."""
    sent = []
    exchange = Pipeline.exchange

    def count(self, commands):
        sent.append(len(commands))
        return exchange(self, commands)

    monkeypatch.setattr(Pipeline, "exchange", count)
    return sent


def write(value):
    send(WRITE, {"value": value})


def read_table():
    return [value for (value,) in run(KEPT, {}).all()]


def transact(*steps):
    with Transaction():
        for step in steps:
            step()


def divide_by_zero():
    send("SELECT 1 / %(zero)s::int", {"zero": "0"})


def refuse():
    send("SELECT promotions_unmet()", {})


def lose_connection():
    connection.connection.pgconn.finish()


def test_what_waits_goes_with_the_next_statement_and_the_rest_with_the_commit(exchanges):
    with Transaction():
        write("a")
        write("b")
        assert exchanges == []
        assert read_table() == ["a", "b"]
        write("c")
    assert exchanges == [4, 2]  # BEGIN, two writes and the SELECT; the third write and COMMIT
    assert read_table() == ["a", "b", "c"]


def test_a_sale_without_limits_takes_two_round_trips_and_so_does_one_that_takes_from_a_budget(exchanges):
    PromotionCampaignFactory(discounting=True, status="active")
    till = AtTill()
    till.put("S0", basket(1_000))
    exchanges.clear()
    assert till.put("S1", basket(1_000))["discount"] == 100
    assert exchanges == [3, 2]
    PromotionCampaignFactory(discounting=True, status="active", budget=10_000)
    till.put("S2", basket(1_000))
    exchanges.clear()
    assert till.put("S3", basket(1_000))["discount"] > 100
    assert exchanges == [3, 3]


def test_outside_of_a_transaction_nothing_waits():
    write("at once")
    assert read_table() == ["at once"]


def test_an_error_of_what_waited_is_raised_where_it_was_sent_and_undoes_all():
    with pytest.raises(DatabaseError, match="division by zero"):
        transact(partial(write, "before"), divide_by_zero, partial(write, "after"), read_table)
    assert read_table() == []


def test_an_error_of_what_goes_with_the_commit_undoes_all_and_leaves_the_connection_fit():
    with pytest.raises(DatabaseError, match="division by zero"):
        transact(partial(write, "before"), divide_by_zero)
    write("next")
    assert read_table() == ["next"]


def test_a_statement_that_finds_its_premise_gone_undoes_all():
    with pytest.raises(GuardFailed):
        transact(partial(write, "before"), refuse)
    assert read_table() == []


def test_what_waits_is_never_sent_when_the_block_fails(exchanges):
    with pytest.raises(ZeroDivisionError):
        transact(partial(write, "never"), lambda: 1 / 0)
    assert exchanges == []
    assert read_table() == []


def test_a_value_that_cannot_be_sent_is_refused_at_once():
    with Transaction():
        write("kept")
        with pytest.raises(DataError, match="NUL"):
            write("S1\0x")
    assert read_table() == ["kept"]


def test_values_larger_than_any_buffer_go_through_in_both_directions():
    large = "x" * 3_000_000
    with Transaction():
        for _ in range(3):
            write(large)
            send("SELECT %(value)s::text", {"value": large})
        assert read_table() == [large] * 3


def test_a_connection_that_dies_under_what_waits_is_replaced_and_the_work_done_once():
    tried = []

    def work():
        tried.append(1)
        with Transaction():
            write(f"{len(tried)}")
            if len(tried) == 1:
                send("SELECT pg_terminate_backend(pg_backend_pid())", {})
            write("last")

    retry_on_lost_connection(work)
    assert len(tried) == 2
    assert read_table() == ["2", "last"]


def test_a_connection_that_is_lost_before_the_commit_is_not_taken_for_a_commit():
    with pytest.raises(OperationalError):
        transact(partial(write, "lost"), lose_connection)
    connection.close()
    assert read_table() == []


def test_one_transaction_inside_another_is_refused_and_so_is_doing_its_work_again():
    with pytest.raises(TransactionManagementError), Transaction(), Transaction():
        pass
    tried = []

    def fails():
        tried.append(1)
        raise OperationalError

    with pytest.raises(OperationalError), Transaction():
        retry_on_lost_connection(fails)
    assert len(tried) == 1
    assert read_table() == []
