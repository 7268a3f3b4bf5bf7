"""Reads one promotion by itself, as a rule of the engine and as a sentence."""

import msgspec
from django.conf import settings

from campaigns.formats import money
from promotions import groups
from promotions.engine import Rule, words
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
        return f"Its rules cannot be read: {error}."
    if promotion.group_names is None:
        groups.attach_names([promotion])
    return words.sentence(
        read, lambda amount: money(amount, currency or settings.CURRENCY), promotion.group_names
    )
