"""Evaluates one basket by the rules: `evaluate` is what quotes and sales call."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from promotions.engine.answer import build_outcome
from promotions.engine.basket import Basket, PresentedCoupon, Remaining
from promotions.engine.basket_facts import BasketFacts
from promotions.engine.claims import NO_ITEMS
from promotions.engine.compiled import CompiledPromotion, replace_benefit
from promotions.engine.conditions import Refusal
from promotions.engine.gates import Gate
from promotions.engine.index import RuleSet, compile_rules
from promotions.engine.outcome import Explain, Outcome
from promotions.engine.passes import EngineSale, find_unmet_condition
from promotions.engine.rules import Rule, StackingRules
from promotions.engine.scenarios import choose_pass
from promotions.engine.units import merge_lines

UNRESTRICTED = StackingRules()


def evaluate(
    basket: Basket,
    rules: RuleSet | Sequence[Rule],
    remaining: Remaining,
    now: datetime,
    *,
    stacking: StackingRules = UNRESTRICTED,
    explain: Explain = "nearest",
) -> Outcome:
    """Return what `basket` gets at `now`.

    Args:
        basket: the sale; prices in minor units.
        rules: compiled once and kept, or plain rules, which are compiled for this call.
        remaining: what the limits still allow, by campaign and promotion (`UNLIMITED` when there are none).
        now: aware.
        stacking: how promotions may meet.
        explain: for which rules that give nothing the reason is told.

    Returns:
        the discounts by line and by promotion, and for those that `explain` asks for the reason why they gave nothing.

    Raises:
        ValueError: a basket that cannot be: a quantity below 1, a negative price, a line id twice.
    """
    _refuse_impossible(basket)
    if not isinstance(rules, RuleSet):
        rules = compile_rules(rules)
    facts = BasketFacts(basket, merge_lines(basket.lines), now)
    triggers = _triggers(basket.coupons)
    taking_part: list[CompiledPromotion] = []
    refused: dict[int, Refusal] = {}
    at_gates: dict[Gate, Refusal | None] = {}
    gate: Gate | None = None
    refused_here: Refusal | None = None
    candidates = rules.candidates(facts, near_misses=0) if explain == "none" else rules.candidates(facts)
    for candidate in candidates:
        if candidate.gate is not gate:
            gate = candidate.gate
            if gate not in at_gates:
                at_gates[gate] = gate.refusal(basket, now)
            refused_here = at_gates[gate]
        refusal = refused_here
        # The order level measures its thresholds when it is reached.
        if refusal is None and candidate.conditions and not candidate.on_order:
            refusal = find_unmet_condition(candidate, facts, facts.original)
        if refusal is not None:
            refused[candidate.rank] = refusal
            continue
        coupon = triggers.get(candidate.number) if triggers else None
        if coupon is None or coupon.benefit is None or candidate.rule.trigger != "coupon":
            taking_part.append(candidate)
        else:
            taking_part.append(replace_benefit(candidate, coupon.benefit))
    if explain == "all":
        near = {candidate.rank for candidate in candidates}
        for promotion in rules.by_rank.values():
            if promotion.rank not in near:
                refused[promotion.rank] = _refuse_untouched(promotion, facts, triggers)
    attempt = choose_pass(EngineSale(facts, taking_part, remaining, stacking, plain=rules.plain))
    return build_outcome(basket, attempt, rules.by_rank, refused, triggers, explains=explain != "none")


def _triggers(coupons: Sequence[PresentedCoupon]) -> dict[int, PresentedCoupon]:
    """Return the first valid coupon for each promotion that one unlocks."""
    triggers: dict[int, PresentedCoupon] = {}
    for coupon in coupons:
        if coupon.status == "valid" and coupon.promotion is not None:
            triggers.setdefault(coupon.promotion, coupon)
    return triggers


def _refuse_untouched(
    promotion: CompiledPromotion, facts: BasketFacts, triggers: Mapping[int, PresentedCoupon]
) -> Refusal:
    """Return why a promotion gives nothing, when the sale has nothing that it needs."""
    if promotion.rule.trigger == "coupon" and promotion.number not in triggers:
        return Refusal("no_coupon")
    return (
        promotion.gate.refusal(facts.basket, facts.now)
        or find_unmet_condition(promotion, facts, facts.original)
        or NO_ITEMS
    )


def _refuse_impossible(basket: Basket) -> None:
    for line in basket.lines:
        if line.quantity < 1:
            raise ValueError(f"line {line.id}: quantity {line.quantity} is below 1")
        if line.unit_price < 0 or line.min_unit_price < 0 or (line.line_total or 0) < 0:
            raise ValueError(f"line {line.id}: a price is below 0")
    if len({line.id for line in basket.lines}) < len(basket.lines):
        raise ValueError("a line id comes twice")
