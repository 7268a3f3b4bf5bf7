"""Writes what a rule does, as one sentence for people."""

from collections.abc import Iterable, Mapping

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
from promotions.engine.writer import DAYS, English, Language, MoneyText, Writer

NAMES_LISTED = 5
"""Up to this many names are listed. Of more, the first ones and how many others."""


def sentence(
    rule: Rule,
    money: MoneyText,
    groups: Mapping[str, str] | None = None,
    language: Language | None = None,
) -> str:
    """Write what `rule` does, when and for whom.

    "10% off everything in Food, on sales of 30.00 € or more, on Friday."

    Args:
        rule: any rule; its campaign, window and locations are not part of the sentence.
        money: formats minor units.
        groups: the names of customer groups by code; one without is called by its code.
        language: of the sentence; None: English.
    """
    write = Writer(money, groups or {}, language or English())
    parts = [_benefit(rule, write)]
    parts += [_condition(condition, write) for condition in rule.conditions]
    if rule.trigger == "coupon":
        parts.append(write.gettext("with a coupon"))
    text = ", ".join(parts)
    limits = list(_limits(rule, write))
    return "; ".join([text[0].upper() + text[1:], *limits]) + "."


def write_match(match: Match, money: MoneyText, language: Language | None = None) -> str:
    """Write which articles are meant: "everything by X in Food"."""
    return _match_everything(match, Writer(money, {}, language or English()))


def _benefit(rule: Rule, write: Writer) -> str:
    target = rule.target
    match rule.benefit:
        case PercentOff(percent, "original"):
            return write.gettext(
                "%(off)s off the original price of %(what)s",
                off=write.percent(percent),
                what=_target(target, write),
            )
        case PercentOff(percent, _):
            whole_sale = rule.level == "order" and target == Target()
            what = write.gettext("the sale") if whole_sale else _target(target, write)
            return write.gettext("%(off)s off %(what)s", off=write.percent(percent), what=what)
        case FixedPerUnit(amount):
            return write.gettext("%(off)s off %(what)s", off=write.money(amount), what=_each(target, write))
        case FixedPrice(amount):
            what, price = _target(target, write), write.money(amount)
            if target.max_units == 1:
                return write.gettext("%(what)s for %(amount)s", what=what, amount=price)
            return write.gettext("%(what)s for %(amount)s each", what=what, amount=price)
        case FixedTotal(amount):
            return write.gettext(
                "%(off)s off %(what)s", off=write.money(amount), what=_together(target, write)
            )
        case PercentOfTotal(percent):
            return write.gettext(
                "%(off)s off %(what)s", off=write.percent(percent), what=_together(target, write)
            )
        case BuyGet() as benefit:
            return _buy_get(benefit, write)
        case Bundle() as benefit:
            return _bundle(benefit, write)
        case CheapestFree(count):
            return write.gettext(
                "%(units)s of %(what)s free",
                units=_name_units("cheapest", count, write),
                what=_articles(target, write, is_sale=True),
            )
        case Tiered(tiers, by):
            return _tiers(tiers, by == "quantity", target, write)
        case FreeGift(sku, quantity):
            if quantity == 1:
                return write.gettext("%(sku)s as a free gift", sku=sku)
            return write.gettext("%(count)s units of %(sku)s as a free gift", count=quantity, sku=sku)


def _buy_get(benefit: BuyGet, write: Writer) -> str:
    is_same = benefit.get.match == benefit.buy.match
    buy = _part(benefit.buy, write)
    get = str(benefit.get.quantity) if is_same else _part(benefit.get, write)
    if benefit.amount is not None:
        off = write.money(benefit.amount)
        text = (
            write.gettext("buy %(buy)s, get %(get)s at %(off)s off each", buy=buy, get=get, off=off)
            if benefit.get.quantity > 1
            else write.gettext("buy %(buy)s, get %(get)s at %(off)s off", buy=buy, get=get, off=off)
        )
    elif benefit.percent is None or benefit.percent == WHOLE:
        text = write.gettext("buy %(buy)s, get %(get)s free", buy=buy, get=get)
    else:
        off = write.percent(benefit.percent)
        text = write.gettext("buy %(buy)s, get %(get)s at %(off)s off", buy=buy, get=get, off=off)
    is_dearest = benefit.pick == "dearest"
    if is_same and is_dearest:
        text += " " + write.gettext("(the most expensive of them)")
    elif is_same:
        text += " " + write.gettext("(the cheapest of them)")
    elif is_dearest:
        text += " " + write.gettext("(the most expensive)")
    if benefit.max_get_units is not None:
        units = _count_units(benefit.max_get_units, write)
        text += write.gettext(", at most %(units)s reduced in a sale", units=units)
    return text


