"""How pages, sentences and files write people, amounts and numbers; `campaigns.dates` writes days and times."""

from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.utils.translation import get_language


def person(user: AbstractUser | None) -> str:
    """Return a user's full name, else their login; "" for None."""
    return "" if user is None else user.get_full_name() or user.get_username()


def money(amount: int | None, currency: str = "") -> str:
    """Return an amount in minor units as people write it: 1250 is €12.50."""
    if amount is None:
        return ""
    currency = currency or settings.CURRENCY
    return format_currency(Decimal(amount).scaleb(-get_currency_precision(currency)), currency, locale="en")


def share(part: int | None, whole: int | None) -> str:
    """Return `part` of `whole` in percent with one decimal; "" when the whole is 0."""
    if not whole or part is None:
        return ""
    percent = (Decimal(part) * 100 / whole).quantize(Decimal("0.1"))
    return f"{percent}%"


def thousands(number: int | None) -> str:
    """Write a number with commas between its thousands: 1000000 as 1,000,000."""
    return "" if number is None else f"{number:,}"


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
    words = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min"), (left, "s")) if n]
    return " ".join(words[:2]) or "0 s"


def in_sentence(label: str) -> str:
    """Write a label as a word inside a sentence: in small letters, but for German, whose nouns keep their capital."""
    return str(label) if (get_language() or "").startswith("de") else str(label).lower()
