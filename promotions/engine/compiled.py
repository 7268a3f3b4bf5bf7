"""Compiles one promotion: its conditions to closures, its benefit to a `ReadyBenefit`."""

from msgspec.structs import replace

from promotions.engine.basket_facts import Matcher
from promotions.engine.benefits import ReadyBenefit, SharedAmountBenefit, TieredBenefit, UnitBenefit
from promotions.engine.conditions import Check, Matching, compile_condition
from promotions.engine.gates import Gate
from promotions.engine.group_benefits import BundleBenefit, BuyGetBenefit, FreeUnitsBenefit
from promotions.engine.rules import (
    Benefit,
    BestOf,
    Bundle,
    BuyGet,
    CheapestFree,
    Exclusive,
    FixedPerUnit,
    FixedPrice,
    FixedTotal,
    FreeGift,
    PercentOff,
    PercentOfTotal,
    Rule,
    Tiered,
)


class CompiledPromotion:
    """One compiled `Rule`. `rank`: its place in the order of application. `number`, `campaign`: the ids.

    `once`: a limit for each customer. `group`: the best-of group it is in.
    """

    __slots__ = (
        "benefit",
        "campaign",
        "cap",
        "conditions",
        "exclusive",
        "gate",
        "gift",
        "group",
        "is_buy_get",
        "matcher",
        "number",
        "on_order",
        "once",
        "only_undiscounted",
        "rank",
        "rule",
    )

    def __init__(self, rule: Rule, rank: int, matching: Matching, gate: Gate) -> None:
        self.rule = rule
        self.rank = rank
        self.number = rule.promotion
        self.campaign = None if rule.campaign is None else rule.campaign.id
        self.cap = rule.caps.max_amount
        self.only_undiscounted = rule.target.only_undiscounted
        self.once = rule.max_uses_per_customer is not None or (
            rule.campaign is not None and rule.campaign.max_uses_per_customer is not None
        )
        self.conditions: tuple[Check, ...] = tuple(
            [compile_condition(condition, matching) for condition in rule.conditions]
        )
        self.matcher = matching(rule.target.match)
        self.benefit = compile_benefit(rule, matching)
        self.gate = gate
        self.gift = rule.benefit if isinstance(rule.benefit, FreeGift) else None
        self.on_order = rule.level == "order"
        by_campaign = rule.campaign is not None and rule.campaign.exclusive
        self.exclusive = by_campaign or isinstance(rule.stacking, Exclusive)
        self.group = rule.stacking.group if isinstance(rule.stacking, BestOf) and not by_campaign else None
        self.is_buy_get = isinstance(rule.benefit, BuyGet)


def compile_benefit(rule: Rule, matching: Matching) -> ReadyBenefit:
    """Compile the benefit of `rule`."""
    target, caps = rule.target, rule.caps
    match rule.benefit:
        case PercentOff() | FixedPerUnit() | FixedPrice() as benefit:
            return UnitBenefit(benefit, target)
        case FixedTotal(amount):
            return SharedAmountBenefit(target, amount=amount)
        case PercentOfTotal(percent):
            return SharedAmountBenefit(target, percent=percent)
        case Tiered() as benefit:
            return TieredBenefit(benefit, target)
        case BuyGet() as benefit:
            return BuyGetBenefit(benefit, caps, matching)
        case Bundle() as benefit:
            return BundleBenefit(benefit, caps, matching)
        case CheapestFree() | FreeGift() as benefit:
            return FreeUnitsBenefit(benefit)


def replace_benefit(promotion: CompiledPromotion, benefit: Benefit) -> CompiledPromotion:
    """Return `promotion` with a coupon's own benefit instead of its own."""
    rule = replace(promotion.rule, benefit=benefit)
    return CompiledPromotion(rule, promotion.rank, lambda match: Matcher(match, None), promotion.gate)
