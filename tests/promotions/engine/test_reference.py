"""The engine against the rules written once more, slowly (`tests/promotions/reference/`), on sales drawn at random.

Drawn the same every time; `EXAMPLES=20 pytest …` draws so many times more.
"""

import os
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from promotions.engine import (
    UNLIMITED,
    Allowance,
    Basket,
    BasketLine,
    CampaignTerms,
    Customer,
    NotApplied,
    Outcome,
    PresentedCoupon,
    Remaining,
    Rule,
    StackingRules,
)
from promotions.engine import rules as r
from tests.promotions import reference
from tests.promotions.engine.till import best_of, quote

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
"""A Wednesday; noon in London, nine in the evening in Tokyo, seven in the morning in New York."""


def examples(count: int) -> settings:
    return settings(
        max_examples=count * int(os.environ.get("EXAMPLES", "1")),
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


# ── promotions ───────────────────────────────────────────────────────────────────────────────────────────────────────

SKUS = "abcd"
PRICES = {"a": 1999, "b": 333, "c": 50, "d": 7}

percents = st.sampled_from([0, 1000, 1250, 3333, 5000, 10_000]) | st.integers(0, 10_000)
amounts = st.sampled_from([0, 1, 50, 100, 333, 1000]) | st.integers(0, 3000)
picks = st.sampled_from(["cheapest", "dearest"])
matches = st.builds(
    r.Match,
    skus=st.lists(st.sampled_from(SKUS), max_size=3, unique=True).map(tuple),
    categories=st.sampled_from([(), (), ("food",), ("food", "toys")]),
    brands=st.sampled_from([(), (), (), ("X",)]),
    unit_price_min=st.sampled_from([None, None, 50, 60]),
    unit_price_max=st.sampled_from([None, None, 333, 1998]),
)
parts = st.builds(r.BenefitPart, st.integers(1, 3), matches)
savings = st.one_of(st.fixed_dictionaries({"percent": percents}), st.fixed_dictionaries({"amount": amounts}))
unitwise = st.one_of(
    st.builds(r.PercentOff, percents, st.sampled_from(["remaining", "original"])),
    st.builds(r.FixedPerUnit, amounts),
    st.builds(r.FixedPrice, amounts),
)
benefits = st.one_of(
    unitwise,
    st.builds(r.FixedTotal, amounts),
    st.builds(r.PercentOfTotal, percents),
    st.builds(r.CheapestFree, st.integers(1, 3)),
    st.builds(r.FreeGift, st.sampled_from(SKUS), st.integers(1, 2)),
    st.builds(
        lambda buy, get, reward, **bounds: r.BuyGet(buy, get, **reward, **bounds),
        parts,
        parts,
        st.just({}) | savings,
        pick=picks,
        max_get_units=st.none() | st.integers(1, 4),
    ),
    st.builds(
        lambda sets, saving, pick: r.Bundle(tuple(sets), pick=pick, **saving),
        st.lists(parts, min_size=1, max_size=2),
        savings | st.fixed_dictionaries({"price": amounts}),
        picks,
    ),
    st.builds(
        lambda steps, by: r.Tiered(tuple(r.Tier(at, **saving) for at, saving in sorted(steps.items())), by),
        st.dictionaries(
            st.sampled_from([0, 1, 2, 3, 300, 1000, 2000, 4000]), savings, min_size=1, max_size=3
        ),
        st.sampled_from(["subtotal", "quantity"]),
    ),
)
targets = st.builds(
    r.Target,
    matches | st.just(r.EVERYTHING),
    max_units_per_line=st.sampled_from([None, None, 1, 2]),
    max_units=st.sampled_from([None, None, 1, 2, 3]),
    pick=picks,
    only_undiscounted=st.sampled_from([False, False, False, True]),
)
CLOCKS = ["00:00", "08:00", "11:30", "12:00", "12:01", "13:00", "22:00"]
conditions = st.one_of(
    st.builds(r.MinSubtotal, amounts, matches),
    st.builds(r.MinQuantity, st.integers(1, 4), matches),
    st.builds(r.Contains, matches),
    st.builds(r.EveryLineOver, amounts),
    st.just(r.InGroup(("vip", "gold"))),
    st.just(r.CustomerIs(("C9",))),
    st.just(r.FirstPurchase()),
    st.just(r.PaymentMethod(("card",))),
    st.builds(
        r.Hours,
        st.sampled_from(CLOCKS),
        st.sampled_from([*CLOCKS, "24:00"]),
        st.sampled_from([(), (1,), (2,), (3,), (3, 4)]),
    ),
)
HOUR = timedelta(hours=1)
instants = st.sampled_from([None, None, None, None, NOW - HOUR, NOW, NOW + HOUR])
locations = st.sampled_from([frozenset(), frozenset(), frozenset({"BER"}), frozenset({"PAR"})])
currencies = st.sampled_from(["", "", "EUR", "EUR", "JPY"])
campaigns = st.builds(
    CampaignTerms,
    st.integers(1, 2),
    status=st.sampled_from(["active"] * 8 + ["scheduled", "paused", "cancelled", "expired"]),
    priority=st.sampled_from([100, 100, 1, 200]),
    on_budget_end=st.sampled_from(["partial", "reject"]),
    max_uses_per_customer=st.sampled_from([None, None, 2]),
)
stackable, exclusive = r.Stackable(), r.Exclusive()
plain = {
    "priority": st.integers(1, 3),
    "caps": st.builds(r.Caps, st.none() | st.none() | amounts, st.none() | st.integers(1, 3)),
    "target": targets,
}
rich = {
    "conditions": st.lists(conditions, max_size=2).map(tuple),
    "level": st.sampled_from(["item", "item", "order"]),
    "campaign": st.none() | campaigns,
    "trigger": st.sampled_from(["automatic", "automatic", "coupon"]),
    "active": st.sampled_from([True] * 9 + [False]),
    "starts_at": instants,
    "ends_at": instants,
    "locations": locations,
    "currency": currencies,
    "max_uses_per_customer": st.sampled_from([None, None, None, 1]),
}


@st.composite
def promotions(
    draw: st.DrawFn, most: int, asked: st.SearchStrategy[r.Benefit], **facts: object
) -> list[Rule]:
    """Up to `most` rules, numbered from 1; `facts` by strategy."""
    return [
        draw(st.builds(Rule, st.just(number), asked, **(plain | facts)))
        for number in range(1, draw(st.integers(1, most)) + 1)
    ]


# ── sales ────────────────────────────────────────────────────────────────────────────────────────────────────────────

customers = st.sampled_from(
    [
        None,
        Customer(),
        Customer("", frozenset({"vip"})),
        Customer("C9", frozenset({"vip"}), first_purchase=True),
        Customer("C9", first_purchase=False),
        Customer("C8", frozenset({"staff"})),
    ]
)
limits = st.builds(
    Allowance,
    amount=st.none() | st.integers(0, 3000),
    uses=st.none() | st.integers(0, 2),
    customer_uses=st.none() | st.none() | st.integers(0, 2),
)
rests = st.builds(
    Remaining,
    st.fixed_dictionaries({1: limits, 2: limits}),
    st.just({}) | st.fixed_dictionaries({2: limits}),
)


@st.composite
def baskets(draw: st.DrawFn, lines: int = 4, units: int = 5) -> Basket:
    goods = []
    for number in range(draw(st.integers(1, lines))):
        sku = draw(st.sampled_from(SKUS))
        price = PRICES[sku]
        goods.append(
            BasketLine(
                f"{draw(st.sampled_from('zy'))}{number}",
                sku,
                draw(st.integers(1, units)),
                price,
                categories=("food",) if sku in "ab" else (),
                brand=draw(st.sampled_from(["", "X"])),
                discountable=draw(st.sampled_from([True] * 5 + [False])),
                min_unit_price=draw(st.sampled_from([0, 0, 0, price // 2, price, price + 5])),
                already_discounted=draw(st.sampled_from([False, False, True])),
            )
        )
    codes = st.builds(
        lambda number, status, own: PresentedCoupon(f"K{number}", number, status, own),
        st.integers(1, 4),
        st.sampled_from(["valid", "valid", "valid", "coupon_used"]),
        st.none() | st.none() | benefits,
    )
    return Basket(
        draw(st.sampled_from(["EUR", "EUR", "EUR", "JPY", "KWD"])),
        tuple(goods),
        draw(customers),
        tuple(draw(st.lists(codes, max_size=3, unique_by=lambda coupon: coupon.promotion))),
        draw(st.sampled_from(["", "card", "cash"])),
        draw(st.sampled_from(["", "BER"])),
        draw(st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"])),
    )


meetings = {
    "max_promotions": st.none() | st.none() | st.integers(1, 3),
    "coupons_with_promotions": st.sampled_from([True, True, False]),
    "item_with_order": st.sampled_from([True, True, False]),
    "buy_get_replaces": st.sampled_from([False, False, True]),
    "thresholds_on_original": st.booleans(),
    "excluded_pairs": st.sampled_from(
        [frozenset(), frozenset(), frozenset({(1, 2)}), frozenset({(1, 2), (2, 3)})]
    ),
}
strict = st.builds(
    StackingRules,
    precedence=st.just("priority"),
    max_discount_percent=st.none() | st.none() | percents,
    max_discount=st.none() | st.none() | amounts,
    **meetings,
)

# ── what has to be the same ──────────────────────────────────────────────────────────────────────────────────────────

OF_OTHERS = {"beaten_by", "excluded_by", "excluded_pair", "max_promotions", "sale_cap"}
WITH_FIGURES = {"min_subtotal", "every_line_over", "budget_too_small", "budget_exhausted", "uses_exhausted"}


def assert_same(got: Outcome, expected: reference.Answer) -> None:
    """Discounts by line, what applied in which order, and reasons that the slow way finds true as well."""
    assert {line.id: line.discount for line in got.lines} == expected.lines
    assert [(one.promotion, one.campaign, one.amount, one.wished) for one in got.applied] == [
        (one.promotion, one.campaign, one.amount, one.wished) for one in expected.applied
    ]
    for refused in got.not_applied:
        if refused.reason not in OF_OTHERS:
            assert_true(refused, expected)


def assert_true(refused: NotApplied, expected: reference.Answer) -> None:
    holds = [hold for hold in expected.holds[refused.promotion] if hold.reason == refused.reason]
    assert holds, refused
    if refused.reason in WITH_FIGURES:
        assert (refused.need, refused.have) in {(hold.need, hold.have) for hold in holds}, refused


@examples(150)
@drawn(baskets(), promotions(4, benefits, **rich), rests, strict)
def test_by_strict_priority_the_engine_does_what_the_text_says(basket, rules, left, stacking):
    got = quote(basket, *rules, left=left, now=NOW, stacking=stacking)
    assert_same(got, reference.evaluate(basket, rules, left, NOW, stacking))


groups_and_exclusives = st.sampled_from([stackable, stackable, best_of("x"), best_of("y"), exclusive])


@examples(100)
@drawn(baskets(), promotions(4, benefits, level=rich["level"], stacking=groups_and_exclusives), rests, strict)
def test_groups_and_exclusive_promotions_too(basket, rules, left, stacking):
    got = quote(basket, *rules, left=left, now=NOW, stacking=stacking)
    assert_same(got, reference.evaluate(basket, rules, left, NOW, stacking))


@examples(60)
@drawn(
    baskets(lines=3, units=3),
    promotions(4, benefits, level=rich["level"], stacking=st.sampled_from([stackable, stackable, exclusive])),
    rests,
    st.builds(StackingRules, **meetings),
)
def test_of_all_ways_to_keep_the_peace_the_best_is_found(basket, rules, left, stacking):
    got = quote(basket, *rules, left=left, now=NOW, stacking=stacking)
    assert got.discount == reference.evaluate(basket, rules, left, NOW, stacking).discount


unbounded = {"target": st.builds(r.Target, matches), "caps": st.just(r.Caps())}


@examples(60)
@drawn(baskets(lines=2, units=2), promotions(3, unitwise, stacking=st.just(best_of("x")), **unbounded))
def test_of_all_ways_to_share_the_units_of_a_group_the_best_is_found(basket, rules):
    got = quote(basket, *rules, now=NOW)
    assert got.discount == reference.evaluate(basket, rules, UNLIMITED, NOW, StackingRules()).discount
