"""Whether two promotions can meet in one sale, and why not: the engine agrees."""

from datetime import timedelta

import pytest
from django.utils import timezone

from promotions import reading
from promotions.engine import UNLIMITED, Basket, Coupon, Line, StackingRules, evaluate
from promotions.inspector import applying, meeting
from tests.factories import LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.promotions.pages import campaign_with

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
ORDER = {"lane": "order", "benefit": {"type": "fixed_total", "amount": 100}}
CODED = {"trigger": "coupon"}
EXCLUSIVE = {"stacking": {"type": "exclusive"}}
GROUP = {"stacking": {"type": "best_of", "group": "autumn"}}
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
    (GROUP, GROUP, StackingRules(), True, "each unit gets only the better deal"),
    (GROUP, GROUP, StackingRules(precedence="priority"), True, "the one first by priority"),
    (BUY_GET, {}, StackingRules(buy_get_replaces=True), True, "get no other discount on items"),
    (ORDER, {}, StackingRules(thresholds_on_original=True), True, "before any discount"),
    ({}, {}, StackingRules(max_discount=500), True, "may cut the later"),
]


@pytest.mark.parametrize(("first", "second", "rules", "can", "sentence"), CASES)
def test_whether_two_meet_is_told_with_the_reason(first, second, rules, can, sentence):
    one, other = PromotionFactory(**first), PromotionFactory(**second)
    answer = meeting(one, other, rules)
    assert answer.can is can
    assert sentence in " ".join(answer.hindrances + answer.remarks)


@pytest.mark.parametrize(("first", "second", "rules", "can", "sentence"), CASES)
def test_the_engine_lets_no_two_meet_that_the_inspector_parts(first, second, rules, can, sentence):
    one, other = PromotionFactory(**first), PromotionFactory(**second)
    lines = tuple(Line(str(number), f"S{number}", 1, 1000) for number in range(4))
    coupons = tuple(
        Coupon(code=f"C{promotion.pk}", promotion=promotion.pk)
        for promotion in (one, other)
        if promotion.trigger == "coupon"
    )
    basket = Basket("EUR", lines, coupons=coupons)
    outcome = evaluate(
        basket, [reading.rule(one), reading.rule(other)], UNLIMITED, timezone.now(), stacking=rules
    )
    given = {applied.promotion for applied in outcome.applied}
    if not can:
        assert len(given) == 1
    elif first is not GROUP and not rules.buy_get_replaces:
        assert given == {one.pk, other.pk}


def test_an_excluded_pair_never_meets():
    one, other = PromotionFactory.create_batch(2)
    assert not meeting(one, other, StackingRules(excluded_pairs=frozenset({(one.pk, other.pk)}))).can
    assert meeting(one, other, StackingRules(excluded_pairs=frozenset({(one.pk, other.pk + 1)}))).can


def test_windows_days_and_locations_that_never_meet_part_two_promotions():
    now = timezone.now()
    one = PromotionFactory(ends_at=now, conditions=[{"type": "hours", "weekdays": [1, 2]}])
    other = PromotionFactory(starts_at=now, conditions=[{"type": "hours", "weekdays": [3]}])
    one.locations.set([LocationFactory()])
    other.locations.set([LocationFactory()])
    assert meeting(one, other, StackingRules()).hindrances == [
        "Their windows never overlap: one ends before the other starts.",
        "Their days of the week are different.",
        "They apply at different locations.",
    ]


def test_what_applies_now_is_what_is_on_in_an_open_window_in_the_order_of_application():
    now = timezone.now()
    _, (active,) = campaign_with(priority=5)
    late, (due,) = campaign_with(status="scheduled")  # its start has come, its status is behind
    type(late).objects.filter(pk=late.pk).update(starts_at=now - DAY)
    for status in ("draft", "paused", "expired", "cancelled", "scheduled"):
        campaign_with(status=status)
    over, _ = campaign_with()
    type(over).objects.filter(pk=over.pk).update(ends_at=now)
    alone = PromotionFactory(standalone=True, priority=1, lane="order")
    PromotionFactory(standalone=True, status="inactive")
    PromotionFactory(standalone=True, ends_at=now - DAY)
    PromotionCampaignFactory(status="active")
    found, count = applying(now, 10)
    assert [promotion for promotion, _ in found] == [active, due, alone]
    assert count == 3
    assert applying(now, 2) == (found[:2], 3)
