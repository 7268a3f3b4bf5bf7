"""How pages, sentences and files write people, amounts and numbers, in the language of the page.

`campaigns.dates` writes days and times.
"""

import re
from decimal import Decimal

from babel import Locale
from babel.numbers import format_currency, format_decimal, get_currency_precision
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.utils.translation import get_language, pgettext, to_locale

from campaigns.annotations import Words

_decimals = re.compile(r"\.0+")  # in a pattern of amounts


def person(user: AbstractUser | None) -> str:
    """Return a user's full name, else their login; "" for None."""
    return "" if user is None else user.get_full_name() or user.get_username()


def money(amount: int | None, currency: str = "") -> str:
    """Return an amount in minor units as people write it: 1250 is €12.50."""
    if amount is None:
        return ""
    currency = currency or settings.CURRENCY
    value = Decimal(amount).scaleb(-get_currency_precision(currency))
    return format_currency(value, currency, locale=find_locale())


def money_on_scale(amount: int, currency: str = "") -> str:
    """Return an amount in minor units as it stands beside a drawing: €400, and €0.50 where it is not whole."""
    currency = currency or settings.CURRENCY
    places = get_currency_precision(currency)
    if amount % 10**places:
        return money(amount, currency)
    locale = Locale.parse(find_locale())
    whole = _decimals.sub("", locale.currency_formats["standard"].pattern)
    value = Decimal(amount).scaleb(-places)
    return format_currency(value, currency, whole, locale=locale, currency_digits=False)


def share(part: int | None, whole: int | None) -> str:
    """Return `part` of `whole` in percent with one decimal; "" when the whole is 0."""
    percent = find_percent(part, whole)
    return "" if percent is None else write_percent(percent)


def find_percent(part: int | None, whole: int | None) -> Decimal | None:
    """Return `part` of `whole` in percent with one decimal; None when either is unknown or the whole is 0."""
    return (Decimal(part) * 100 / whole).quantize(Decimal("0.1")) if whole and part is not None else None


def write_decimal(number: Decimal, *, places: int) -> str:
    """Write a number with so many decimals: 1,234.50; in German 1.234,50."""
    return format_decimal(number, "#,##0." + "0" * places, find_locale())


def write_percent(percent: Decimal | int | str) -> str:
    """Write a percentage with the decimals that it has: 12.5%; German has a comma and a gap."""
    locale = find_locale()
    if locale == "en":
        return f"{percent:,}%" if isinstance(percent, int) else f"{percent}%"
    number = format_decimal(Decimal(percent), locale=locale, decimal_quantization=False)
    decimals = -Decimal(percent).as_tuple().exponent  # type: ignore[operator]  # of a number, not of infinity
    if decimals > 0:
        number = format_decimal(Decimal(percent), "#,##0." + "0" * decimals, locale)
    sign: str = Locale.parse(locale).percent_formats[None].suffix[0]
    return number + sign


def thousands(number: int | None) -> str:
    """Write a number with signs between its thousands: 1000000 as 1,000,000."""
    if number is None:
        return ""
    locale = find_locale()
    return f"{number:,}" if locale == "en" else format_decimal(number, locale=locale)


def find_locale() -> str:
    """Return the locale of the page, as Babel names it."""
    return to_locale(get_language() or settings.LANGUAGE_CODE)


def rounddown(percent: float) -> int:
    """Round down to ten percent, which is exact enough for a screen reader to say."""
    return int(percent // 10) * 10


def duration(seconds: int | None) -> str:
    """Write a duration in its two largest units: 7384 is 2 h 3 min."""
    if seconds is None:
        return ""
    days, rest = divmod(int(seconds), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    words = [
        (days, pgettext("duration", "%(count)s d")),
        (hours, pgettext("duration", "%(count)s h")),
        (minutes, pgettext("duration", "%(count)s min")),
        (left, pgettext("duration", "%(count)s s")),
    ]
    written = [word % {"count": count} for count, word in words if count]
    return " ".join(written[:2]) or words[-1][1] % {"count": 0}


def in_sentence(label: Words) -> str:
    """Write a label as a word inside a sentence: in small letters, but for German, whose nouns keep their capital."""
    return str(label) if (get_language() or "").startswith("de") else str(label).lower()
