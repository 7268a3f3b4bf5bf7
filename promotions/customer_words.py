"""Writes what a promotion does for customers, in the language of the page that they see.

The pages for customers are in the languages of `settings.LANGUAGES`, and the sentence of the engine is English. In the
other languages a shorter sentence is made of translated parts. What has no such part, as a bundle of several articles,
is left to the promotion's name, since half a promise would be a wrong one.
"""

from collections.abc import Iterator

import msgspec
from babel.dates import get_day_names
from babel.numbers import format_currency, format_percent, get_currency_precision
from django.conf import settings
from django.utils.translation import get_language, gettext, to_locale

from promotions import reading
from promotions.engine.rules import (
    WHOLE,
    BuyGet,
    CheapestFree,
    Condition,
    Exclusive,
    FixedPerUnit,
    FixedPrice,
    FixedTotal,
    FreeGift,
    Hours,
    Match,
    MinQuantity,
    MinSubtotal,
    PaymentMethod,
    PercentOff,
    PercentOfTotal,
    Rule,
    Target,
    Tiered,
)
from promotions.models import Promotion


class Unwritten(ValueError):
    """There are no words for a part of the promotion in this language."""


def write_sentence(promotion: Promotion) -> str:
    """Return what a promotion does, in the language of now; "" where that language has no words for it."""
    if _locale().partition("_")[0] == "en":
        return reading.write_sentence(promotion)
    try:
        rule = reading.read_rule(promotion)
        text = ", ".join([_write_benefit(rule), *map(_write_condition, rule.conditions)])
        return "; ".join([text[0].upper() + text[1:], *_list_limits(rule)]) + "."
    except (msgspec.ValidationError, Unwritten):
        return ""


def _write_benefit(rule: Rule) -> str:
    match rule.benefit:
        case PercentOff(percent, of) if of != "original":
            return gettext("%(off)s off %(what)s") % {"off": _percent(percent), "what": _write_target(rule)}
        case PercentOfTotal(percent):
            return gettext("%(off)s off %(what)s") % {"off": _percent(percent), "what": _write_target(rule)}
        case FixedTotal(amount):
            return gettext("%(off)s off %(what)s") % {"off": _money(amount), "what": _write_target(rule)}
        case FixedPerUnit(amount):
            return gettext("%(off)s off each unit: %(what)s") % {
                "off": _money(amount),
                "what": _write_target(rule),
            }
        case FixedPrice(amount):
            return gettext("%(what)s for %(amount)s each") % {
                "amount": _money(amount),
                "what": _write_target(rule),
            }
        case BuyGet() as benefit:
            return _write_buy_get(benefit)
        case CheapestFree(1):
            return gettext("the cheapest unit free: %(what)s") % {"what": _write_target(rule)}
        case CheapestFree(count):
            return gettext("the %(count)s cheapest units free: %(what)s") % {
                "count": count,
                "what": _write_target(rule),
            }
        case Tiered(tiers, by) if by != "quantity":
            off = ", ".join(
                gettext("%(off)s from %(start)s on")
                % {
                    "off": _money(tier.amount) if tier.amount is not None else _percent(tier.percent or 0),
                    "start": _money(tier.at_least),
                }
                for tier in tiers
            )
            return gettext("%(off)s off %(what)s") % {"off": off, "what": _write_target(rule)}
        case FreeGift(sku, 1):
            return gettext("%(sku)s as a free gift") % {"sku": sku}
    raise Unwritten


def _write_buy_get(benefit: BuyGet) -> str:
    is_free = benefit.amount is None and benefit.percent in (None, WHOLE)
    if (
        not is_free
        or benefit.get.match != benefit.buy.match
        or benefit.pick != "cheapest"
        or benefit.max_get_units
    ):
        raise Unwritten
    return gettext("buy %(buy)s, get %(get)s free: %(what)s") % {
        "buy": benefit.buy.quantity,
        "get": benefit.get.quantity,
        "what": _write_match(benefit.buy.match),
    }


def _write_target(rule: Rule) -> str:
    target = rule.target
    if target == Target():
        return gettext("the whole sale") if rule.level == "order" else gettext("everything")
    if target != Target(match=target.match):
        raise Unwritten
    return _write_match(target.match)


def _write_match(match: Match) -> str:
    """Write the names that a match chooses by; of one kind only, since two would have to be joined by grammar."""
    if match == Match():
        return gettext("everything")
    kinds = [names for names in (match.skus, match.categories, match.brands) if names]
    if len(kinds) != 1 or match not in (
        Match(skus=match.skus),
        Match(categories=match.categories),
        Match(brands=match.brands),
    ):
        raise Unwritten
    return ", ".join(kinds[0])


def _write_condition(condition: Condition) -> str:
    match condition:
        case MinSubtotal(amount, match) if match == Match():
            return gettext("on sales of %(amount)s or more") % {"amount": _money(amount)}
        case MinQuantity(quantity, match) if match == Match():
            return gettext("on sales of %(count)s units or more") % {"count": quantity}
        case PaymentMethod(methods):
            return gettext("paid by %(methods)s") % {"methods": ", ".join(methods)}
        case Hours():
            return _write_hours(condition)
    raise Unwritten


def _write_hours(hours: Hours) -> str:
    names = get_day_names("wide", locale=_locale())
    days = sorted(set(hours.weekdays))
    listed = ", ".join(names[day - 1] for day in days)
    parts = [
        gettext("on %(days)s") % {"days": listed} if 0 < len(days) < len(names) else gettext("every day")
    ]
    if (hours.start, hours.end) != ("00:00", "24:00"):
        parts.append(gettext("from %(start)s to %(end)s") % {"start": hours.start, "end": hours.end})
    return " ".join(parts)


def _list_limits(rule: Rule) -> Iterator[str]:
    if rule.caps.max_amount is not None:
        yield gettext("at most %(amount)s off a sale") % {"amount": _money(rule.caps.max_amount)}
    if rule.caps.max_applications is not None and isinstance(rule.benefit, BuyGet):
        yield gettext("up to %(count)s times a sale") % {"count": rule.caps.max_applications}
    if isinstance(rule.stacking, Exclusive):
        yield gettext("not together with any other promotion")


def _locale() -> str:
    return to_locale(get_language() or settings.LANGUAGE_CODE)


def _money(amount: int) -> str:
    places = get_currency_precision(settings.CURRENCY)
    return format_currency(amount / 10**places, settings.CURRENCY, locale=_locale())


def _percent(hundredths: int) -> str:
    return format_percent(hundredths / 10_000, locale=_locale(), decimal_quantization=False)
