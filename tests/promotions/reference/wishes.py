"""What each benefit asks of the units."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from promotions.engine import Basket
from promotions.engine import rules as r
from tests.promotions.reference.goods import Unit, matching, matching_target, sort_units, units_of_target
from tests.promotions.reference.holds import Hold
from tests.promotions.reference.sharing import ZERO, fill_shares


@dataclass
class Wish:
    """`raw` off `units` together, shared by `weights` within each unit's room; `used` are spoken for on this level.

    `lacks`: what the sale has too little of.
    """

    raw: Fraction = ZERO
    units: Sequence[Unit] = ()
    weights: Sequence[Fraction] = ()
    used: list[Unit] = field(default_factory=list)
    lacks: list[Hold] = field(default_factory=list)


LACKS_UNITS = [Hold("no_matching_items"), Hold("min_quantity")]


def wish(
    rule: r.Rule, benefit: r.Benefit, basket: Basket, units: list[Unit], used: list[Unit], *, original: bool
) -> Wish:
    """What `benefit` asks for.

    Args:
        units: those it may have at all; `used`: those that buy-gets and bundles of this level have used up.
        original: tiers are measured before any discount.
    """
    if isinstance(benefit, (r.BuyGet, r.Bundle, r.CheapestFree, r.FreeGift)):
        return _of_units_together(rule, benefit, [unit for unit in units if unit not in used])
    if not matching_target(rule.target, units):
        return Wish(lacks=[Hold("no_matching_items")])
    meant = units_of_target(rule.target, basket, units)
    match benefit:
        case r.PercentOff(percent, of):
            return _each(meant, [share(percent) * (u.price if of == "original" else u.left) for u in meant])
        case r.FixedPerUnit(amount):
            return _each(meant, [Fraction(amount) for _ in meant])
        case r.FixedPrice(amount):
            return _each(meant, [max(ZERO, unit.left - amount) for unit in meant])
        case r.FixedTotal(amount):
            return _together(meant, Fraction(amount))
        case r.PercentOfTotal(percent):
            return _together(meant, share(percent) * sum((unit.left for unit in meant), ZERO))
        case r.Tiered():
            return _reached_tier(benefit, matching_target(rule.target, units), meant, original)
    raise AssertionError(benefit)


def _of_units_together(
    rule: r.Rule, benefit: r.BuyGet | r.Bundle | r.CheapestFree | r.FreeGift, units: list[Unit]
) -> Wish:
    """Benefits that put units together; `units`: those no other such benefit of the level has used."""
    meant = [unit for unit in matching_target(rule.target, units) if unit.left]
    match benefit:
        case r.CheapestFree(count):
            return _free(meant, count)
        case r.FreeGift(sku, quantity):
            return _free([unit for unit in meant if unit.line.sku == sku], quantity)
        case r.BuyGet():
            return _buy_get(benefit, rule.caps.max_applications, meant)
        case r.Bundle():
            return _bundle(benefit, rule.caps.max_applications, meant)


def _free(units: list[Unit], count: int) -> Wish:
    free = sort_units([unit for unit in units if unit.room], dearest=False)[:count]
    wanted = _each(free, [unit.left for unit in free])
    wanted.used, wanted.lacks = free, [] if free else [*LACKS_UNITS, Hold("no_value")]
    return wanted


def share(percent: int) -> Fraction:
    return Fraction(percent, r.WHOLE)


def _each(units: Sequence[Unit], amounts: Sequence[Fraction]) -> Wish:
    """An amount for every unit, none below its floor."""
    shares = [min(amount, unit.room) for amount, unit in zip(amounts, units, strict=True)]
    return Wish(sum(shares, ZERO), units, shares)


def _together(units: Sequence[Unit], amount: Fraction) -> Wish:
    """One amount in proportion to what is left of the units."""
    return Wish(min(amount, sum((unit.room for unit in units), ZERO)), units, [unit.left for unit in units])


def _reached_tier(benefit: r.Tiered, measured: Sequence[Unit], units: Sequence[Unit], original: bool) -> Wish:
    worth = sum((unit.price if original else unit.left for unit in measured), ZERO)
    measure = len(measured) if benefit.by == "quantity" else worth
    reached = [tier for tier in benefit.tiers if tier.at_least <= measure]
    if not reached:
        reason = "min_quantity" if benefit.by == "quantity" else "min_subtotal"
        return Wish(lacks=[Hold(reason, benefit.tiers[0].at_least, int(measure))])
    if reached[-1].percent is not None:
        return _together(units, share(reached[-1].percent) * sum((unit.left for unit in units), ZERO))
    return _together(units, Fraction(reached[-1].amount or 0))


def _buy_get(benefit: r.BuyGet, most: int | None, units: list[Unit]) -> Wish:
    """As many whole groups as fit.

    The cheapest are reduced and the dearest of the others pay, or group by group the dearest pay and the dearest of
    the others are reduced; a unit is passed over that would break a group.
    """
    buy, get = benefit.buy.quantity, benefit.get.quantity
    payers = sort_units(matching(benefit.buy.match, units), dearest=True)
    reducible = [unit for unit in matching(benefit.get.match, units) if unit.room]
    takers = sort_units(reducible, dearest=benefit.pick == "dearest")
    groups = 0
    while _fits(payers, takers, (groups + 1) * buy, (groups + 1) * get):
        groups += 1
    if benefit.max_get_units is not None:
        groups = min(groups, benefit.max_get_units // get)
    if most is not None:
        groups = min(groups, most)
    pay: list[Unit] = []
    reduced: list[Unit] = []

    def draw(count: int, side: list[Unit], units: list[Unit]) -> None:
        for unit in units:
            if not count or unit in pay or unit in reduced:
                continue
            side.append(unit)
            spoken_for = {*pay, *reduced}
            if _fits(
                [one for one in payers if one not in spoken_for],
                [one for one in takers if one not in spoken_for],
                groups * buy - len(pay),
                groups * get - len(reduced),
            ):
                count -= 1
            else:
                side.remove(unit)

    if benefit.pick == "cheapest":
        draw(groups * get, reduced, takers)
        draw(groups * buy, pay, payers)
    else:
        for _ in range(groups):
            draw(buy, pay, payers)
            draw(get, reduced, takers)
    pay, reduced = _dearest_pay(pay, reduced)
    if benefit.amount is not None:
        amounts = [Fraction(benefit.amount) for _ in reduced]
    else:
        amounts = [
            share(r.WHOLE if benefit.percent is None else benefit.percent) * one.left for one in reduced
        ]
    wanted = _each(reduced, amounts)
    wanted.used, wanted.lacks = pay + reduced, [] if groups else LACKS_UNITS
    return wanted


def _dearest_pay(pay: list[Unit], reduced: list[Unit]) -> tuple[list[Unit], list[Unit]]:
    """The same units, so dealt that of alike ones, which differ by a minor unit at most, the dearest pay."""
    paying, getting = [], []
    alike: dict[tuple[str, tuple[int, ...]], list[Unit]] = {}
    for unit in sort_units([*pay, *reduced], dearest=True):
        alike.setdefault((unit.line.id, tuple(unit.history)), []).append(unit)
    for units in alike.values():
        payers = sum(unit in pay for unit in units)
        paying += units[:payers]
        getting += units[payers:]
    return paying, getting


def _fits(payers: Sequence[Unit], takers: Sequence[Unit], pay: int, take: int) -> bool:
    """Whether `pay` of the one and `take` of the other can be had without a unit on both sides (Hall)."""
    return pay <= len(payers) and take <= len(takers) and pay + take <= len({*payers, *takers})


def _bundle(benefit: r.Bundle, most: int | None, units: list[Unit]) -> Wish:
    """One set after the other, each part from the units the ones before left."""
    rest, members, shares, sets = list(units), [], [], 0
    while most is None or sets < most:
        chosen: list[Unit] = []
        for part in benefit.parts:
            fitting = [unit for unit in matching(part.match, rest) if unit not in chosen]
            fitting = sort_units(fitting, dearest=benefit.pick == "dearest")[: part.quantity]
            if len(fitting) < part.quantity:
                chosen = []
                break
            chosen += fitting
        if not chosen:
            break
        sets += 1
        rest = [unit for unit in rest if unit not in chosen]
        worth = sum((unit.left for unit in chosen), ZERO)
        if benefit.price is not None:
            amount = max(ZERO, worth - benefit.price)
        elif benefit.percent is not None:
            amount = share(benefit.percent) * worth
        else:
            amount = Fraction(benefit.amount or 0)
        amount = min(amount, sum((unit.room for unit in chosen), ZERO))
        members += chosen
        shares += fill_shares(amount, [unit.left for unit in chosen], [unit.room for unit in chosen])
    return Wish(sum(shares, ZERO), members, shares, used=members, lacks=[] if sets else LACKS_UNITS)
