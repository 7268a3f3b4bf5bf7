"""How promotions meet in a sale: together, one of a group, alone, and the site's rules."""

from itertools import permutations

import pytest

from promotions.engine import Allowance, PresentedCoupon, Remaining, Rule, StackingRules
from promotions.engine import rules as r
from tests.promotions.engine.till import (
    STRICT,
    amounts_by_promotion,
    best_of,
    by_line,
    campaign,
    line,
    of,
    off,
    quote,
    rule,
    sale,
    why,
)

BASKET = sale(line("a", 1000), line("b", 200))
SEASON = best_of("season")


def test_each_unit_gets_the_better_of_a_group():
    rules = [rule(1, off(20), stacking=SEASON), rule(2, r.FixedPerUnit(100), stacking=SEASON)]
    outcome = quote(BASKET, *rules)
    assert by_line(outcome) == {"a": 200, "b": 100}
    assert amounts_by_promotion(outcome) == {1: 200, 2: 100}


def test_strict_priority_gives_each_unit_the_first_of_a_group():
    rules = [rule(1, off(20), skus="a", stacking=SEASON), rule(2, r.FixedPerUnit(300), stacking=SEASON)]
    outcome = quote(BASKET, *rules, stacking=STRICT)
    assert by_line(outcome) == {"a": 200, "b": 200}


def test_who_is_beaten_learns_by_whom_and_by_how_much():
    outcome = quote(BASKET, rule(1, off(10), stacking=SEASON), rule(2, off(20), stacking=SEASON))
    assert why(outcome, 1) == ("beaten_by", 240, 120, 2)
    outcome = quote(
        BASKET, rule(1, off(10), stacking=SEASON), rule(2, off(20), stacking=SEASON), stacking=STRICT
    )
    assert why(outcome, 2) == ("beaten_by", None, None, 1)


def test_the_same_deal_goes_to_the_first_by_priority():
    rules = [rule(1, off(10), priority=2, stacking=SEASON), rule(2, off(10), priority=1, stacking=SEASON)]
    assert amounts_by_promotion(quote(BASKET, *rules)) == {2: 120}


def test_groups_do_not_compete_with_each_other_nor_with_the_stackable():
    rules = [
        rule(1, off(10), stacking=SEASON),
        rule(2, off(10), stacking=best_of("club")),
        rule(3, off(10)),
    ]
    assert list(amounts_by_promotion(quote(sale(line("a", 1000)), *rules)).values()) == [100, 90, 81]


def test_a_buy_get_and_a_percentage_of_one_group_share_the_units():
    rules = [
        Rule(1, r.BuyGet(r.BenefitPart(2, of("a")), r.BenefitPart(1, of("a"))), stacking=SEASON),
        Rule(2, off(20), stacking=SEASON),
    ]
    three_and_one = sale(line("a", 1000, 4), line("b", 1000))
    assert amounts_by_promotion(quote(three_and_one, *rules)) == {1: 1000, 2: 400}
    dear = [rules[0], Rule(2, off(60), stacking=SEASON)]
    assert amounts_by_promotion(quote(three_and_one, *dear)) == {2: 3000}


def test_two_campaigns_of_one_promotion_are_one_promotion():
    rules = [Rule(1, off(10), campaign=campaign(n, priority=n)) for n in (1, 2)]
    outcome = quote(BASKET, *rules)
    assert [(one.promotion, one.campaign) for one in outcome.applied] == [(1, 1)]
    assert outcome.not_applied == ()


@pytest.mark.parametrize(
    "left",
    [Allowance(amount=0), Allowance(uses=0), Allowance(customer_uses=0), Allowance(amount=119)],
    ids=str,
)
def test_a_promotion_applies_through_the_first_campaign_that_has_room(left):
    terms = [campaign(1, priority=1, on_budget_end="reject"), campaign(2, priority=2)]
    rules = [Rule(1, off(10), campaign=one) for one in terms]
    outcome = quote(BASKET, *rules, left=Remaining({1: left}))
    assert [(one.promotion, one.campaign) for one in outcome.applied] == [(1, 2)]


