"""What a benefit asks for: an amount on certain batches of units, before any limit."""

from collections.abc import Sequence

from promotions.engine.allocation import Number, allocate
from promotions.engine.conditions import Refusal
from promotions.engine.facts import Facts, Measure
from promotions.engine.units import Batch, Units

NOTHING = Refusal("no_value")
NO_ITEMS = Refusal("no_matching_items")


class Ground:
    """What the benefits of one lane work on.

    `measure`: what thresholds see. `spare_used`: units that a group benefit used get no other discount.
    """

    __slots__ = ("facts", "measure", "spare_used", "units")

    def __init__(self, facts: Facts, units: Units, measure: Measure, *, spare_used: bool) -> None:
        self.facts = facts
        self.units = units
        self.measure = measure
        self.spare_used = spare_used


class Claim:
    """`wish` minor units (above 0), shared over `pieces` in proportion to `weights`, none beyond its room.

    `fits`: shares in proportion cannot pass a room. `used`: units no other group benefit may use. `applications`: sets
    of a bundle, groups of a buy-get.
    """

    __slots__ = ("applications", "fits", "pieces", "used", "weights", "wish")

    def __init__(self, pieces: list[Batch], weights: Sequence[Number], wish: int, fits: bool = False) -> None:
        self.pieces = pieces
        self.weights = weights
        self.wish = wish
        self.fits = fits
        self.used: list[Batch] | None = None
        self.applications = 1

    def grant(self, amount: int, *, whole: bool) -> list[tuple[int, int]]:
        """Take `amount`, at most the wish, off the pieces. Returns (kind number, its part) in the order of kinds.

        `whole`: no kind comes in more than one piece.
        """
        pieces = self.pieces
        if len(pieces) == 1:
            pieces[0].rest -= amount
            return [(pieces[0].kind, amount)]
        if not whole and len({piece.kind for piece in pieces}) < len(pieces):
            return self._grant_by_kind(amount)
        rooms = None if self.fits else [piece.rest - piece.low for piece in pieces]
        granted = []
        for piece, part in zip(pieces, allocate(amount, self.weights, rooms), strict=True):
            piece.rest -= part
            granted.append((piece.kind, part))
        return granted

    def _grant_by_kind(self, amount: int) -> list[tuple[int, int]]:
        """`grant` where a kind stands in several batches: shared over the kinds first, then within each."""
        by_kind: dict[int, list[tuple[Batch, Number]]] = {}
        for piece, weight in zip(self.pieces, self.weights, strict=True):
            by_kind.setdefault(piece.kind, []).append((piece, weight))
        totals = allocate(
            amount,
            [sum([weight for _, weight in standing]) for standing in by_kind.values()],
            [sum([batch.rest - batch.low for batch, _ in standing]) for standing in by_kind.values()],
        )
        for total, standing in zip(totals, by_kind.values(), strict=True):
            if len(standing) == 1:
                standing[0][0].rest -= total
                continue
            rooms = [batch.rest - batch.low for batch, _ in standing]
            for (batch, _), part in zip(
                standing, allocate(total, [weight for _, weight in standing], rooms), strict=True
            ):
                batch.rest -= part
        return list(zip(by_kind, totals, strict=True))
