"""The site's stacking rules: how promotions meet in a sale."""

from django.conf import settings as site
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from campaigns import refusals
from campaigns.annotations import ColumnValue
from campaigns.refusals import Refused
from promotions import publish
from promotions.engine import StackingRules
from promotions.models import Change, ExcludedPair, Promotion, StackingSettings
from promotions.publish.edit_conflicts import refuse_edit_conflict

FIELDS = tuple(field.name for field in StackingSettings._meta.concrete_fields if not field.primary_key)


def read_rules() -> StackingRules:
    """Return the stored rules for the engine."""
    settings = StackingSettings.objects.first() or StackingSettings()
    pairs = ExcludedPair.objects.values_list("first_id", "second_id")
    return StackingRules(
        **{name: getattr(settings, name) for name in FIELDS},
        currency=site.CURRENCY,
        excluded_pairs=frozenset(pairs),
    )


def list_edits() -> QuerySet[Change]:
    """Return the edits of the rules."""
    return Change.objects.filter(campaign=None, promotion=None, what=Change.What.EDITED)


def change_rules(
    *, by: User | None = None, seen: int | None = None, **fields: ColumnValue
) -> StackingSettings:
    """Change the rules. The change counts from the very next sale.

    Args:
        fields: new values by field name; money in minor units of the site's currency, percent in hundredths.
        seen: the `last_edit` of `edits` that the form showed; None overwrites any.

    Raises:
        EditConflict: they were changed since.
        Refused: a value is wrong, or `by` may not.
    """
    _require_permission(by)
    with transaction.atomic():
        publish.lock_rules()
        refuse_edit_conflict(list_edits(), seen)
        settings = StackingSettings.objects.first() or StackingSettings(pk=1)
        before = {name: getattr(settings, name) for name in fields if name in FIELDS}
        if unknown := fields.keys() - set(FIELDS):
            raise Refused([(name, f"There is no stacking rule “{name}”.") for name in sorted(unknown)])
        if fields.get("max_promotions") == 0:  # as empty: no limit
            fields["max_promotions"] = None
        for name, value in fields.items():
            setattr(settings, name, value)
        try:
            settings.full_clean(validate_unique=False)
        except ValidationError as error:
            raise Refused([(name, " ".join(said)) for name, said in error.message_dict.items()]) from error
        settings.save()
        detail = {name: [was, fields[name]] for name, was in before.items() if was != fields[name]}
        publish.bump_version()
        if detail:
            Change.objects.create(what=Change.What.EDITED, by=by, detail=detail)
    return settings


def exclude_pair(one: Promotion | int, other: Promotion | int, *, by: User | None = None) -> None:
    """Exclude two promotions from meeting in one sale. Doing so again changes nothing.

    Raises:
        Refused: they are the same, one of them was deleted, or `by` may not.
    """
    _require_permission(by)
    first, second = sorted(_key_of(promotion) for promotion in (one, other))
    if first == second:
        raise Refused(_("A promotion cannot exclude itself."))
    with transaction.atomic():
        publish.lock_rules()
        if Promotion.objects.existing().filter(pk__in=[first, second]).count() < 2:
            raise Refused(_("One of the two promotions was deleted."))
        pair, is_new = ExcludedPair.objects.get_or_create(first_id=first, second_id=second)
        if is_new:
            publish.bump_version()
            _record(Change.What.APART, pair, by)


def allow_pair(one: Promotion | int, other: Promotion | int, *, by: User | None = None) -> None:
    """Let two promotions meet in one sale again. If nothing keeps them apart, nothing changes.

    Raises:
        Refused: `by` may not.
    """
    _require_permission(by)
    first, second = sorted(_key_of(promotion) for promotion in (one, other))
    with transaction.atomic():
        publish.lock_rules()
        if pair := ExcludedPair.objects.filter(first=first, second=second).first():
            _record(Change.What.TOGETHER, pair, by)
            pair.delete()
            publish.bump_version()


def _key_of(promotion: Promotion | int) -> int:
    return promotion if isinstance(promotion, int) else promotion.pk


def _record(what: str, pair: ExcludedPair, by: User | None) -> None:
    Change.objects.create(what=what, by=by, detail={"pair": [str(pair.first), str(pair.second)]})


def _require_permission(by: User | None) -> None:
    refusals.require(by, "promotions.change_stacking_rules", _("change the stacking rules"))
