"""Shares one amount exactly: in proportion, under a limit for each share, to the last minor unit.

The method of largest remainder (Hamilton), after water-filling where limits bite: share = min(room, k × weight) with
the one k that makes the shares sum to the amount.
"""

from collections.abc import Sequence
from fractions import Fraction

Number = int | Fraction


def allocate(amount: int, weights: Sequence[Number], rooms: Sequence[int] | None = None) -> list[int]:
    """Split `amount` into whole parts in proportion to `weights`, none above its room.

    Args:
        amount: minor units; a negative amount gives the mirror image.
        weights: none is negative. When all are zero, the parts are equal.
        rooms: the most each part may take, none negative; None = no limits.

    Returns:
        the parts, in the order of `weights`; they sum to `amount`. An odd unit goes to the largest remainder, then to
        the larger weight, then to the earlier place: a caller who wants no part to depend on position sorts first.

    Raises:
        ValueError: the rooms together are smaller than the amount, or there are no parts.
    """
    if amount < 0:
        return [-part for part in allocate(-amount, weights, rooms)]
    total = sum(weights)
    if not total:
        weights = [1] * len(weights)
        total = len(weights)
    if not total:
        if amount:
            raise ValueError(f"nothing to share {amount} over")
        return []
    if rooms is not None:
        for weight, room in zip(weights, rooms, strict=True):
            if amount * weight > room * total:
                return _water_fill(amount, weights, rooms)
    remainders = [amount * weight % total for weight in weights]
    odd = sum(remainders) // total
    if not odd:
        return [amount * weight // total for weight in weights]
    ordered = sorted(remainders)
    last = ordered[-odd]
    if last == ordered[-odd - 1]:
        return _break_ties(amount, weights, remainders, odd)
    # What the last remainder to get a unit lacks of one, added to all, carries it and the larger ones over, no other.
    lack = total - last
    return [(amount * weight + lack) // total for weight in weights]


def _break_ties(amount: int, weights: Sequence[Number], remainders: Sequence[Number], odd: int) -> list[int]:
    """Allocate when remainders are equal: the larger weight comes first, then the earlier place."""
    total = sum(weights)
    parts = [amount * weight // total for weight in weights]
    order = sorted(range(len(parts)), key=lambda place: (-remainders[place], -weights[place], place))
    for place in order[:odd]:
        parts[place] += 1
    return parts


def _water_fill(amount: int, weights: Sequence[Number], rooms: Sequence[int]) -> list[int]:
    """Allocate when a share exceeds its room: fill such parts, and share the rest among the others, until none does."""
    if amount > sum(rooms):
        raise ValueError(f"{amount} does not fit the room of {sum(rooms)}")
    parts = [0] * len(rooms)
    open_ = list(range(len(rooms)))
    left = amount
    while left:
        total = sum(weights[i] for i in open_)
        # What has weight is full: the rest goes evenly to whatever room there is.
        shares = {i: weights[i] if total else 1 for i in open_}
        total = total or len(open_)
        full = {i for i in open_ if left * shares[i] > rooms[i] * total}
        if not full:
            for i, part in zip(open_, allocate(left, [shares[i] for i in open_]), strict=True):
                parts[i] = part
            break
        for i in full:
            parts[i] = rooms[i]
            left -= rooms[i]
        open_ = [i for i in open_ if i not in full]
    return parts


def fill(amount: Number, weights: Sequence[Number], rooms: Sequence[Number]) -> list[Number]:
    """Return exact shares of `amount`: min(room, k × weight) with one k for all parts."""
    shares: list[Number] = [0] * len(weights)
    open_ = [i for i, weight in enumerate(weights) if weight]
    while open_:
        total = sum([weights[i] for i in open_])
        full = [i for i in open_ if amount * weights[i] > rooms[i] * total]
        for i in full or open_:
            shares[i] = rooms[i] if full else Fraction(amount * weights[i], total)
        if not full:
            break
        amount -= sum([rooms[i] for i in full])
        open_ = [i for i in open_ if i not in full]
    return shares


def round_half_up(numerator: Number, denominator: int) -> int:
    """Return numerator / denominator rounded to a whole number, halves upwards; neither is negative."""
    return (2 * numerator + denominator) // (2 * denominator)


def spread(amount: int, count: int) -> tuple[tuple[int, int], ...]:
    """Spread `amount` over `count` units as evenly as possible: runs (count, amount of each), larger first."""
    low, more = divmod(amount, count)
    if not more:
        return ((count, low),)
    return ((more, low + 1), (count - more, low))
