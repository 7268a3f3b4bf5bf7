"""Writes what a rule does, as one sentence for people."""

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from promotions.engine.rules import (
    WHOLE,
    BenefitPart,
    BestOf,
    Bundle,
    BuyGet,
    CheapestFree,
    Condition,
    Contains,
    CustomerIs,
    EveryLineOver,
    Exclusive,
    FirstPurchase,
    FixedPerUnit,
    FixedPrice,
    FixedTotal,
    FreeGift,
    Hours,
    InGroup,
    Match,
    MinQuantity,
    MinSubtotal,
    PaymentMethod,
    PercentOff,
    PercentOfTotal,
    Pick,
    Rule,
    Target,
    Tier,
    Tiered,
)

MoneyText = Callable[[int], str]
"""Writes minor units: 3000 as "30.00 €"."""

PICKED: Mapping[Pick, str] = {"cheapest": "cheapest", "dearest": "most expensive"}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NAMES_LISTED = 5
"""Up to this many names are listed. Of more, the first ones and how many others."""


class Writer(Struct, frozen=True):
    """Writes amounts, and the names of customer groups, for a sentence."""

    money: MoneyText
    groups: Mapping[str, str]


def sentence(rule: Rule, money: MoneyText, groups: Mapping[str, str] | None = None) -> str:
    """Write what `rule` does, when and for whom.

    "10% off everything in Food, on sales of 30.00 € or more, on Friday."

    Args:
        rule: any rule; its campaign, window and locations are not part of the sentence.
        money: formats minor units.
        groups: the names of customer groups by code; one without is called by its code.
    """
    write = Writer(money, groups or {})
    parts = [_benefit(rule, write)]
    parts += [_condition(condition, write) for condition in rule.conditions]
    if rule.trigger == "coupon":
        parts.append("with a coupon")
    text = ", ".join(parts)
    limits = list(_limits(rule, write))
    return "; ".join([text[0].upper() + text[1:], *limits]) + "."


def write_match(match: Match, money: MoneyText) -> str:
    """Write which articles are meant: "everything by X in Food"."""
    return _match(match, Writer(money, {}), "everything")


def percent_text(percent: int) -> str:
    """Write hundredths of a percent: 1000 is "10%", 1250 is "12.5%"."""
    whole, rest = divmod(percent, 100)
    return f"{whole}{f'.{rest:02d}'.rstrip('0') if rest else ''}%"


def _benefit(rule: Rule, write: Writer) -> str:
    target = rule.target
    match rule.benefit:
        case PercentOff(percent, "original"):
            return f"{percent_text(percent)} off the original price of {_target(target, write)}"
        case PercentOff(percent, _):
            whole_sale = rule.level == "order" and target == Target()
            return f"{percent_text(percent)} off {'the sale' if whole_sale else _target(target, write)}"
        case FixedPerUnit(amount):
            return f"{write.money(amount)} off {_each(target, write)}"
        case FixedPrice(amount):
            each = "" if target.max_units == 1 else " each"
            return f"{_target(target, write)} for {write.money(amount)}{each}"
        case FixedTotal(amount):
            return f"{write.money(amount)} off {_together(target, write)}"
        case PercentOfTotal(percent):
            return f"{percent_text(percent)} off {_together(target, write)}"
        case BuyGet() as benefit:
            return _buy_get(benefit, write)
        case Bundle() as benefit:
            return _bundle(benefit, write)
        case CheapestFree(count):
            return f"{_name_units('cheapest', count)} of {_articles(target, write, 'the sale')} free"
        case Tiered(tiers, by):
            return _tiers(tiers, by == "quantity", target, write)
        case FreeGift(sku, quantity):
            return f"{sku if quantity == 1 else f'{quantity} units of {sku}'} as a free gift"


def _buy_get(benefit: BuyGet, write: Writer) -> str:
    is_same = benefit.get.match == benefit.buy.match
    got = f"get {benefit.get.quantity if is_same else _part(benefit.get, write)}"
    if benefit.amount is not None:
        got += f" at {write.money(benefit.amount)} off{' each' if benefit.get.quantity > 1 else ''}"
    elif benefit.percent is None or benefit.percent == WHOLE:
        got += " free"
    else:
        got += f" at {percent_text(benefit.percent)} off"
    if is_same:
        got += f" (the {PICKED[benefit.pick]} of them)"
    elif benefit.pick == "dearest":
        got += f" (the {PICKED[benefit.pick]})"
    most = benefit.max_get_units
    limit = "" if most is None else f", at most {_count_units(most)} reduced in a sale"
    return f"buy {_part(benefit.buy, write)}, {got}{limit}"


def _bundle(benefit: Bundle, write: Writer) -> str:
    parts = _join_words([_part(part, write) for part in benefit.parts])
    if benefit.price is not None:
        return f"{parts} together for {write.money(benefit.price)}"
    off = percent_text(benefit.percent) if benefit.percent is not None else write.money(benefit.amount or 0)
    return f"{off} off {parts} bought together"


def _tiers(tiers: Iterable[Tier], by_quantity: bool, target: Target, write: Writer) -> str:
    """Write tiers: "5% off the sale from 50.00 € on, 10% from 100.00 € on"."""
    steps: list[str] = []
    for tier in tiers:
        reward = write.money(tier.amount) if tier.amount is not None else percent_text(tier.percent or 0)
        start = _count_units(tier.at_least) if by_quantity else write.money(tier.at_least)
        what = "" if steps else f" off {'the sale' if target == Target() else _target(target, write)}"
        steps.append(f"{reward}{what} from {start} on")
    return ", ".join(steps)


