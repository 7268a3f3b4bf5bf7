"""Codes at the till: judged in one order, used once each, a status in a 200 whatever becomes of them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import lifecycle
from promotions import publish
from promotions.models import Coupon, CustomerUse, Link
from tests.factories import CouponFactory, LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, counter_figures

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def till():
    return AtTill()


@pytest.fixture
def coupon_promotion():
    return PromotionFactory(trigger="coupon", standalone=True)


def status(till, *codes, **more):
    return [coupon["status"] for coupon in till.quote(basket(1_000, coupons=list(codes), **more))["coupons"]]


def test_a_code_unlocks_its_promotion_however_it_is_typed(till, coupon_promotion):
    CouponFactory(promotion=coupon_promotion, code="SPRING10")
    assert till.quote(basket(1_000))["discount"] == 0
    answer = till.quote(basket(1_000, coupons=["spring10"]))
    assert answer["discount"] == 100
    assert answer["coupons"] == [{"code": "spring10", "status": "applied"}]
    assert answer["applied"][0]["coupon"] == "spring10"


def test_an_unknown_code_is_a_status_and_the_sale_goes_on(till):
    answer = till.put("S1", basket(1_000, coupons=["NOPE"]))
    assert answer.status == 201
    assert answer["coupons"] == [
        {"code": "NOPE", "status": "coupon_unknown", "message": "There is no such code."}
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"active": False}, "coupon_inactive"),
        ({"starts_at": timezone.now() + DAY}, "coupon_not_started"),
        ({"ends_at": timezone.now() - DAY}, "coupon_ended"),
        ({"min_subtotal": 1_001}, "coupon_min_subtotal"),
        ({"kind": "one_time", "uses": 1}, "coupon_used"),
        ({"max_uses": 3, "uses": 3}, "coupon_used"),
        ({"max_uses_per_customer": 1}, "needs_customer"),
        ({"customer": "C1"}, "needs_customer"),
        ({"min_subtotal": 1_000, "max_uses": 3, "uses": 2}, "applied"),
    ],
)
def test_each_check_has_a_status_of_its_own(till, coupon_promotion, fields, expected):
    coupon = CouponFactory(promotion=coupon_promotion, **fields)
    assert status(till, coupon.code) == [expected]


def test_the_first_check_that_fails_is_told(till, coupon_promotion):
    elsewhere = LocationFactory()
    wrong = {
        "ends_at": timezone.now() - DAY,
        "min_subtotal": 9_999,
        "kind": "one_time",
        "uses": 1,
        "customer": "C1",
    }
    coupon = CouponFactory(promotion=coupon_promotion, active=False, **wrong)
    coupon.locations.add(elsewhere)
    told = []
    for field, good in [
        ("active", True),
        ("ends_at", None),
        ("min_subtotal", 0),
        ("locations", None),
        ("uses", 0),
        ("customer", ""),
        ("code", coupon.code),
    ]:
        told += status(till, coupon.code)
        if field == "locations":
            coupon.locations.clear()
        else:
            setattr(coupon, field, good)
            coupon.save()
    assert told == [
        "coupon_inactive",
        "coupon_ended",
        "coupon_min_subtotal",
        "coupon_wrong_location",
        "coupon_used",
        "needs_customer",
        "applied",
    ]


def test_a_status_says_its_figures(till, coupon_promotion):
    CouponFactory(promotion=coupon_promotion, code="A", min_subtotal=1_500)
    (coupon,) = till.quote(basket(1_000, coupons=["A"]))["coupons"]
    assert (coupon["need"], coupon["have"]) == (1_500, 1_000)


def test_a_coupon_has_a_limit_for_each_customer(till, coupon_promotion):
    coupon = CouponFactory(promotion=coupon_promotion, max_uses_per_customer=1)
    assert till.put("S1", basket(1_000, coupons=[coupon.code], customer={"id": "C1"}))["discount"] == 100
    assert status(till, coupon.code, customer={"id": "C1"}) == ["coupon_customer_limit"]
    assert status(till, coupon.code, customer={"id": "C2"}) == ["applied"]
    assert CustomerUse.objects.get().uses == 1


def test_a_coupon_bound_to_a_customer_is_good_for_nobody_else(till, coupon_promotion):
    coupon = CouponFactory(promotion=coupon_promotion, customer="C1")
    assert status(till, coupon.code, customer={"id": "C1"}) == ["applied"]
    assert status(till, coupon.code, customer={"id": "C2"}) == ["coupon_not_yours"]


def test_a_coupon_may_have_a_benefit_of_its_own(till, coupon_promotion):
    coupon = CouponFactory(promotion=coupon_promotion, benefit={"type": "percent", "percent": 2_000})
    assert till.quote(basket(1_000, coupons=[coupon.code]))["discount"] == 200


def test_a_one_time_coupon_is_used_by_a_sale_and_given_back_by_its_void(till, coupon_promotion):
    coupon = CouponFactory(promotion=coupon_promotion, kind=Coupon.Kind.ONE_TIME)
    body = basket(1_000, coupons=[coupon.code])
    assert till.put("S1", body)["discount"] == 100
    assert till.put("S2", body)["coupons"][0]["status"] == "coupon_used"
    till.post("S1", "void")
    assert till.put("S3", body)["discount"] == 100


def test_a_code_that_gave_nothing_is_not_used(till, coupon_promotion):
    coupon = CouponFactory(promotion=coupon_promotion, kind=Coupon.Kind.ONE_TIME)
    till.put("S1", basket(0, coupons=[coupon.code]))
    coupon.refresh_from_db()
    assert coupon.uses == 0


def test_of_two_codes_for_one_promotion_one_is_used(till, coupon_promotion):
    first, second = CouponFactory(promotion=coupon_promotion), CouponFactory(promotion=coupon_promotion)
    answer = till.put("S1", basket(1_000, coupons=[first.code, second.code, first.code.lower()]))
    assert answer["discount"] == 100
    uses = [coupon.uses for coupon in Coupon.objects.order_by("pk")]
    assert uses == [1, 0]


def test_a_code_of_a_campaign_that_is_over_says_so(till):
    coupon = CouponFactory(promotion=PromotionFactory(trigger="coupon"))
    campaign = PromotionCampaignFactory(status="active")
    assert status(till, coupon.code) == ["coupon_inactive"]
    Link.objects.create(campaign=campaign, promotion=coupon.promotion)
    assert status(till, coupon.code) == ["applied"]
    lifecycle.fire(campaign, "pause")
    assert status(till, coupon.code) == ["paused"]
    lifecycle.fire(campaign, "cancel")
    assert status(till, coupon.code) == ["cancelled"]


def test_a_promotion_with_a_code_counts_its_uses_like_one_without(till):
    campaign = PromotionCampaignFactory(status="active", max_uses=3)
    coded, automatic = (
        publish.save_promotion(PromotionFactory(trigger=trigger), max_uses=2)
        for trigger in ("coupon", "automatic")
    )
    for promotion in (coded, automatic):
        publish.link(campaign, promotion)
    CouponFactory(promotion=coded, code="SPRING10")
    body = basket(1_000, coupons=["SPRING10"])
    for number, given in enumerate([2, 1, 0]):
        assert len(till.put(f"S{number}", body)["applied"]) == given
    assert counter_figures(campaign=campaign)[2] == 3
    assert sorted(counter_figures(promotion=one)[2] for one in (coded, automatic)) == [1, 2]
    assert till.post("S0", "void").status == 200
    assert counter_figures(campaign=campaign)[2] == 1
    assert len(till.put("S3", body)["applied"]) == 2
