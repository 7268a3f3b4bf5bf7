"""Conditions: each met and missed, with the figures of what is missing."""

from datetime import UTC, datetime

import pytest

from promotions.engine import Customer, Rule
from promotions.engine import rules as r
from tests.promotions.engine.till import amounts_by_promotion, line, of, off, quote, rule, sale, why

BASKET = sale(
    line("a", 1000, 2),
    line("b", 500, categories=("food",)),
    line("c", 9000, discountable=False),
    customer=Customer("C9", frozenset({"vip"}), first_purchase=True),
    payment_method="card",
)


def conditional(*conditions: r.Condition, **facts: object) -> Rule:
    return Rule(1, off(10), conditions=conditions, **facts)


@pytest.mark.parametrize(
    "condition",
    [
        r.MinSubtotal(2500),
        r.MinSubtotal(2000, of("a")),
        r.MinQuantity(3),
        r.MinQuantity(1, r.Match(categories=("food",))),
        r.Contains(of("b z")),
        r.EveryLineOver(499),
        r.InGroup(("gold", "vip")),
        r.CustomerIs(("C9",)),
        r.FirstPurchase(),
        r.PaymentMethod(("cash", "card")),
        r.Hours("12:00", "12:01", (3,)),
        r.Hours(),
    ],
    ids=str,
)
def test_a_condition_that_holds_lets_the_promotion_apply(condition):
    assert amounts_by_promotion(quote(BASKET, conditional(condition))) == {1: 250}


@pytest.mark.parametrize(
    ("condition", "refusal"),
    [
        (r.MinSubtotal(2501), ("min_subtotal", 2501, 2500)),
        (r.MinSubtotal(501, of("b")), ("min_subtotal", 501, 500)),
        (r.MinQuantity(4), ("min_quantity", 4, 3)),
        (r.MinQuantity(2, r.Match(categories=("food",))), ("min_quantity", 2, 1)),
        (r.Contains(r.Match(unit_price_min=1001)), ("no_matching_items", 1, 0)),
        (r.EveryLineOver(500), ("every_line_over", 500, 500)),
        (r.InGroup(("gold", "blue")), ("group", "blue, gold", "vip")),
        (r.CustomerIs(("C8",)), ("customer", None, None)),
        (r.PaymentMethod(("cash",)), ("payment_method", "cash", "card")),
        (r.Hours("12:01", "18:00"), ("outside_hours", "12:01–18:00", "12:00")),
        (r.Hours(weekdays=(1, 2)), ("outside_hours", "00:00–24:00", "12:00")),
    ],
    ids=str,
)
def test_a_condition_that_fails_says_what_is_missing(condition, refusal):
    outcome = quote(BASKET, conditional(condition))
    assert outcome.discount == 0
    assert why(outcome, 1) == (*refusal, None)


def test_all_conditions_must_hold():
    outcome = quote(BASKET, conditional(r.MinSubtotal(100), r.PaymentMethod(("cash",))))
    assert why(outcome, 1)[0] == "payment_method"


@pytest.mark.parametrize(
    "condition", [r.InGroup(("vip",)), r.CustomerIs(("C9",)), r.FirstPurchase()], ids=str
)
def test_what_is_for_certain_customers_needs_one(condition):
    assert why(quote(sale(line("a", 1000)), conditional(condition)), 1)[0] == "needs_customer"


def test_a_group_the_till_sent_counts_without_an_id():
    basket = sale(line("a", 1000), customer=Customer(groups=frozenset({"vip"})))
    assert amounts_by_promotion(quote(basket, conditional(r.InGroup(("vip",))))) == {1: 100}


@pytest.mark.parametrize("first", [False, None])
def test_a_customer_who_bought_before_gets_no_first_purchase_discount(first):
    basket = sale(line("a", 1000), customer=Customer("C9", first_purchase=first))
    assert why(quote(basket, conditional(r.FirstPurchase())), 1)[0] == "first_purchase"


NIGHT = r.Hours("22:00", "02:00", (5,))


@pytest.mark.parametrize(
    ("day", "clock", "open_"),
    [
        (17, "21:59", False),  # a Friday
        (17, "22:00", True),
        (18, "01:59", True),
        (18, "02:00", False),
        (18, "22:00", False),
        (17, "01:00", False),
    ],
)
def test_hours_over_midnight_belong_to_the_day_they_began_on(day, clock, open_):
    hour, minute = map(int, clock.split(":"))
    outcome = quote(
        sale(line("a", 1000)), conditional(NIGHT), now=datetime(2025, 1, day, hour, minute, tzinfo=UTC)
    )
    assert bool(outcome.discount) is open_


def test_hours_that_run_over_sunday_end_on_monday():
    monday = datetime(2025, 1, 20, 1, tzinfo=UTC)
    assert quote(sale(line("a", 1000)), conditional(r.Hours("22:00", "02:00", (7,))), now=monday).discount


def test_hours_go_by_the_clock_on_the_wall_of_the_shop():
    happy = conditional(r.Hours("17:00", "18:00"))
    at = datetime(2025, 7, 1, 15, 30, tzinfo=UTC)
    assert quote(sale(line("a", 1000), time_zone="Europe/Berlin"), happy, now=at).discount == 100
    assert quote(sale(line("a", 1000), time_zone="Asia/Tokyo"), happy, now=at).discount == 0


def test_the_same_start_and_end_is_the_whole_day_round():
    assert quote(sale(line("a", 1000)), conditional(r.Hours("06:00", "06:00"))).discount == 100


def test_thresholds_of_the_item_level_see_prices_before_any_discount():
    outcome = quote(BASKET, rule(1, off(50)), rule(2, r.FixedTotal(100), conditions=(r.MinSubtotal(2500),)))
    assert amounts_by_promotion(outcome) == {1: 1250, 2: 100}


def test_thresholds_of_the_order_level_see_what_the_item_level_left():
    order = rule(2, r.FixedTotal(100), level="order", conditions=(r.MinSubtotal(2500),))
    outcome = quote(BASKET, rule(1, off(50)), order)
    assert why(outcome, 2) == ("min_subtotal", 2500, 1250, None)
    on_original = r.StackingRules(thresholds_on_original=True)
    assert amounts_by_promotion(quote(BASKET, rule(1, off(50)), order, stacking=on_original)) == {
        1: 1250,
        2: 100,
    }


def test_tiers_of_the_order_level_follow_the_same_setting():
    tiers = rule(2, r.Tiered((r.Tier(1000, percent=1000), r.Tier(2500, percent=2000))), level="order")
    assert amounts_by_promotion(quote(BASKET, rule(1, off(50)), tiers)) == {1: 1250, 2: 125}
    on_original = r.StackingRules(thresholds_on_original=True)
    assert amounts_by_promotion(quote(BASKET, rule(1, off(50)), tiers, stacking=on_original)) == {
        1: 1250,
        2: 250,
    }


def test_nothing_in_the_order_level_switches_another_off():
    orders = [rule(n, r.FixedTotal(2000), level="order", conditions=(r.MinSubtotal(2500),)) for n in (1, 2)]
    assert amounts_by_promotion(quote(BASKET, *orders)) == {1: 2000, 2: 500}
