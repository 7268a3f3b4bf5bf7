"""Rules made ready to evaluate: an immutable set with indexes, built once per version of the rules.

A sale asks the index which promotions it touches: by SKU, category and brand of its units, by its coupons, its customer
and what it is worth, at its location. So what a sale costs does not depend on how many other promotions there are.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from promotions.engine.benefits import Pooled, Ready, Stepped, Unitwise
from promotions.engine.conditions import Check, Matching, compile_condition
from promotions.engine.facts import Facts, Matcher
from promotions.engine.gates import Gate, locations
from promotions.engine.group_benefits import BundleReady, BuyGetReady, Free
from promotions.engine.rules import (
    Benefit,
    BestOf,
    Bundle,
    BuyGet,
    CheapestFree,
    CustomerIs,
    Exclusive,
    FixedPerUnit,
    FixedPrice,
    FixedTotal,
    FreeGift,
    InGroup,
    Match,
    MinSubtotal,
    PercentOff,
    PercentOfTotal,
    Rule,
    Tiered,
)

NEAREST = 8
"""So many of the promotions that only a subtotal or a group keeps away are candidates all the same: the till can say
what is missing."""


class Promotion:
    """One `Rule` made ready. `rank`: its place in the order of application. `number`, `campaign`: the ids.

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

    def __init__(self, rule: Rule, rank: int, matching: Matching) -> None:
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
        self.benefit = ready(rule, matching)
        self.gate = Gate(rule)
        self.gift = rule.benefit if isinstance(rule.benefit, FreeGift) else None
        self.on_order = rule.lane == "order"
        self.group = rule.stacking.group if isinstance(rule.stacking, BestOf) else None
        self.exclusive = isinstance(rule.stacking, Exclusive)
        self.is_buy_get = isinstance(rule.benefit, BuyGet)


def ready(rule: Rule, matching: Matching) -> Ready:
    """The benefit of `rule`, ready to be asked."""
    target, caps = rule.target, rule.caps
    match rule.benefit:
        case PercentOff() | FixedPerUnit() | FixedPrice() as benefit:
            return Unitwise(benefit, target)
        case FixedTotal(amount):
            return Pooled(target, amount=amount)
        case PercentOfTotal(percent):
            return Pooled(target, percent=percent)
        case Tiered() as benefit:
            return Stepped(benefit, target)
        case BuyGet() as benefit:
            return BuyGetReady(benefit, caps, matching)
        case Bundle() as benefit:
            return BundleReady(benefit, caps, matching)
        case CheapestFree() | FreeGift() as benefit:
            return Free(benefit)


class Index:
    """The promotions of one location (or of every location) by what touches them."""

    def __init__(self) -> None:
        self.by_match: dict[int, list[int]] = {}
        self.by_group: dict[str, list[int]] = {}
        self.by_customer: dict[str, list[int]] = {}
        self.personal: list[int] = []
        self.always: list[int] = []
        self._steps: list[tuple[int, int]] = []
        self.thresholds: list[int] = []
        self.by_threshold: list[int] = []

    def add(self, promotion: Promotion, matching: Matching) -> None:
        rule, rank = promotion.rule, promotion.rank
        matches = _matches(rule)
        keyed = [matching(match) for match in matches]
        if keyed:
            for matcher in keyed:
                assert matcher.number is not None
                self.by_match.setdefault(matcher.number, []).append(rank)
            return
        for condition in rule.conditions:
            if isinstance(condition, InGroup):
                for group in condition.groups:
                    self.by_group.setdefault(group, []).append(rank)
                self.personal.append(rank)
                return
            if isinstance(condition, CustomerIs):
                for customer in condition.customers:
                    self.by_customer.setdefault(customer, []).append(rank)
                self.personal.append(rank)
                return
        for condition in rule.conditions:
            if isinstance(condition, MinSubtotal) and condition.match == Match():
                self._steps.append((condition.amount, rank))
                return
        self.always.append(rank)

    def close(self) -> None:
        """Sort what is looked up by size."""
        self._steps.sort()
        self.thresholds = [amount for amount, _ in self._steps]
        self.by_threshold = [rank for _, rank in self._steps]

    def candidates(self, facts: Facts) -> set[int]:
        """The ranks of the promotions this sale touches."""
        found: set[int] = set(self.always)
        by_match = self.by_match
        for number in facts.touched:
            ranks = by_match.get(number)
            if ranks is not None:
                found.update(ranks)
        if self.thresholds:
            reached = bisect_right(self.thresholds, facts.original.worth(facts.everything))
            found.update(self.by_threshold[: reached + NEAREST])
        if self.personal:
            customer = facts.customer
            for group in customer.groups:
                found.update(self.by_group.get(group, ()))
            found.update(self.by_customer.get(customer.id, ()))
            found.update(self.personal[:NEAREST])
        return found


