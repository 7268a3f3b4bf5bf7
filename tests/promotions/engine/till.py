"""A sale, a rule and an answer in few words, for the tests of the engine."""

from datetime import UTC, datetime
from typing import Any

from promotions.engine import (
    UNLIMITED,
    Allowance,
    Basket,
    BasketLine,
    CampaignTerms,
    Explain,
    Outcome,
    Remaining,
    Rule,
    RuleSet,
    StackingRules,
    evaluate,
)
from promotions.engine import rules as r

NOON = datetime(2025, 1, 15, 12, tzinfo=UTC)
"""A Wednesday."""
STRICT = StackingRules(precedence="priority")


def line(name: str, price: int, quantity: int = 1, **facts: Any) -> BasketLine:
    """A line of `quantity` units at `price`, whose SKU is its name unless told otherwise."""
    return BasketLine(name, facts.pop("sku", name), quantity, price, **facts)


def sale(*lines: BasketLine, **facts: Any) -> Basket:
    return Basket(facts.pop("currency", "EUR"), lines, **facts)


def rule(number: int, benefit: r.Benefit, *, skus: str = "", **facts: Any) -> Rule:
    """Promotion `number`; `skus` "A B" means those."""
    if skus:
        facts["target"] = r.Target(of(skus))
    return Rule(number, benefit, **facts)


def of(skus: str) -> r.Match:
    return r.Match(tuple(skus.split()))


def off(percent: float) -> r.PercentOff:
    """`percent` % off."""
    return r.PercentOff(round(percent * 100))


def best_of(group: str) -> r.BestOf:
    return r.BestOf(group)


def budget(left: int, campaign: int = 1) -> Remaining:
    return Remaining({campaign: Allowance(amount=left)})


def campaign(number: int = 1, **terms: Any) -> CampaignTerms:
    return CampaignTerms(number, **terms)


def quote(
    basket: Basket,
    *rules: Rule | RuleSet,
    left: Remaining = UNLIMITED,
    now: datetime = NOON,
    stacking: StackingRules = StackingRules(),  # noqa: B008 (immutable)
    explain: Explain = "nearest",
) -> Outcome:
    """The engine's answer, after what must hold of every answer was looked at."""
    known = rules[0] if isinstance(rules[0], RuleSet) else [one for one in rules if isinstance(one, Rule)]
    outcome = evaluate(basket, known, left, now, stacking=stacking, explain=explain)
    assert_sound(basket, outcome)
    return outcome


def assert_sound(basket: Basket, outcome: Outcome) -> None:
    """Sums are exact, no unit falls below its floor, nothing that gave nothing is called applied."""
    assert [one.id for one in outcome.lines] == [one.id for one in basket.lines]
    assert sum(one.discount for one in outcome.lines) == outcome.discount
    assert sum(one.amount for one in outcome.applied) == outcome.discount
    assert outcome.subtotal - outcome.discount == outcome.total
    assert all(0 < one.amount <= one.wished for one in outcome.applied)
    by_promotion = dict.fromkeys([one.promotion for one in outcome.applied], 0)
    assert len(by_promotion) == len(outcome.applied)
    for sold, got in zip(basket.lines, outcome.lines, strict=True):
        value = sold.quantity * sold.unit_price if sold.line_total is None else sold.line_total
        assert got.total == value - got.discount
        assert sum(share.amount for share in got.applied) == got.discount
        assert sum(count for count, _ in got.units) == sold.quantity
        assert sum(count * each for count, each in got.units) == got.discount
        assert max(each for _, each in got.units) - min(each for _, each in got.units) <= 1
        assert 0 <= got.discount <= max(0, value - sold.quantity * sold.min_unit_price)
        assert sold.discountable or not got.discount
        for share in got.applied:
            assert share.amount > 0
            by_promotion[share.promotion] += share.amount
    assert by_promotion == {one.promotion: one.amount for one in outcome.applied}
    assert by_promotion.keys().isdisjoint(one.promotion for one in outcome.not_applied)


def amounts_by_promotion(outcome: Outcome) -> dict[int, int]:
    """Minor units by promotion, in the order of application."""
    return {one.promotion: one.amount for one in outcome.applied}


def by_line(outcome: Outcome) -> dict[str, int]:
    return {one.id: one.discount for one in outcome.lines}


def why(outcome: Outcome, promotion: int) -> tuple[Any, ...]:
    """(reason, need, have, by) of a promotion that gave nothing."""
    refused = next(one for one in outcome.not_applied if one.promotion == promotion)
    return (refused.reason, refused.need, refused.have, refused.by)
