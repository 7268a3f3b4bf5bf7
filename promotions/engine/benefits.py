"""Compiled benefits: each says which discount it claims on the units of a sale, and changes nothing.

This module has benefits on each unit by itself, and benefits that share one amount over many. `group_benefits` has
those that combine units.
"""

from collections.abc import Callable
from typing import Protocol

from promotions.engine.allocation import Number, round_half_up
from promotions.engine.claims import NO_ITEMS, NOTHING, Claim, LevelContext
from promotions.engine.conditions import Refusal
from promotions.engine.rules import WHOLE, FixedPerUnit, FixedPrice, PercentOff, Target, Tier, Tiered
from promotions.engine.units import Batch, Kind


class ReadyBenefit(Protocol):
    """A compiled benefit."""

    per_unit: bool
    """What a unit gets depends on that unit alone, so promotions of one best-of group can compete for each."""

    def claim(self, context: LevelContext, mask: int, group: str | None) -> Claim | Refusal:
        """Return its claim on the kinds in `mask`, without the units that `group` has given to another promotion."""


ShareFunction = Callable[[Batch, Kind], Number]
"""What a batch of units of a kind gets, in `scale`ths of a minor unit, never more than its room."""


def share_of(benefit: PercentOff | FixedPerUnit | FixedPrice) -> tuple[ShareFunction, int]:
    """Return the function that gives the discount of a batch, and the scale of its result."""
    match benefit:
        case PercentOff(percent, "remaining"):
            return _percent_of_rest(percent), WHOLE
        case PercentOff(percent, _):
            return _percent_of_original(percent), WHOLE
        case FixedPerUnit(amount):
            return _off_each(amount), 1
        case FixedPrice(amount):
            return _down_to(amount), 1


def _percent_of_rest(percent: int) -> ShareFunction:
    def share(batch: Batch, kind: Kind) -> Number:
        rest = batch.rest
        if not batch.low:
            return rest * percent
        return min(rest * percent, (rest - batch.low) * WHOLE)

    return share


def _percent_of_original(percent: int) -> ShareFunction:
    def share(batch: Batch, kind: Kind) -> Number:
        return min(kind.unit_price * batch.count * percent, (batch.rest - batch.low) * WHOLE)

    return share


def _off_each(amount: int) -> ShareFunction:
    def share(batch: Batch, kind: Kind) -> Number:
        # Units of a batch differ by one minor unit at most: either each can give the amount, or each gives its room.
        if batch.rest // batch.count - kind.low >= amount:
            return amount * batch.count
        return batch.rest - batch.low

    return share


def _down_to(amount: int) -> ShareFunction:
    def share(batch: Batch, kind: Kind) -> Number:
        return max(0, batch.rest - max(amount, kind.low) * batch.count)

    return share


class Chooser:
    """Chooses among the open batches for a target that limits the number of units."""

    __slots__ = ("bounded", "dearest", "max_units", "max_units_per_line")

    def __init__(self, target: Target) -> None:
        self.max_units = target.max_units
        self.max_units_per_line = target.max_units_per_line
        self.bounded = self.max_units is not None or self.max_units_per_line is not None
        self.dearest = target.pick == "dearest"

    def choose(self, context: LevelContext, batches: list[Batch]) -> list[Batch]:
        units = context.units
        if self.max_units_per_line is not None:
            by_kind: dict[int, list[Batch]] = {}
            for batch in batches:
                by_kind.setdefault(batch.kind, []).append(batch)
            batches = []
            for number, group in by_kind.items():
                limit = sum(min(count, self.max_units_per_line) for _, count in units.kinds[number].lines)
                batches += units.select_units(group, limit, dearest=True)
        if self.max_units is not None:
            batches = units.select_units(batches, self.max_units, dearest=self.dearest)
        return sorted(batches, key=_by_kind)


def _by_kind(batch: Batch) -> int:
    return batch.kind


