"""Sales made without a connection and sent later: never refused for a limit, what goes beyond is on record."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import doctor
from promotions.models import Counter, Coupon, Link, Overrun
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, counted, granted

pytestmark = pytest.mark.django_db


@pytest.fixture
def till():
    return AtTill()


def offline(*prices, ago=timedelta(hours=1), **more):
    return basket(*prices, offline_at=(timezone.now() - ago).isoformat(), **more)


def test_what_goes_beyond_the_budget_is_recorded_as_overrun_and_never_lost(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=1_000)
    till.put("S1", basket(7_000))
    answer = till.put("S2", offline(20_000))
    assert (answer.status, answer["discount"]) == (201, 2_000)
    counter = Counter.objects.get(campaign=campaign)
    assert (counter.spent, counter.overrun, counter.uses) == (1_000, 1_700, 2)
    (overrun,) = Overrun.objects.all()
    assert (overrun.redemption.sale.reference, overrun.amount) == ("S2", 1_700)
    assert granted(campaign=campaign) == counter.spent + counter.overrun
    assert till.put("S3", basket(1_000))["discount"] == 0
    assert not list(doctor.examine())


def test_what_comes_back_pays_the_overrun_first(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=100)
    till.put(
        "S1",
        {"currency": "EUR", "lines": [basket(1_000)["lines"][0] | {"quantity": 3}]}
        | {"offline_at": (timezone.now() - timedelta(hours=1)).isoformat()},
    )

    def figures():
        counter = Counter.objects.get(campaign=campaign)
        return counter.spent, counter.overrun, counter.uses

    assert figures() == (100, 200, 1)
    till.give_back("S1", "R1", {"1": 1})
    assert figures() == (100, 100, 1)
    till.post("S1", "void")
    assert figures() == (0, 0, 0)
    assert not list(doctor.examine())


def test_uses_beyond_the_limits_of_campaign_promotion_and_coupon_are_recorded(till):
    unlocked = PromotionFactory(trigger="coupon", max_uses=1)
    coupon = CouponFactory(promotion=unlocked, kind=Coupon.Kind.ONE_TIME)
    campaign = PromotionCampaignFactory(status="active", max_uses=1, max_uses_per_customer=1)
    Link.objects.create(campaign=campaign, promotion=unlocked)
    for number in range(2):
        body = offline(1_000, coupons=[coupon.code], customer={"id": "C1"})
        assert till.put(f"S{number}", body)["discount"] == 100
    coupon.refresh_from_db()
    assert (coupon.uses, coupon.overrun_uses) == (1, 1)
    overrun = Overrun.objects.get()
    assert (overrun.campaign_uses, overrun.promotion_uses, overrun.coupon_uses) == (1, 1, 1)
    assert counted(campaign=campaign)[2] == counted(promotion=unlocked)[2] == 1
    assert not list(doctor.examine())
    till.post("S1", "void")
    coupon.refresh_from_db()
    assert (coupon.uses, coupon.overrun_uses) == (1, 0)
    assert not list(doctor.examine())


def test_it_is_judged_as_of_the_time_it_was_made(till):
    now = timezone.now()
    PromotionCampaignFactory(
        discounting=True, status="active", starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1)
    )
    assert till.put("S1", offline(1_000))["discount"] == 0
    answer = till.put("S2", offline(1_000, ago=timedelta(hours=36)))
    assert answer["discount"] == 100
    assert answer["offline_at"] == answer["evaluated_at"]


def test_a_figure_that_differs_from_the_tills_is_taken_unless_it_says_otherwise(till):
    PromotionCampaignFactory(discounting=True, status="active")
    assert till.put("S1", offline(1_000, expect_discount=90)).status == 201
    assert till.put("S2", offline(1_000, expect_discount=90, on_change="reject")).status == 409


def test_it_lies_in_the_past_and_is_no_hold(till):
    later = offline(1_000, ago=timedelta(hours=-1))
    assert list(till.put("S1", later)["fields"]) == ["offline_at"]
    assert list(till.put("S1", offline(1_000, state="held"))["fields"]) == ["offline_at"]
