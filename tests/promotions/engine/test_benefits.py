"""Each benefit by itself, in tables: what a sale gets by line."""

import pytest

from promotions.engine import Rule
from promotions.engine import rules as r
from tests.promotions.engine.till import by_line, line, of, off, quote, rule, sale, why

A_AND_B = sale(line("a", 1000, 2), line("b", 500, categories=("food",), brand="X"))


@pytest.mark.parametrize(
    ("benefit", "lines"),
    [
        (off(10), {"a": 200, "b": 50}),
        (off(100), {"a": 2000, "b": 500}),
        (r.FixedPerUnit(300), {"a": 600, "b": 300}),
        (r.FixedPerUnit(700), {"a": 1400, "b": 500}),
        (r.FixedPrice(400), {"a": 1200, "b": 100}),
        (r.FixedPrice(600), {"a": 800, "b": 0}),
        (r.FixedTotal(500), {"a": 400, "b": 100}),
        (r.FixedTotal(9999), {"a": 2000, "b": 500}),
        (r.PercentOfTotal(1000), {"a": 200, "b": 50}),
        (r.CheapestFree(1), {"a": 0, "b": 500}),
        (r.CheapestFree(2), {"a": 1000, "b": 500}),
        (r.CheapestFree(9), {"a": 2000, "b": 500}),
    ],
    ids=str,
)
def test_a_benefit_on_everything(benefit, lines):
    assert by_line(quote(A_AND_B, rule(1, benefit))) == lines


@pytest.mark.parametrize(
    ("match", "lines"),
    [
        (r.Match(skus=("a",)), {"a": 200, "b": 0}),
        (r.Match(categories=("food", "drink")), {"a": 0, "b": 50}),
        (r.Match(brands=("X",)), {"a": 0, "b": 50}),
        (r.Match(unit_price_min=501), {"a": 200, "b": 0}),
        (r.Match(unit_price_min=500, unit_price_max=500), {"a": 0, "b": 50}),
        (r.Match(skus=("a", "b"), brands=("X",)), {"a": 0, "b": 50}),
        (r.Match(categories=("food",), unit_price_max=499), {"a": 0, "b": 0}),
    ],
    ids=str,
)
def test_a_benefit_touches_only_what_its_target_means(match, lines):
    assert by_line(quote(A_AND_B, Rule(1, off(10), target=r.Target(match)))) == lines


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        (r.Target(max_units=1), {"a": 0, "b": 250}),
        (r.Target(max_units=2), {"a": 500, "b": 250}),
        (r.Target(max_units=2, pick="dearest"), {"a": 1000, "b": 0}),
        (r.Target(max_units_per_line=1), {"a": 500, "b": 250}),
        (r.Target(max_units_per_line=1, max_units=1, pick="dearest"), {"a": 500, "b": 0}),
        (r.Target(max_units=99), {"a": 1000, "b": 250}),
    ],
    ids=str,
)
def test_a_target_bounds_the_units(target, lines):
    assert by_line(quote(A_AND_B, Rule(1, off(50), target=target))) == lines


def test_a_fixed_amount_on_so_many_units_stays_within_them():
    outcome = quote(A_AND_B, Rule(1, r.FixedTotal(800), target=r.Target(max_units=1)))
    assert by_line(outcome) == {"a": 0, "b": 500}


def test_what_the_till_reduced_already_can_be_left_alone():
    basket = sale(line("a", 1000), line("b", 1000, already_discounted=True))
    outcome = quote(basket, Rule(1, r.FixedTotal(300), target=r.Target(only_undiscounted=True)))
    assert by_line(outcome) == {"a": 300, "b": 0}


def test_lines_that_take_no_discount_get_none():
    basket = sale(line("a", 1000, discountable=False), line("b", 1000))
    assert by_line(quote(basket, rule(1, r.FixedTotal(3000)))) == {"a": 0, "b": 1000}


@pytest.mark.parametrize(
    ("benefit", "lines"),
    [
        (off(50), {"a": 100, "b": 500}),
        (r.FixedPerUnit(400), {"a": 100, "b": 400}),
        (r.FixedPrice(0), {"a": 100, "b": 1000}),
        (r.FixedTotal(600), {"a": 100, "b": 500}),
        (r.PercentOfTotal(5000), {"a": 100, "b": 900}),
        (r.CheapestFree(2), {"a": 100, "b": 1000}),
        (r.Bundle((r.BenefitPart(2),), price=1000), {"a": 100, "b": 900}),
    ],
    ids=str,
)
def test_no_benefit_takes_a_unit_below_its_floor(benefit, lines):
    assert (
        by_line(quote(sale(line("a", 1000, min_unit_price=900), line("b", 1000)), rule(1, benefit))) == lines
    )


def test_a_floor_above_the_price_leaves_the_price():
    outcome = quote(sale(line("a", 1000, min_unit_price=1200)), rule(1, off(10)))
    assert why(outcome, 1)[0] == "no_value"


def test_percentages_in_sequence_take_what_the_first_left_or_the_original_price():
    basket = sale(line("a", 10000))
    remaining = quote(basket, rule(1, off(20)), rule(2, off(10)))
    original = quote(basket, rule(1, off(20)), rule(2, r.PercentOff(1000, "original")))
    assert (remaining.discount, original.discount) == (2800, 3000)


def test_a_percentage_of_the_original_price_stops_at_nothing():
    outcome = quote(sale(line("a", 1000)), rule(1, off(80)), rule(2, r.PercentOff(5000, "original")))
    assert [one.amount for one in outcome.applied] == [800, 200]


