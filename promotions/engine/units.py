"""The units of a sale: lines merged into kinds, and batches of units with the same history.

Totals must not depend on the order of lines or on how units are split over lines. So the engine never looks at lines:
units that nothing tells apart are one `Kind`, in an order of their own (SKU, least line id), and only
the answer shares what a kind gets among its lines.

A promotion may touch part of a kind. Units with the same history form a `Batch`: what is left to pay of them together
is spread evenly over them, so two of its units differ by one minor unit at most.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from promotions.engine.allocation import round_half_up
from promotions.engine.basket import BasketLine

NO_GROUPS: frozenset[str] = frozenset()


@lru_cache(maxsize=4096)
def kinds_of_mask(mask: int) -> tuple[int, ...]:
    """Return the numbers of the kinds in `mask`, which has a bit for each; lowest first."""
    numbers = []
    while mask:
        lowest = mask & -mask
        numbers.append(lowest.bit_length() - 1)
        mask ^= lowest
    return tuple(numbers)


class Kind:
    """Interchangeable units: one article, price, floor and set of facts. Immutable.

    `value`: before any discount, of all `count` units. `low`: the floor price of one, its price where that is lower.
    `lines`: (place in the basket, count), by line id.
    """

    __slots__ = (
        "already_discounted",
        "brand",
        "categories",
        "count",
        "discountable",
        "lines",
        "low",
        "sku",
        "unit_price",
        "value",
    )

    def __init__(self, line: BasketLine, value: int, lines: tuple[tuple[int, int], ...], count: int) -> None:
        self.sku = line.sku
        self.categories = line.categories
        self.brand = line.brand
        self.discountable = line.discountable
        self.already_discounted = line.already_discounted
        self.value = value
        self.count = count
        self.lines = lines
        unit_price, odd = divmod(value, count)
        self.unit_price: int | Fraction = Fraction(value, count) if odd else unit_price
        self.low: int | Fraction = min(line.min_unit_price, self.unit_price)


class Batch:
    """`count` units of kind number `kind`, with `rest` minor units left to pay and a floor of `low`, both in all.

    A discount may still take `rest` − `low`, which is never below 0.
    `used`: a buy-get, bundle or other group benefit of this level has them. `bought`: a buy-get has them. `groups`: the
    best-of groups that have them.
    """

    __slots__ = ("bought", "count", "groups", "kind", "low", "rest", "used")

    def __init__(self, kind: int, count: int, rest: int, low: int) -> None:
        self.kind = kind
        self.count = count
        self.rest = rest
        self.low = low
        self.used = False
        self.bought = False
        self.groups = NO_GROUPS

    def rest_of(self, units: int, *, dearest: bool) -> int:
        """Return what is left to pay of `units` of these units, the dearest or the cheapest first."""
        each, dearer = divmod(self.rest, self.count)
        if dearest:
            return each * units + min(dearer, units)
        return each * units + max(0, units - (self.count - dearer))

    @property
    def price(self) -> int:
        """What a unit costs now, on a scale fine enough to order by in whole numbers."""
        return (self.rest << 32) // self.count


def merge_lines(lines: Sequence[BasketLine]) -> tuple[Kind, ...]:
    """Return the kinds of units in `lines`, in the order that breaks ties."""
    if len({line.sku for line in lines}) == len(lines):
        kinds = [
            Kind(line, _value(line), ((place, line.quantity),), line.quantity)
            for place, line in enumerate(lines)
        ]
        kinds.sort(key=_by_sku)
        return tuple(kinds)
    alike: dict[_Facts, list[tuple[str, int, BasketLine]]] = {}
    for place, line in enumerate(lines):
        each, odd = divmod(_value(line), line.quantity)
        key = (
            line.sku,
            each,
            odd,
            line.quantity if odd else 0,
            line.min_unit_price,
            line.brand,
            line.categories,
            line.discountable,
            line.already_discounted,
        )
        alike.setdefault(key, []).append((line.id, place, line))
    ordered = []
    for same in alike.values():
        same.sort()
        count = sum([line.quantity for _, _, line in same])
        value = sum([_value(line) for _, _, line in same])
        places = tuple([(place, line.quantity) for _, place, line in same])
        first, _, line = same[0]
        ordered.append((line.sku, first, Kind(line, value, places, count)))
    ordered.sort(key=_by_sku_and_id)
    return tuple([kind for *_, kind in ordered])


_Facts = tuple[str, int, int, int, int, str, tuple[str, ...], bool, bool]


def _value(line: BasketLine) -> int:
    return line.quantity * line.unit_price if line.line_total is None else line.line_total


def _by_sku(kind: Kind) -> str:
    return kind.sku


def _by_sku_and_id(one: tuple[str, str, Kind]) -> tuple[str, str]:
    return one[:2]


class Pool:
    """Batches over which several amounts are shared in turn: no kind is in two of them, and none has a floor."""

    __slots__ = ("batches", "kinds")

    def __init__(self, batches: list[Batch], kinds: list[int]) -> None:
        self.batches = batches
        self.kinds = kinds


class Units:
    """What is left to pay of each unit, while promotions are applied. The only thing in the engine that changes.

    `whole`: each kind is one batch.
    """

    __slots__ = ("_pools", "batches", "kinds", "whole")

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self.kinds = kinds
        self.whole = True
        self.batches = [
            [Batch(number, kind.count, kind.value, int(kind.low * kind.count))] if kind.discountable else []
            for number, kind in enumerate(kinds)
        ]
        self._pools: dict[int, Pool | None] = {}

    def pool(self, mask: int) -> Pool | None:
        """Return all open batches of these kinds, if they make a pool. Some of them may have nothing left."""
        if mask in self._pools:
            return self._pools[mask]
        batches = self.find_open(mask, None, spare_bought=False)
        kinds = [batch.kind for batch in batches]
        floors = any(batch.low for batch in batches)
        pool = None if floors or len(set(kinds)) < len(kinds) else Pool(batches, kinds)
        self._pools[mask] = pool
        return pool

    def find_open(self, mask: int, group: str | None, *, spare_bought: bool) -> list[Batch]:
        """Return the batches of these kinds that can still take a discount and that `group` has given to no promotion.

        `spare_bought`: leave those a buy-get has used.
        """
        batches = self.batches
        if group is None and not spare_bought:
            return [
                batch for number in kinds_of_mask(mask) for batch in batches[number] if batch.rest > batch.low
            ]
        return [
            batch
            for number in kinds_of_mask(mask)
            for batch in batches[number]
            if batch.rest > batch.low and group not in batch.groups and not (spare_bought and batch.bought)
        ]

    def find_unused(self, mask: int, group: str | None) -> list[Batch]:
        """Return the batches of these kinds that cost something and that no group benefit and not `group` has used."""
        batches = self.batches
        return [
            batch
            for number in kinds_of_mask(mask)
            for batch in batches[number]
            if batch.rest and not batch.used and group not in batch.groups
        ]

    def split_batch(self, batch: Batch, units: int, *, dearest: bool) -> Batch:
        """Split `units` off `batch`, its dearest or its cheapest. Both parts keep its history."""
        if units == batch.count:
            return batch
        if isinstance(self.kinds[batch.kind].unit_price, int):
            rest = batch.rest_of(units, dearest=dearest)
            low = batch.low * units // batch.count
        else:  # a unit costs its share of the line's total, to the fraction
            rest = round_half_up(batch.rest * units, batch.count)
            low = round_half_up(batch.low * units, batch.count)
        part = Batch(batch.kind, units, rest, low)
        part.used = batch.used
        part.bought = batch.bought
        part.groups = batch.groups
        batch.count -= units
        batch.rest -= rest
        batch.low -= low
        self.batches[batch.kind].append(part)
        self.whole = False
        self._pools.clear()
        return part

    def select_units(self, batches: list[Batch], units: int, *, dearest: bool) -> list[Batch]:
        """Select `units` of the units in `batches`, or all if there are fewer: the dearest or the cheapest."""
        chosen = []
        for batch in sorted(batches, key=dearest_first if dearest else cheapest_first):
            taken = min(units, batch.count)
            chosen.append(self.split_batch(batch, taken, dearest=dearest))
            units -= taken
            if not units:
                break
        return chosen

    def start_order_level(self) -> None:
        """Free all units for the group benefits of the order level, and join batches that are alike then."""
        self.whole = True
        self._pools.clear()
        for number, batches in enumerate(self.batches):
            for batch in batches:
                batch.used = batch.bought = False
            if len(batches) > 1:
                self.batches[number] = _join_alike(batches)
                self.whole &= len(self.batches[number]) == 1


def _join_alike(batches: list[Batch]) -> list[Batch]:
    """Join the batches of one kind whose units differ by one minor unit at most; return them, the same units still."""
    joined: list[Batch] = []
    lowest = 0
    for batch in sorted(batches, key=_by_groups_and_price):
        one = joined[-1] if joined else None
        if one is not None and one.groups == batch.groups and -(-batch.rest // batch.count) <= lowest + 1:
            one.count += batch.count
            one.rest += batch.rest
            one.low += batch.low
        else:
            joined.append(batch)
            lowest = batch.rest // batch.count
    return joined


def _by_groups_and_price(batch: Batch) -> tuple[list[str], int]:
    return (sorted(batch.groups) if batch.groups else [], batch.rest // batch.count)


def dearest_first(batch: Batch) -> tuple[int, int]:
    """Sort key of batches: the most expensive units first."""
    return (-batch.price, batch.kind)


def cheapest_first(batch: Batch) -> tuple[int, int]:
    """Sort key of batches: the cheapest units first."""
    return (batch.price, batch.kind)
