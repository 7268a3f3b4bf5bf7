"""What a benefit asks for: a raw amount on certain batches of units, before any limit, rounded once."""

from collections.abc import Sequence

from promotions.engine.allocation import Number, allocate, half_up
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
    """`raw` / `scale` minor units, shared over `pieces` in proportion to `weights`, none beyond its room.

    `exact`: the weights are the parts, in minor units. `used`: units no other group benefit may use. `applications`:
    sets of a bundle, groups of a buy-get.
    """

    __slots__ = ("applications", "exact", "pieces", "raw", "scale", "used", "weights")

    def __init__(
        self,
        pieces: list[Batch],
        weights: list[Number],
        raw: Number,
        scale: int = 1,
        *,
        exact: bool = False,
        used: list[Batch] | None = None,
        applications: int = 1,
    ) -> None:
        self.pieces = pieces
        self.weights = weights
        self.raw = raw
        self.scale = scale
        self.exact = exact
        self.used = used
        self.applications = applications

    def wish(self) -> int:
        """The raw amount in whole minor units: the one rounding of this promotion in this sale."""
        if self.scale == 1 and isinstance(self.raw, int):
            return self.raw
        return half_up(self.raw, self.scale)

    def grant(self, amount: int) -> list[tuple[int, int]]:
        """Take `amount`, at most the wish, off the pieces. Returns (kind number, its part), parts above 0."""
        pieces = self.pieces
        if len(pieces) == 1:
            pieces[0].rest -= amount
            return [(pieces[0].kind, amount)]
        parts: Sequence[Number] = self.weights if self.exact and amount == self.raw else self._parts(amount)
        granted: dict[int, int] = {}
        for piece, part in zip(pieces, parts, strict=True):
            if part:
                whole = int(part)
                piece.rest -= whole
                granted[piece.kind] = granted.get(piece.kind, 0) + whole
        return list(granted.items())

    def _parts(self, amount: int) -> list[int]:
        """The parts of the pieces: shared over the kinds first, then within each kind."""
        pieces, weights = self.pieces, self.weights
        rooms = [piece.room for piece in pieces]
        by_kind: dict[int, list[int]] = {}
        for place, piece in enumerate(pieces):
            by_kind.setdefault(piece.kind, []).append(place)
        if len(by_kind) == len(pieces):
            return allocate(amount, weights, rooms)
        sums = allocate(
            amount,
            [sum([weights[place] for place in places]) for places in by_kind.values()],
            [sum([rooms[place] for place in places]) for places in by_kind.values()],
        )
        parts = [0] * len(pieces)
        for total, places in zip(sums, by_kind.values(), strict=True):
            shared = allocate(total, [weights[place] for place in places], [rooms[place] for place in places])
            for place, part in zip(places, shared, strict=True):
                parts[place] = part
        return parts
