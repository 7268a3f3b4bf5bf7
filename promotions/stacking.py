"""The site's rules on how promotions meet in a sale."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from campaigns.refusals import Refused
from promotions import publish
from promotions.engine import StackingRules
from promotions.models import Change, ExcludedPair, StackingSettings

FIELDS = tuple(field.name for field in StackingSettings._meta.concrete_fields if not field.primary_key)


def current() -> StackingRules:
    """The rules in force, as the engine reads them."""
    settings = StackingSettings.objects.first() or StackingSettings()
    pairs = ExcludedPair.objects.values_list("first_id", "second_id")
    return StackingRules(
        **{name: getattr(settings, name) for name in FIELDS}, excluded_pairs=frozenset(pairs)
    )


def change(
    *, by: Any = None, excluded_pairs: Iterable[tuple[int, int]] | None = None, **fields: Any
) -> StackingSettings:
    """Change the rules; they count from the very next sale.

    Args:
        excluded_pairs: all pairs of promotions (keys) that never meet, in any order. None: left as they are.
        fields: new values by field name; money in minor units, percent in hundredths.
    Raises: Refused: a value cannot be, or `by` may not.
    """
    if by is not None and not by.has_perm("promotions.change_stacking_rules"):
        raise Refused("You may not change the stacking rules: ask an administrator for the right to.")
    with transaction.atomic():
        publish.lock()
        settings = StackingSettings.objects.first() or StackingSettings(pk=1)
        before = {name: getattr(settings, name) for name in fields if name in FIELDS}
        if unknown := fields.keys() - set(FIELDS):
            raise Refused([(name, f"There is no stacking rule “{name}”.") for name in sorted(unknown)])
        for name, value in fields.items():
            setattr(settings, name, value)
        try:
            settings.full_clean(validate_unique=False)
        except ValidationError as error:
            raise Refused([(name, " ".join(said)) for name, said in error.message_dict.items()]) from error
        settings.save()
        detail = {name: [was, fields[name]] for name, was in before.items() if was != fields[name]}
        if excluded_pairs is not None:
            detail |= _exclude(excluded_pairs)
        publish.bump()
        if detail:
            Change.objects.create(what=Change.What.EDITED, by=by, detail=detail)
    return settings


def _exclude(pairs: Iterable[tuple[int, int]]) -> dict[str, list[list[tuple[int, int]]]]:
    before = set(ExcludedPair.objects.values_list("first_id", "second_id"))
    after = {(min(pair), max(pair)) for pair in pairs}
    if any(first == second for first, second in after):
        raise Refused([("excluded_pairs", "A promotion cannot exclude itself.")])
    if before == after:
        return {}
    ExcludedPair.objects.all().delete()
    ExcludedPair.objects.bulk_create(
        ExcludedPair(first_id=first, second_id=second) for first, second in after
    )
    return {"excluded_pairs": [sorted(before), sorted(after)]}
