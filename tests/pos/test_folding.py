"""The fold: the lines of sales as rows, equal to baskets less returns, whoever is killed and whatever comes first."""

import random
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from pos import doctor, folding
from pos.models import Sale, SoldLine, UnfoldedSale
from tests.factories import PromotionCampaignFactory
from tests.pos.servers import ROOT, environment_of_test_database
from tests.pos.tills import AtTill, basket, line

pytestmark = pytest.mark.django_db


@pytest.fixture
def till():
    return AtTill()


@pytest.fixture
def campaign():
    return PromotionCampaignFactory(discounting=True, status="active", budget=100_000)


def read_lines(*fields):
    return list(SoldLine.objects.order_by("sale_id", "line").values_list(*fields))


def test_a_sale_is_folded_into_a_row_for_each_line(till, campaign):
    sold = [
        line("1", 1_000, 2, sku="TEA", categories=["drinks", "tea"], brand="Leaf"),
        line("2", 500, sku="CUP"),
    ]
    till.put("S1", basket() | {"lines": sold, "customer": {"id": "C1"}})
    assert folding.fold_sales() == 1
    assert read_lines(
        "sku", "categories", "brand", "quantity", "unit_price", "discount", "total", "customer"
    ) == [
        ("TEA", ["drinks", "tea"], "Leaf", 2, 1_000, 200, 1_800, "C1"),
        ("CUP", [], "", 1, 500, 50, 450, "C1"),
    ]
    assert {row.at for row in SoldLine.objects.all()} == {Sale.objects.get().at}
    assert folding.fold_sales() == 0
    assert not UnfoldedSale.objects.exists()


def test_what_comes_back_is_taken_off_and_a_void_leaves_no_line(till, campaign):
    till.put("S1", basket() | {"lines": [line("1", 1_000, 3, sku="TEA")]})
    till.put("S2", basket(700))
    folding.fold_sales()
    till.give_back("S1", "R1", {"1": 1})
    till.give_back("S1", "R2", {"1": 1})
    till.post("S2", "void")
    assert folding.fold_sales() == 3  # two returns and a void, of two sales
    assert read_lines("sku", "quantity", "total", "returned_quantity", "returned_total") == [
        ("TEA", 3, 2_700, 2, 1_800)
    ]


def test_a_weight_comes_back_whole(till):
    weighed = line("1", 1_990, "0.350", sku="CHEESE", line_total=697)
    till.put("S1", basket() | {"lines": [weighed]})
    till.give_back("S1", "R1", {"1": "0.350"})
    folding.fold_sales()
    assert read_lines("quantity", "total", "returned_quantity", "returned_total") == [
        (Decimal("0.350"), 697, Decimal("0.350"), 697)
    ]


def test_a_hold_has_no_lines_until_it_is_confirmed(till, campaign):
    till.hold("H1", basket(1_000))
    till.hold("H2", basket(1_000))
    assert folding.fold_sales() == 0
    till.post("H1", "confirm")
    till.post("H2", "release")
    folding.fold_sales()
    assert read_lines("sale__reference", "total") == [("H1", 900)]


def test_each_month_has_a_partition_of_its_own_in_utc(till):
    for number, at in enumerate(
        [datetime(2025, 12, 31, 23, 30, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)], start=1
    ):
        till.put(f"S{number}", basket(1_000))
        Sale.objects.filter(reference=f"S{number}").update(at=at)
    folding.fold_sales()
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM pos_soldline ORDER BY at")
        assert [name for (name,) in cursor] == ["pos_soldline_2025_12", "pos_soldline_2026_01"]


def test_every_sale_can_be_folded_anew(till, campaign):
    till.put("S1", basket(1_000, 500))
    call_command("fold")
    first = read_lines("sku", "total")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM pos_soldline")
    call_command("fold", all=True)
    assert read_lines("sku", "total") == first != []


def test_the_doctor_names_a_sale_whose_lines_are_not_what_was_sold(till, campaign):
    till.put("S1", basket(1_000))
    folding.fold_sales()
    assert list(doctor.list_breaches()) == []
    SoldLine.objects.update(total=1)
    assert [sentence for sentence in doctor.list_breaches() if "S1" in sentence] == [
        f"Sale {Sale.objects.get().pk} (S1) was paid 900; its sold lines say 1."
    ]


@pytest.mark.django_db(transaction=True)
def test_a_void_that_is_committed_while_a_fold_runs_is_not_lost(till, monkeypatch):
    """The fold has taken the sale's row and not read the sale yet, when the void commits."""
    till.put("S1", basket(1_000))
    make_months = folding.make_months

    def void_meanwhile(months):
        thread = threading.Thread(target=void_and_close)
        thread.start()
        thread.join()
        make_months(months)

    def void_and_close():
        till.post("S1", "void")
        connection.close()

    monkeypatch.setattr(folding, "make_months", void_meanwhile)
    folding.fold_sales()
    monkeypatch.undo()
    folding.fold_sales()
    assert read_lines("total") == []
    assert list(doctor.list_breaches()) == []


@pytest.mark.django_db(transaction=True)
def test_two_folds_do_not_meet(till):
    till.put("S1", basket(1_000))
    folded = []

    def fold_and_close():
        folded.append(folding.fold_sales())
        connection.close()

    with transaction.atomic():
        folded.append(folding.fold_sales())
        other = threading.Thread(target=fold_and_close)
        other.start()
        other.join()
    assert folded == [1, 0]
    assert len(read_lines("total")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_fold_that_is_killed_at_any_moment_leaves_the_same_lines(till, campaign):
    first = till.put("S0", basket(1_000, 500))
    assert first.status == 201
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pos_sale (location_id, till_id, reference, state, customer, currency, subtotal, discount, "
            "total, body_hash, basket, answer, at) SELECT location_id, till_id, 'S' || number, state, customer, "
            "currency, subtotal, discount, total, body_hash, basket, answer, at "
            "FROM pos_sale, generate_series(1, 3000) AS number"
        )
    chance = random.Random(4)
    command = [sys.executable, "manage.py", "fold", "--every", "0.1"]
    for _ in range(2):
        SoldLine.objects.all().delete()
        folding.refold_all_sales()
        before = UnfoldedSale.objects.count()
        fold = subprocess.Popen(command, cwd=ROOT, env=environment_of_test_database())
        try:
            with transaction.atomic():
                # A sale that the fold has to leave: else it can be done before a busy machine comes to kill it.
                UnfoldedSale.objects.select_for_update().order_by("-pk").first()
                while UnfoldedSale.objects.count() == before:
                    assert fold.poll() is None
                    time.sleep(0.01)
                time.sleep(chance.uniform(0, 0.05))
                fold.kill()
        finally:
            fold.kill()
            fold.wait()
        assert 0 < UnfoldedSale.objects.count() < before
        while folding.fold_sales(is_patient=True):
            pass  # patient: PostgreSQL may not have noticed yet that the other is dead
        assert SoldLine.objects.count() == 2 * 3_001
        assert [sentence for sentence in doctor.list_breaches() if "sold lines" in sentence] == []
