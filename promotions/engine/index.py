"""Compiles rules with indexes, into an immutable set for each version of the rules.

The index tells which promotions a sale touches: by SKU, category and brand of its units, by its coupons, its customer
and its worth, at its location. So the time of a sale does not depend on how many other promotions there are.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from datetime import datetime

from promotions.engine.basket import Basket
from promotions.engine.basket_facts import BasketFacts, Matcher
from promotions.engine.compiled import CompiledPromotion
from promotions.engine.gates import Gate, gate_of, locations
from promotions.engine.rules import (
    EVERYTHING,
    Bundle,
    BuyGet,
    Contains,
    CustomerIs,
    FreeGift,
    InGroup,
    Match,
    MinQuantity,
    MinSubtotal,
    Rule,
)

NEAR_MISSES_ADDED = 4
"""How many promotions are candidates though the sale misses their subtotal or group: the till says what is missing."""


class Index:
    """The ranks of the promotions of one location (or of all locations), by what touches them.

    A match has a number in the rule set. A keyed match is found by the SKUs it names, else by its categories, else by
    its brands.
    """

    __slots__ = (
        "_always",
        "_by_brand",
        "_by_category",
        "_by_customer",
        "_by_group",
        "_by_match",
        "_by_sku",
        "_by_threshold",
        "_known",
        "_personal",
        "_steps",
        "_thresholds",
    )

    def __init__(self) -> None:
        self._known: set[Match] = set()
        self._by_sku: dict[str, list[int]] = {}
        self._by_category: dict[str, list[int]] = {}
        self._by_brand: dict[str, list[int]] = {}
        self._by_match: dict[int, list[int]] = {}
        self._by_group: dict[str, list[int]] = {}
        self._by_customer: dict[str, list[int]] = {}
        self._personal: list[int] = []
        self._always: list[int] = []
        self._steps: list[tuple[int, int]] = []
        self._thresholds: list[int] = []
        self._by_threshold: list[int] = []

    def add(self, promotion: CompiledPromotion, numbers: dict[Match, int]) -> None:
        """Add `promotion` under the narrowest thing it needs. `numbers`: of all matches."""
        rule, rank = promotion.rule, promotion.rank
        keyed = [match for match in matches(rule) if match.skus or match.categories or match.brands]
        for match in keyed:
            self._add_match(match, numbers[match])
        idle = _unneeded_matches(rule)
        needed = [match for match in keyed if match not in idle]
        if needed:
            self._by_match.setdefault(numbers[needed[0]], []).append(rank)
            return
        for condition in rule.conditions:
            if isinstance(condition, InGroup | CustomerIs):
                self._file_personal(condition, rank)
                return
        for condition in rule.conditions:
            if isinstance(condition, MinSubtotal) and condition.match == EVERYTHING:
                self._steps.append((condition.amount, rank))
                return
        self._always.append(rank)

    def _add_match(self, match: Match, number: int) -> None:
        if match in self._known:
            return
        self._known.add(match)
        if match.skus:
            names, index = match.skus, self._by_sku
        elif match.categories:
            names, index = match.categories, self._by_category
        else:
            names, index = match.brands, self._by_brand
        for name in set(names):
            index.setdefault(name, []).append(number)

    def _file_personal(self, condition: InGroup | CustomerIs, rank: int) -> None:
        self._personal.append(rank)
        if isinstance(condition, InGroup):
            names, index = condition.groups, self._by_group
        else:
            names, index = condition.customers, self._by_customer
        for name in set(names):
            index.setdefault(name, []).append(rank)

    def sort_thresholds(self) -> None:
        """Sort the entries that are looked up by size."""
        self._steps.sort()
        self._thresholds = [amount for amount, _ in self._steps]
        self._by_threshold = [rank for _, rank in self._steps]

    def record_matches(self, facts: BasketFacts) -> None:
        """Write into `facts.touched` which matches the units have."""
        touched = facts.touched
        by_sku, by_category, by_brand = self._by_sku, self._by_category, self._by_brand
        for place, kind in enumerate(facts.kinds):
            if not kind.discountable:
                continue
            bit = 1 << place
            if kind.sku in by_sku:
                for number in by_sku[kind.sku]:
                    touched[number] = touched.get(number, 0) | bit
            if by_category:
                for category in kind.categories:
                    for number in by_category.get(category, ()):
                        touched[number] = touched.get(number, 0) | bit
            if kind.brand in by_brand:
                for number in by_brand[kind.brand]:
                    touched[number] = touched.get(number, 0) | bit

    def candidates(self, facts: BasketFacts, near_misses: int) -> set[int]:
        """Return the ranks of the promotions that the sale may get, after `record_matches`, and of some near misses."""
        found: set[int] = set(self._always)
        by_match = self._by_match
        found.update(*[by_match[number] for number in facts.touched if number in by_match])
        if self._thresholds:
            reached = bisect_right(self._thresholds, facts.original.worth(facts.everything))
            found.update(self._by_threshold[: reached + near_misses])
        if self._personal:
            customer = facts.customer
            for group in customer.groups:
                found.update(self._by_group.get(group, ()))
            found.update(self._by_customer.get(customer.id, ()))
            found.update(self._personal[:near_misses])
        return found


def matches(rule: Rule) -> list[Match]:
    """Return every match in `rule`: of its target first, then of its benefit, then of its conditions."""
    benefit = rule.benefit
    found = [rule.target.match]
    if isinstance(benefit, BuyGet):
        found += [benefit.buy.match, benefit.get.match]
    elif isinstance(benefit, Bundle):
        found += [part.match for part in benefit.parts]
    return found + [
        condition.match
        for condition in rule.conditions
        if isinstance(condition, MinSubtotal | MinQuantity | Contains)
    ]


def _unneeded_matches(rule: Rule) -> set[Match]:
    """Return the matches in `rule` that a sale need not touch.

    A free gift is offered to sales that do not hold it yet, and a minimum subtotal of 0 is always reached.
    """
    idle = {
        condition.match
        for condition in rule.conditions
        if isinstance(condition, MinSubtotal) and not condition.amount
    }
    return idle | {rule.target.match} if isinstance(rule.benefit, FreeGift) else idle


RANKS_BETWEEN_RULES = 256
"""The distance between the ranks of two rules compiled together. Later rules get the ranks between them."""

ALWAYS_COMPILE_BELOW_RULES = 1_000
"""Below this number of rules all are compiled again, in about 30 ms. Sales are a little faster with one layer."""

RuleKey = tuple[int, int | None]
"""Promotion, campaign."""


class Layer:
    """Rules compiled together. `promotions`: each at its rank. `matches`: the number of the next match."""

    __slots__ = ("_by_coupon", "_by_location", "_everywhere", "matches", "promotions")

    def __init__(self, ranked: Iterable[tuple[int, Rule]], first_match: int = 0) -> None:
        ranked = list(ranked)
        numbers: dict[Match, int] = {}
        for _, rule in ranked:
            # A coupon's promotions are looked up by the coupon: their matches ask the few units of its sale.
            if rule.trigger != "coupon":
                for match in matches(rule):
                    numbers.setdefault(match, first_match + len(numbers))
        self.matches = first_match + len(numbers)
        matchers = {match: Matcher(match, number) for match, number in numbers.items()}

        def find_matcher(match: Match) -> Matcher:
            return matchers[match]

        gates: dict[Hashable, Gate] = {}
        self.promotions = {
            rank: CompiledPromotion(
                rule,
                rank,
                make_unindexed_matcher if rule.trigger == "coupon" else find_matcher,
                gate_of(rule, gates),
            )
            for rank, rule in ranked
        }
        self._everywhere = Index()
        self._by_location: dict[str, Index] = {}
        self._by_coupon: dict[int, list[int]] = {}
        for promotion in self.promotions.values():
            if promotion.rule.trigger == "coupon":
                self._by_coupon.setdefault(promotion.number, []).append(promotion.rank)
                continue
            places = locations(promotion.rule)
            if places is None:
                self._everywhere.add(promotion, numbers)
            else:
                for place in places:
                    self._by_location.setdefault(place, Index()).add(promotion, numbers)
        for index in (self._everywhere, *self._by_location.values()):
            index.sort_thresholds()

    def candidates(self, facts: BasketFacts, near_misses: int) -> set[int]:
        """Return the ranks of the promotions this sale touches; write into `facts` which matches its units have."""
        here = self._by_location.get(facts.basket.location)
        self._everywhere.record_matches(facts)
        if here is not None:
            here.record_matches(facts)
        found = self._everywhere.candidates(facts, near_misses)
        if here is not None:
            found |= here.candidates(facts, near_misses)
        for coupon in facts.basket.coupons:
            if coupon.promotion is not None and coupon.status == "valid":
                found.update(self._by_coupon.get(coupon.promotion, ()))
        return found

    def list_of_coupon(self, number: int) -> Sequence[int]:
        """List the ranks of a promotion that coupons unlock: one for each of its campaigns."""
        return self._by_coupon.get(number, ())


class RuleSet:
    """The compiled rules of one version. Immutable: safe to keep and to share between threads.

    Most rules stand in the layer of an earlier version, without its `stale` ones. Rules changed since stand in a small
    layer of their own. `by_rank`: all promotions, in the order of application. `plain`: none is exclusive, in a best-of
    group or there twice.
    """

    __slots__ = ("_base", "_late", "_orders", "_ranks", "_stale", "by_rank", "plain")

    def __init__(self, rules: Iterable[Rule]) -> None:
        ordered = sorted(rules, key=order_of_application)
        self._orders = [order_of_application(rule) for rule in ordered]
        self._ranks = {
            key_of_rule(rule): RANKS_BETWEEN_RULES * (place + 1) for place, rule in enumerate(ordered)
        }
        if len(self._ranks) < len(ordered):
            _refuse_twice(ordered)
        self._base = Layer(zip(self._ranks.values(), ordered, strict=True))
        self._late: Layer | None = None
        self._stale: set[int] = set()
        self.by_rank: Mapping[int, CompiledPromotion] = self._base.promotions
        self.plain = _is_plain(self.by_rank.values())

    def recompile(self, rules: Sequence[Rule]) -> "RuleSet":
        """Compile `rules`, in any order. Rules that are the same objects as in this rule set are not compiled anew.

        Raises:
            ValueError: the same promotion twice through the same campaign.
        """
        if len(rules) < ALWAYS_COMPILE_BELOW_RULES:
            return RuleSet(rules)
        now = {key_of_rule(rule): rule for rule in rules}
        if len(now) < len(rules):
            _refuse_twice(rules)
        old, ranks = self._base.promotions, self._ranks
        stale = {rank for one, rank in ranks.items() if now.get(one) is not old[rank].rule}
        late = [rule for one, rule in now.items() if one not in ranks or ranks[one] in stale]
        if len(late) >= RANKS_BETWEEN_RULES or len(stale) >= RANKS_BETWEEN_RULES:
            return RuleSet(rules)
        found = RuleSet.__new__(RuleSet)
        found._base, found._orders, found._ranks, found._stale = self._base, self._orders, ranks, stale
        found._late = Layer(self._late_ranks(late), self._base.matches) if late else None
        kept = {rank: promotion for rank, promotion in old.items() if rank not in stale}
        found.by_rank = kept | (found._late.promotions if found._late else {})
        found.plain = _is_plain(found.by_rank.values())
        return found

    def _late_ranks(self, late: Iterable[Rule]) -> Iterable[tuple[int, Rule]]:
        """Yield a rank for each, between those of the rules before and after it."""
        taken: dict[int, int] = {}
        for rule in sorted(late, key=order_of_application):
            place = bisect_left(self._orders, order_of_application(rule))
            taken[place] = taken.get(place, 0) + 1
            yield RANKS_BETWEEN_RULES * place + taken[place], rule

    def find_label(self, number: int, basket: Basket, now: datetime) -> str | None:
        """Return what a promotion with coupons is called where it is on for this basket's place and time; else None."""
        layers = [self._base, self._late] if self._late else [self._base]
        for layer in layers:
            for rank in layer.list_of_coupon(number):
                promotion = self.by_rank.get(rank)
                if promotion is not None and promotion.gate.refusal(basket, now) is None:
                    return promotion.rule.label
        return None

    @property
    def promotions(self) -> list[CompiledPromotion]:
        """All promotions, in the order of application."""
        return [self.by_rank[rank] for rank in sorted(self.by_rank)]

    def candidates(self, facts: BasketFacts, near_misses: int = NEAR_MISSES_ADDED) -> list[CompiledPromotion]:
        """List the promotions this sale touches, in the order of application; write the matches into `facts`.

        Args:
            facts: of the sale.
            near_misses: how many promotions beyond the sale's worth, and for other customers, are listed as well.
        """
        found = self._base.candidates(facts, near_misses)
        if self._stale:
            found -= self._stale
        if self._late is not None:
            found |= self._late.candidates(facts, near_misses)
        by_rank = self.by_rank
        return [by_rank[rank] for rank in sorted(found)]