def _matches(rule: Rule) -> list[Match]:
    """The matches one of which a sale must touch for `rule` to give anything; none: every sale touches it.

    A free gift is offered to sales that do not hold it yet.
    """
    benefit = rule.benefit
    named = []
    if not isinstance(benefit, FreeGift):
        named.append(rule.target.match)
    if isinstance(benefit, BuyGet):
        named += [benefit.buy.match, benefit.get.match]
    if isinstance(benefit, Bundle):
        named += [part.match for part in benefit.parts]
    named += [condition.match for condition in rule.conditions if hasattr(condition, "match")]
    return [match for match in named if match.skus or match.categories or match.brands][:1]


class RuleSet:
    """The compiled rules of one version. Immutable: safe to keep and to share between threads."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._matchers: dict[Match, Matcher] = {}
        self._by_sku: dict[str, list[int]] = {}
        self._by_category: dict[str, list[int]] = {}
        self._by_brand: dict[str, list[int]] = {}
        self._everywhere = Index()
        self._by_location: dict[str, Index] = {}
        self._by_coupon: dict[int, list[int]] = {}
        self.promotions = tuple(
            [Promotion(rule, rank, self._matching) for rank, rule in enumerate(sorted(rules, key=order))]
        )
        known = set()
        for promotion in self.promotions:
            rule = promotion.rule
            if (rule.promotion, promotion.campaign) in known:
                raise ValueError(
                    f"promotion {rule.promotion} comes twice through campaign {promotion.campaign}"
                )
            known.add((rule.promotion, promotion.campaign))
            if rule.trigger == "coupon":
                self._by_coupon.setdefault(rule.promotion, []).append(promotion.rank)
                continue
            for index in self._indexes(rule):
                index.add(promotion, self._matching)
        for index in (self._everywhere, *self._by_location.values()):
            index.close()

    def _matching(self, match: Match) -> Matcher:
        """The one matcher of `match`, known to the index by the SKUs, else the categories, else the brands it names."""
        matcher = self._matchers.get(match)
        if matcher is None:
            matcher = self._matchers[match] = Matcher(match, len(self._matchers))
            if match.skus:
                names, index = match.skus, self._by_sku
            elif match.categories:
                names, index = match.categories, self._by_category
            else:
                names, index = match.brands, self._by_brand
            assert matcher.number is not None
            for name in set(names):
                index.setdefault(name, []).append(matcher.number)
        return matcher

    def _indexes(self, rule: Rule) -> list[Index]:
        places = locations(rule)
        if places is None:
            return [self._everywhere]
        return [self._by_location.setdefault(place, Index()) for place in places]

    def candidates(self, facts: Facts) -> list[Promotion]:
        """The promotions this sale touches, in the order of application. Tells `facts` which matches its units have."""
        touched = facts.touched
        by_sku, by_category, by_brand = self._by_sku, self._by_category, self._by_brand
        for place, kind in enumerate(facts.kinds):
            if not kind.discountable:
                continue
            bit = 1 << place
            for number in by_sku.get(kind.sku, ()):
                touched[number] = touched.get(number, 0) | bit
            if by_category:
                for category in kind.categories:
                    for number in by_category.get(category, ()):
                        touched[number] = touched.get(number, 0) | bit
            if by_brand and kind.brand:
                for number in by_brand.get(kind.brand, ()):
                    touched[number] = touched.get(number, 0) | bit
        found = self._everywhere.candidates(facts)
        local = self._by_location.get(facts.basket.location)
        if local is not None:
            found |= local.candidates(facts)
        for coupon in facts.basket.coupons:
            if coupon.promotion is not None:
                found.update(self._by_coupon.get(coupon.promotion, ()))
        promotions = self.promotions
        return [promotions[rank] for rank in sorted(found)]


def order(rule: Rule) -> tuple[bool, int, int, int, int]:
    """The order of application: the item lane first, then campaign priority, priority, promotion and campaign."""
    campaign = rule.campaign
    return (
        rule.lane == "order",
        100 if campaign is None else campaign.priority,
        rule.priority,
        rule.promotion,
        -1 if campaign is None else campaign.id,
    )


def with_benefit(promotion: Promotion, benefit: Benefit) -> Promotion:
    """`promotion` with a coupon's own benefit in the place of its own."""
    return Promotion(
        replace(promotion.rule, benefit=benefit), promotion.rank, lambda match: Matcher(match, None)
    )


def compile_rules(rules: Sequence[Rule]) -> RuleSet:
    """Index and compile `rules`, in any order.

    Raises: ValueError: the same promotion twice through the same campaign.
    """
    return RuleSet(rules)
