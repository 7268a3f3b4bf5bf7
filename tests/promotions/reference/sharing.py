"""An amount over units and lines, to the last minor unit."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from typing import Any

from promotions.engine import BasketLine
from tests.promotions.reference.goods import Unit, total_of

ZERO = Fraction(0)


def half_up(amount: Fraction) -> int:
    return floor(amount + Fraction(1, 2))


def fill_shares(amount: Fraction, weights: Sequence[Fraction], rooms: Sequence[Fraction]) -> list[Fraction]:
    """share_i = min(room_i, k * weight_i), with the k at which the shares sum to `amount`.

    `amount` ≤ the rooms of all that weigh something.
    """
    shares = [ZERO] * len(weights)
    full = [weight == 0 for weight in weights]
    while True:
        rest = amount - sum(share for share, is_full in zip(shares, full, strict=True) if is_full)
        weight = sum((one for one, is_full in zip(weights, full, strict=True) if not is_full), ZERO)
        if not weight:
            return shares
        shares = [
            share if is_full else rest * one / weight
            for share, one, is_full in zip(shares, weights, full, strict=True)
        ]
        over = [i for i, share in enumerate(shares) if not full[i] and share > rooms[i]]
        if not over:
            return shares
        for i in over:
            shares[i], full[i] = rooms[i], True


def whole(shares: Sequence[Fraction], keys: Sequence[tuple[Any, ...]]) -> list[int]:
    """Whole parts of shares that sum to a whole number: largest remainder, then larger value, then `keys`."""
    parts = [floor(share) for share in shares]
    missing = int(sum(shares)) - sum(parts)
    order = sorted(
        range(len(shares)), key=lambda i: (-(shares[i] - floor(shares[i])), -shares[i], keys[i], i)
    )
    for i in order[:missing]:
        parts[i] += 1
    return parts


def hand_out(amount: int, units: Sequence[Unit], weights: Sequence[Fraction]) -> dict[str, int]:
    """Take `amount` off the units. Returns: whole minor units by article (the first of its lines).

    Within an article units of one history share alike, so that they differ by one minor unit at most.
    """
    rooms = [unit.room for unit in units]
    parts: dict[str, int] = {}
    by_article = _group_places(units, [unit.line.id for unit in units])
    shares = _sum_by_group(fill_shares(Fraction(amount), weights, rooms), by_article)
    keys = [(units[of[0]].line.sku, name) for name, of in by_article.items()]
    for (name, of), part in zip(by_article.items(), whole(shares, keys), strict=True):
        if part:
            parts[name] = part
            by_history = _group_places(of, [tuple(units[i].history) for i in of])
            filled = fill_shares(Fraction(part), [weights[i] for i in of], [rooms[i] for i in of])
            of_histories = _sum_by_group(filled, by_history)
            whole_parts = whole(of_histories, [()] * len(of_histories))
            for standing, taken in zip(by_history.values(), whole_parts, strict=True):
                _level([units[of[i]] for i in standing], taken)
    return parts


def _level(units: Sequence[Unit], taken: int) -> None:
    """Take `taken` off alike units: what is left is spread evenly over them."""
    rest = sum((unit.left for unit in units), ZERO) - taken
    if rest.denominator == 1:
        each, odd = divmod(int(rest), len(units))
        lefts = [Fraction(each + (i < odd)) for i in range(len(units))]
    else:
        lefts = [rest / len(units)] * len(units)
    for unit, left in zip(units, lefts, strict=True):
        unit.left = left


def among_lines(part: int, lines: Sequence[BasketLine], discounts: dict[str, int]) -> None:
    """Add an article's part to the discounts of its lines, by the number of their units."""
    rooms = [
        Fraction(
            total_of(line) - min(line.min_unit_price * line.quantity, total_of(line)) - discounts[line.id]
        )
        for line in lines
    ]
    shares = fill_shares(Fraction(part), [Fraction(line.quantity) for line in lines], rooms)
    for line, share in zip(lines, whole(shares, [(line.id,) for line in lines]), strict=True):
        discounts[line.id] += share


def _group_places(values: Sequence[Any], keys: Sequence[Any]) -> dict[Any, list[int]]:
    """Places in `values` by key."""
    groups: dict[Any, list[int]] = {}
    for i, key in enumerate(keys):
        groups.setdefault(key, []).append(i)
    return groups


def _sum_by_group(shares: Sequence[Fraction], groups: dict[Any, list[int]]) -> list[Fraction]:
    return [sum((shares[i] for i in places), ZERO) for places in groups.values()]
