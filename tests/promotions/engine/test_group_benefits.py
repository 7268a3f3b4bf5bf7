"""Benefits that put units together: what pays, what is reduced, what a second promotion finds."""

import pytest

from promotions.engine import Rule
from promotions.engine import rules as r
from tests.promotions.engine.till import amounts_by_promotion, by_line, line, of, off, quote, rule, sale, why


def buy_get(buy: int, get: int, of_what: str = "", for_what: str = "", **more: object) -> r.BuyGet:
    bought = of(of_what) if of_what else r.Match()
    got = of(for_what) if for_what else bought
    return r.BuyGet(r.BenefitPart(buy, bought), r.BenefitPart(get, got), **more)


SIX_TO_ONE = sale(*[line(str(price), price) for price in (600, 500, 400, 300, 200, 100)])


def test_the_cheapest_are_free_and_the_dearest_pay():
    assert {
        name: part for name, part in by_line(quote(SIX_TO_ONE, rule(1, buy_get(2, 1)))).items() if part
    } == {"100": 100, "200": 200}


def test_the_dearest_of_each_group_can_be_free():
    outcome = quote(SIX_TO_ONE, rule(1, buy_get(2, 1, pick="dearest")))
    assert {name: part for name, part in by_line(outcome).items() if part} == {"400": 400, "100": 100}


@pytest.mark.parametrize(
    ("benefit", "discount"),
    [
        (buy_get(1, 1, percent=5000), 300),
        (buy_get(1, 1, amount=250), 250 + 200 + 100),
        (buy_get(1, 1, max_get_units=2), 300),
        (buy_get(1, 2, max_get_units=3), 300),
        (buy_get(6, 1), 0),
        (buy_get(5, 1), 100),
    ],
    ids=str,
)
def test_the_reward_and_its_bounds(benefit, discount):
    assert quote(SIX_TO_ONE, rule(1, benefit)).discount == discount


def test_applications_bound_the_groups_of_a_sale():
    limited = Rule(1, buy_get(1, 1), caps=r.Caps(max_applications=1))
    outcome = quote(SIX_TO_ONE, limited)
    assert (outcome.discount, outcome.applied[0].applications) == (100, 1)
    assert quote(SIX_TO_ONE, rule(1, buy_get(1, 1))).applied[0].applications == 3


def test_other_goods_can_pay_for_the_gift():
    basket = sale(line("coat", 9000), line("sock", 300, 2), line("shoe", 5000))
    outcome = quote(basket, rule(1, buy_get(1, 1, "coat shoe", "sock")))
    assert by_line(outcome) == {"coat": 0, "sock": 600, "shoe": 0}


def test_paying_never_takes_the_last_unit_that_could_be_free():
    # b may pay or be free, a may only pay: b is dearer, but a has to pay for it
    basket = sale(line("a", 500), line("b", 1000))
    for pick in ("cheapest", "dearest"):
        assert by_line(quote(basket, rule(1, buy_get(1, 1, "a b", "b", pick=pick)))) == {"a": 0, "b": 1000}


def test_the_gift_never_takes_the_last_unit_that_could_pay():
    basket = sale(line("a", 1000), line("b", 500))
    for pick in ("cheapest", "dearest"):
        assert by_line(quote(basket, rule(1, buy_get(1, 1, "b", "a b", pick=pick)))) == {"a": 1000, "b": 0}


def test_both_sides_overlap_and_every_group_is_still_made():
    basket = sale(line("p", 100, 2), line("m", 300, 3), line("g", 200))
    for pick in ("cheapest", "dearest"):
        outcome = quote(basket, rule(1, buy_get(1, 1, "p m", "m g", pick=pick)))
        assert outcome.applied[0].applications == 3


def test_a_unit_is_used_once_by_all_buy_gets_of_a_level():
    outcome = quote(sale(line("a", 1000, 3)), rule(1, buy_get(2, 1)), rule(2, buy_get(2, 1)))
    assert amounts_by_promotion(outcome) == {1: 1000}
    assert why(outcome, 2)[0] == "min_quantity"


def test_what_one_buy_get_leaves_the_next_may_use():
    first = Rule(1, buy_get(2, 1), caps=r.Caps(max_applications=1))
    assert amounts_by_promotion(quote(sale(line("a", 1000, 6)), first, rule(2, buy_get(2, 1)))) == {
        1: 1000,
        2: 1000,
    }


def test_a_million_units_are_counted_not_walked():
    basket = sale(line("a", 1000, 10**6), line("b", 700, 10**6 - 1))
    for pick in ("cheapest", "dearest"):
        outcome = quote(basket, rule(1, buy_get(2, 1, pick=pick)))
        assert outcome.applied[0].applications == (2 * 10**6 - 1) // 3
    assert quote(basket, rule(1, r.Bundle((r.BenefitPart(3),), price=1000))).applied[0].applications == 666666