def test_a_group_looks_at_the_next_campaign_too():
    terms = [campaign(1, priority=1, on_budget_end="reject"), campaign(2, priority=2)]
    rules = [Rule(1, off(20), campaign=one, stacking=SEASON) for one in terms]
    rules.append(Rule(2, off(10), stacking=SEASON))
    outcome = quote(BASKET, *rules, left=Remaining({1: Allowance(amount=10)}))
    assert [(one.promotion, one.campaign) for one in outcome.applied] == [(1, 2)]


# Exclusive


def test_an_exclusive_promotion_is_alone_when_it_is_the_better_deal():
    rules = [rule(1, off(10)), rule(2, off(15)), rule(3, off(20), stacking=r.Exclusive())]
    outcome = quote(sale(line("a", 1000)), *rules)
    assert amounts_by_promotion(outcome) == {1: 100, 2: 135}
    assert why(outcome, 3) == ("excluded_by", None, None, 2)
    better = [*rules[:2], rule(3, off(30), stacking=r.Exclusive())]
    assert amounts_by_promotion(quote(sale(line("a", 1000)), *better)) == {3: 300}


def test_by_strict_priority_the_first_exclusive_promotion_is_alone():
    rules = [
        rule(1, off(50)),
        rule(2, off(10), stacking=r.Exclusive(), priority=300),
        rule(3, off(20), stacking=r.Exclusive(), priority=200),
    ]
    outcome = quote(BASKET, *rules, stacking=STRICT)
    assert amounts_by_promotion(outcome) == {3: 240}
    assert why(outcome, 1) == ("excluded_by", None, None, 3)


def test_an_exclusive_campaign_makes_each_of_its_promotions_exclusive():
    alone = campaign(7, exclusive=True)
    rules = [
        Rule(1, off(10), campaign=alone, stacking=SEASON),
        Rule(2, off(6), campaign=alone),
        rule(3, off(5), stacking=SEASON),
        rule(4, off(4)),
    ]
    assert amounts_by_promotion(quote(BASKET, *rules)) == {1: 120}
    assert why(quote(BASKET, *rules), 2) == ("excluded_by", None, None, 1)
    # together they are the better deal
    assert list(amounts_by_promotion(quote(BASKET, *rules[1:]))) == [
        3,
        4,
    ]
    assert list(amounts_by_promotion(quote(BASKET, *rules[1:], stacking=STRICT))) == [2]
    both = [*rules[1:], Rule(2, off(6), campaign=campaign(8))]  # it is in another campaign, too
    assert list(amounts_by_promotion(quote(BASKET, *both))) == [2, 3, 4]


@pytest.mark.parametrize("stacking", [STRICT, StackingRules()])
def test_an_exclusive_promotion_that_gives_nothing_shuts_nobody_out(stacking):
    rules = [rule(1, off(10)), rule(2, off(0), stacking=r.Exclusive())]
    outcome = quote(BASKET, *rules, stacking=stacking)
    assert amounts_by_promotion(outcome) == {1: 120}


# The site's rules


def test_at_most_so_many_promotions_the_best_of_them():
    rules = [rule(1, off(10), skus="a"), rule(2, off(50), skus="b"), rule(3, off(30), skus="a")]
    amounts = [
        amounts_by_promotion(quote(BASKET, *rules, stacking=StackingRules(max_promotions=count)))
        for count in (1, 2, 3)
    ]
    assert amounts == [{3: 300}, {2: 100, 3: 300}, {1: 100, 2: 100, 3: 270}]


def test_at_most_so_many_promotions_the_first_of_them_by_priority():
    rules = [rule(1, off(10), skus="a"), rule(2, off(50), skus="b"), rule(3, off(30), skus="a")]
    outcome = quote(BASKET, *rules, stacking=StackingRules(precedence="priority", max_promotions=2))
    assert amounts_by_promotion(outcome) == {1: 100, 2: 100}
    assert why(outcome, 3) == ("max_promotions", 2, 3, None)


def test_of_many_promotions_the_best_few_are_found():
    basket = sale(*[line(str(n), 1000) for n in range(30)])
    rules = [rule(n + 1, off(n + 1), skus=str(n)) for n in range(30)]
    outcome = quote(basket, *rules, stacking=StackingRules(max_promotions=3))
    assert sorted(amounts_by_promotion(outcome)) == [28, 29, 30]