def key_of_rule(rule: Rule) -> RuleKey:
    """Return the promotion and campaign of a rule, which identify it."""
    return rule.promotion, None if rule.campaign is None else rule.campaign.id


def _is_plain(promotions: Collection[CompiledPromotion]) -> bool:
    if any(promotion.group or promotion.exclusive for promotion in promotions):
        return False
    return len({promotion.number for promotion in promotions}) == len(promotions)


def make_unindexed_matcher(match: Match) -> Matcher:
    """Return a matcher that checks every unit."""
    return Matcher(match, None)


def order_of_application(rule: Rule) -> tuple[bool, int, int, int, int]:
    """Sort key of the order of application: level, campaign priority, priority, promotion and campaign."""
    campaign = rule.campaign
    return (
        rule.level == "order",
        100 if campaign is None else campaign.priority,
        rule.priority,
        rule.promotion,
        -1 if campaign is None else campaign.id,
    )


def _refuse_twice(rules: Iterable[Rule]) -> None:
    (promotion, campaign), _ = Counter(key_of_rule(rule) for rule in rules).most_common(1)[0]
    raise ValueError(f"promotion {promotion} comes twice through campaign {campaign}")


def compile_rules(rules: Sequence[Rule]) -> RuleSet:
    """Index and compile `rules`, in any order.

    Raises:
        ValueError: the same promotion twice through the same campaign.
    """
    return RuleSet(rules)
