"""Writes the parts of a rule's sentence in a language: texts with their values, amounts, percents, days."""

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

MoneyText = Callable[[int], str]
"""Writes minor units: 3000 as "30.00 €"."""

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Language(Protocol):
    """The language of a sentence: Django's functions for it, since the engine does not import Django."""

    def gettext(self, text: str, /) -> str:
        """Return a text in the language."""

    def ngettext(self, one: str, many: str, count: int, /) -> str:
        """Return the text for a number of things in the language."""

    def write_percent(self, percent: int, /) -> str:
        """Write hundredths of a percent."""

    def name_day(self, weekday: int, /) -> str:
        """Name a day of the week, 1 for Monday."""


class English:
    """The language in which the texts of this module stand."""

    def gettext(self, text: str, /) -> str:
        """Return the text as it is."""
        return text

    def ngettext(self, one: str, many: str, count: int, /) -> str:
        """Return the text for one or for many."""
        return one if count == 1 else many

    def write_percent(self, percent: int, /) -> str:
        """Write hundredths of a percent: 1250 is "12.5%"."""
        return percent_text(percent)

    def name_day(self, weekday: int, /) -> str:
        """Name a day of the week."""
        return DAYS[weekday - 1]


class Writer(Struct, frozen=True):
    """Writes amounts, and the names of customer groups, for a sentence in a language."""

    money: MoneyText
    groups: Mapping[str, str]
    language: Language

    def gettext(self, text: str, /, **values: object) -> str:
        """Write a text with its values."""
        return self.language.gettext(text) % values

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        """Write the text for a number of things, %(count)s in it, with its other values."""
        return self.language.ngettext(one, many, count) % {"count": count, **values}

    def percent(self, percent: int) -> str:
        """Write hundredths of a percent."""
        return self.language.write_percent(percent)


def percent_text(percent: int) -> str:
    """Write hundredths of a percent: 1000 is "10%", 1250 is "12.5%"."""
    whole, rest = divmod(percent, 100)
    return f"{whole}{f'.{rest:02d}'.rstrip('0') if rest else ''}%"