class UnitBenefit:
    """A discount on each unit by itself."""

    __slots__ = ("_chooser", "per_unit", "scale", "share")

    def __init__(self, benefit: PercentOff | FixedPerUnit | FixedPrice, target: Target) -> None:
        self.share, self.scale = share_of(benefit)
        self._chooser = Chooser(target)
        self.per_unit = not self._chooser.bounded

    def claim(self, context: LevelContext, mask: int, group: str | None) -> Claim | Refusal:
        if not mask:
            return NO_ITEMS
        pieces = context.units.find_open(mask, group, spare_bought=context.spare_bought)
        if not self.per_unit:
            pieces = self._chooser.choose(context, pieces)
        return self.on(context, pieces)

    def on(self, context: LevelContext, pieces: list[Batch]) -> Claim | Refusal:
        """Return the claim on just these pieces."""
        kinds, share = context.units.kinds, self.share
        if len(pieces) == 1:  # as most are
            weights = [share(pieces[0], kinds[pieces[0].kind])]
            wish = round_half_up(weights[0], self.scale)
        else:
            weights = [share(piece, kinds[piece.kind]) for piece in pieces]
            wish = round_half_up(sum(weights), self.scale)
        return Claim(pieces, weights, wish) if wish else NOTHING


class SharedAmountBenefit:
    """One amount, or one percentage of the sum, shared in proportion to the rest of each unit's price."""

    __slots__ = ("_amount", "_chooser", "_percent", "per_unit")

    def __init__(self, target: Target, *, amount: int | None = None, percent: int | None = None) -> None:
        self._amount = amount
        self._percent = percent
        self._chooser = Chooser(target)
        self.per_unit = False

    def claim(self, context: LevelContext, mask: int, group: str | None) -> Claim | Refusal:
        if not mask:
            return NO_ITEMS
        bounded = self._chooser.bounded
        if group is None and not bounded and not context.spare_bought:
            pool = context.units.pool(mask)
            if pool is not None:
                return claim_in_proportion(
                    pool.batches, pool.kinds, amount=self._amount, percent=self._percent
                )
        pieces = context.units.find_open(mask, group, spare_bought=context.spare_bought)
        if bounded:
            pieces = self._chooser.choose(context, pieces)
        return claim_in_proportion(pieces, amount=self._amount, percent=self._percent)


def claim_in_proportion(
    pieces: list[Batch],
    kinds: list[int] | None = None,
    *,
    amount: int | None = None,
    percent: int | None = None,
) -> Claim | Refusal:
    """Return a claim of `amount`, or of `percent` of the rest, shared over `pieces` in proportion to their rests.

    `kinds`: those of a pool's batches.
    """
    weights = [piece.rest for piece in pieces]
    total = sum(weights)
    room = total if kinds is not None else sum([piece.rest - piece.low for piece in pieces])
    wish = (
        round_half_up(min(total * (percent or 0), room * WHOLE), WHOLE)
        if amount is None
        else min(amount, room)
    )
    return Claim(pieces, weights, wish, fits=room == total, kinds=kinds) if wish else NOTHING


class TieredBenefit:
    """The benefit of the highest tier that is reached."""

    __slots__ = ("_by_quantity", "_steps", "per_unit")

    def __init__(self, benefit: Tiered, target: Target) -> None:
        self._by_quantity = benefit.by == "quantity"
        self._steps = [(tier.at_least, _benefit_of_tier(tier, target)) for tier in reversed(benefit.tiers)]
        self.per_unit = False

    def claim(self, context: LevelContext, mask: int, group: str | None) -> Claim | Refusal:
        if not mask:
            return NO_ITEMS
        measure = context.measure
        have = measure.quantity(mask) if self._by_quantity else measure.worth(mask)
        for at_least, step in self._steps:
            if have >= at_least:
                return step.claim(context, mask, group)
        return Refusal("min_quantity" if self._by_quantity else "min_subtotal", self._steps[-1][0], have)


def _benefit_of_tier(tier: Tier, target: Target) -> SharedAmountBenefit:
    return SharedAmountBenefit(target, amount=tier.amount, percent=tier.percent)