@pytest.mark.parametrize(
    ("stacking", "amounts"),
    [
        (StackingRules(max_discount=150), {1: 120, 2: 30}),
        (StackingRules(max_discount_percent=1500), {1: 120, 2: 60}),
        (StackingRules(max_discount=150, max_discount_percent=1100), {1: 120, 2: 12}),
        (StackingRules(max_discount=120), {1: 120}),
    ],
    ids=str,
)
def test_the_sale_has_a_cap_used_up_in_order(stacking, amounts):
    outcome = quote(BASKET, rule(1, off(10)), rule(2, off(10)), stacking=stacking)
    assert amounts_by_promotion(outcome) == amounts
    if 2 in amounts:
        assert outcome.applied[1].clamped_by == "sale_cap"
    else:
        assert why(outcome, 2) == ("sale_cap", 108, 0, None)


def test_the_sale_cap_counts_lines_that_take_no_discount():
    basket = sale(line("a", 1000), line("c", 1000, discountable=False))
    outcome = quote(basket, rule(1, off(50)), stacking=StackingRules(max_discount_percent=2000))
    assert outcome.discount == 400


def test_item_and_order_promotions_can_be_kept_apart():
    rules = [rule(1, off(10)), rule(2, r.FixedTotal(300), level="order")]
    apart = StackingRules(item_with_order=False)
    outcome = quote(BASKET, *rules, stacking=apart)
    assert amounts_by_promotion(outcome) == {2: 300}
    assert why(outcome, 1) == ("excluded_by", None, None, 2)
    strict = StackingRules(item_with_order=False, precedence="priority")
    assert amounts_by_promotion(quote(BASKET, *rules, stacking=strict)) == {1: 120}


def test_coupons_and_promotions_can_be_kept_apart():
    basket = sale(line("a", 1000), coupons=(PresentedCoupon("TEN", 2),))
    rules = [rule(1, off(5)), rule(2, off(10), trigger="coupon"), rule(3, off(4))]
    apart = StackingRules(coupons_with_promotions=False)
    outcome = quote(basket, *rules, stacking=apart)
    assert amounts_by_promotion(outcome) == {2: 100}
    assert why(outcome, 1) == ("excluded_by", None, None, 2)
    assert amounts_by_promotion(quote(basket, *rules)) == {1: 50, 2: 95, 3: 34}


def test_a_pair_that_excludes_each_other_never_meets():
    rules = [rule(1, off(10)), rule(2, off(20)), rule(3, off(5))]
    pair = StackingRules(excluded_pairs=frozenset({(1, 2)}))
    outcome = quote(sale(line("a", 1000)), *rules, stacking=pair)
    assert amounts_by_promotion(outcome) == {2: 200, 3: 40}
    assert why(outcome, 1) == ("excluded_pair", None, None, 2)
    strict = StackingRules(precedence="priority", excluded_pairs=frozenset({(2, 1)}))
    outcome = quote(sale(line("a", 1000)), *rules, stacking=strict)
    assert amounts_by_promotion(outcome) == {1: 100, 3: 45}
    assert why(outcome, 2) == ("excluded_pair", None, None, 1)


def test_of_three_that_exclude_one_another_the_best_stands():
    rules = [rule(n, off(percent)) for n, percent in ((1, 10), (2, 30), (3, 20))]
    pairs = StackingRules(excluded_pairs=frozenset({(1, 2), (2, 3), (1, 3)}))
    assert amounts_by_promotion(quote(BASKET, *rules, stacking=pairs)) == {2: 360}


def test_a_buy_get_can_replace_the_item_discount_of_its_units():
    rules = [
        rule(1, off(10), priority=1),
        Rule(2, r.BuyGet(r.BenefitPart(2, of("a")), r.BenefitPart(1, of("a"))), priority=2),
        rule(3, off(10), level="order"),
    ]
    basket = sale(line("a", 1000, 4), line("b", 200))
    assert amounts_by_promotion(quote(basket, *rules)) == {1: 420, 2: 900, 3: 288}
    replaces = StackingRules(buy_get_replaces=True)
    assert amounts_by_promotion(quote(basket, *rules, stacking=replaces)) == {2: 1000, 1: 120, 3: 308}


def test_a_group_over_both_levels_is_one_deal():
    rules = [rule(1, off(5), stacking=SEASON), rule(2, off(10), level="order", stacking=SEASON)]
    outcome = quote(BASKET, *rules)
    assert amounts_by_promotion(outcome) == {2: 120}
    assert why(outcome, 1) == ("beaten_by", None, None, 2)
    assert amounts_by_promotion(quote(BASKET, *rules, stacking=STRICT)) == {1: 60}


