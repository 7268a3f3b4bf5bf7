"""Holds: what they reserve, and how it is confirmed, released, voided, or given back when their time is over."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import doctor, lifecycle
from pos import clock
from pos.models import Sale
from promotions.models import Coupon, CustomerUse, Redemption
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, counter_figures, granted_amount

pytestmark = pytest.mark.django_db


@pytest.fixture
def till():
    return AtTill()


@pytest.fixture
def campaign():
    return PromotionCampaignFactory(discounting=True, status="active", budget=100, max_uses_per_customer=5)


BUYING = basket(1_000, customer={"id": "C1"})


def let_hold_expire(reference):
    """Let the time of a hold be over."""
    Sale.objects.filter(reference=reference).update(expires_at=timezone.now() - timedelta(seconds=1))


def test_a_hold_reserves_budget_uses_and_coupon_and_writes_no_line_of_the_ledger(till, campaign):
    unlocked = PromotionFactory(standalone=True, trigger="coupon", max_uses=9)
    coupon = CouponFactory(promotion=unlocked, kind=Coupon.Kind.ONE_TIME)
    answer = till.hold("S1", BUYING | {"coupons": [coupon.code]})
    assert (answer.status, answer["state"]) == (201, "held")
    assert answer["expires_at"] > timezone.now().isoformat()
    assert counter_figures(campaign=campaign) == (0, 100, 1)
    assert counter_figures(promotion=unlocked) == (0, 90, 1)
    coupon.refresh_from_db()
    assert coupon.uses == 1
    assert CustomerUse.objects.get(campaign=campaign).uses == 1
    assert not Redemption.objects.exists()
    assert till.quote(BUYING | {"coupons": [coupon.code]})["discount"] == 0
    assert not list(doctor.find_breaches())


def test_a_hold_lasts_as_long_as_the_till_asks(till, campaign):
    till.hold("S1", BUYING)
    till.hold("S2", BUYING, ttl=3600)
    lasts = {sale.reference: (sale.expires_at - sale.at).total_seconds() for sale in Sale.objects.all()}
    assert lasts == {"S1": 300, "S2": 3600}
    for ttl in (29, 3601):
        assert till.hold("S3", BUYING, ttl=ttl).status == 422


def test_a_confirmed_hold_is_a_sale_and_no_limit_can_refuse_it(till, campaign):
    till.hold("S1", BUYING)
    lifecycle.fire(campaign, "cancel")
    answer = till.post("S1", "confirm")
    assert (answer.status, answer["state"], answer["expires_at"]) == (200, "committed", None)
    assert counter_figures(campaign=campaign) == (100, 0, 1)
    assert granted_amount(campaign=campaign) == 100
    again = till.post("S1", "confirm")
    assert (again.status, again.headers["Idempotent-Replayed"], again.body) == (200, "true", answer.body)
    assert granted_amount(campaign=campaign) == 100
    assert not list(doctor.find_breaches())


def test_the_put_of_a_confirmed_hold_is_answered_as_it_was(till, campaign):
    held = till.hold("S1", BUYING)
    till.post("S1", "confirm")
    again = till.hold("S1", BUYING)
    assert (again.status, again.body) == (200, held.body)
    assert till.send("GET", "sales/S1")["state"] == "committed"


@pytest.mark.parametrize(("verb", "state"), [("release", "released"), ("void", "voided")])
def test_a_hold_that_is_let_go_gives_everything_back_once(till, campaign, verb, state):
    coupon = CouponFactory(promotion=PromotionFactory(standalone=True, trigger="coupon"), kind="one_time")
    till.hold("S1", BUYING | {"coupons": [coupon.code]})
    for replayed in (None, "true"):
        answer = till.post("S1", verb)
        assert (answer.status, answer["state"]) == (200, state)
        assert answer.headers.get("Idempotent-Replayed") == replayed
    assert counter_figures(campaign=campaign) == (0, 0, 0)
    coupon.refresh_from_db()
    assert coupon.uses == 0
    assert CustomerUse.objects.get(campaign=campaign).uses == 0
    assert not list(doctor.find_breaches())


def test_a_committed_sale_is_not_released_but_voided(till, campaign):
    till.put("S1", BUYING)
    answer = till.post("S1", "release")
    assert (answer.status, answer["error"]) == (409, "already_committed")
    assert till.post("S1", "void")["state"] == "voided"


def test_past_its_time_a_hold_counts_as_released_at_once(till, campaign):
    till.hold("S1", BUYING)
    assert till.quote(BUYING)["discount"] == 0
    let_hold_expire("S1")
    assert till.send("GET", "sales/S1")["state"] == "released"
    confirmed = till.post("S1", "confirm")
    assert (confirmed.status, confirmed["error"]) == (409, "hold_expired")
    assert till.quote(BUYING)["discount"] == 100
    assert till.put("S2", BUYING)["discount"] == 100
    assert counter_figures(campaign=campaign) == (100, 0, 1)
    assert not list(doctor.find_breaches())


@pytest.mark.parametrize("is_written", [False, True])
def test_a_hold_sent_again_after_its_time_is_not_held(till, campaign, is_written):
    held = till.hold("S1", BUYING)
    assert till.hold("S1", BUYING).body == held.body
    let_hold_expire("S1")
    if is_written:
        clock.tick(timezone.now())
    for answer in (till.hold("S1", BUYING), till.post("S1", "confirm")):
        assert (answer.status, answer["error"]) == (409, "hold_expired")
        assert "under another id" in answer["message"]
    assert till.put("S1", BUYING)["error"] == "idempotency_mismatch"
    assert till.hold("S2", BUYING)["discount"] == 100
    assert not list(doctor.find_breaches())


@pytest.mark.parametrize(("verb", "error"), [("release", "hold_expired"), ("void", "voided")])
def test_a_hold_sent_again_after_it_was_let_go_is_not_held(till, campaign, verb, error):
    till.hold("S1", BUYING)
    till.post("S1", verb)
    again = till.hold("S1", BUYING)
    assert (again.status, again["error"]) == (409, error)
    assert counter_figures(campaign=campaign) == (0, 0, 0)


def test_a_hold_that_was_confirmed_and_voided_is_not_held_either(till, campaign):
    till.hold("S1", BUYING)
    till.post("S1", "confirm")
    till.post("S1", "void")
    assert till.hold("S1", BUYING)["error"] == "voided"


def test_a_sale_finds_the_budget_of_a_hold_whose_time_is_over(till, campaign):
    till.hold("S1", BUYING)
    let_hold_expire("S1")
    assert till.put("S2", BUYING)["discount"] == 100
    assert not list(doctor.find_breaches())


def test_the_clock_writes_that_a_hold_is_released(till, campaign):
    till.hold("S1", BUYING)
    clock.tick(timezone.now())
    assert counter_figures(campaign=campaign) == (0, 100, 1)
    clock.tick(timezone.now() + timedelta(seconds=301))
    assert counter_figures(campaign=campaign) == (0, 0, 0)
    assert Sale.objects.get().state == "released"


def test_a_released_hold_cannot_be_confirmed_nor_a_voided_one(till, campaign):
    till.hold("S1", BUYING)
    till.post("S1", "release")
    assert till.post("S1", "confirm")["error"] == "hold_expired"
    till.hold("S2", BUYING)
    till.post("S2", "void")
    assert till.post("S2", "confirm")["error"] == "voided"


def test_a_limit_that_is_first_set_while_a_hold_runs_counts_it(till):
    from promotions import publish

    campaign = PromotionCampaignFactory(discounting=True, status="active")
    till.put("S1", BUYING)
    till.hold("S2", BUYING)
    publish.edit_campaign(campaign, changes={"budget": 250, "max_uses_per_customer": 3})
    assert counter_figures(campaign=campaign) == (100, 100, 2)
    assert CustomerUse.objects.get(campaign=campaign).uses == 2
    till.post("S2", "confirm")
    assert counter_figures(campaign=campaign) == (200, 0, 2)
    assert till.put("S3", BUYING)["discount"] == 50
    assert not list(doctor.find_breaches())
