"""Chooses the promotions that apply together, when some exclude others.

Without exclusions there is one pass. By strict priority each promotion excludes those after it. By value each way to
resolve the conflicts is a scenario, tried in a pass of its own, and the best one counts: by value, then priority, then
fewer promotions, then id. `MAX_PASSES` limits the number of passes.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations, product
from math import comb

from msgspec.structs import replace

from promotions.engine.compiled import CompiledPromotion
from promotions.engine.conditions import Refusal
from promotions.engine.passes import EngineSale, Pass

MAX_PASSES = 64

Forbidden = dict[int, Refusal]
"""By rank: the promotions that may not take part, and why."""


def choose_pass(sale: EngineSale) -> Pass:
    """Return the pass that counts."""
    if not sale.restricted and not sale.contested:
        return Pass(sale, {})
    exclusive = [promotion for promotion in sale.promotions if promotion.exclusive]
    if sale.stacking.precedence == "priority":
        return _by_priority(sale, exclusive)
    return _by_value(sale, exclusive)


def _by_priority(sale: EngineSale, exclusive: list[CompiledPromotion]) -> Pass:
    """Choose by priority: an exclusive promotion that gives something stays alone, otherwise the first ones win."""
    refused: Forbidden = {}
    for promotion in sorted(exclusive, key=_precedence):
        attempt = Pass(sale, _all_but(sale, [promotion]))
        if attempt.grants:
            return attempt
        refused.update({promotion.rank: attempt.refusals[promotion.rank]})
    return _first_come(sale, refused)


def _first_come(sale: EngineSale, forbidden: Forbidden) -> Pass:
    """Let each promotion exclude those of lower priority, also one of the order level, which applies later."""
    attempt = Pass(sale, forbidden)
    late = (
        [promotion for promotion in sale.orders if promotion.rank in attempt.refusals] if sale.items else []
    )
    for promotion in sorted(late, key=_precedence)[:MAX_PASSES]:
        refusal = attempt.refusals.get(promotion.rank)
        if refusal is None or refusal.reason not in ("excluded_by", "excluded_pair", "max_promotions"):
            continue
        making_way = _clashing(sale, attempt, promotion)
        if making_way is None:
            continue
        other = Pass(sale, forbidden | making_way) if making_way else attempt
        refusal = other.refusals.get(promotion.rank)
        if refusal is not None and refusal.reason == "max_promotions":
            making_way |= _crowding(sale, other, promotion)
            other = Pass(sale, forbidden | making_way)
        if any(grant.promotion is promotion for grant in other.grants):
            forbidden, attempt = forbidden | making_way, other
    return attempt


def _clashing(sale: EngineSale, attempt: Pass, promotion: CompiledPromotion) -> Forbidden | None:
    """Return the promotions of lower priority that may not meet `promotion`; None when a higher one excludes it."""
    stacking, precedence = sale.stacking, _precedence(promotion)
    pairs = sale.pairs.get(promotion.number, ())
    granted = [grant.promotion for grant in attempt.grants]
    clashing: Forbidden = {}
    for rival in {*sale.items, *granted}:
        if rival.number in pairs:
            refusal = Refusal("excluded_pair", by=promotion.number)
        elif (not stacking.item_with_order and rival.on_order != promotion.on_order) or (
            not stacking.coupons_with_promotions and rival.rule.trigger != promotion.rule.trigger
        ):
            refusal = Refusal("excluded_by", by=promotion.number)
        else:
            continue
        if _precedence(rival) > precedence:
            clashing[rival.rank] = refusal
        elif rival in granted:
            return None
    return clashing


def _crowding(sale: EngineSale, attempt: Pass, promotion: CompiledPromotion) -> Forbidden:
    """Return the promotions of lower priority that have no place beside `promotion` under `max_promotions`."""
    limit = sale.stacking.max_promotions or 0
    granted = sorted([grant.promotion for grant in attempt.grants], key=_precedence)
    refusal = Refusal("max_promotions", limit, limit + 1)
    return {
        rival.rank: refusal
        for rival in {*sale.items, *granted}.difference(granted[: limit - 1])
        if _precedence(rival) > _precedence(promotion)
    }


def _precedence(promotion: CompiledPromotion) -> tuple[int, int, int, int]:
    return (
        _campaign_priority(promotion),
        promotion.rule.priority,
        promotion.number,
        promotion.campaign or 0,
    )


def _by_value(sale: EngineSale, exclusive: list[CompiledPromotion]) -> Pass:
    ways = list(_conflicts(sale))
    limit = sale.stacking.max_promotions
    alone = [_all_but(sale, [promotion]) for promotion in exclusive]
    shared: Forbidden = {promotion.rank: Refusal("excluded_by") for promotion in exclusive}
    passes = [Pass(sale, forbidden) for forbidden in alone[:MAX_PASSES]]
    for count, choice in enumerate(product(*ways)):
        if count == MAX_PASSES:
            break
        forbidden = dict(shared)
        for refusals in choice:
            forbidden.update(refusals)
        passes.append(Pass(sale, forbidden) if limit is None else _at_most(sale, limit, forbidden))
    best = min(passes, key=_preference)
    _name_winner(best)
    return best


def _preference(attempt: Pass) -> tuple[int, list[tuple[int, int]], int, list[int]]:
    promotions = [grant.promotion for grant in attempt.grants]
    priorities = sorted(
        [(_campaign_priority(promotion), promotion.rule.priority) for promotion in promotions]
    )
    return (
        -attempt.discount,
        priorities,
        len(promotions),
        sorted(promotion.number for promotion in promotions),
    )


def _campaign_priority(promotion: CompiledPromotion) -> int:
    campaign = promotion.rule.campaign
    return 100 if campaign is None else campaign.priority


def _name_winner(attempt: Pass) -> None:
    """Write the winner into refusals by several promotions together: the one that gives most."""
    if attempt.grants:
        winner = max(attempt.grants, key=lambda grant: grant.amount).promotion.number
        for rank, refusal in attempt.refusals.items():
            if refusal.reason == "excluded_by" and refusal.by is None:
                attempt.refusals[rank] = replace(refusal, by=winner)


def _all_but(sale: EngineSale, kept: Iterable[CompiledPromotion]) -> Forbidden:
    ranks = {promotion.rank for promotion in kept}
    only = next(iter(kept), None)
    refusal = Refusal("excluded_by", by=None if only is None else only.number)
    return {promotion.rank: refusal for promotion in sale.promotions if promotion.rank not in ranks}


def _conflicts(sale: EngineSale) -> Iterable[list[Forbidden]]:
    """List the ways to resolve each conflict: which promotions to forbid."""
    stacking, promotions = sale.stacking, [one for one in sale.promotions if not one.exclusive]
    if not stacking.item_with_order:
        yield from _conflict_between(promotions, lambda promotion: promotion.on_order)
    if not stacking.coupons_with_promotions:
        yield from _conflict_between(promotions, lambda promotion: promotion.rule.trigger == "coupon")
    for group in sorted({promotion.group for promotion in promotions if promotion.group is not None}):
        # A unit that the item level gives to one of the group is lost to those of the order level: is it worth it?
        rivals = [promotion for promotion in promotions if promotion.group == group]
        late = [promotion for promotion in rivals if promotion.on_order]
        if late and len(late) < len(rivals):
            refusal = Refusal("beaten_by", by=late[0].number)
            yield [{}, {promotion.rank: refusal for promotion in rivals if not promotion.on_order}]
    here: dict[int, list[int]] = {}
    for promotion in promotions:
        here.setdefault(promotion.number, []).append(promotion.rank)
    for one, other in sorted(stacking.excluded_pairs):
        if one in here and other in here:
            yield [
                {rank: Refusal("excluded_pair", by=one) for rank in here[other]},
                {rank: Refusal("excluded_pair", by=other) for rank in here[one]},
            ]


def _conflict_between(
    promotions: list[CompiledPromotion], second: Callable[[CompiledPromotion], bool]
) -> Iterable[list[Forbidden]]:
    ranks: Mapping[bool, list[int]] = {
        side: [promotion.rank for promotion in promotions if second(promotion) is side]
        for side in (False, True)
    }
    if ranks[False] and ranks[True]:
        yield [{rank: Refusal("excluded_by") for rank in ranks[side]} for side in (True, False)]


def _at_most(sale: EngineSale, limit: int, forbidden: Forbidden) -> Pass:
    """Return the best deal of at most `limit` promotions.

    Promotions that give nothing alone are left out. If there are few choices, all are tried. Otherwise the best further
    promotion is added, one at a time. Otherwise those that give most alone are taken.
    """
    free = [promotion for promotion in sale.promotions if promotion.rank not in forbidden]

    def run_only(chosen: Iterable[CompiledPromotion]) -> Pass:
        return Pass(sale, forbidden, among={promotion.rank for promotion in chosen})

    def run_with_reasons(chosen: Iterable[CompiledPromotion]) -> Pass:
        ranks = {promotion.rank for promotion in chosen}
        crowded = {
            one.rank: Refusal("max_promotions", limit, limit + 1) for one in free if one.rank not in ranks
        }
        return Pass(sale, forbidden | crowded)

    if len(free) <= limit:
        return Pass(sale, forbidden)
    alone = sorted(
        [
            (_preference(attempt), promotion)
            for promotion in free
            if (attempt := run_only([promotion])).grants
        ],
        key=lambda one: one[0],
    )
    able = [promotion for _, promotion in alone]
    if len(able) <= limit:
        return Pass(sale, forbidden)
    if comb(len(able), limit) <= MAX_PASSES:
        return run_with_reasons(
            min(combinations(able, limit), key=lambda chosen: _preference(run_only(chosen)))
        )
    if limit * len(able) > 4 * MAX_PASSES:
        return run_with_reasons(able[:limit])
    chosen, best = able[:1], alone[0][0]
    while len(chosen) < limit:
        others = [promotion for promotion in able if promotion not in chosen]
        preference, promotion = min(
            [(_preference(run_only([*chosen, promotion])), promotion) for promotion in others],
            key=lambda one: one[0],
        )
        if preference[0] >= best[0]:  # no larger discount
            break
        chosen, best = [*chosen, promotion], preference
    return run_with_reasons(chosen)
