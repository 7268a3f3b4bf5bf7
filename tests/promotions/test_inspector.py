"""Whether two promotions can meet in one sale, and why not: the engine agrees."""

from datetime import timedelta

import pytest
from django.utils import timezone

from promotions import reading
from promotions.engine import (
    UNLIMITED,
    Basket,
    BasketLine,
    Customer,
    PresentedCoupon,
    StackingRules,
    evaluate,
)
from promotions.inspector import judge_combination, list_applying
from promotions.models import Link
from tests.factories import LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.promotions.pages import campaign_with

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ORDER = {"level": "order", "benefit": {"type": "fixed_total", "amount": 100}}
CODED = {"trigger": "coupon"}
EXCLUSIVE = {"stacking": {"type": "exclusive"}}
GROUP = {"stacking": {"type": "best_of", "group": "autumn"}}
OF_S0 = {"benefit": {"type": "percent", "percent": 5000}, "target": {"match": {"skus": ["S0"]}}}
BY_CARD = {"conditions": [{"type": "payment_method", "methods": ["card"]}]}
IN_CASH = {"conditions": [{"type": "payment_method", "methods": ["cash"]}]}
FOR_ANN = {"conditions": [{"type": "customer_is", "customers": ["ANN"]}]}
FOR_BEN = {"conditions": [{"type": "customer_is", "customers": ["BEN"]}]}
BUY_GET = {"benefit": {"type": "buy_get", "buy": {"quantity": 1}, "get": {"quantity": 1}}}

# of each: the first, the second, the stacking rules, whether they can meet, and what is said
CASES = [
    ({}, {}, StackingRules(), True, "applies to what"),
    (ORDER, {}, StackingRules(), True, "applies first"),
    (EXCLUSIVE, {}, StackingRules(), False, "is exclusive"),
    ({}, {}, StackingRules(max_promotions=1), False, "At most one promotion applies"),
    ({}, {}, StackingRules(max_promotions=2), True, "At most 2 promotions"),
    (CODED, {}, StackingRules(coupons_with_promotions=False), False, "one of them needs a coupon"),
    (CODED, CODED, StackingRules(coupons_with_promotions=False), True, "applies to what"),
    (ORDER, {}, StackingRules(item_with_order=False), False, "one of them is on items"),
    (ORDER, ORDER, StackingRules(item_with_order=False), True, "applies to what"),
    (GROUP | OF_S0, GROUP, StackingRules(), True, "each unit gets only the better deal"),
    (GROUP | OF_S0, GROUP, StackingRules(precedence="priority"), True, "the one first by priority"),
    (GROUP, GROUP, StackingRules(), False, "only one of them counts"),
    (GROUP | ORDER, GROUP, StackingRules(precedence="priority"), False, "only one of them counts"),
    (BY_CARD, IN_CASH, StackingRules(), False, "a sale is paid by one"),
    (BY_CARD, BY_CARD, StackingRules(), True, "applies to what"),
    (FOR_ANN, FOR_BEN, StackingRules(), False, "for different customers"),
    (BUY_GET, {}, StackingRules(buy_get_replaces=True), True, "get no other discount on items"),
    (ORDER, {}, StackingRules(thresholds_on_original=True), True, "before any discount"),
    ({}, {}, StackingRules(max_discount=500), True, "may cut the later"),
]


@pytest.mark.parametrize(("first", "second", "rules", "can", "sentence"), CASES)
def test_whether_two_meet_is_told_with_the_reason(first, second, rules, can, sentence):
    one, other = PromotionFactory(**first), PromotionFactory(**second)
    answer = judge_combination(one, other, rules)
    assert answer.can is can
    assert sentence in " ".join(answer.hindrances + answer.remarks)


@pytest.mark.parametrize(("first", "second", "rules", "can", "sentence"), CASES)
def test_the_engine_lets_no_two_meet_that_the_inspector_parts(first, second, rules, can, sentence):
    one, other = PromotionFactory(**first), PromotionFactory(**second)
    lines = tuple(BasketLine(str(number), f"S{number}", 1, 1000) for number in range(4))
    coupons = tuple(
        PresentedCoupon(code=f"C{promotion.pk}", promotion=promotion.pk)
        for promotion in (one, other)
        if promotion.trigger == "coupon"
    )
    basket = Basket("EUR", lines, Customer("ANN"), coupons, "card")
    outcome = evaluate(
        basket, [reading.read_rule(one), reading.read_rule(other)], UNLIMITED, timezone.now(), stacking=rules
    )
    given = {applied.promotion for applied in outcome.applied}
    if not can:
        assert len(given) == 1
    elif not rules.buy_get_replaces:
        assert given == {one.pk, other.pk}


def test_an_excluded_pair_never_meets():
    one, other = PromotionFactory.create_batch(2)
    assert not judge_combination(
        one, other, StackingRules(excluded_pairs=frozenset({(one.pk, other.pk)}))
    ).can
    assert judge_combination(
        one, other, StackingRules(excluded_pairs=frozenset({(one.pk, other.pk + 1)}))
    ).can


