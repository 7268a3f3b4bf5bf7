"""A basket as single units.

Lines that differ in nothing but their id are one article: how a till writes the same goods changes no total.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from promotions.engine import Basket, BasketLine
from promotions.engine.rules import Match, Target


@dataclass(eq=False)
class Unit:
    """One unit of an article, named by the first of its lines. Minor units.

    `price`: before any discount; `left`: what earlier promotions left of it; `history`: those promotions.
    """

    line: BasketLine
    price: Fraction
    left: Fraction
    history: list[int] = field(default_factory=list)

    @property
    def room(self) -> Fraction:
        """What may still be taken off: never below the floor."""
        return max(Fraction(0), self.left - self.line.min_unit_price)


def units_of(basket: Basket) -> list[Unit]:
    """Every unit of the sale; a line's total is spread evenly over its units."""
    units = []
    for lines in articles(basket):
        price = price_of(lines[0])
        units += [Unit(lines[0], price, price) for line in lines for _ in range(line.quantity)]
    return units


def articles(basket: Basket) -> list[list[BasketLine]]:
    """The lines of each article, by id."""
    alike: dict[tuple[object, ...], list[BasketLine]] = {}
    for line in sorted(basket.lines, key=lambda line: line.id):
        facts = (line.sku, line.categories, line.brand, line.min_unit_price)
        flags = (line.discountable, line.already_discounted)
        alike.setdefault((price_of(line), *facts, *flags), []).append(line)
    return list(alike.values())


def price_of(line: BasketLine) -> Fraction:
    """What one unit of a line costs before any discount."""
    return Fraction(total_of(line), line.quantity)


def total_of(line: BasketLine) -> int:
    return line.quantity * line.unit_price if line.line_total is None else line.line_total


def matching(match: Match, units: Iterable[Unit]) -> list[Unit]:
    """The units that are meant; one that takes no discount is never meant."""
    return [unit for unit in units if unit.line.discountable and _fits(match, unit)]


def _fits(match: Match, unit: Unit) -> bool:
    line = unit.line
    return (
        (not match.skus or line.sku in match.skus)
        and (not match.categories or bool(set(match.categories) & set(line.categories)))
        and (not match.brands or line.brand in match.brands)
        and (match.unit_price_min is None or unit.price >= match.unit_price_min)
        and (match.unit_price_max is None or unit.price <= match.unit_price_max)
    )


def matching_target(target: Target, units: Iterable[Unit]) -> list[Unit]:
    meant = matching(target.match, units)
    return [unit for unit in meant if not (target.only_undiscounted and unit.line.already_discounted)]


def units_of_target(target: Target, basket: Basket, units: Iterable[Unit]) -> list[Unit]:
    """The units a benefit may touch: those that match and can give something still.

    Of each line so many, those with most left; in the sale so many, as `pick` says.
    """
    meant = [unit for unit in matching_target(target, units) if unit.room]
    if target.max_units_per_line is not None:
        by_article: dict[str, list[Unit]] = {}
        for unit in sort_units(meant, dearest=True):
            by_article.setdefault(unit.line.id, []).append(unit)
        meant = []
        for name, of_article in by_article.items():
            lines = next(lines for lines in articles(basket) if lines[0].id == name)
            meant += of_article[: sum(min(line.quantity, target.max_units_per_line) for line in lines)]
    if target.max_units is not None:
        meant = sort_units(meant, dearest=target.pick == "dearest")[: target.max_units]
    return meant


def sort_units(units: Iterable[Unit], *, dearest: bool) -> list[Unit]:
    """By what is left to pay; among equals by SKU and line id, never by position."""

    def key(unit: Unit) -> tuple[Fraction, str, str]:
        return (-unit.left if dearest else unit.left, unit.line.sku, unit.line.id)

    return sorted(units, key=key)
