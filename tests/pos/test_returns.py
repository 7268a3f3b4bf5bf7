"""Returns and voids: each unit's part of each discount comes back once, and the parts add up."""

import pytest
from django import conf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import doctor, lifecycle
from pos.doctor import list_breaches
from pos.models import Sale
from pos.sales.returns import skip_runs
from promotions.engine.allocation import spread
from promotions.models import Coupon, CustomerUse, Link
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, counter_figures, granted_amount, line

pytestmark = pytest.mark.django_db


@pytest.fixture
def till():
    return AtTill()


def off(amount, **fields):
    return PromotionFactory(benefit={"type": "fixed_total", "amount": amount}, **fields)


def campaign_of(*promotions, **fields):
    campaign = PromotionCampaignFactory(status="active", **fields)
    Link.objects.bulk_create(Link(campaign=campaign, promotion=promotion) for promotion in promotions)
    return campaign


THREE = {"currency": "EUR", "lines": [line(1, 1_000, 3)]}


def test_ten_off_three_comes_back_unit_by_unit_without_a_cent_lost(till):
    campaign = campaign_of(off(1_000), budget=5_000)
    till.put("S1", THREE)
    parts = [till.give_back("S1", f"R{number}", {"1": 1}) for number in range(3)]
    assert [part.status for part in parts] == [201] * 3
    assert [part["discount"] for part in parts] == [334, 333, 333]
    assert [part["lines"][0]["units"] for part in parts] == [[[1, 334]], [[1, 333]], [[1, 333]]]
    assert sum(part["total"] for part in parts) == 2_000
    assert counter_figures(campaign=campaign) == (0, 0, 0)
    assert not list(doctor.find_breaches())


def test_a_sale_tells_what_was_paid_back_and_the_doctor_when_its_returns_say_something_else(till):
    campaign_of(off(1_000), budget=5_000)
    till.put("S1", THREE)
    assert Sale.objects.get().returned_total is None
    till.give_back("S1", "R1", {"1": 1})
    assert Sale.objects.get().returned_total == 666
    till.give_back("S1", "R2", {"1": 2})
    sale = Sale.objects.get()
    assert sale.returned_total == sale.total == 2_000
    assert list(list_breaches()) == []
    Sale.objects.update(returned_total=None)
    assert f"Sale {sale.pk} (S1) has returns that paid back 2000; None is stored." in list(list_breaches())


