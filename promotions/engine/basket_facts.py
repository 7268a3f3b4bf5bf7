"""The facts of one sale, computed once: which kinds match, what they are worth, the customer, the local time."""

from datetime import datetime
from zoneinfo import ZoneInfo

from promotions.engine.basket import Basket, Customer
from promotions.engine.rules import Match
from promotions.engine.units import Kind, kinds_of_mask

UNKNOWN_CUSTOMER = Customer()


class Matcher:
    """A compiled `Match`. `number` is its place in its rule set's index; None: it is in none, and every kind is asked.

    `keyed`: it names SKUs, categories or brands, and the index knows its kinds by the first of these it names.
    `direct`: it names nothing more, so that these are all its kinds.
    """

    __slots__ = (
        "_brands",
        "_categories",
        "_high",
        "_low",
        "_skus",
        "direct",
        "keyed",
        "match",
        "number",
        "plain",
    )

    def __init__(self, match: Match, number: int | None) -> None:
        self.match = match
        self.number = number
        self._skus = frozenset(match.skus)
        self._categories = frozenset(match.categories)
        self._brands = frozenset(match.brands)
        self._low = match.unit_price_min
        self._high = match.unit_price_max
        named = bool(match.skus) + bool(match.categories) + bool(match.brands)
        priced = self._low is not None or self._high is not None
        self.keyed = named > 0
        self.plain = named <= 1 and not priced
        self.direct = number is not None and self.keyed and self.plain

    def holds(self, kind: Kind) -> bool:
        return (
            (not self._skus or kind.sku in self._skus)
            and (not self._categories or not self._categories.isdisjoint(kind.categories))
            and (not self._brands or kind.brand in self._brands)
            and (self._low is None or kind.unit_price >= self._low)
            and (self._high is None or kind.unit_price <= self._high)
        )


class Measure:
    """Worth and quantity by a mask of kinds: before any discount, or after the item level."""

    __slots__ = ("_quantities", "_worths", "counts", "values")

    def __init__(self, values: list[int], counts: list[int]) -> None:
        self.values = values
        self.counts = counts
        self._worths: dict[int, int] = {}
        self._quantities: dict[int, int] = {}

    def worth(self, mask: int) -> int:
        """Return minor units of the kinds in `mask` together."""
        worth = self._worths.get(mask)
        if worth is None:
            values = self.values
            worth = self._worths[mask] = sum([values[number] for number in kinds_of_mask(mask)])
        return worth

    def quantity(self, mask: int) -> int:
        """Return units of the kinds in `mask` together."""
        if not mask & mask - 1:  # one kind, as most masks have, or none
            return self.counts[mask.bit_length() - 1] if mask else 0
        quantity = self._quantities.get(mask)
        if quantity is None:
            counts = self.counts
            quantity = self._quantities[mask] = sum([counts[number] for number in kinds_of_mask(mask)])
        return quantity


class BasketFacts:
    """One sale at one instant. Masks have a bit for each kind; kinds that take no discount are in none."""

    __slots__ = (
        "_local",
        "_masks",
        "_smallest_line",
        "basket",
        "customer",
        "everything",
        "full_price",
        "kinds",
        "now",
        "original",
        "touched",
    )

    def __init__(self, basket: Basket, kinds: tuple[Kind, ...], now: datetime) -> None:
        self.basket = basket
        self.customer = basket.customer or UNKNOWN_CUSTOMER
        self.kinds = kinds
        self.now = now
        self.everything = sum([1 << number for number, kind in enumerate(kinds) if kind.discountable])
        self.full_price = sum(
            [1 << number for number, kind in enumerate(kinds) if not kind.already_discounted]
        )
        self.original = Measure([kind.value for kind in kinds], [kind.count for kind in kinds])
        self.touched: dict[int | None, int] = {}
        self._masks: dict[int, int] = {}
        self._local: datetime | None = None
        self._smallest_line: int | None = None

    def mask(self, matcher: Matcher) -> int:
        """Return the kinds that `matcher` holds for."""
        number = matcher.number
        if matcher.direct:
            return self.touched.get(number, 0)
        if number is None:
            return self._filter_kinds(self.everything, matcher)
        if matcher.plain:
            return self.everything
        mask = self._masks.get(number)
        if mask is None:
            near = self.touched.get(number, 0) if matcher.keyed else self.everything
            mask = self._masks[number] = self._filter_kinds(near, matcher)
        return mask

    def _filter_kinds(self, mask: int, matcher: Matcher) -> int:
        return sum([1 << number for number in kinds_of_mask(mask) if matcher.holds(self.kinds[number])])

    @property
    def local(self) -> datetime:
        """The local time of the shop."""
        if self._local is None:
            self._local = self.now.astimezone(ZoneInfo(self.basket.time_zone))
        return self._local

    @property
    def smallest_line(self) -> int:
        """The worth of the least line that takes discounts; 0 when there is none."""
        if self._smallest_line is None:
            worths = [
                int(kind.unit_price * count)
                for kind in self.kinds
                if kind.discountable
                for _, count in kind.lines
            ]
            self._smallest_line = min(worths, default=0)
        return self._smallest_line