def test_a_line_total_that_is_no_product_is_spread_over_the_units():
    basket = sale(line("a", 33, 3, line_total=100))
    outcome = quote(basket, rule(1, off(50)))
    assert outcome.discount == 50
    assert quote(basket, Rule(1, off(50), target=r.Target(max_units=1, pick="dearest"))).discount == 17
    assert quote(basket, rule(1, r.PercentOff(5000, "original"))).discount == 50


def test_the_same_goods_on_two_lines_are_told_apart_by_id_alone():
    basket = sale(line("2", 200, sku="a"), line("1", 200, sku="a"), line("3", 200, sku="a"))
    assert by_line(quote(basket, rule(1, r.FixedTotal(400)))) == {"1": 134, "2": 133, "3": 133}


def test_goods_of_the_same_sku_at_two_prices_are_two_kinds():
    basket = sale(line("1", 200, sku="a"), line("2", 400, 2, sku="a"))
    assert by_line(quote(basket, rule(1, off(10), skus="a"))) == {"1": 20, "2": 80}


TIERS = r.Tiered((r.Tier(2000, percent=500), r.Tier(5000, percent=1000), r.Tier(9000, amount=1500)))


@pytest.mark.parametrize(
    ("price", "discount"), [(1999, 0), (2000, 100), (4999, 250), (5000, 500), (9000, 1500), (99999, 1500)]
)
def test_only_the_highest_tier_reached_counts(price, discount):
    assert quote(sale(line("a", price)), rule(1, TIERS)).discount == discount


def test_tiers_can_go_by_the_number_of_units():
    benefit = r.Tiered((r.Tier(2, percent=1000), r.Tier(4, percent=2000)), by="quantity")
    discounts = [quote(sale(line("a", 100, units)), rule(1, benefit)).discount for units in (1, 2, 3, 4)]
    assert discounts == [0, 20, 30, 80]


def test_the_first_tier_is_what_a_small_sale_lacks():
    assert why(quote(sale(line("a", 1500)), rule(1, TIERS)), 1) == ("min_subtotal", 2000, 1500, None)
    by_units = rule(1, r.Tiered((r.Tier(3, amount=100),), by="quantity"))
    assert why(quote(sale(line("a", 1500)), by_units), 1) == ("min_quantity", 3, 1, None)


GIFT = Rule(1, r.FreeGift("mug", 2), conditions=(r.MinSubtotal(3000),))


def test_a_gift_that_is_not_in_the_sale_is_offered():
    outcome = quote(sale(line("a", 3000)), GIFT)
    assert [(gift.promotion, gift.sku, gift.quantity) for gift in outcome.gifts] == [(1, "mug", 2)]
    assert why(outcome, 1)[0] == "no_matching_items"


def test_a_gift_in_the_sale_is_free_and_the_rest_is_offered():
    outcome = quote(sale(line("a", 3000), line("mug", 700)), GIFT)
    assert by_line(outcome) == {"a": 0, "mug": 700}
    assert [gift.quantity for gift in outcome.gifts] == [1]


def test_more_than_the_gift_is_paid_for():
    outcome = quote(sale(line("a", 3000), line("mug", 700, 3)), GIFT)
    assert by_line(outcome) == {"a": 0, "mug": 1400}
    assert outcome.gifts == ()


def test_a_gift_does_not_help_to_earn_itself():
    outcome = quote(sale(line("a", 2000), line("mug", 700, 2)), GIFT)
    assert why(outcome, 1) == ("min_subtotal", 3000, 2000, None)


def test_a_cap_bounds_what_one_sale_gets():
    outcome = quote(sale(line("a", 10000)), Rule(1, off(50), caps=r.Caps(max_amount=2000)))
    assert (outcome.applied[0].amount, outcome.applied[0].wished) == (2000, 2000)


def test_a_target_that_names_goods_the_sale_lacks_is_no_candidate():
    outcome = quote(A_AND_B, Rule(1, off(10), target=r.Target(of("z"))))
    assert (outcome.discount, outcome.not_applied) == (0, ())


def test_of_equal_units_the_first_by_sku_and_then_by_line_is_meant():
    for pick in ("cheapest", "dearest"):
        one = Rule(1, r.FixedPerUnit(100), target=r.Target(max_units=1, pick=pick))
        assert by_line(quote(sale(line("b", 1000, 3), line("a", 1000)), one)) == {"b": 0, "a": 100}
        lines = (line("2", 1000, sku="x", brand="M"), line("1", 1000, sku="x", brand="N"))
        assert by_line(quote(sale(*lines), one)) == {"2": 0, "1": 100}


def test_a_tier_without_any_of_its_goods_lacks_goods_and_not_money():
    dear = Rule(1, TIERS, target=r.Target(r.Match(unit_price_min=5000)))
    assert why(quote(sale(line("a", 1500)), dear), 1)[0] == "no_matching_items"


@pytest.mark.parametrize(("units", "discount"), [(1, 333), (2, 667), (3, 1000), (4, 1333)])
def test_units_of_a_total_that_is_no_product_cost_their_share_of_it(units, discount):
    six = sale(line("a", 333, 6, line_total=2000))
    assert quote(six, rule(1, r.CheapestFree(units))).discount == discount
    bounded = Rule(1, off(100), target=r.Target(max_units=units))
    assert quote(six, bounded).discount == discount


def test_a_floor_above_a_price_that_is_no_whole_number_leaves_the_price():
    basket = sale(line("a", 1999, 2, line_total=3997, min_unit_price=1999), line("b", 1000))
    for benefit in (off(10), r.FixedPerUnit(10), r.FixedPrice(900), r.FixedTotal(100), r.CheapestFree(1)):
        assert by_line(quote(basket, rule(1, benefit)))["a"] == 0
