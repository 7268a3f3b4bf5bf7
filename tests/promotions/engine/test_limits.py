"""Budgets and uses: never one minor unit or one use too many."""

import pytest

from promotions.engine import Allowance, Customer, Remaining, Rule
from promotions.engine import rules as r
from tests.promotions.engine.till import (
    amounts_by_promotion,
    best_of,
    budget,
    campaign,
    line,
    off,
    quote,
    rule,
    sale,
    why,
)

BASKET = sale(line("a", 1000), line("b", 1000), customer=Customer("C9"))
OURS = campaign(1)


def test_an_empty_budget_gives_nothing():
    outcome = quote(BASKET, Rule(1, off(10), campaign=OURS), left=budget(0))
    assert why(outcome, 1) == ("budget_exhausted", 1, 0, None)


def test_a_budget_overrun_offline_gives_nothing():
    assert quote(BASKET, Rule(1, off(10), campaign=OURS), left=budget(-500)).discount == 0


def test_a_wish_that_fits_to_the_unit_is_granted_whole():
    rejecting = campaign(1, on_budget_end="reject")
    assert amounts_by_promotion(quote(BASKET, Rule(1, off(10), campaign=rejecting), left=budget(200))) == {
        1: 200
    }
    outcome = quote(BASKET, Rule(1, off(10), campaign=rejecting), left=budget(199))
    assert why(outcome, 1) == ("budget_too_small", 200, 199, None)


def test_a_rejected_promotion_makes_way_for_the_next():
    rejecting = campaign(1, on_budget_end="reject")
    rules = [Rule(1, off(50), campaign=rejecting), Rule(2, off(10), campaign=rejecting), rule(3, off(10))]
    outcome = quote(BASKET, *rules, left=budget(300))
    assert amounts_by_promotion(outcome) == {1 + 1: 200, 3: 180}


def test_each_promotion_that_gives_is_one_use_of_its_campaign():
    rules = [Rule(n, off(10), campaign=OURS) for n in (1, 2, 3)]
    outcome = quote(BASKET, *rules, left=Remaining({1: Allowance(uses=2)}))
    assert list(amounts_by_promotion(outcome)) == [1, 2]
    assert why(outcome, 3) == ("uses_exhausted", 1, 0, None)


def test_a_promotion_that_gives_nothing_takes_no_use():
    rules = [Rule(1, off(0), campaign=OURS), Rule(2, off(10), campaign=OURS)]
    assert amounts_by_promotion(quote(BASKET, *rules, left=Remaining({1: Allowance(uses=1)}))) == {2: 200}


def test_the_limits_of_a_promotion_hold_beside_those_of_its_campaign():
    rules = [Rule(1, off(10), campaign=OURS)]
    both = Remaining({1: Allowance(amount=150, uses=5)}, {1: Allowance(uses=0)})
    assert why(quote(BASKET, *rules, left=both), 1)[0] == "uses_exhausted"
    assert (
        quote(BASKET, *rules, left=Remaining({1: Allowance(amount=150)}, {1: Allowance(uses=1)})).discount
        == 150
    )


def test_a_customer_who_used_it_up_gets_none():
    limited = Rule(1, off(10), max_uses_per_customer=1)
    outcome = quote(BASKET, limited, left=Remaining({}, {1: Allowance(customer_uses=0)}))
    assert why(outcome, 1) == ("customer_limit", 1, 0, None)
    assert quote(BASKET, limited, left=Remaining({}, {1: Allowance(customer_uses=1)})).discount == 200


@pytest.mark.parametrize(
    "limited",
    [
        Rule(1, off(10), max_uses_per_customer=1),
        Rule(1, off(10), campaign=campaign(1, max_uses_per_customer=1)),
    ],
    ids=["promotion", "campaign"],
)
def test_a_limit_per_customer_needs_to_know_the_customer(limited):
    assert why(quote(sale(line("a", 1000)), limited), 1)[0] == "needs_customer"


def test_limits_of_other_campaigns_do_not_bind():
    assert quote(BASKET, Rule(1, off(10), campaign=OURS), left=budget(0, campaign=2)).discount == 200


def test_a_clamped_amount_is_allocated_anew_under_floors():
    basket = sale(line("a", 1000, min_unit_price=950), line("b", 1000))
    outcome = quote(basket, Rule(1, r.FixedTotal(600), campaign=OURS), left=budget(200))
    assert [one.discount for one in outcome.lines] == [50, 150]


def test_what_a_clamped_promotion_leaves_is_what_the_next_one_sees():
    outcome = quote(BASKET, Rule(1, off(50), campaign=OURS), rule(2, off(10)), left=budget(200))
    assert amounts_by_promotion(outcome) == {1: 200, 2: 180}


def test_a_group_shares_one_budget():
    rules = [
        Rule(1, off(20), target=r.Target(r.Match(("a",))), campaign=OURS, stacking=best_of("g")),
        Rule(2, off(10), target=r.Target(r.Match(("b",))), campaign=OURS, stacking=best_of("g")),
    ]
    assert sum(amounts_by_promotion(quote(BASKET, *rules, left=budget(250))).values()) == 250


def test_a_group_has_one_use_left_for_its_best_promotion():
    rules = [
        Rule(1, off(10), target=r.Target(r.Match(("a",))), campaign=OURS, stacking=best_of("g")),
        Rule(2, off(20), target=r.Target(r.Match(("b",))), campaign=OURS, stacking=best_of("g")),
    ]
    assert amounts_by_promotion(quote(BASKET, *rules, left=Remaining({1: Allowance(uses=1)}))) == {2: 200}
