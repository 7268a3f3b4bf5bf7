"""What holds of every sale and every set of rules. `quote` looks at sums, floors and runs each time."""

from itertools import permutations, product

from hypothesis import example, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace

from promotions.engine import Allowance, Basket, BasketLine, Customer, Remaining, Rule, StackingRules
from promotions.engine import rules as r
from tests.promotions.engine.till import (
    STRICT,
    amounts_by_promotion,
    best_of,
    campaign,
    line,
    of,
    off,
    quote,
    rule,
    sale,
)

quick = settings(max_examples=60)

SKUS = ("a", "b", "c", "d")
PRICES = {"a": 1999, "b": 333, "c": 50, "d": 7}

matches = st.builds(
    r.Match,
    skus=st.lists(st.sampled_from(SKUS), max_size=3, unique=True).map(tuple),
    categories=st.sampled_from([(), (), ("food",)]),
    unit_price_min=st.sampled_from([None, None, 60]),
)
percents = st.integers(0, 10_000)
amounts = st.integers(0, 3000)
parts = st.builds(r.BenefitPart, st.integers(1, 3), matches)
picks = st.sampled_from(["cheapest", "dearest"])
per_unit = st.one_of(
    st.builds(r.PercentOff, percents, st.sampled_from(["remaining", "original"])),
    st.builds(r.FixedPerUnit, amounts),
    st.builds(r.FixedPrice, amounts),
)
benefits = st.one_of(
    per_unit,
    st.builds(r.FixedTotal, amounts),
    st.builds(r.PercentOfTotal, percents),
    st.builds(
        r.BuyGet,
        parts,
        parts,
        percent=st.none() | percents,
        pick=picks,
        max_get_units=st.none() | st.integers(1, 4),
    ),
    st.builds(r.Bundle, st.lists(parts, min_size=1, max_size=2).map(tuple), price=amounts, pick=picks),
    st.builds(r.CheapestFree, st.integers(1, 3)),
    st.just(r.Tiered((r.Tier(500, percent=1000), r.Tier(4000, amount=700)))),
)
targets = st.builds(r.Target, matches, max_units=st.none() | st.integers(1, 4), pick=picks)
conditions = st.one_of(
    st.builds(r.MinSubtotal, amounts, matches), st.builds(r.MinQuantity, st.integers(1, 4), matches)
)
stackings = st.sampled_from([r.Stackable(), r.Stackable(), best_of("x"), best_of("y"), r.Exclusive()])


@st.composite
def rule_lists(draw: st.DrawFn, most: int = 5) -> list[Rule]:
    return [
        Rule(
            number,
            draw(benefits),
            target=draw(targets),
            conditions=tuple(draw(st.lists(conditions, max_size=1))),
            level=draw(st.sampled_from(["item", "item", "order"])),
            stacking=draw(stackings),
            priority=draw(st.integers(1, 3)),
            caps=r.Caps(draw(st.none() | amounts), draw(st.none() | st.integers(1, 3))),
            campaign=draw(
                st.none()
                | st.builds(campaign, st.integers(1, 2), on_budget_end=st.sampled_from(["partial", "reject"]))
            ),
        )
        for number in range(1, draw(st.integers(1, most)) + 1)
    ]


