"""Claims: the amount that a benefit asks for on certain batches of units, before any limit."""

from collections.abc import Sequence

from msgspec import Struct

from promotions.engine.allocation import Number, allocate
from promotions.engine.basket_facts import BasketFacts, Measure
from promotions.engine.conditions import Refusal
from promotions.engine.units import Batch, Units

NOTHING = Refusal("no_value")
NO_ITEMS = Refusal("no_matching_items")


class LevelContext:
    """The context of one level: the units that its benefits work on.

    `measure`: what thresholds compare with. `spare_bought`: units that a buy-get used get no other discount.
    """

    __slots__ = ("facts", "measure", "spare_bought", "units")

    def __init__(self, facts: BasketFacts, units: Units, measure: Measure, *, spare_bought: bool) -> None:
        self.facts = facts
        self.units = units
        self.measure = measure
        self.spare_bought = spare_bought


class Claim(Struct, eq=False, gc=False):
    """`wish` minor units (above 0), shared over `pieces` in proportion to `weights`, none beyond its room.

    `fits`: no share in proportion can exceed its room. `kinds`: the kinds of the pieces, if surely none comes twice.
    `used`: units that no other group benefit may use. `applications`: sets of a bundle, groups of a buy-get.
    """

    pieces: list[Batch]
    weights: Sequence[Number]
    wish: int
    fits: bool = False
    kinds: list[int] | None = None
    used: list[Batch] | None = None
    applications: int = 1

    def grant(self, amount: int, *, whole: bool) -> tuple[Sequence[int], Sequence[int]]:
        """Take `amount`, at most the wish, off the pieces; return the numbers of the kinds and the part of each.

        `whole`: no kind comes in more than one piece.
        """
        pieces = self.pieces
        if len(pieces) == 1:
            pieces[0].rest -= amount
            return (pieces[0].kind,), (amount,)
        kinds = self.kinds
        if kinds is None:
            kinds = [piece.kind for piece in pieces]
            if not whole and len(different := set(kinds)) < len(kinds):
                if len(different) > 1:
                    return self._grant_by_kind(amount)
                self._share(amount, pieces, self.weights)
                return kinds[:1], (amount,)
        return kinds, self._share(amount, pieces, self.weights)

    def _share(self, amount: int, pieces: Sequence[Batch], weights: Sequence[Number]) -> list[int]:
        """Take `amount` off `pieces` in proportion to `weights`."""
        rooms = None if self.fits else [piece.rest - piece.low for piece in pieces]
        parts = allocate(amount, weights, rooms)
        for piece, part in zip(pieces, parts, strict=True):
            piece.rest -= part
        return parts

    def _grant_by_kind(self, amount: int) -> tuple[Sequence[int], Sequence[int]]:
        """Grant when a kind is in several batches: share over the kinds first, then within each."""
        by_kind: dict[int, list[tuple[Batch, Number]]] = {}
        for piece, weight in zip(self.pieces, self.weights, strict=True):
            by_kind.setdefault(piece.kind, []).append((piece, weight))
        totals = allocate(
            amount,
            [sum([weight for _, weight in group]) for group in by_kind.values()],
            [sum([batch.rest - batch.low for batch, _ in group]) for group in by_kind.values()],
        )
        for total, group in zip(totals, by_kind.values(), strict=True):
            if len(group) == 1:
                group[0][0].rest -= total
            else:
                self._share(total, *zip(*group, strict=True))
        return list(by_kind), totals