def test_levels_follow_each_other_whatever_the_priorities():
    rules = [rule(1, r.FixedTotal(600), level="order", priority=1), rule(2, off(50), priority=9)]
    assert amounts_by_promotion(quote(BASKET, *rules)) == {2: 600, 1: 600}


def test_the_order_of_application_is_campaign_then_promotion_then_id():
    rules = [
        Rule(1, off(10), priority=1, campaign=campaign(7, priority=2)),
        Rule(2, off(10), priority=9, campaign=campaign(8, priority=1)),
        Rule(4, off(10), priority=3),
        Rule(3, off(10), priority=3),
    ]
    for mixed in permutations(rules):
        assert list(amounts_by_promotion(quote(BASKET, *mixed))) == [2, 1, 3, 4]


def test_a_promotion_twice_through_one_campaign_is_refused():
    with pytest.raises(ValueError, match="promotion 1 comes twice through campaign None"):
        quote(BASKET, rule(1, off(10)), rule(1, off(20)))


@pytest.mark.parametrize(
    "apart",
    [{"item_with_order": False}, {"excluded_pairs": frozenset({(1, 2)})}, {"max_promotions": 1}],
    ids=lambda apart: next(iter(apart)),
)
@pytest.mark.parametrize(("priority", "amounts"), [(1, {1: 300}), (3, {2: 120})])
def test_strict_priority_reaches_over_the_levels(apart, priority, amounts):
    rules = [
        rule(1, r.FixedTotal(300), level="order", priority=priority),
        rule(2, off(10), priority=2),
    ]
    assert (
        amounts_by_promotion(quote(BASKET, *rules, stacking=StackingRules(precedence="priority", **apart)))
        == amounts
    )


def test_a_first_promotion_of_the_order_level_that_gives_nothing_shuts_nobody_out():
    rules = [
        rule(1, r.FixedTotal(300), level="order", priority=1, conditions=(r.MinSubtotal(10**6),)),
        rule(2, off(10), priority=2),
    ]
    strict = StackingRules(precedence="priority", item_with_order=False)
    assert amounts_by_promotion(quote(BASKET, *rules, stacking=strict)) == {2: 120}


def test_of_exclusive_promotions_the_first_by_priority_is_alone_whatever_its_level():
    rules = [
        rule(1, off(10), stacking=r.Exclusive(), priority=2),
        rule(2, r.FixedTotal(300), stacking=r.Exclusive(), level="order", priority=1),
    ]
    assert amounts_by_promotion(quote(BASKET, *rules, stacking=StackingRules(precedence="priority"))) == {
        2: 300
    }


def test_so_many_promotions_are_the_first_by_priority_of_both_levels():
    rules = [
        rule(1, off(10), priority=1),
        rule(2, off(10), priority=4),
        rule(3, r.FixedTotal(300), level="order", priority=2),
        rule(4, r.FixedTotal(100), level="order", priority=3),
    ]
    two = StackingRules(precedence="priority", max_promotions=2)
    outcome = quote(BASKET, *rules, stacking=two)
    assert amounts_by_promotion(outcome) == {1: 120, 3: 300}
    assert why(outcome, 2)[0] == why(outcome, 4)[0] == "max_promotions"


def test_only_a_buy_get_replaces_the_item_discount_not_a_bundle():
    replaces = StackingRules(buy_get_replaces=True)
    for first, second in ((1, 2), (2, 1)):
        rules = [rule(first, r.Bundle((r.BenefitPart(2),), price=1500)), rule(second, off(10))]
        assert len(amounts_by_promotion(quote(sale(line("a", 1000, 2)), *rules, stacking=replaces))) == 2


def test_who_is_shut_out_by_one_that_makes_way_comes_back():
    rules = [
        rule(1, off(10), level="order", priority=1),
        rule(2, r.FixedPerUnit(1), priority=2),
        rule(3, r.FixedPerUnit(5), priority=3),
    ]
    strict = StackingRules(
        precedence="priority", max_promotions=2, excluded_pairs=frozenset({(1, 2), (2, 3)})
    )
    assert amounts_by_promotion(quote(sale(line("a", 1005)), *rules, stacking=strict)) == {3: 5, 1: 100}