def _condition(condition: Condition, write: Writer) -> str:
    match condition:
        case MinSubtotal(amount, match) if match == Match():
            return f"on sales of {write.money(amount)} or more"
        case MinSubtotal(amount, match):
            return f"with {write.money(amount)} or more of {_match(match, write, 'anything')} in the sale"
        case MinQuantity(quantity, match) if match == Match():
            return f"on sales of {_count_units(quantity)} or more"
        case MinQuantity(quantity, match):
            return f"with {_count_units(quantity)} or more of {_match(match, write, 'anything')} in the sale"
        case Contains(match):
            return f"with {_match(match, write, 'anything')} in the sale"
        case EveryLineOver(amount):
            return f"when every line is over {write.money(amount)}"
        case InGroup(groups):
            quoted = [f"“{write.groups.get(code, code)}”" for code in groups]
            return f"for customers of the group{'s' if len(quoted) > 1 else ''} {_names(quoted, 'or')}"
        case CustomerIs(customers):
            return f"for the customer{'s' if len(customers) > 1 else ''} {_names(customers, 'and')}"
        case FirstPurchase():
            return "on a customer's first purchase"
        case PaymentMethod(methods):
            return f"paid by {_names(methods, 'or')}"
        case Hours():
            return _hours(condition)


def _hours(hours: Hours) -> str:
    days = _days(sorted(set(hours.weekdays)))
    if hours.start == "00:00" and hours.end == "24:00":
        return days
    over = " the next day" if hours.end <= hours.start else ""
    return f"{days} from {hours.start} to {hours.end}{over}"


def _days(weekdays: list[int]) -> str:
    """Write days: "every day", "on Friday"; three or more in a row as "from Monday to Friday"."""
    if len(weekdays) in (0, len(DAYS)):
        return "every day"
    first, last = weekdays[0], weekdays[-1]
    if len(weekdays) > 2 and last - first == len(weekdays) - 1:
        return f"{DAYS[first - 1]} to {DAYS[last - 1]}"
    return f"on {_join_words([DAYS[day - 1] for day in weekdays])}"


def _limits(rule: Rule, write: Writer) -> Iterable[str]:
    if rule.caps.max_amount is not None:
        yield f"at most {write.money(rule.caps.max_amount)} off a sale"
    if rule.caps.max_applications is not None and isinstance(rule.benefit, BuyGet | Bundle):
        yield (
            "once a sale"
            if rule.caps.max_applications == 1
            else f"up to {rule.caps.max_applications} times a sale"
        )
    match rule.stacking:
        case Exclusive():
            yield "not together with any other promotion"
        case BestOf(group):
            yield f"each unit gets the best promotion of “{group}” only"


def _target(target: Target, write: Writer) -> str:
    """Return the units a discount touches: "the 2 cheapest units of everything in Food"."""
    if target.max_units is not None:
        text = f"{_name_units(target.pick, target.max_units)} of {_articles(target, write, 'the sale')}"
    else:
        text = _articles(target, write, "everything")
    return text + _per_line(target)


def _per_line(target: Target) -> str:
    most = target.max_units_per_line
    return "" if most is None else f" (at most {_count_units(most)} of a line)"


def _each(target: Target, write: Writer) -> str:
    """Write whose units are reduced: "each unit of anything in Food"."""
    if target.max_units is not None:
        return f"{'' if target.max_units == 1 else 'each of '}{_target(target, write)}"
    articles = "" if target.match == Match() else f" of {_match(target.match, write, 'anything')}"
    reduced = " not already reduced" if target.only_undiscounted else ""
    return f"each unit{articles}{reduced}{_per_line(target)}"


def _together(target: Target, write: Writer) -> str:
    if target == Target():
        return "the sale"
    return f"{_target(target, write)}{'' if target.max_units == 1 else ' together'}"


def _articles(target: Target, write: Writer, everything: str) -> str:
    """Return the articles of a target without its numbers; `everything` where it names none."""
    text = everything if target.match == Match() else _match(target.match, write, "everything")
    return f"{text} not already reduced" if target.only_undiscounted else text


def _match(match: Match, write: Writer, everything: str) -> str:
    """Write a match: "everything by X in Food priced 1.00 € or more"; "anything" where one unit is meant."""
    words = (
        [_names(match.skus, "and" if everything == "everything" else "or")] if match.skus else [everything]
    )
    if match.brands:
        words.append(f"by {_names(match.brands, 'or')}")
    if match.categories:
        words.append(f"in {_names(match.categories, 'or')}")
    low, high = match.unit_price_min, match.unit_price_max
    if low is not None or high is not None:
        words.append(f"priced {_prices(low, high, write.money)}")
    return " ".join(words)


def _prices(low: int | None, high: int | None, money: MoneyText) -> str:
    if low is None:
        return f"{money(high or 0)} or less"
    return f"{money(low)} or more" if high is None else f"from {money(low)} to {money(high)}"


def _part(part: BenefitPart, write: Writer) -> str:
    if part.match == Match():
        return _count_units(part.quantity)
    return f"{part.quantity} of {_match(part.match, write, 'anything')}"


def _name_units(pick: Pick, units: int) -> str:
    which = PICKED[pick]
    return f"the {which} unit" if units == 1 else f"the {units} {which} units"


def _count_units(units: int) -> str:
    return "1 unit" if units == 1 else f"{units} units"


def _names(names: Iterable[str], joint: str) -> str:
    known = list(names)
    more = len(known) - NAMES_LISTED
    return _join_words([*known[:NAMES_LISTED], f"{more} more"] if more > 0 else known, joint)


def _join_words(words: list[str], joint: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"
