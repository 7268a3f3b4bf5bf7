"""Promotions one after another, each on what the others left, within every limit."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from math import floor

from promotions.engine import Allowance, Basket, Remaining, Rule, StackingRules
from promotions.engine import rules as r
from tests.promotions.reference.goods import Unit, articles, total_of, units_of
from tests.promotions.reference.holds import Hold, holds
from tests.promotions.reference.sharing import ZERO, among_lines, half_up, hand_out
from tests.promotions.reference.wishes import Wish, wish


@dataclass(frozen=True)
class Given:
    """What one promotion gave, through which campaign, of how much it wished."""

    promotion: int
    campaign: int | None
    amount: int
    wished: int


@dataclass
class Answer:
    """`lines`: the discount by line; `holds`: by promotion, every reason that kept it away. Minor units."""

    lines: dict[str, int]
    applied: list[Given] = field(default_factory=list)
    holds: dict[int, list[Hold]] = field(default_factory=dict)

    @property
    def discount(self) -> int:
        return sum(one.amount for one in self.applied)


@dataclass(frozen=True)
class Sale:
    """All that a pass looks at; `rules` in the order of application."""

    basket: Basket
    rules: Sequence[Rule]
    remaining: Remaining
    now: datetime
    stacking: StackingRules


Allowed = Mapping[int, Collection[int]]
"""By promotion, the numbers of the units it may have, where units are shared out among the promotions of a group."""


def in_order(rules: Sequence[Rule]) -> list[Rule]:
    """The order of application: campaign priority, priority, promotion, campaign; standalone counts as 100."""

    def key(rule: Rule) -> tuple[int, int, int, int]:
        terms = rule.campaign
        return (terms.priority if terms else 100, rule.priority, rule.promotion, terms.id if terms else 0)

    return sorted(rules, key=key)


def run(sale: Sale, chosen: Collection[int], allowed: Allowed | None = None) -> Answer:
    """The item level, then the order level, of the promotions `chosen`."""
    basket, units = sale.basket, units_of(sale.basket)
    answer = Answer({line.id: 0 for line in basket.lines})
    limits = Limits(sale)
    won: dict[str, list[Unit]] = {}
    for level in ("item", "order"):
        original = level == "item" or sale.stacking.thresholds_on_original
        rules = [one for one in sale.rules if one.level == level and one.promotion in chosen]
        held = {id(one): holds(one, basket, units, sale.now, original=original) for one in rules}
        used: list[Unit] = []
        bought: list[Unit] = []
        replaces = level == "item" and sale.stacking.buy_get_replaces
        if level == "item":  # a gift is given first: no other promotion reduces it
            rules.sort(key=lambda rule: not isinstance(rule.benefit, r.FreeGift))
        if replaces:
            rules.sort(key=lambda rule: not isinstance(benefit_of(rule, basket), r.BuyGet))
        for rule in rules:
            if any(one.promotion == rule.promotion for one in answer.applied):
                continue
            reasons = answer.holds.setdefault(rule.promotion, [])
            if held[id(rule)]:
                reasons += held[id(rule)]
                continue
            mine = units
            if isinstance(rule.stacking, r.BestOf):
                taken = won.setdefault(rule.stacking.group, [])
                mine = [unit for unit in units if unit not in taken]
            if allowed is not None and rule.promotion in allowed:
                mine = [unit for i, unit in enumerate(units) if i in allowed[rule.promotion]]
            if replaces:
                mine = [unit for unit in mine if unit not in bought]
            wanted = wish(rule, benefit_of(rule, basket), basket, mine, used, original=original)
            full = whole_wish(rule, wanted)
            amount, against = limits.clamp(rule, full)
            if not amount:
                reasons += [*wanted.lacks, *against]
                continue
            touched = [unit for unit, weight in zip(wanted.units, wanted.weights, strict=True) if weight]
            parts = hand_out(amount, wanted.units, wanted.weights)
            for lines in articles(basket):
                among_lines(parts.get(lines[0].id, 0), lines, answer.lines)
            for unit in [*touched, *wanted.used]:
                unit.history.append(rule.promotion)
            limits.take(rule, amount)
            used += wanted.used
            if isinstance(benefit_of(rule, basket), r.BuyGet):
                bought += wanted.used
            if isinstance(rule.stacking, r.BestOf):
                won[rule.stacking.group] += [*touched, *wanted.used]
            answer.applied.append(
                Given(rule.promotion, rule.campaign.id if rule.campaign else None, amount, full)
            )
    return answer


def benefit_of(rule: Rule, basket: Basket) -> r.Benefit:
    """The promotion's, or the one its coupon brings."""
    for coupon in basket.coupons:
        if rule.trigger == "coupon" and coupon.promotion == rule.promotion and coupon.status == "valid":
            return coupon.benefit or rule.benefit
    return rule.benefit


