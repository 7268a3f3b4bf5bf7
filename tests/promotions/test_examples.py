"""The example basket: whatever the rule, the engine gives something on it."""

import pytest

from promotions import examples
from promotions.engine import Rule, rules
from promotions.engine.rules import BenefitPart, Match
from promotions.sold_articles import PricedArticle, RecentSales

TEA = Match(categories=("tea",))
CUPS = Match(skus=("CUP",))
SOLD = RecentSales(
    (
        PricedArticle("GREEN", "Green tea", ("tea",), "Leaf", 450, frozenset({1, 2})),
        PricedArticle("CUP", "", ("ware",), "", 900, frozenset({2, 3})),
        PricedArticle("BLACK", "Black tea", ("tea",), "", 500, frozenset({4})),
    ),
    5,
)
NONE_SOLD = RecentSales()


def example_of(benefit, sold=NONE_SOLD, typed=None, **fields):
    return examples.make_example(Rule(1, benefit, **fields), sold, "EUR", typed or {})


@pytest.mark.parametrize(
    ("benefit", "fields"),
    [
        (rules.PercentOff(1000), {}),
        (rules.PercentOff(1000), {"target": rules.Target(TEA)}),
        (rules.PercentOff(1000), {"target": rules.Target(Match(unit_price_min=5_000, unit_price_max=6_000))}),
        (rules.FixedPerUnit(100), {"target": rules.Target(CUPS)}),
        (rules.FixedPrice(100), {"target": rules.Target(CUPS)}),
        (rules.CheapestFree(2), {}),
        (rules.FixedTotal(500), {"conditions": (rules.MinSubtotal(50_000),), "level": "order"}),
        (rules.FixedTotal(500), {"conditions": (rules.MinQuantity(7, TEA),)}),
        (rules.FixedTotal(500), {"conditions": (rules.EveryLineOver(9_999),)}),
        (rules.FixedTotal(500), {"conditions": (rules.Contains(TEA), rules.FirstPurchase())}),
        (rules.FixedTotal(500), {"conditions": (rules.InGroup(("vip",)), rules.CustomerIs(("C7",)))}),
        (rules.FixedTotal(500), {"conditions": (rules.PaymentMethod(("card",)),), "trigger": "coupon"}),
        (rules.PercentOff(1000), {"conditions": (rules.Hours("22:00", "02:00", (6,)),)}),
        (rules.PercentOff(1000), {"conditions": (rules.Hours("15:00", "17:00"),), "active": False}),
        (rules.BuyGet(BenefitPart(2, CUPS), BenefitPart(1, CUPS)), {}),
        (rules.BuyGet(BenefitPart(2, CUPS), BenefitPart(1, TEA), percent=5_000), {}),
        (rules.Bundle((BenefitPart(1, CUPS), BenefitPart(2, TEA)), percent=1_000), {}),
        (rules.Bundle((BenefitPart(1, TEA), BenefitPart(1, TEA)), amount=100), {}),
        (
            rules.Tiered((rules.Tier(10_000, percent=500), rules.Tier(20_000, percent=900))),
            {"level": "order"},
        ),
        (rules.Tiered((rules.Tier(6, percent=500),), by="quantity"), {"target": rules.Target(TEA)}),
        (rules.FreeGift("CUP"), {}),
        (rules.FreeGift("MUG", 2), {"conditions": (rules.MinSubtotal(10_000),), "level": "order"}),
    ],
)
@pytest.mark.parametrize("sold", [NONE_SOLD, SOLD], ids=["made up", "sold"])
def test_the_engine_gives_something_on_the_example_of_every_rule(benefit, fields, sold):
    made = example_of(benefit, sold, **fields)
    assert made.discount > 0, made
    assert made.subtotal - made.discount == made.total
    assert sum(line.discount for line in made.lines) == made.discount
    assert len({line.article.sku for line in made.lines}) == len(made.lines)


def test_articles_that_were_sold_come_before_made_up_ones_with_one_that_is_not_meant():
    made = example_of(rules.PercentOff(1000), SOLD, target=rules.Target(TEA))
    assert [(line.article.sku, line.quantity, line.discount) for line in made.lines] == [
        ("GREEN", 2, 90),
        ("BLACK", 1, 50),
        ("CUP", 1, 0),
    ]
    assert made.is_sold
    assert not example_of(rules.PercentOff(1000), target=rules.Target(TEA)).is_sold


def test_a_quantity_that_was_changed_counts_and_0_leaves_the_line_out():
    made = example_of(rules.PercentOff(1000), SOLD, {"GREEN": 10, "CUP": 0}, target=rules.Target(TEA))
    assert [(line.proposed, line.quantity, line.value, line.discount) for line in made.lines] == [
        (2, 10, 4_500, 450),
        (1, 1, 500, 50),
        (1, 0, 0, 0),
    ]
    nothing = example_of(rules.PercentOff(1000), SOLD, {"GREEN": 0, "BLACK": 0, "CUP": 0})
    assert (nothing.subtotal, nothing.discount) == (0, 0)


def test_matches_are_counted_by_article_and_by_sale():
    assert SOLD.count_matches(TEA) == (2, 3)
    assert SOLD.count_matches(Match(brands=("Nox",))) == (0, 0)
