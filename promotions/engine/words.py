"""What a rule does, as one sentence for people."""

from collections.abc import Callable, Iterable

from promotions.engine.rules import (
    WHOLE,
    Benefit,
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
    Part,
    PaymentMethod,
    PercentOff,
    PercentOfTotal,
    Rule,
    Target,
    Tier,
    Tiered,
)

MoneyText = Callable[[int], str]
"""Minor units to text: 3000 to "30.00 €"."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NAMED = 5
"""So many names are listed; of more the first and their number."""


def sentence(rule: Rule, money: MoneyText) -> str:
    """What `rule` does, when and for whom: "10 % off everything in Food, from 30.00 €, on Friday from 17:00 to 19:00."

    Args:
        rule: any rule; its campaign, window and locations are not part of the sentence.
        money: formats minor units.
    """
    parts = [_benefit(rule.benefit, rule.target, money)]
    parts += [_condition(condition, money) for condition in rule.conditions]
    if rule.trigger == "coupon":
        parts.append("with a coupon")
    text = ", ".join(parts)
    limits = list(_limits(rule, money))
    return "; ".join([text[0].upper() + text[1:], *limits]) + "."


def percent_text(percent: int) -> str:
    """Hundredths of a percent to text: 1000 to "10 %", 1250 to "12.5 %"."""
    whole, rest = divmod(percent, 100)
    return f"{whole}{f'.{rest:02d}'.rstrip('0') if rest else ''} %"


def _benefit(benefit: Benefit, target: Target, money: MoneyText) -> str:
    units = _target(target, money)
    match benefit:
        case PercentOff(percent, "original"):
            return f"{percent_text(percent)} of the original price off {units}"
        case PercentOff(percent, _):
            return f"{percent_text(percent)} off {units}"
        case FixedPerUnit(amount):
            return f"{money(amount)} off each unit of {units}"
        case FixedPrice(amount):
            return f"{units} for {money(amount)} a unit"
        case FixedTotal(amount):
            return f"{money(amount)} off {_together(target, money)}"
        case PercentOfTotal(percent):
            return f"{percent_text(percent)} off {_together(target, money)}"
        case BuyGet():
            return _buy_get(benefit, money)
        case Bundle():
            return _bundle(benefit, money)
        case CheapestFree(count):
            return f"the cheapest {_counted(count)} of {units} free"
        case Tiered(tiers, by):
            steps = _listed([_tier(tier, by == "quantity", money) for tier in tiers])
            return f"off {_together(target, money)}: {steps}"
        case FreeGift(sku, quantity):
            return f"{_counted(quantity)} of {sku} as a free gift"


def _buy_get(benefit: BuyGet, money: MoneyText) -> str:
    if benefit.amount is not None:
        reward = f"at {money(benefit.amount)} off each"
    elif benefit.percent is None or benefit.percent == WHOLE:
        reward = "free"
    else:
        reward = f"at {percent_text(benefit.percent)} off"
    got = f"get {benefit.get.quantity}"
    if benefit.get.match != benefit.buy.match:
        got += f" of {_match(benefit.get.match, money)}"
    which = "" if benefit.buy.match != benefit.get.match else f" (the {benefit.pick} of them)"
    most = "" if benefit.max_get_units is None else f", at most {_counted(benefit.max_get_units)} a sale"
    return f"buy {_part(benefit.buy, money)}, {got} {reward}{which}{most}"


def _bundle(benefit: Bundle, money: MoneyText) -> str:
    parts = " with ".join([_part(part, money) for part in benefit.parts])
    if benefit.price is not None:
        return f"{parts} for {money(benefit.price)} together"
    if benefit.percent is not None:
        return f"{percent_text(benefit.percent)} off {parts} bought together"
    return f"{money(benefit.amount or 0)} off {parts} bought together"


def _tier(tier: Tier, by_quantity: bool, money: MoneyText) -> str:
    start = _counted(tier.at_least) if by_quantity else money(tier.at_least)
    reward = money(tier.amount) if tier.amount is not None else percent_text(tier.percent or 0)
    return f"{reward} from {start}"


def _condition(condition: Condition, money: MoneyText) -> str:
    match condition:
        case MinSubtotal(amount, match) if match == Match():
            return f"from {money(amount)}"
        case MinSubtotal(amount, match):
            return f"from {money(amount)} of {_match(match, money)}"
        case MinQuantity(quantity, match):
            return f"from {_counted(quantity)} of {_match(match, money)}"
        case Contains(match):
            return f"with {_match(match, money)} in the sale"
        case EveryLineOver(amount):
            return f"when every line is over {money(amount)}"
        case InGroup(groups):
            return f"for customers of {_names(groups)}"
        case CustomerIs(customers):
            return f"for {_names(customers, 'customer')}"
        case FirstPurchase():
            return "on a customer's first purchase"
        case PaymentMethod(methods):
            return f"paid by {_names(methods)}"
        case Hours():
            return _hours(condition)


def _hours(hours: Hours) -> str:
    days = (
        f"on {_listed([DAYS[day - 1] for day in sorted(set(hours.weekdays))])}"
        if hours.weekdays
        else "every day"
    )
    if hours.start == "00:00" and hours.end == "24:00":
        return days
    over = " the next day" if hours.end <= hours.start else ""
    return f"{days} from {hours.start} to {hours.end}{over}"


def _limits(rule: Rule, money: MoneyText) -> Iterable[str]:
    if rule.caps.max_amount is not None:
        yield f"at most {money(rule.caps.max_amount)} a sale"
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
            yield f"each unit gets the best of “{group}”"


def _target(target: Target, money: MoneyText) -> str:
    text = _match(target.match, money)
    if target.only_undiscounted:
        text += " not already reduced"
    if target.max_units_per_line is not None:
        text += f", {_counted(target.max_units_per_line)} of a line at most"
    if target.max_units is not None:
        text = f"the {target.pick} {_counted(target.max_units)} of {text}"
    return text


def _together(target: Target, money: MoneyText) -> str:
    return "the sale" if target == Target() else _target(target, money)


def _match(match: Match, money: MoneyText) -> str:
    words = []
    if match.skus:
        words.append(_names(match.skus))
    if match.brands:
        words.append(f"{'' if words else 'everything '}by {_names(match.brands)}")
    if match.categories:
        words.append(f"{'' if words else 'everything '}in {_names(match.categories)}")
    low, high = match.unit_price_min, match.unit_price_max
    text = " ".join(words) or "everything"
    return text if low is None and high is None else f"{text} {_prices(low, high, money)}"


def _prices(low: int | None, high: int | None, money: MoneyText) -> str:
    if low is None:
        return f"up to {money(high or 0)} each"
    return f"from {money(low)} each" if high is None else f"from {money(low)} to {money(high)} each"


def _part(part: Part, money: MoneyText) -> str:
    return (
        f"{part.quantity} of {_match(part.match, money)}"
        if part.match != Match()
        else _counted(part.quantity)
    )


def _counted(units: int) -> str:
    return "1 unit" if units == 1 else f"{units} units"


def _names(names: Iterable[str], what: str = "") -> str:
    known = list(names)
    shown = known[:NAMED]
    more = len(known) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    text = _listed(shown, "or")
    return f"{what} {text}".strip()


def _listed(words: list[str], joint: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"
