"""Committing a sale: exactly once, as it was answered, or not at all."""

import json
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone
from django_q.models import OrmQ

from pos.models import Sale
from promotions import tasks
from promotions.models import Redemption
from promotions.usage import split_runs
from tests.factories import LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, counter_figures, handler, line

pytestmark = pytest.mark.django_db


@pytest.fixture
def till():
    return AtTill()


@pytest.fixture
def campaign():
    return PromotionCampaignFactory(discounting=True, status="active", budget=1_000)


def test_a_sale_is_stored_with_its_answer_and_its_lines_of_the_ledger(till, campaign):
    answer = till.put("S1", basket(1_000, 500, customer={"id": "C1"}))
    assert (answer.status, answer["sale_id"], answer["state"]) == (201, "S1", "committed")
    assert (answer["subtotal"], answer["discount"], answer["total"]) == (1_500, 150, 1_350)
    sale = Sale.objects.get()
    assert (sale.till, sale.location, sale.customer, sale.total) == (till.till, till.location, "C1", 1_350)
    assert sale.basket["lines"][0]["unit_price"] == 1_000
    redemption = sale.redemptions.get()
    assert (redemption.campaign, redemption.amount, redemption.uses) == (campaign, 150, 1)
    assert redemption.runs == {"1": [[1, 100]], "2": [[1, 50]]}
    assert counter_figures(campaign=campaign) == (150, 0, 1)


def test_the_same_sale_again_is_counted_once_and_answered_byte_for_byte_the_same(till, campaign):
    first = till.put("S1", basket(1_000))
    PromotionFactory(standalone=True)  # the rules have changed since
    again = till.put("S1", basket(1_000))
    assert (first.status, again.status) == (201, 200)
    assert again.body == first.body
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert Sale.objects.count() == Redemption.objects.count() == 1
    assert counter_figures(campaign=campaign) == (100, 0, 1)


def test_the_same_sale_may_be_written_in_another_way(till, campaign):
    body = basket(1_000)
    till.put("S1", body)
    turned = {
        "lines": [dict(reversed(one.items())) for one in body["lines"]],
        "currency": "EUR",
        "coupons": [],
    }
    assert till.put("S1", json.dumps(turned, indent=2)).status == 200


def test_another_content_under_the_same_id_is_refused(till, campaign):
    till.put("S1", basket(1_000))
    answer = till.put("S1", basket(1_001))
    assert (answer.status, answer["error"]) == (409, "idempotency_mismatch")
    assert counter_figures(campaign=campaign) == (100, 0, 1)


def test_an_id_is_unique_per_location(till, campaign):
    assert till.put("S1", basket(1_000)).status == 201
    assert AtTill(location=LocationFactory()).put("S1", basket(1_000)).status == 201


def test_a_changed_figure_is_refused_with_the_new_quote_and_debits_nothing(till, campaign):
    till.put("S1", basket(9_500))
    answer = till.put("S2", basket(1_000, expect_discount=100))
    assert (answer.status, answer["error"]) == (409, "quote_changed")
    assert answer["quote"]["discount"] == 50
    assert counter_figures(campaign=campaign) == (950, 0, 1)
    assert not Sale.objects.filter(reference="S2").exists()
    assert till.put("S2", basket(1_000, expect_discount=50)).status == 201


def test_a_till_may_accept_whatever_the_figure_has_become(till, campaign):
    till.put("S1", basket(9_500))
    answer = till.put("S2", basket(1_000, expect_discount=100, on_change="accept"))
    assert (answer.status, answer["discount"]) == (201, 50)


def test_a_sale_without_a_discount_is_stored_all_the_same(till):
    assert till.put("S1", basket(1_000))["discount"] == 0
    assert Sale.objects.get().total == 1_000
    assert not Redemption.objects.exists()


def test_a_zero_discount_consumes_nothing(till, campaign):
    till.put("S1", basket(0))
    assert counter_figures(campaign=campaign) == (0, 0, 0)


def test_a_sale_shows_as_it_is_stored(till, campaign):
    put = till.put("S1", basket(1_000))
    assert till.send("GET", "sales/S1").body == put.body
    assert till.send("GET", "sales/S2").status == 404
    assert AtTill().send("GET", "sales/S1").status == 404


def test_the_parts_of_each_unit_of_a_line_with_several_promotions_are_kept(till):
    campaign = PromotionCampaignFactory(status="active")
    for amount in (100, 50, 7):
        campaign.links.create(promotion=PromotionFactory(benefit={"type": "fixed_total", "amount": amount}))
    (one,) = till.put("S1", {"currency": "EUR", "lines": [line(1, 1_000, 3)]})["lines"]
    assert one["units"] == [[1, 53], [2, 52]]
    runs = [redemption.runs["1"] for redemption in Redemption.objects.order_by("pk")]
    units = [[each for count, each in run for _ in range(count)] for run in runs]
    assert [sum(parts) for parts in zip(*units, strict=True)] == [53, 52, 52]
    assert [sum(parts) for parts in units] == [100, 50, 7]


@pytest.mark.parametrize("units", [1, 2, 3, 7, 10**6])
def test_parts_of_units_are_never_below_zero_and_add_up(units):
    before = 0
    for amount in (0, 1, 5, 100, 99_999, 3):
        runs = split_runs(before, amount, units)
        assert sum(count for count, _ in runs) == units
        assert sum(count * each for count, each in runs) == amount
        assert min(each for _, each in runs) >= 0
        assert len(runs) <= 3
        before += amount


def test_the_first_sale_that_finds_a_window_open_has_the_step_written(
    till, django_capture_on_commit_callbacks
):
    started = timezone.now() - timedelta(seconds=1)
    campaign = PromotionCampaignFactory(discounting=True, status="scheduled", starts_at=started)
    with django_capture_on_commit_callbacks(execute=True):
        assert till.put("S1", basket(1_000))["discount"] == 100
        till.put("S2", basket(1_000))
    (queued,) = OrmQ.objects.all()
    assert queued.task["func"] == "promotions.tasks.write_owed_steps"
    assert queued.task["args"] == (campaign.pk,)
    tasks.write_owed_steps(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status == "active"
    assert campaign.history.get().verb == "activate"


def test_requests_pass_no_other_middleware():
    response = handler().get_response(RequestFactory().get("/pos/v1/openapi.json"))
    assert set(response.headers) == {"Content-Type"}
    assert not response.cookies


def test_a_voided_sale_that_is_sent_again_is_answered_as_at_first_and_stays_voided(till, campaign):
    """The answer tells what the sale was granted; the void tells what became of it."""
    first = till.put("S1", basket(1_000))
    assert till.post("S1", "void")["state"] == "voided"
    again = till.put("S1", basket(1_000))
    assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.body == first.body
    assert till.post("S1", "void")["state"] == "voided"
    campaign.counter.refresh_from_db()
    assert (campaign.counter.spent, campaign.counter.uses) == (0, 0)
