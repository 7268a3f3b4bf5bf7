"""An example basket for a rule that is being written: lines that fit it, and what the engine makes of them.

The articles are those that tills sold lately, when some fit; else they are made up. Nothing is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from babel.numbers import get_currency_precision
from django.utils.translation import gettext as _
from msgspec import Struct
from msgspec.structs import replace

from promotions import engine
from promotions.engine import Basket, BasketLine, Customer, PresentedCoupon, Rule, rules
from promotions.engine.index import matches
from promotions.engine.rules import Match
from promotions.sold_articles import PricedArticle, RecentSales

MOST_UNITS = 999  # of a line: an example that is larger tells nothing more
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
EXAMPLE = "EXAMPLE"  # the code that is presented, and the customer


class ExampleLine(Struct, frozen=True):
    """A line of the example, with what the engine gives on it. Amounts are in minor units.

    `proposed`: the quantity that fits the rule; `quantity`: that, or what was typed instead.
    """

    article: PricedArticle
    proposed: int
    quantity: int
    value: int = 0
    discount: int = 0
    total: int = 0


class Example(Struct, frozen=True):
    """A basket and what it gets. `is_sold`: its articles are real ones. `gifts`: what the till would add, as words."""

    lines: tuple[ExampleLine, ...]
    currency: str
    subtotal: int
    discount: int
    total: int
    is_sold: bool
    gifts: tuple[str, ...] = ()


def make_example(rule: Rule, sold: RecentSales, currency: str, typed: Mapping[str, int]) -> Example:
    """Return an example basket for `rule`, evaluated as if the rule applied now to whoever it is meant for.

    Args:
        rule: its window, places and campaign are set aside.
        sold: articles to choose from.
        currency: of the prices.
        typed: the quantities that somebody changed, by SKU; 0 leaves the line out.
    """
    chooser = _Chooser(sold, 10 ** get_currency_precision(currency))
    proposed = _propose_lines(rule, chooser)
    lines = [
        ExampleLine(article, quantity, typed.get(article.sku, quantity)) for article, quantity in proposed
    ]
    bought = [line for line in lines if line.quantity]
    if not bought:
        return Example(tuple(lines), currency, 0, 0, 0, chooser.is_sold)
    outcome = engine.evaluate(
        Basket(
            currency,
            tuple(_engine_line(line) for line in bought),
            _fitting_customer(rule),
            (PresentedCoupon(EXAMPLE, rule.promotion),) if rule.trigger == "coupon" else (),
            next((one.methods[0] for one in rule.conditions if isinstance(one, rules.PaymentMethod)), ""),
        ),
        [replace(rule, active=True, starts_at=None, ends_at=None, campaign=None, locations=frozenset())],
        engine.UNLIMITED,
        _fitting_moment(rule),
    )
    given = {line.id: line for line in outcome.lines}
    return Example(
        tuple(
            replace(
                line,
                value=line.quantity * line.article.price,
                discount=given[line.article.sku].discount,
                total=given[line.article.sku].total,
            )
            if line.quantity
            else line
            for line in lines
        ),
        currency,
        outcome.subtotal,
        outcome.discount,
        outcome.total,
        chooser.is_sold,
        tuple(f"{gift.quantity} × {gift.sku}" for gift in outcome.gifts),
    )


class _Chooser:
    """Chooses articles that fit, each SKU once: sold ones first. `unit`: one of the currency, in minor units."""

    def __init__(self, sold: RecentSales, unit: int) -> None:
        self.sold = [article for article in sold.articles if article.price > 0]
        self.unit = unit
        self.taken: set[str] = set()
        self.is_sold = False

    def choose(self, match: Match, *, worth: int = 0) -> PricedArticle:
        """Return an article that fits `match`; a made-up one costs at least `worth`."""
        if found := self.find_sold(match):
            return found
        number = len(self.taken) + 1
        low, high = match.unit_price_min, match.unit_price_max
        price = max(low or 0, worth, 10 * self.unit * min(number, 5))
        name = _("Article %(number)s") % {"number": number}
        free = [sku for sku in match.skus if sku not in self.taken]
        article = PricedArticle(
            sku=free[0] if free else name,
            name="" if free else name,
            categories=match.categories[:1],
            brand=match.brands[0] if match.brands else "",
            price=price if high is None else min(price, high),
            sales=frozenset(),
        )
        self.taken.add(article.sku)
        return article

    def find_sold(self, match: Match, *, unlike: Sequence[Match] = ()) -> PricedArticle | None:
        """Return a sold article that fits `match` and none of `unlike`."""
        for article in self.sold:
            if (
                article.sku not in self.taken
                and article.fits(match)
                and not any(article.fits(one) for one in unlike)
            ):
                self.taken.add(article.sku)
                self.is_sold = True
                return article
        return None


def _propose_lines(rule: Rule, chooser: _Chooser) -> list[tuple[PricedArticle, int]]:
    """Return articles and quantities to which `rule` gives something, and an article that it does not touch."""
    benefit = rule.benefit
    dear = max((one.amount for one in rule.conditions if isinstance(one, rules.MinSubtotal)), default=0)
    if isinstance(benefit, rules.Tiered) and benefit.by == "subtotal":
        dear = max(dear, benefit.tiers[0].at_least)
    worth = -(-dear // 4 // chooser.unit) * chooser.unit
    match benefit:
        case rules.FixedPrice(amount=price) | rules.Bundle(price=int(price)):
            worth = max(worth, price + 10 * chooser.unit)
    lines = [
        (chooser.choose(match, worth=worth), quantity) for match, quantity in _list_parts(rule) if quantity
    ]
    _reach_conditions(rule, lines, chooser)
    bounded = [match for match in matches(rule) if match != rules.EVERYTHING]
    if bounded and len(bounded) == len(matches(rule)):
        lines.append(_choose_bystander(chooser, bounded))
    for condition in rule.conditions:
        if isinstance(condition, rules.EveryLineOver):
            lines = [(one, max(n, condition.amount // max(1, one.price) + 1)) for one, n in lines]
    if isinstance(benefit, rules.FreeGift) and benefit.sku not in chooser.taken:
        lines.append((chooser.choose(Match(skus=(benefit.sku,))), benefit.quantity))
    return [(article, min(quantity, MOST_UNITS)) for article, quantity in lines]


def _list_parts(rule: Rule) -> Iterator[tuple[Match, int]]:
    """Yield which articles the benefit asks for, and how many of them."""
    match rule.benefit:
        case rules.BuyGet(buy=buy, get=get) if buy.match == get.match:
            yield buy.match, buy.quantity + get.quantity
        case rules.BuyGet(buy=buy, get=get):
            yield buy.match, buy.quantity
            yield get.match, get.quantity
        case rules.Bundle(parts=parts):
            for part in parts:
                yield part.match, part.quantity
        case rules.CheapestFree(units=units):
            yield rule.target.match, units
            yield rule.target.match, 1
        case rules.FreeGift(sku=sku) if rule.target.match.skus == (sku,):
            yield rules.EVERYTHING, 1
        case _:
            yield rule.target.match, 2
            if len(rule.target.match.skus) != 1:
                yield rule.target.match, 1


def _reach_conditions(rule: Rule, lines: list[tuple[PricedArticle, int]], chooser: _Chooser) -> None:
    """Raise quantities, or add lines, until the sale holds what the conditions ask for."""
    for condition in [*rule.conditions, *_first_tier(rule)]:
        if not isinstance(condition, rules.Contains | rules.MinQuantity | rules.MinSubtotal):
            continue
        fitting = [place for place, (article, _n) in enumerate(lines) if article.fits(condition.match)]
        if not fitting:
            lines.append((chooser.choose(condition.match), 1))
            fitting = [len(lines) - 1]
        place = max(fitting, key=lambda place: lines[place][0].price)
        article, quantity = lines[place]
        missing = 0
        if isinstance(condition, rules.MinQuantity):
            missing = condition.quantity - sum(lines[one][1] for one in fitting)
        elif isinstance(condition, rules.MinSubtotal):
            worth = sum(lines[one][0].price * lines[one][1] for one in fitting)
            missing = -((worth - condition.amount) // max(1, article.price))
        lines[place] = article, quantity + max(0, missing)


def _first_tier(rule: Rule) -> list[rules.Condition]:
    """Return what reaches the first tier, as a condition."""
    if not isinstance(rule.benefit, rules.Tiered):
        return []
    least = rule.benefit.tiers[0].at_least
    if rule.benefit.by == "subtotal":
        return [rules.MinSubtotal(least, rule.target.match)]
    return [rules.MinQuantity(max(1, least), rule.target.match)]


def _choose_bystander(chooser: _Chooser, unlike: Sequence[Match]) -> tuple[PricedArticle, int]:
    """Return an article that the rule does not mean."""
    found = chooser.find_sold(rules.EVERYTHING, unlike=unlike)
    if found is None:
        name = _("Another article")
        found = PricedArticle(name, name, (), "", 8 * chooser.unit, frozenset())
        if any(found.fits(match) for match in unlike):  # a match by price alone
            lowest = min(match.unit_price_min or 0 for match in unlike)
            found = replace(found, price=max(0, lowest - 1) or found.price)
    return found, 1


def _engine_line(line: ExampleLine) -> BasketLine:
    article = line.article
    return BasketLine(
        article.sku,
        article.sku,
        line.quantity,
        article.price,
        categories=article.categories,
        brand=article.brand,
    )


def _fitting_customer(rule: Rule) -> Customer:
    """Return a customer for whom `rule` is meant."""
    named = next((one.customers[0] for one in rule.conditions if isinstance(one, rules.CustomerIs)), EXAMPLE)
    groups = {one.groups[0] for one in rule.conditions if isinstance(one, rules.InGroup)}
    return Customer(named, frozenset(groups), first_purchase=True)


def _fitting_moment(rule: Rule) -> datetime:
    """Return a time at which `rule` applies, in UTC, the zone of the example."""
    hours = next((one for one in rule.conditions if isinstance(one, rules.Hours)), rules.Hours())
    hour, minute = map(int, hours.start.split(":"))
    day = hours.weekdays[0] if hours.weekdays else 1
    return MONDAY + timedelta(days=day - 1, hours=hour, minutes=minute)