@st.composite
def goods(draw: st.DrawFn, most: int = 4) -> list[BasketLine]:
    return [
        BasketLine(
            str(number),
            sku := draw(st.sampled_from(SKUS)),
            draw(st.integers(1, 5)),
            PRICES[sku],
            categories=("food",) if sku in "ab" else (),
            discountable=draw(st.sampled_from([True, True, True, False])),
            min_unit_price=draw(st.sampled_from([0, 0, 0, PRICES[sku] // 2])),
        )
        for number in range(draw(st.integers(1, most)))
    ]


limits = st.builds(
    Allowance,
    amount=st.none() | st.integers(0, 3000),
    uses=st.none() | st.integers(0, 3),
    customer_uses=st.none(),
)
remainders = st.builds(lambda one, two: Remaining({1: one, 2: two}), limits, limits)
site_rules = st.builds(
    StackingRules,
    precedence=st.sampled_from(["value", "priority"]),
    max_promotions=st.none() | st.integers(1, 3),
    max_discount_percent=st.none() | percents,
    item_with_order=st.booleans(),
    buy_get_replaces=st.booleans(),
    thresholds_on_original=st.booleans(),
    excluded_pairs=st.sampled_from([frozenset(), frozenset({(1, 2)}), frozenset({(1, 2), (2, 3)})]),
)


def basket(lines: list[BasketLine]) -> Basket:
    return sale(*lines, customer=Customer("C9"))


@quick
@drawn(goods(), rule_lists(), remainders, site_rules)
def test_every_answer_is_sound_and_within_every_limit(lines, rules, left, stacking):
    outcome = quote(basket(lines), *rules, left=left, stacking=stacking)
    for number, limit in left.campaigns.items():
        spent = [one.amount for one in outcome.applied if one.campaign == number]
        assert limit.amount is None or sum(spent) <= limit.amount
        assert limit.uses is None or len(spent) <= limit.uses
    if stacking.max_promotions is not None:
        assert len(outcome.applied) <= stacking.max_promotions
    if stacking.max_discount_percent is not None:
        assert outcome.discount * 10_000 <= outcome.subtotal * stacking.max_discount_percent
    applied = {one.promotion for one in outcome.applied}
    assert not any({one, other} <= applied for one, other in stacking.excluded_pairs)
    levels = {one.level for one in rules if one.promotion in applied}
    assert stacking.item_with_order or len(levels) < 2
    exclusive = {one.promotion for one in rules if isinstance(one.stacking, r.Exclusive)}
    assert not applied & exclusive or len(applied) == 1
    caps = {one.promotion: one.caps.max_amount for one in rules}
    assert all(caps[one.promotion] is None or one.amount <= caps[one.promotion] for one in outcome.applied)


@quick
@drawn(
    goods(),
    st.lists(st.sampled_from([-1, 0, 1, 5]), min_size=4, max_size=4),
    rule_lists(),
    remainders,
    site_rules,
)
def test_every_answer_is_sound_where_totals_are_no_products(lines, odd, rules, left, stacking):
    totals = [
        replace(one, line_total=one.quantity * one.unit_price + more)
        for one, more in zip(lines, odd, strict=False)
    ]
    quote(basket(totals), *rules, left=left, stacking=stacking)


@quick
@drawn(goods(), rule_lists(), remainders, site_rules, st.randoms())
def test_the_order_of_lines_and_of_rules_changes_nothing(lines, rules, left, stacking, random):
    expected = quote(basket(lines), *rules, left=left, stacking=stacking)
    mixed_lines, mixed_rules = lines[:], rules[:]
    random.shuffle(mixed_lines)
    random.shuffle(mixed_rules)
    outcome = quote(basket(mixed_lines), *mixed_rules, left=left, stacking=stacking)
    assert outcome.applied == expected.applied
    assert {one.id: one for one in outcome.lines} == {one.id: one for one in expected.lines}
    assert outcome.not_applied == expected.not_applied


@quick
@drawn(goods(), rule_lists(), remainders, site_rules)
def test_units_on_lines_of_their_own_change_no_total(lines, rules, left, stacking):
    split = [
        BasketLine(
            f"{one.id}.{n}",
            one.sku,
            1,
            one.unit_price,
            None,
            one.categories,
            one.brand,
            one.discountable,
            one.min_unit_price,
        )
        for one in lines
        for n in range(one.quantity)
    ]
    whole = quote(basket(lines), *rules, left=left, stacking=stacking)
    assert quote(basket(split), *rules, left=left, stacking=stacking).applied == whole.applied


@quick
@drawn(goods(), rule_lists(), remainders, site_rules, benefits)
def test_what_has_nothing_to_do_with_a_sale_changes_nothing(lines, rules, left, stacking, benefit):
    expected = quote(basket(lines), *rules, left=left, stacking=stacking)
    unrelated = [
        rule(97, benefit, skus="z", priority=1),
        rule(98, benefit, locations=frozenset({"elsewhere"}), stacking=r.Exclusive()),
        rule(99, benefit, trigger="coupon", stacking=best_of("x")),
    ]
    outcome = quote(basket(lines), *rules, *unrelated, left=left, stacking=stacking, explain="all")
    assert outcome.applied == expected.applied
    assert outcome.lines == expected.lines


@quick
@drawn(goods(), st.lists(st.tuples(per_unit, st.sampled_from(["a", "a b", "b c d"])), min_size=1, max_size=4))
def test_a_line_that_no_promotion_touches_changes_no_total(lines, deals):
    rules = [rule(number, benefit, skus=skus) for number, (benefit, skus) in enumerate(deals, start=1)]
    other = line("other", 12345, 3, sku="z")
    assert amounts_by_promotion(quote(basket([*lines, other]), *rules)) == amounts_by_promotion(
        quote(basket(lines), *rules)
    )


@quick
@drawn(goods(), st.lists(percents, min_size=2, max_size=2), matches, st.booleans())
def test_a_higher_percentage_never_gives_less(lines, two, match, whole_sale):
    low, high = sorted(two)
    kind = r.PercentOfTotal if whole_sale else r.PercentOff
    less, more = (
        quote(basket(lines), Rule(1, kind(percent), target=r.Target(match))).discount
        for percent in (low, high)
    )
    assert less <= more


@quick
@drawn(goods(), rule_lists(3), remainders)
def test_the_best_deal_is_never_worse_than_strict_priority_within_one_group(lines, rules, left):
    grouped = [
        Rule(one.promotion, one.benefit, target=one.target, campaign=one.campaign, stacking=best_of("x"))
        for one in rules
    ]
    by_value = quote(basket(lines), *grouped, left=left).discount
    assert by_value >= quote(basket(lines), *grouped, left=left, stacking=STRICT).discount
    for one in grouped:
        assert by_value >= quote(basket(lines), one, left=left).discount


# Brute force. Prices and percentages are whole, so that no rounding hides in the sums.

whole_deals = st.one_of(
    st.builds(off, st.integers(0, 10).map(lambda tens: tens * 10)),
    st.builds(r.FixedPerUnit, st.integers(0, 12).map(lambda hundreds: hundreds * 100)),
    st.builds(r.FixedPrice, st.integers(0, 12).map(lambda hundreds: hundreds * 100)),
)
masks = st.sampled_from(["a", "b", "a b", "b c", "a b c"])
small_sales = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 12), st.integers(1, 2)), min_size=1, max_size=3
)