def _bundle(benefit: Bundle, write: Writer) -> str:
    parts = _join_and([_part(part, write) for part in benefit.parts], write)
    if benefit.price is not None:
        return write.gettext(
            "%(parts)s together for %(amount)s", parts=parts, amount=write.money(benefit.price)
        )
    off = write.percent(benefit.percent) if benefit.percent is not None else write.money(benefit.amount or 0)
    return write.gettext("%(off)s off %(parts)s bought together", off=off, parts=parts)


def _tiers(tiers: Iterable[Tier], by_quantity: bool, target: Target, write: Writer) -> str:
    """Write tiers: "5% off the sale from 50.00 € on, 10% from 100.00 € on"."""
    steps: list[str] = []
    for tier in tiers:
        reward = write.money(tier.amount) if tier.amount is not None else write.percent(tier.percent or 0)
        start = _count_units(tier.at_least, write) if by_quantity else write.money(tier.at_least)
        if steps:
            steps.append(write.gettext("%(off)s from %(start)s on", off=reward, start=start))
        else:
            what = write.gettext("the sale") if target == Target() else _target(target, write)
            steps.append(
                write.gettext("%(off)s off %(what)s from %(start)s on", off=reward, what=what, start=start)
            )
    return ", ".join(steps)


def _condition(condition: Condition, write: Writer) -> str:
    match condition:
        case MinSubtotal(amount, match) if match == Match():
            return write.gettext("on sales of %(amount)s or more", amount=write.money(amount))
        case MinSubtotal(amount, match):
            return write.gettext(
                "with %(amount)s or more of %(what)s in the sale",
                amount=write.money(amount),
                what=_match_anything(match, write),
            )
        case MinQuantity(quantity, match) if match == Match():
            return write.gettext("on sales of %(amount)s or more", amount=_count_units(quantity, write))
        case MinQuantity(quantity, match):
            return write.gettext(
                "with %(amount)s or more of %(what)s in the sale",
                amount=_count_units(quantity, write),
                what=_match_anything(match, write),
            )
        case Contains(match):
            return write.gettext("with %(what)s in the sale", what=_match_anything(match, write))
        case EveryLineOver(amount):
            return write.gettext("when every line is over %(amount)s", amount=write.money(amount))
        case InGroup(groups):
            quoted = _names_or([f"“{write.groups.get(code, code)}”" for code in groups], write)
            if len(groups) > 1:
                return write.gettext("for customers of the groups %(groups)s", groups=quoted)
            return write.gettext("for customers of the group %(group)s", group=quoted)
        case CustomerIs(customers):
            named = _names_and(customers, write)
            if len(customers) > 1:
                return write.gettext("for the customers %(customers)s", customers=named)
            return write.gettext("for the customer %(customer)s", customer=named)
        case FirstPurchase():
            return write.gettext("on a customer's first purchase")
        case PaymentMethod(methods):
            return write.gettext("paid by %(methods)s", methods=_names_or(methods, write))
        case Hours():
            return _hours(condition, write)


def _hours(hours: Hours, write: Writer) -> str:
    days = _days(sorted(set(hours.weekdays)), write)
    if hours.start == "00:00" and hours.end == "24:00":
        return days
    if hours.end <= hours.start:
        return write.gettext(
            "%(days)s from %(start)s to %(end)s the next day", days=days, start=hours.start, end=hours.end
        )
    return write.gettext("%(days)s from %(start)s to %(end)s", days=days, start=hours.start, end=hours.end)


def _days(weekdays: list[int], write: Writer) -> str:
    """Write days: "every day", "on Friday"; three or more in a row as "Monday to Friday"."""
    if len(weekdays) in (0, len(DAYS)):
        return write.gettext("every day")
    names = [write.language.name_day(day) for day in weekdays]
    if len(weekdays) > 2 and weekdays[-1] - weekdays[0] == len(weekdays) - 1:
        return write.gettext("%(first)s to %(last)s", first=names[0], last=names[-1])
    return write.gettext("on %(days)s", days=_join_and(names, write))


def _limits(rule: Rule, write: Writer) -> Iterable[str]:
    if rule.caps.max_amount is not None:
        yield write.gettext("at most %(amount)s off a sale", amount=write.money(rule.caps.max_amount))
    if rule.caps.max_applications is not None and isinstance(rule.benefit, BuyGet | Bundle):
        yield write.ngettext("once a sale", "up to %(count)s times a sale", rule.caps.max_applications)
    match rule.stacking:
        case Exclusive():
            yield write.gettext("not together with any other promotion")
        case BestOf(group):
            yield write.gettext("each unit gets the best promotion of “%(group)s” only", group=group)