def test_windows_hours_and_locations_that_never_meet_part_two_promotions():
    now = timezone.now()
    one = PromotionFactory(ends_at=now, conditions=[{"type": "hours", "weekdays": [1, 2]}])
    other = PromotionFactory(starts_at=now, conditions=[{"type": "hours", "weekdays": [3]}])
    one.locations.set([LocationFactory()])
    other.locations.set([LocationFactory()])
    assert judge_combination(one, other, StackingRules()).hindrances == [
        "Their windows never overlap: one ends before the other starts.",
        "Their days and hours never overlap.",
        "They apply at different locations.",
    ]


@pytest.mark.parametrize(
    ("one", "other", "can"),
    [
        ({"from": "09:00", "to": "12:00"}, {"from": "12:00", "to": "14:00"}, False),
        ({"from": "09:00", "to": "12:01"}, {"from": "12:00", "to": "14:00"}, True),
        ({"weekdays": [7], "from": "22:00", "to": "02:00"}, {"weekdays": [1], "to": "01:00"}, True),
        ({"weekdays": [7], "from": "22:00", "to": "02:00"}, {"weekdays": [1], "from": "02:00"}, False),
        ({"weekdays": [1]}, {"weekdays": [1]}, True),
    ],
)
def test_hours_meet_to_the_minute_also_over_midnight(one, other, can):
    pair = [PromotionFactory(conditions=[{"type": "hours"} | hours]) for hours in (one, other)]
    assert judge_combination(*pair, StackingRules()).can is can


def test_promotions_whose_campaigns_never_meet_never_meet_and_one_that_meets_is_enough():
    now = timezone.now()
    sooner, (one,) = campaign_with(ends_at=now + DAY)
    later, (other,) = campaign_with(status="draft", starts_at=now + DAY, ends_at=None)
    assert judge_combination(one, other, StackingRules()).hindrances == [
        f"Their campaigns “{sooner}” and “{later}” never run at the same time."
    ]
    abroad, (yen,) = campaign_with(currency="JPY")
    assert judge_combination(one, yen, StackingRules()).hindrances == [
        f"Their campaigns “{sooner}” and “{abroad}” count in different currencies, EUR and JPY."
    ]
    beside, (near,) = campaign_with()
    sooner.locations.set([LocationFactory()])
    beside.locations.set([LocationFactory()])
    assert judge_combination(one, near, StackingRules()).hindrances == [
        f"Their campaigns “{sooner}” and “{beside}” are for different locations."
    ]
    Link.objects.create(campaign=sooner, promotion=other)
    assert judge_combination(one, other, StackingRules()).can
    assert judge_combination(one, PromotionFactory(standalone=True), StackingRules()).can


def test_promotions_of_an_exclusive_campaign_meet_no_others():
    campaign, (one, other) = campaign_with(2, name="Black Friday")
    alone = PromotionFactory(standalone=True)
    assert judge_combination(one, other, StackingRules()).can
    type(campaign).objects.filter(pk=campaign.pk).update(exclusive=True)
    for pair in ((one, other), (one, alone), (alone, other)):
        assert judge_combination(*pair, StackingRules()).hindrances == [
            "Each promotion of “Black Friday” applies alone in a sale."
        ]


def test_it_says_of_two_that_can_meet_which_of_them_no_sale_gets_at_present():
    _, (one,) = campaign_with(status="expired")
    off = PromotionFactory(standalone=True, status="inactive")
    remarks = " ".join(judge_combination(one, off, StackingRules()).remarks)
    assert f"“{one}” is in no open campaign and not standalone" in remarks
    assert f"“{off}” is switched off" in remarks
    _, (waits,) = campaign_with(status="paused")
    told = f"None of the campaigns of “{waits}” is active at present."
    assert told in judge_combination(waits, off, StackingRules()).remarks
    Link.objects.create(campaign=campaign_with()[0], promotion=waits)
    assert told not in judge_combination(waits, off, StackingRules()).remarks


def test_what_applies_now_is_what_is_on_in_an_open_window_in_the_order_of_application():
    now = timezone.now()
    _, (active,) = campaign_with(priority=5)
    late, (due,) = campaign_with(status="scheduled")  # its start has come, its status is behind
    type(late).objects.filter(pk=late.pk).update(starts_at=now - DAY)
    for status in ("draft", "paused", "expired", "cancelled", "scheduled"):
        campaign_with(status=status)
    over, _ = campaign_with()
    type(over).objects.filter(pk=over.pk).update(ends_at=now)
    alone = PromotionFactory(standalone=True, priority=1, level="order")
    PromotionFactory(standalone=True, status="inactive")
    PromotionFactory(standalone=True, ends_at=now - DAY)
    PromotionCampaignFactory(status="active")
    found, count = list_applying(now, 10)
    assert [promotion for promotion, _ in found] == [active, due, alone]
    assert count == 3
    assert list_applying(now, 2) == (found[:2], 3)