def small(rows: list[tuple[str, int, int]]) -> Basket:
    return sale(*[line(str(n), price * 100, units, sku=sku) for n, (sku, price, units) in enumerate(rows)])


def alone(sold: BasketLine, benefit: r.Benefit, skus: str) -> int:
    """What one unit of a line would get."""
    return quote(sale(line("1", sold.unit_price, sku=sold.sku)), rule(1, benefit, skus=skus)).discount


@quick
@drawn(small_sales, st.lists(st.tuples(whole_deals, masks), min_size=1, max_size=3))
def test_units_get_the_best_assignment_there_is(rows, deals):
    units = [one for one in small(rows).lines for _ in range(one.quantity)]
    worth = [[0] + [alone(unit, benefit, skus) for benefit, skus in deals] for unit in units]
    best = max(
        sum(worth[place][choice] for place, choice in enumerate(choices))
        for choices in product(range(len(deals) + 1), repeat=len(units))
    )
    rules = [rule(n, benefit, skus=skus, stacking=best_of("x")) for n, (benefit, skus) in enumerate(deals, 1)]
    assert quote(small(rows), *rules).discount == best


set_deals = st.one_of(
    st.builds(r.FixedTotal, st.integers(0, 20).map(lambda hundreds: hundreds * 100)),
    st.builds(r.CheapestFree, st.integers(1, 2)),
    st.builds(
        r.BuyGet,
        st.builds(r.BenefitPart, st.integers(1, 2)),
        st.builds(r.BenefitPart, st.just(1)),
        pick=picks,
    ),
    st.builds(r.Bundle, st.builds(r.BenefitPart, st.integers(2, 3)).map(lambda part: (part,)), price=amounts),
)


@quick
@drawn(
    small_sales,
    st.lists(st.tuples(set_deals, masks), min_size=1, max_size=3),
    st.none() | st.integers(0, 1500),
)
@example([("a", 5, 1), ("b", 10, 1)], [(r.FixedTotal(800), "a b"), (r.CheapestFree(1), "a")], 300)
def test_of_promotions_that_put_units_together_the_best_sequence_is_found(rows, deals, left):
    terms = campaign(1) if left is not None else None
    remaining = Remaining({1: Allowance(amount=left)}) if left is not None else Remaining()

    def rules_in_order(order: tuple[int, ...]) -> list[Rule]:
        return [
            Rule(
                place + 1,
                deals[place][0],
                target=r.Target(of(deals[place][1])),
                stacking=best_of("x"),
                priority=rank + 1,
                campaign=terms if place == 0 else None,
            )
            for rank, place in enumerate(order)
        ]

    places = range(len(deals))
    sequences = [order for size in range(1, len(deals) + 1) for order in permutations(places, size)]
    best = max(
        quote(small(rows), *rules_in_order(one), left=remaining, stacking=STRICT).discount
        for one in sequences
    )
    assert quote(small(rows), *rules_in_order(tuple(places)), left=remaining).discount >= best


@quick
@drawn(
    small_sales,
    st.lists(st.tuples(whole_deals, masks), min_size=2, max_size=4),
    st.sampled_from([frozenset({(1, 2)}), frozenset({(1, 2), (2, 3)}), frozenset({(1, 2), (3, 4)})]),
    st.none() | st.integers(1, 2),
)
def test_of_promotions_that_shut_one_another_out_the_best_choice_stands(rows, deals, pairs, most):
    rules = [rule(n, benefit, skus=skus) for n, (benefit, skus) in enumerate(deals, 1)]
    allowed = []
    for chosen in product((False, True), repeat=len(rules)):
        kept = [one for one, taken in zip(rules, chosen, strict=True) if taken]
        numbers = {one.promotion for one in kept}
        if (
            kept
            and not any({one, other} <= numbers for one, other in pairs)
            and (most is None or len(kept) <= most)
        ):
            allowed.append(quote(small(rows), *kept).discount)
    stacking = StackingRules(excluded_pairs=pairs, max_promotions=most)
    assert quote(small(rows), *rules, stacking=stacking).discount >= max(allowed)