def test_a_return_sent_twice_is_done_once(till):
    campaign = campaign_of(off(1_000), budget=5_000)
    till.put("S1", THREE)
    first, again = till.give_back("S1", "R1", {"1": 1}), till.give_back("S1", "R1", {"1": 1})
    assert (first.status, again.status, again.body) == (201, 200, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = till.give_back("S1", "R1", {"1": 2})
    assert (other.status, other["error"]) == (409, "idempotency_mismatch")
    assert counter_figures(campaign=campaign) == (666, 0, 1)


def test_a_dry_run_answers_the_same_and_changes_nothing(till):
    campaign = campaign_of(off(1_000), budget=5_000)
    till.put("S1", THREE)
    tried = till.give_back("S1", "R1", {"1": 2}, dry_run=True)
    assert (tried.status, tried["dry_run"], tried["discount"]) == (200, True, 667)
    assert counter_figures(campaign=campaign) == (1_000, 0, 1)
    done = till.give_back("S1", "R1", {"1": 2})
    assert done.body == tried.body | {"dry_run": False}


@pytest.mark.parametrize("units", [{"1": 4}, {"2": 1}, {"1": "0.5"}])
def test_more_than_was_sold_cannot_come_back(till, units):
    campaign_of(off(1_000))
    till.put("S1", THREE)
    answer = till.give_back("S1", "R1", units)
    assert (answer.status, answer["error"]) == (409, "exceeds_sold")
    assert answer["fields"]
    till.give_back("S1", "R2", {"1": 2})
    assert till.give_back("S1", "R3", {"1": 2}).status == 409


def test_only_a_committed_sale_takes_returns(till, monkeypatch):
    campaign_of(off(1_000))
    till.hold("S1", THREE)
    assert till.give_back("S1", "R1", {"1": 1})["error"] == "not_committed"
    till.put("S2", THREE)
    till.post("S2", "void")
    assert till.give_back("S2", "R1", {"1": 1})["error"] == "voided"
    monkeypatch.setattr(conf.settings, "DEFAULT_LANGUAGE", "de")
    said = [till.give_back(sale, "R1", {"1": 1})["message"] for sale in ("S1", "S2")]
    assert said == [
        "Der Verkauf S1 ist reserviert: Nichts davon kann zurückkommen.",
        "Der Verkauf S2 ist storniert: Nichts davon kann zurückkommen.",
    ]
    assert till.give_back("S3", "R1", {"1": 1}).status == 404


def test_a_partial_return_keeps_the_use_and_the_coupon_and_the_last_one_gives_them_back(till):
    coupon = CouponFactory(promotion=off(1_000, trigger="coupon"), kind=Coupon.Kind.ONE_TIME)
    campaign = campaign_of(coupon.promotion, max_uses=1, max_uses_per_customer=1)
    till.put("S1", THREE | {"coupons": [coupon.code], "customer": {"id": "C1"}})

    def uses():
        coupon.refresh_from_db()
        return (
            counter_figures(campaign=campaign)[2],
            coupon.uses,
            CustomerUse.objects.get(campaign=campaign).uses,
        )

    till.give_back("S1", "R1", {"1": 2})
    assert uses() == (1, 1, 1)
    till.give_back("S1", "R2", {"1": 1})
    assert uses() == (0, 0, 0)
    assert not list(doctor.find_breaches())


def test_uses_come_back_when_nothing_of_the_campaign_is_left_in_the_sale(till):
    of_line = [{"match": {"skus": [f"SKU{number}"]}} for number in (1, 2)]
    campaign = campaign_of(off(100, target=of_line[0]), off(200, target=of_line[1]), max_uses=9)
    till.put("S1", basket(1_000, 1_000))
    till.give_back("S1", "R1", {"1": 1})
    assert counter_figures(campaign=campaign) == (200, 0, 2)
    till.give_back("S1", "R2", {"2": 1})
    assert counter_figures(campaign=campaign) == (0, 0, 0)
    assert not list(doctor.find_breaches())


def test_a_void_gives_back_what_returns_have_left_also_after_the_campaign_has_ended(till):
    campaign = campaign_of(off(1_000), off(77), budget=5_000)
    till.put("S1", THREE)
    till.give_back("S1", "R1", {"1": 1})
    lifecycle.fire(campaign, "end_early")
    for _ in range(2):
        assert till.post("S1", "void")["state"] == "voided"
    assert counter_figures(campaign=campaign) == (0, 0, 0)
    assert granted_amount() == 0
    assert not list(doctor.find_breaches())


def test_what_comes_back_can_be_granted_again(till):
    campaign_of(off(1_000), budget=1_000)
    till.put("S1", THREE)
    assert till.put("S2", THREE)["discount"] == 0
    till.post("S1", "void")
    assert till.put("S3", THREE)["discount"] == 1_000


def test_weighed_goods_come_back_whole(till):
    campaign_of(off(100))
    till.put("S1", {"currency": "EUR", "lines": [line(1, 1_000, "0.350", line_total=350)]})
    assert till.give_back("S1", "R1", {"1": 1}).status == 409
    answer = till.give_back("S1", "R2", {"1": "0.350"})
    assert (answer.status, answer["subtotal"], answer["discount"], answer["total"]) == (201, 350, 100, 250)
    assert till.give_back("S1", "R3", {"1": "0.350"}).status == 409


def test_a_line_with_a_total_of_its_own_comes_back_in_even_parts(till):
    till.put("S1", {"currency": "EUR", "lines": [line(1, 333, 3, line_total=1_000)]})
    parts = [till.give_back("S1", f"R{number}", {"1": 1})["total"] for number in range(3)]
    assert parts == [334, 333, 333]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amounts=st.lists(st.integers(1, 3_000), min_size=1, max_size=3),
    quantities=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    order=st.randoms(use_true_random=False),
)
def test_returns_in_any_order_add_up_to_what_each_promotion_gave(till, amounts, quantities, order):
    campaign = campaign_of(*[off(amount) for amount in amounts], budget=10**9, max_uses=10**6)
    name = f"S{campaign.pk}"
    lines = [line(number, 400 * number, quantity) for number, quantity in enumerate(quantities, 1)]
    sold = till.put(name, {"currency": "EUR", "lines": lines})
    units = [f"{number}" for number, quantity in enumerate(quantities, 1) for _ in range(quantity)]
    order.shuffle(units)
    parts = [till.give_back(name, f"R{number}", {unit: 1}) for number, unit in enumerate(units)]
    assert {part.status for part in parts} == {201}
    assert sum(part["discount"] for part in parts) == sold["discount"]
    assert sum(part["total"] for part in parts) == sold["total"]
    assert counter_figures(campaign=campaign) == (0, 0, 0)
    assert all(granted_amount(promotion=link.promotion) == 0 for link in campaign.links.all())
    lifecycle.fire(campaign, "cancel")


@given(st.integers(0, 10_000), st.integers(1, 50), st.integers(0, 60), st.integers(0, 60))
def test_the_rest_of_runs_is_that_of_the_units_written_out(amount, count, skipped, taken):
    units = [each for number, each in spread(amount, count) for _ in range(number)]
    found = [each for number, each in skip_runs(spread(amount, count), skipped, taken) for _ in range(number)]
    assert found == units[skipped : skipped + taken]
