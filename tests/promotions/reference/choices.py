"""Which promotions may meet in a sale, and which way is best: every way is tried."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import combinations, product

from promotions.engine import Basket, Remaining, Rule, StackingRules
from promotions.engine import rules as r
from tests.promotions.reference.goods import units_of
from tests.promotions.reference.passes import Allowed, Answer, Sale, in_order, run


def evaluate(
    basket: Basket,
    rules: Sequence[Rule],
    remaining: Remaining,
    now: datetime,
    stacking: StackingRules,
) -> Answer:
    """What a basket gets; `now` is aware. By strict priority one promotion after another, else the best way of all."""
    sale = Sale(basket, in_order(rules), remaining, now, stacking)
    order = list(dict.fromkeys(rule.promotion for rule in sale.rules))
    if stacking.precedence == "priority":
        ways = list(_first_come(sale, order))
        best = ways[-1]
    else:
        ways = [run(sale, some, units) for some in _selections(sale, order) for units in _shares(sale, some)]
        best = max(ways, key=lambda answer: answer.discount)  # of equal ways the first: by priority
    applied = [one.promotion for one in best.applied]
    for promotion in order:
        tried = [run(sale, [promotion]), run(sale, [*applied, promotion]), *ways]
        best.holds[promotion] = [hold for way in tried for hold in way.holds.get(promotion, [])]
    return best


def _first_come(sale: Sale, order: Sequence[int]) -> Iterable[Answer]:
    """One that gives something shuts out those behind it that may not meet it; an exclusive one goes before all.

    Returns:
        what was tried, what stands last.
    """
    for promotion in order:
        if _is_exclusive(sale, promotion) and run(sale, [promotion]).applied:
            yield run(sale, [promotion])
            return
    chosen: list[int] = []
    for promotion in order:
        if _is_exclusive(sale, promotion) or not may_meet(sale, [*chosen, promotion]):
            continue
        answer = run(sale, [*chosen, promotion])
        yield answer
        if promotion in {one.promotion for one in answer.applied}:
            chosen.append(promotion)
    yield run(sale, chosen)


def _selections(sale: Sale, order: Sequence[int]) -> Iterable[Collection[int]]:
    """The largest sets of promotions that may meet; those of priority first."""
    alone = [one for one in order if run(sale, [one]).applied]
    possible = [
        set(some)
        for size in range(len(order), -1, -1)
        for some in combinations(order, size)
        if may_meet(sale, [one for one in some if one in alone])
    ]
    largest = [some for some in possible if not any(some < other for other in possible)]
    return sorted(largest, key=lambda some: [order.index(one) for one in order if one in some])


def may_meet(sale: Sale, promotions: Sequence[int]) -> bool:
    """Whether these promotions may apply in one sale."""
    stacking = sale.stacking
    some = [rule for rule in sale.rules if rule.promotion in promotions]
    if len(promotions) > 1 and any(isinstance(rule.stacking, r.Exclusive) for rule in some):
        return False
    if stacking.max_promotions is not None and len(promotions) > stacking.max_promotions:
        return False
    if not stacking.coupons_with_promotions and len({rule.trigger for rule in some}) > 1:
        return False
    if not stacking.item_with_order and len({rule.level for rule in some}) > 1:
        return False
    return not any(set(pair) <= set(promotions) for pair in stacking.excluded_pairs)


def _is_exclusive(sale: Sale, promotion: int) -> bool:
    return any(rule.promotion == promotion and isinstance(rule.stacking, r.Exclusive) for rule in sale.rules)


def _shares(sale: Sale, chosen: Collection[int]) -> Iterable[Allowed | None]:
    """Every way to share the units out among the promotions of each group."""
    groups: dict[str, set[int]] = {}
    for rule in sale.rules:
        if isinstance(rule.stacking, r.BestOf) and rule.promotion in chosen:
            groups.setdefault(rule.stacking.group, set()).add(rule.promotion)
    contested = [sorted(members) for members in groups.values() if len(members) > 1]
    if not contested:
        yield None
        return
    count = len(units_of(sale.basket))
    for owners in product(*(product(members, repeat=count) for members in contested)):
        allowed: dict[int, set[int]] = {one: set() for members in contested for one in members}
        for of_group in owners:
            for unit, owner in enumerate(of_group):
                allowed[owner].add(unit)
        yield allowed
