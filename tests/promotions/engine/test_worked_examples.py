"""The worked examples of the design, one test each, in minor units."""

from promotions.engine import rules as r
from tests.promotions.engine.till import (
    amounts_by_promotion,
    best_of,
    budget,
    by_line,
    campaign,
    line,
    off,
    quote,
    rule,
    sale,
    why,
)

THREE_LINES = sale(line("a", 10000), line("b", 5000), line("c", 3333))


def test_the_last_sale_of_a_budget_gets_exactly_the_rest():
    outcome = quote(THREE_LINES, rule(1, off(10), campaign=campaign()), left=budget(1000))
    assert by_line(outcome) == {"a": 545, "b": 273, "c": 182}
    applied = outcome.applied[0]
    assert (applied.amount, applied.wished, applied.clamped_by) == (1000, 1833, "budget")


def test_a_campaign_that_rejects_gives_nothing_when_the_rest_is_too_small():
    outcome = quote(
        THREE_LINES, rule(1, off(10), campaign=campaign(on_budget_end="reject")), left=budget(1000)
    )
    assert outcome.discount == 0
    assert why(outcome, 1) == ("budget_too_small", 1833, 1000, None)


def test_two_promotions_of_one_campaign_share_its_budget_in_order():
    outcome = quote(
        sale(line("a", 7000), line("b", 6000)),
        rule(1, off(10), skus="a", campaign=campaign()),
        rule(2, off(10), skus="b", campaign=campaign()),
        left=budget(1000),
    )
    assert amounts_by_promotion(outcome) == {1: 700, 2: 300}
    assert outcome.applied[1].wished == 600


def test_the_best_deal_is_judged_after_the_budget():
    outcome = quote(
        sale(line("a", 10000)),
        rule(1, off(10), campaign=campaign(), stacking=best_of("season")),
        rule(2, off(3), stacking=best_of("season")),
        left=budget(50),
    )
    assert amounts_by_promotion(outcome) == {2: 300}
    assert why(outcome, 1) == ("beaten_by", 300, 50, 2)


def test_the_best_deal_is_judged_after_the_budget_on_many_lines_too():
    outcome = quote(
        sale(line("a", 4000, 2), line("b", 2000)),
        rule(1, off(10), campaign=campaign(), stacking=best_of("season")),
        rule(2, off(3), stacking=best_of("season")),
        left=budget(50),
    )
    assert amounts_by_promotion(outcome) == {2: 300}


def test_a_floor_shifts_a_fixed_amount_to_the_other_line():
    outcome = quote(sale(line("a", 4000, min_unit_price=3000), line("b", 2000)), rule(1, r.FixedTotal(3000)))
    assert by_line(outcome) == {"a": 1000, "b": 2000}


def test_buy_two_get_one_repeats_for_whole_groups_only():
    benefit = r.BuyGet(r.BenefitPart(2), r.BenefitPart(1))
    discounts = [quote(sale(line("a", 1000, units)), rule(1, benefit)).discount for units in (2, 3, 5, 6)]
    assert discounts == [0, 1000, 1000, 2000]


def test_yen_have_no_fraction():
    outcome = quote(sale(line("a", 333), currency="JPY"), rule(1, off(10), currency="JPY"))
    assert outcome.discount == 33


def test_dinars_have_three_places():
    # 12.345 KWD less 12.5% is a discount of 1.543125, so 1.543
    outcome = quote(sale(line("a", 12345), currency="KWD"), rule(1, off(12.5), currency="KWD"))
    assert outcome.discount == 1543


def test_a_half_is_rounded_up_once_for_the_promotion_and_the_sale():
    # 5% of 10 and of 10 and of 10 is 0.5 each: 1.5, not three times 1
    outcome = quote(sale(line("a", 10), line("b", 10), line("c", 10)), rule(1, off(5)))
    assert by_line(outcome) == {"a": 1, "b": 1, "c": 0}


def test_a_discount_is_spread_evenly_over_the_units_of_a_line():
    outcome = quote(sale(line("a", 5000, 3)), rule(1, r.FixedTotal(1000)))
    assert outcome.lines[0].units == ((1, 334), (2, 333))


def test_the_free_unit_of_a_buy_get_is_spread_over_all_that_were_bought():
    outcome = quote(sale(line("a", 1000, 3)), rule(1, r.BuyGet(r.BenefitPart(2), r.BenefitPart(1))))
    assert outcome.lines[0].units == ((1, 334), (2, 333))
