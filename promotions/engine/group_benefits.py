"""Compiled benefits that combine units: buy X get Y, bundles, the cheapest free, gifts.

On one level each unit is used by one of them at most.
"""

from collections.abc import Iterable
from fractions import Fraction

from promotions.engine.allocation import fill, round_half_up
from promotions.engine.basket_facts import Matcher
from promotions.engine.benefits import UnitBenefit
from promotions.engine.claims import NO_ITEMS, NOTHING, Claim, LevelContext
from promotions.engine.conditions import Matching, Refusal
from promotions.engine.rules import (
    WHOLE,
    BenefitPart,
    Bundle,
    BuyGet,
    Caps,
    CheapestFree,
    FixedPerUnit,
    FreeGift,
    PercentOff,
    Target,
)
from promotions.engine.units import Batch, cheapest_first, dearest_first

UNBOUNDED = 10**9


class BuyGetBenefit:
    """Whole groups of units that pay and units that are reduced."""

    __slots__ = (
        "_buy",
        "_buy_quantity",
        "_dearest",
        "_get",
        "_get_quantity",
        "_group",
        "_most",
        "_reward",
        "per_unit",
    )

    def __init__(self, benefit: BuyGet, caps: Caps, matching: Matching) -> None:
        self._buy = matching(benefit.buy.match)
        self._get = matching(benefit.get.match)
        self._buy_quantity = benefit.buy.quantity
        self._get_quantity = benefit.get.quantity
        self._group = benefit.buy.quantity + benefit.get.quantity
        self._dearest = benefit.pick == "dearest"
        self._most = caps.max_applications or UNBOUNDED
        if benefit.max_get_units is not None:
            self._most = min(self._most, benefit.max_get_units // benefit.get.quantity)
        reward = PercentOff(WHOLE if benefit.percent is None else benefit.percent)
        self._reward = UnitBenefit(
            reward if benefit.amount is None else FixedPerUnit(benefit.amount), Target()
        )
        self.per_unit = False

    def claim(self, context: LevelContext, mask: int, group: str | None) -> Claim | Refusal:
        facts = context.facts
        buy = get = facts.mask(self._buy) & mask
        if self._get is not self._buy:
            get = facts.mask(self._get) & mask
        if not buy or not get:
            return NO_ITEMS
        held = facts.original.quantity(buy | get)
        if held < self._group:
            return Refusal("min_quantity", self._group, held)
        pool = context.units.find_unused(buy | get, group)
        payers, getters = pool, [batch for batch in pool if batch.rest > batch.low]
        if buy != get:
            payers = [batch for batch in payers if buy >> batch.kind & 1]
            getters = [batch for batch in getters if get >> batch.kind & 1]
        groups = Groups(payers, getters, self._buy_quantity, self._get_quantity, self._most)
        if not groups.count:
            return self._too_few(groups)
        plan = groups.dearest_get() if self._dearest else groups.cheapest_get()
        used, reduced = [], []
        for batch, (paying, getting) in plan.items():
            # The dearest pay, to the minor unit. A batch that gives all its units to one side stays whole.
            if paying:
                used.append(context.units.split_batch(batch, paying, dearest=True))
            if getting:
                part = context.units.split_batch(batch, getting, dearest=self._dearest)
                reduced.append(part)
                used.append(part)
        claim = self._reward.on(context, sorted(reduced, key=_by_kind))
        if isinstance(claim, Claim):
            claim.used = used
            claim.applications = groups.count
        return claim

    def _too_few(self, groups: "Groups") -> Refusal:
        if groups.buying < self._buy_quantity:
            return Refusal("min_quantity", self._buy_quantity, groups.buying)
        if groups.getting < self._get_quantity:
            return Refusal("min_quantity", self._get_quantity, groups.getting)
        return Refusal("min_quantity", self._group, groups.together)


class Groups:
    """How many whole groups the units make, and of which units. Some units may stand on either side.

    A group needs `buy` units that pay and `get` that are reduced. A side takes only so many of the units for both sides
    that the other side keeps enough. So picking by price never loses a group that is possible.
    """

    def __init__(self, payers: list[Batch], getters: list[Batch], buy: int, get: int, most: int) -> None:
        self.payers, self.getters, self.buy, self.get = payers, getters, buy, get
        self.both = set(payers).intersection(getters)
        either = _count(self.both)
        only_buy, only_get = _count(payers) - either, _count(getters) - either
        self.buying, self.getting, self.together = (
            only_buy + either,
            only_get + either,
            only_buy + only_get + either,
        )
        self.count = min(self.buying // buy, self.getting // get, self.together // (buy + get), most)
        self._spare_to_buy = either - max(0, self.count * get - only_get)
        self._spare_to_get = either - max(0, self.count * buy - only_buy)

    def cheapest_get(self) -> dict[Batch, tuple[int, int]]:
        """Reduce the cheapest units and let the dearest of the others pay; return (paying, reduced) of each batch."""
        getting = self._draw(
            sorted(self.getters, key=cheapest_first), self.count * self.get, {}, self._spare_to_get
        )
        paying = self._draw(sorted(self.payers, key=dearest_first), self.count * self.buy, getting, UNBOUNDED)
        return _both_sides(paying, getting)

    def dearest_get(self) -> dict[Batch, tuple[int, int]]:
        """Group by group, let the dearest units pay and reduce the dearest of the others."""
        payers = sorted(self.payers, key=dearest_first)
        getters = sorted(self.getters, key=dearest_first)
        taken: dict[Batch, int] = {}
        paying: dict[Batch, int] = {}
        getting: dict[Batch, int] = {}
        spare_to_buy, spare_to_get, left = self._spare_to_buy, self._spare_to_get, self.count
        while left:
            pays = self._draw(payers, self.buy, taken, spare_to_buy)
            gets = self._draw(getters, self.get, _sum(taken, pays), spare_to_get)
            drawn = _sum(pays, gets)
            # As many groups at once as the same batches can make: a large sale costs no more than a small one.
            times = min(
                left, *[(batch.count - taken.get(batch, 0)) // units for batch, units in drawn.items()]
            )
            shared_pays = sum([units for batch, units in pays.items() if batch in self.both])
            shared_gets = sum([units for batch, units in gets.items() if batch in self.both])
            if shared_pays:
                times = min(times, spare_to_buy // shared_pays)
            if shared_gets:
                times = min(times, spare_to_get // shared_gets)
            for sums, units_of in ((taken, drawn), (paying, pays), (getting, gets)):
                for batch, units in units_of.items():
                    sums[batch] = sums.get(batch, 0) + units * times
            spare_to_buy -= shared_pays * times
            spare_to_get -= shared_gets * times
            left -= times
        return _both_sides(paying, getting)

    def _draw(
        self, batches: list[Batch], units: int, taken: dict[Batch, int], spare: int
    ) -> dict[Batch, int]:
        """Draw `units` units from `batches` in order, beside those `taken`; at most `spare` of those on both sides."""
        drawn: dict[Batch, int] = {}
        for batch in batches:
            shared = batch in self.both
            free = min(units, batch.count - taken.get(batch, 0), spare if shared else UNBOUNDED)
            if free > 0:
                drawn[batch] = free
                units -= free
                if shared:
                    spare -= free
                if not units:
                    break
        return drawn


SetsOfUnits = tuple[dict[Batch, int], int]
"""So many sets of the same units: how many of each batch are in one set, and the number of sets."""


class BundleBenefit:
    """Sets of all parts, the cheapest (or dearest) units first. A set that would not get cheaper is skipped."""

    __slots__ = ("_benefit", "_most", "_parts", "per_unit")

    def __init__(self, benefit: Bundle, caps: Caps, matching: Matching) -> None:
        self._benefit = benefit
        self._parts: list[tuple[Matcher, BenefitPart]] = [
            (matching(part.match), part) for part in benefit.parts
        ]
        self._most = caps.max_applications or UNBOUNDED
        self.per_unit = False

    def claim(self, context: LevelContext, mask: int, group: str | None) -> Claim | Refusal:
        order = dearest_first if self._benefit.pick == "dearest" else cheapest_first
        parts = []
        reach = 0
        for matcher, part in self._parts:
            matching = context.facts.mask(matcher) & mask
            reach |= matching
            if not matching:
                return NO_ITEMS
            pool = sorted(context.units.find_unused(matching, group), key=order)
            if _count(pool) < part.quantity:
                return Refusal("min_quantity", part.quantity, _count(pool))
            parts.append((pool, part.quantity))
        sets, complete = self._sets(parts)
        if not sets:
            needed = sum(part.quantity for _, part in self._parts)
            return (
                NOTHING
                if complete
                else Refusal("min_quantity", needed, context.facts.original.quantity(reach))
            )
        claim = self._price(context, sets)
        if isinstance(claim, Claim):
            claim.used = claim.pieces
            claim.applications = sum(times for _, times in sets)
        return claim

    def _sets(self, parts: list[tuple[list[Batch], int]]) -> tuple[list[SetsOfUnits], bool]:
        """Return the sets that get cheaper, and whether any set was complete."""
        taken: dict[Batch, int] = {}
        sets: list[SetsOfUnits] = []
        left, complete = self._most, False
        while left:
            drawn: dict[Batch, int] = {}
            for pool, quantity in parts:
                missing = quantity
                for batch in pool:
                    free = min(missing, batch.count - taken.get(batch, 0) - drawn.get(batch, 0))
                    if free > 0:
                        drawn[batch] = drawn.get(batch, 0) + free
                        missing -= free
                        if not missing:
                            break
                if missing:
                    return sets, complete
            complete = True
            times = min(
                left, *[(batch.count - taken.get(batch, 0)) // units for batch, units in drawn.items()]
            )
            for batch, units in drawn.items():
                taken[batch] = taken.get(batch, 0) + units * times
            left -= times
            if self._saving(drawn) > 0 or self._benefit.price is None:
                sets.append((drawn, times))
        return sets, complete

    def _saving(self, drawn: dict[Batch, int]) -> Fraction:
        """Return the discount of one set, without regard to floors."""
        benefit = self._benefit
        worth = sum([Fraction(batch.rest * units, batch.count) for batch, units in drawn.items()], Fraction())
        if benefit.percent is not None:
            return worth * benefit.percent / WHOLE
        return Fraction(benefit.amount) if benefit.amount is not None else worth - (benefit.price or 0)

    def _price(self, context: LevelContext, sets: list[SetsOfUnits]) -> Claim | Refusal:
        """Give each set its own discount. What the floors of one set prevent is not taken off another."""
        shares: dict[Batch, Fraction] = {}
        bundled: dict[Batch, int] = {}
        for drawn, times in sets:
            saving = self._saving(drawn)
            rests = [Fraction(batch.rest * units, batch.count) for batch, units in drawn.items()]
            rooms = [
                Fraction((batch.rest - batch.low) * units, batch.count) for batch, units in drawn.items()
            ]
            filled = fill(min(saving, sum(rooms, Fraction())), rests, rooms)
            for (batch, units), share in zip(drawn.items(), filled, strict=True):
                shares[batch] = shares.get(batch, Fraction()) + share * times
                bundled[batch] = bundled.get(batch, 0) + units * times
        dearest = self._benefit.pick == "dearest"
        weights = {
            context.units.split_batch(batch, units, dearest=dearest): shares[batch]
            for batch, units in bundled.items()
        }
        pieces = sorted(weights, key=_by_kind)
        room = sum([piece.rest - piece.low for piece in pieces])
        wish = min(round_half_up(sum(weights.values()), 1), room)
        return Claim(pieces, [weights[piece] for piece in pieces], wish) if wish else NOTHING


class FreeUnitsBenefit:
    """The cheapest units for nothing."""

    __slots__ = ("_sku", "_units", "per_unit")

    def __init__(self, benefit: CheapestFree | FreeGift) -> None:
        self._units = benefit.quantity if isinstance(benefit, FreeGift) else benefit.units
        self._sku = benefit.sku if isinstance(benefit, FreeGift) else None
        self.per_unit = False

    def claim(self, context: LevelContext, mask: int, group: str | None) -> Claim | Refusal:
        kinds = context.units.kinds
        open_ = [batch for batch in context.units.find_unused(mask, group) if batch.rest > batch.low]
        if self._sku is not None:
            open_ = [batch for batch in open_ if kinds[batch.kind].sku == self._sku]
        if not open_:
            return NOTHING if mask and self._sku is None else NO_ITEMS
        pieces = sorted(context.units.select_units(open_, self._units, dearest=False), key=_by_kind)
        rooms = [piece.rest - piece.low for piece in pieces]
        claim = Claim(pieces, list(rooms), sum(rooms))
        claim.used = pieces
        return claim


def _count(batches: Iterable[Batch]) -> int:
    return sum([batch.count for batch in batches])


def _by_kind(batch: Batch) -> int:
    return batch.kind


def _sum(one: dict[Batch, int], other: dict[Batch, int]) -> dict[Batch, int]:
    return {batch: one.get(batch, 0) + other.get(batch, 0) for batch in one | other}


def _both_sides(paying: dict[Batch, int], getting: dict[Batch, int]) -> dict[Batch, tuple[int, int]]:
    return {batch: (paying.get(batch, 0), getting.get(batch, 0)) for batch in getting | paying}
