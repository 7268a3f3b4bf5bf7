"""Reads one promotion by itself, as a rule of the engine and as a sentence."""

import msgspec
from babel.dates import get_day_names
from babel.numbers import format_percent
from django.conf import settings
from django.utils.translation import get_language, gettext, ngettext, to_locale

from campaigns.formats import money
from promotions import groups
from promotions.engine import Rule, words
from promotions.engine.writer import percent_text
from promotions.models import Promotion


def read_rule(promotion: Promotion) -> Rule:
    """Return the rule of `promotion`, saved or not, without its campaigns and locations.

    Raises:
        msgspec.ValidationError: its JSON is none of promotions.engine.rules.
    """
    return msgspec.convert(
        {
            "promotion": promotion.pk or 0,
            "benefit": promotion.benefit,
            "label": promotion.name,
            "target": promotion.target,
            "conditions": promotion.conditions,
            "lane": promotion.level,
            "stacking": promotion.stacking or {"type": "stackable"},
            "caps": promotion.caps,
            "trigger": promotion.trigger,
            "active": promotion.status == Promotion.Status.ACTIVE,
            "starts_at": promotion.starts_at,
            "ends_at": promotion.ends_at,
            "priority": promotion.priority,
            "max_uses_per_customer": promotion.max_uses_per_customer,
        },
        Rule,
    )


def write_sentence(promotion: Promotion, currency: str = "") -> str:
    """Return what `promotion` does, in words; amounts in `currency`, by default the site's."""
    try:
        read = read_rule(promotion)
    except msgspec.ValidationError as error:
        return gettext("Its rules cannot be read: %(error)s.") % {"error": error}
    if promotion.group_names is None:
        groups.attach_names([promotion])
    return words.sentence(
        read,
        lambda amount: money(amount, currency or settings.CURRENCY),
        promotion.group_names,
        LanguageOfPage(),
    )


def write_percent(hundredths: int) -> str:
    """Write hundredths of a percent as the language of the page does: 1250 is 12.5%; German has a comma and a gap."""
    if is_english():
        return percent_text(hundredths)
    return format_percent(hundredths / 10_000, locale=_name_locale(), decimal_quantization=False)


class LanguageOfPage:
    """The language of the page, for a sentence of the engine."""

    def gettext(self, text: str, /) -> str:
        """Return a text in the language of the page."""
        return gettext(text)

    def ngettext(self, one: str, many: str, count: int, /) -> str:
        """Return the text for a number of things in the language of the page."""
        return ngettext(one, many, count)

    def write_percent(self, percent: int, /) -> str:
        """Write hundredths of a percent."""
        return write_percent(percent)

    def name_day(self, weekday: int, /) -> str:
        """Name a day of the week, 1 for Monday."""
        return str(get_day_names("wide", locale=_name_locale())[weekday - 1])


def is_english() -> bool:
    """Return whether the page is in English, in which the texts of the code stand."""
    return (get_language() or settings.LANGUAGE_CODE).startswith("en")


def _name_locale() -> str:
    return to_locale(get_language() or settings.LANGUAGE_CODE)