def _target(target: Target, write: Writer) -> str:
    """Return the units a discount touches: "the 2 cheapest units of everything in Food"."""
    if target.max_units is not None:
        text = write.gettext(
            "%(units)s of %(what)s",
            units=_name_units(target.pick, target.max_units, write),
            what=_articles(target, write, is_sale=True),
        )
    else:
        text = _articles(target, write)
    return text + _per_line(target, write)


def _per_line(target: Target, write: Writer) -> str:
    if target.max_units_per_line is None:
        return ""
    units = _count_units(target.max_units_per_line, write)
    return " " + write.gettext("(at most %(units)s of a line)", units=units)


def _each(target: Target, write: Writer) -> str:
    """Write whose units are reduced: "each unit of anything in Food"."""
    if target.max_units is not None:
        what = _target(target, write)
        return what if target.max_units == 1 else write.gettext("each of %(what)s", what=what)
    if target.match == Match():
        text = write.gettext("each unit")
    else:
        text = write.gettext("each unit of %(what)s", what=_match_anything(target.match, write))
    if target.only_undiscounted:
        text = write.gettext("%(what)s not already reduced", what=text)
    return text + _per_line(target, write)


def _together(target: Target, write: Writer) -> str:
    if target == Target():
        return write.gettext("the sale")
    what = _target(target, write)
    return what if target.max_units == 1 else write.gettext("%(what)s together", what=what)


def _articles(target: Target, write: Writer, *, is_sale: bool = False) -> str:
    """Return the articles of a target without its numbers; "everything" or "the sale" where it names none."""
    if target.match == Match():
        text = write.gettext("the sale") if is_sale else write.gettext("everything")
    else:
        text = _match_everything(target.match, write)
    return write.gettext("%(what)s not already reduced", what=text) if target.only_undiscounted else text


def _match_everything(match: Match, write: Writer) -> str:
    """Write a match of all units: "everything by X in Food priced 1.00 € or more"."""
    what = _names_and(match.skus, write) if match.skus else write.gettext("everything")
    return _narrow_match(what, match, write)


def _match_anything(match: Match, write: Writer) -> str:
    """Write a match where one unit is meant: "anything in Food"."""
    what = _names_or(match.skus, write) if match.skus else write.gettext("anything")
    return _narrow_match(what, match, write)


def _narrow_match(what: str, match: Match, write: Writer) -> str:
    words = [what]
    if match.brands:
        words.append(write.gettext("by %(brands)s", brands=_names_or(match.brands, write)))
    if match.categories:
        words.append(write.gettext("in %(categories)s", categories=_names_or(match.categories, write)))
    low, high = match.unit_price_min, match.unit_price_max
    if low is not None and high is not None:
        words.append(
            write.gettext("priced from %(low)s to %(high)s", low=write.money(low), high=write.money(high))
        )
    elif low is not None:
        words.append(write.gettext("priced %(low)s or more", low=write.money(low)))
    elif high is not None:
        words.append(write.gettext("priced %(high)s or less", high=write.money(high)))
    return " ".join(words)


def _part(part: BenefitPart, write: Writer) -> str:
    if part.match == Match():
        return _count_units(part.quantity, write)
    return write.gettext(
        "%(count)s of %(what)s", count=part.quantity, what=_match_anything(part.match, write)
    )


def _name_units(pick: Pick, units: int, write: Writer) -> str:
    if pick == "dearest":
        return write.ngettext("the most expensive unit", "the %(count)s most expensive units", units)
    return write.ngettext("the cheapest unit", "the %(count)s cheapest units", units)


def _count_units(units: int, write: Writer) -> str:
    return write.ngettext("%(count)s unit", "%(count)s units", units)


def _names_and(names: Iterable[str], write: Writer) -> str:
    return _join_and(_shorten_list(names, write), write)


def _names_or(names: Iterable[str], write: Writer) -> str:
    listed = _shorten_list(names, write)
    if len(listed) == 1:
        return listed[0]
    return write.gettext("%(names)s or %(last)s", names=", ".join(listed[:-1]), last=listed[-1])


def _shorten_list(names: Iterable[str], write: Writer) -> list[str]:
    known = list(names)
    more = len(known) - NAMES_LISTED
    return [*known[:NAMES_LISTED], write.gettext("%(count)s more", count=more)] if more > 0 else known


def _join_and(words: list[str], write: Writer) -> str:
    if len(words) == 1:
        return words[0]
    return write.gettext("%(names)s and %(last)s", names=", ".join(words[:-1]), last=words[-1])