def test_too_few_units_are_named_with_both_figures():
    assert why(quote(sale(line("a", 100, 2)), rule(1, buy_get(2, 1))), 1) == ("min_quantity", 3, 2, None)
    basket = sale(line("a", 100), line("b", 100, 5))
    assert why(quote(basket, rule(1, buy_get(2, 1, "a", "b"))), 1) == ("min_quantity", 2, 1, None)
    assert why(quote(basket, rule(1, buy_get(1, 2, "b", "a"))), 1) == ("min_quantity", 2, 1, None)
    assert why(quote(basket, rule(1, buy_get(1, 1, "a", "z"))), 1)[0] == "no_matching_items"


@pytest.mark.parametrize(
    ("benefit", "discount"),
    [
        (r.Bundle((r.BenefitPart(2),), price=250), 1350),  # 100 + 200, 300 + 400, 500 + 600: 50, 450, 850
        (r.Bundle((r.BenefitPart(3),), price=500), 100 + 1000),
        (r.Bundle((r.BenefitPart(3),), price=700), 800),  # the cheap set would not get cheaper
        (r.Bundle((r.BenefitPart(3),), percent=1000), 210),
        (r.Bundle((r.BenefitPart(3),), amount=100), 200),
        (r.Bundle((r.BenefitPart(4),), price=500, pick="dearest"), 1300),
        (r.Bundle((r.BenefitPart(7),), price=1), 0),
    ],
    ids=str,
)
def test_bundles_take_whole_sets(benefit, discount):
    assert quote(SIX_TO_ONE, rule(1, benefit)).discount == discount


def test_a_set_passed_over_counts_as_an_application():
    once = Rule(1, r.Bundle((r.BenefitPart(3),), price=700), caps=r.Caps(max_applications=1))
    assert why(quote(SIX_TO_ONE, once), 1)[0] == "no_value"


def test_a_bundle_needs_all_its_parts():
    menu = r.Bundle((r.BenefitPart(1, of("burger")), r.BenefitPart(2, of("drink"))), price=900)
    basket = sale(line("burger", 800), line("drink", 200, 3))
    assert by_line(quote(basket, rule(1, menu))) == {"burger": 200, "drink": 100}
    assert why(quote(sale(line("burger", 800), line("drink", 200)), rule(1, menu)), 1) == (
        "min_quantity",
        2,
        1,
        None,
    )
    only = quote(sale(line("burger", 800, 5)), rule(1, menu))
    assert why(only, 1)[0] == "no_matching_items"


def test_parts_that_overlap_share_no_unit():
    pair = r.Bundle((r.BenefitPart(1, of("a b")), r.BenefitPart(1, of("a"))), price=100)
    assert quote(sale(line("a", 200)), rule(1, pair)).discount == 0
    assert quote(sale(line("a", 200, 2)), rule(1, pair)).discount == 300


def test_bundled_units_pay_for_no_buy_get():
    outcome = quote(
        sale(line("a", 1000, 3)), rule(1, r.Bundle((r.BenefitPart(3),), price=2000)), rule(2, buy_get(2, 1))
    )
    assert amounts_by_promotion(outcome) == {1: 1000}


def test_two_promotions_free_two_different_units():
    outcome = quote(
        sale(line("a", 500), line("b", 300)), rule(1, r.CheapestFree(1)), rule(2, r.CheapestFree(1))
    )
    assert by_line(outcome) == {"a": 500, "b": 300}


def test_units_used_in_the_item_level_may_be_used_in_the_order_level():
    outcome = quote(
        sale(line("a", 1000, 3)), rule(1, buy_get(2, 1)), rule(2, buy_get(1, 1, percent=5000), level="order")
    )
    assert amounts_by_promotion(outcome) == {1: 1000, 2: 500}


def test_a_later_percentage_takes_nothing_off_the_free_unit():
    outcome = quote(sale(line("a", 1000, 3)), rule(1, buy_get(2, 1)), rule(2, off(10)))
    assert amounts_by_promotion(outcome) == {1: 1000, 2: 200}


def test_a_later_amount_per_unit_counts_only_the_units_that_still_cost_something():
    outcome = quote(sale(line("a", 1000, 3)), rule(1, buy_get(2, 1)), rule(2, r.FixedPerUnit(300)))
    assert amounts_by_promotion(outcome) == {1: 1000, 2: 600}


def test_of_units_a_minor_unit_apart_the_dearer_one_pays():
    cent = Rule(1, r.FixedPerUnit(1), caps=r.Caps(max_amount=1))
    for pick in ("cheapest", "dearest"):
        outcome = quote(sale(line("a", 1999, 2)), cent, rule(2, buy_get(1, 1, pick=pick)))
        assert amounts_by_promotion(outcome) == {1: 1, 2: 1998}


def test_what_a_floor_keeps_back_in_one_set_is_not_taken_off_another():
    basket = sale(line("a", 100, 2, min_unit_price=100), line("b", 200, 2))
    outcome = quote(basket, rule(1, r.Bundle((r.BenefitPart(2),), price=150)))
    assert by_line(outcome) == {"a": 0, "b": 250}


def test_each_set_shares_its_own_saving():
    basket = sale(line("a", 600, 2), line("b", 900, 2))
    assert by_line(quote(basket, rule(1, r.Bundle((r.BenefitPart(2),), price=1000)))) == {"a": 200, "b": 800}