def whole_wish(rule: Rule, wanted: Wish) -> int:
    """The wish in whole minor units, rounded once, within the rooms and the promotion's own cap."""
    rooms = [unit.room for unit, weight in zip(wanted.units, wanted.weights, strict=True) if weight]
    amount = min(half_up(wanted.raw), floor(sum(rooms, ZERO)))
    return amount if rule.caps.max_amount is None else min(amount, rule.caps.max_amount)


class Limits:
    """What budgets, uses and the caps of the sale still allow, used up in the order of application."""

    def __init__(self, sale: Sale) -> None:
        self.campaigns = dict(sale.remaining.campaigns)
        self.promotions = dict(sale.remaining.promotions)
        stacking = sale.stacking
        subtotal = sum(total_of(line) for line in sale.basket.lines)
        caps = [cap for cap in (stacking.max_discount,) if cap is not None]
        if stacking.max_discount_percent is not None:
            caps.append(floor(Fraction(subtotal * stacking.max_discount_percent, r.WHOLE)))
        self.sale = min(caps, default=None)
        self.slots = stacking.max_promotions

    def of(self, rule: Rule) -> list[Allowance]:
        found = [self.promotions.get(rule.promotion)]
        if rule.campaign:
            found.append(self.campaigns.get(rule.campaign.id))
        return [left for left in found if left is not None]

    def clamp(self, rule: Rule, amount: int) -> tuple[int, list[Hold]]:
        """How much of a wish is granted, and what speaks against it when that is nothing."""
        against = self.limits_used_up(rule)
        if not amount:
            against.append(Hold("no_value"))
        if self.slots == 0:
            against.append(Hold("max_promotions"))
        if self.sale is not None:
            if amount and not self.sale:
                against.append(Hold("sale_cap", amount, 0))
            amount = min(amount, self.sale)
        if against:
            return 0, against
        granted = min([amount, *[left.amount for left in self.of(rule) if left.amount is not None]])
        if granted < amount and rule.campaign and rule.campaign.on_budget_end == "reject":
            return 0, [Hold("budget_too_small", amount, granted)]
        return granted, []

    def limits_used_up(self, rule: Rule) -> list[Hold]:
        """The limits that are used up."""
        against = []
        for left in self.of(rule):
            if left.uses is not None and left.uses <= 0:
                against.append(Hold("uses_exhausted", 1, 0))
            if left.customer_uses is not None and left.customer_uses <= 0:
                against.append(Hold("customer_limit", 1, 0))
            if left.amount is not None and left.amount <= 0:
                against.append(Hold("budget_exhausted", 1, 0))
        return against

    def take(self, rule: Rule, amount: int) -> None:
        if self.sale is not None:
            self.sale -= amount
        if self.slots is not None:
            self.slots -= 1
        if rule.promotion in self.promotions:
            self.promotions[rule.promotion] = _less(self.promotions[rule.promotion], amount)
        if rule.campaign and rule.campaign.id in self.campaigns:
            self.campaigns[rule.campaign.id] = _less(self.campaigns[rule.campaign.id], amount)


def _less(left: Allowance, amount: int) -> Allowance:
    return Allowance(
        None if left.amount is None else left.amount - amount,
        None if left.uses is None else left.uses - 1,
        None if left.customer_uses is None else left.customer_uses - 1,
    )
