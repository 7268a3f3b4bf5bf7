"""Creates, edits, switches and deletes promotions."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns import database_time, instants, refusals
from campaigns.annotations import Columns, ColumnValue, RowOrKey
from campaigns.models import Campaign
from campaigns.refusals import Refused
from promotions import models
from promotions.engine import rules
from promotions.publish.campaigns import find_wrong_values, keep_first_of_each, link
from promotions.publish.counters import set_promotion_counter, was_granted
from promotions.publish.edit_conflicts import refuse_edit_conflict
from promotions.publish.version import bump_version, lock_rules

PARTS = {  # the JSON fields and the types of promotions.engine.rules that check them
    "conditions": tuple[rules.Condition, ...],
    "target": rules.Target,
    "benefit": rules.Benefit,
    "stacking": rules.Stacking,
    "caps": rules.Caps,
}
FIELDS = frozenset(
    {
        "name",
        "type",
        "standalone",
        "trigger",
        "level",
        "priority",
        "starts_at",
        "ends_at",
        "max_uses",
        "max_uses_per_customer",
        *PARTS,
    }
)


def publish_promotion(promotion: "models.Promotion") -> None:
    """Publish a promotion after an edit: set its counter, and bump the version."""
    set_promotion_counter(promotion)
    bump_version()


def save_promotion(
    promotion: "models.Promotion | int | None",
    *,
    by: User | None = None,
    locations: Iterable[RowOrKey] | None = None,
    seen: int | None = None,
    **fields: ColumnValue,
) -> "models.Promotion":
    """Create (None) or edit a promotion. It counts from the very next sale.

    Args:
        fields: new values by field name (`FIELDS`); conditions, target, benefit, stacking and caps as the JSON of
            promotions.engine.rules, money in minor units, percent in hundredths, aware times.
        locations: where it applies, or their keys; an empty list: everywhere. None: left as they are.
        seen: the `last_edit` of its `edits` that the form showed; None overwrites any.

    Returns:
        the saved promotion; a new one is inactive.

    Raises:
        EditConflict: it was edited since.
        Refused: a value is wrong, it would be standalone although campaigns link it, or `by` may not.
    """
    action = "add" if promotion is None else "change"
    refusals.require(
        by,
        f"promotions.{action}_promotion",
        _("add promotions") if promotion is None else _("change promotions"),
    )
    with transaction.atomic():
        lock_rules()
        promotion = models.Promotion() if promotion is None else _read_fresh(promotion)
        if action == "change":
            refuse_edit_conflict(promotion.edits, seen)
        before = {name: getattr(promotion, name) for name in fields if name in FIELDS}
        for name, value in fields.items():
            setattr(promotion, name, value)
        reasons = [
            (name, _("“%(name)s” is no field of a promotion that can be edited.") % {"name": name})
            for name in fields.keys() - FIELDS
        ]
        reasons += _objections(promotion)
        if reasons:
            raise Refused(keep_first_of_each(reasons))
        promotion.save()
        detail = {name: [was, fields[name]] for name, was in before.items() if was != fields[name]}
        if locations is not None:
            was = sorted(promotion.locations.values_list("code", flat=True))
            promotion.locations.set(locations)
            after = sorted(promotion.locations.values_list("code", flat=True))
            if was != after:
                detail["locations"] = [was, after]
        publish_promotion(promotion)
        what = models.Change.What.CREATED if action == "add" else models.Change.What.EDITED
        if detail or action == "add":
            _record(promotion, what, by, detail)
    return promotion


def create_promotion_in(
    campaign: "models.PromotionCampaign | int",
    *,
    by: User | None = None,
    locations: Iterable[RowOrKey] | None = None,
    **fields: ColumnValue,
) -> "models.Promotion":
    """Create a promotion in a campaign, as `save_promotion` and `link` do.

    Returns:
        the saved promotion. In a campaign that has not started yet it is switched on: no sale gets it before the
        start, and then it applies. In any other it is inactive, since it would count from the very next sale.

    Raises:
        Refused: as `save_promotion` and `link`; then nothing is saved.
    """
    with transaction.atomic():
        promotion = save_promotion(None, by=by, locations=locations, **fields)
        made = link(campaign, promotion, by=by)
        is_waiting = made.campaign.status in (Campaign.Status.DRAFT, Campaign.Status.SCHEDULED)
        if is_waiting and (by is None or by.has_perm("promotions.change_promotion")):
            promotion = switch_promotion(promotion, True, by=by)
    return promotion


def switch_promotion(
    promotion: "models.Promotion | int", on: bool, *, by: User | None = None
) -> "models.Promotion":
    """Switch one promotion on or off; its campaigns and other promotions stay as they are.

    A promotion that is switched on in a paused campaign waits for the resume. Switching it again changes nothing.

    Raises:
        Refused: it was deleted, or `by` may not.
    """
    refusals.require(by, "promotions.change_promotion", _("change promotions"))
    status = models.Promotion.Status.ACTIVE if on else models.Promotion.Status.INACTIVE
    what = models.Change.What.ACTIVATED if on else models.Change.What.DEACTIVATED
    with transaction.atomic():
        lock_rules()
        promotion = _read_fresh(promotion)
        if promotion.status != status:
            promotion.status = status
            promotion.save(update_fields=["status", "updated_at"])
            publish_promotion(promotion)
            _record(promotion, what, by)
    return promotion


def delete_promotion(promotion: "models.Promotion | int", *, by: User | None = None) -> None:
    """Delete a promotion with its coupons. One that was redeemed, or that a mail carries, is only hidden."""
    refusals.require(by, "promotions.delete_promotion", _("delete promotions"))
    with transaction.atomic():
        lock_rules()
        promotion = _read_fresh(promotion)
        # the lock keeps launches from making codes of it meanwhile
        models.Promotion.objects.select_for_update().get(pk=promotion.pk)
        links = models.Link.objects.filter(promotion=promotion)
        unlinked = links.exclude(campaign__status__in=Campaign.FINAL)
        campaigns = sorted(unlinked.values_list("campaign_id", flat=True))
        unlinked.delete()
        if links.exists() or promotion.mails.exists() or was_granted("promotion", promotion.pk):
            detail = {"status": [promotion.status, "inactive"], "campaigns": [campaigns, []]}
            promotion.deleted_at = database_time.now()
            promotion.status = models.Promotion.Status.INACTIVE
            promotion.save(update_fields=["deleted_at", "status", "updated_at"])
            promotion.coupons.update(active=False)
            publish_promotion(promotion)
            _record(promotion, models.Change.What.DELETED, by, detail)
        else:
            promotion.coupons.all().delete()
            promotion.delete()
            bump_version()


def _read_fresh(promotion: "models.Promotion | int") -> "models.Promotion":
    """Return the promotion as it is stored now.

    Raises:
        Refused: it was deleted.
    """
    key = promotion if isinstance(promotion, int) else promotion.pk
    found = models.Promotion.objects.existing().filter(pk=key).first()
    if found is None:
        raise Refused(_("This promotion was deleted."))
    return found


def _objections(promotion: "models.Promotion") -> list[tuple[str, str]]:
    reasons = [
        (name, _("A time needs its time zone."))
        for name in ("starts_at", "ends_at")
        if isinstance(value := getattr(promotion, name), datetime) and timezone.is_naive(value)
    ]
    reasons += [
        (name, str(instants.SENTENCE))
        for name in ("starts_at", "ends_at")
        if isinstance(value := getattr(promotion, name), datetime)
        and not timezone.is_naive(value)
        and not instants.is_possible(value)
    ]
    if reasons:
        return reasons
    for name, kind in PARTS.items():
        value = getattr(promotion, name)
        if value in ({}, []) and name != "benefit":
            continue  # the defaults
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            reasons.append((name, _("%(error)s.") % {"error": error}))
    reasons += find_wrong_values(promotion)
    if promotion.starts_at and promotion.ends_at and promotion.ends_at <= promotion.starts_at:
        reasons.append(("ends_at", _("The end must be after the start.")))
    if promotion.standalone and promotion.pk:
        holding = models.Link.objects.filter(promotion=promotion).exclude(campaign__status__in=Campaign.FINAL)
        if found := holding.select_related("campaign").first():
            reasons.append(
                (
                    "standalone",
                    _("It is linked to “%(campaign)s”: unlink it before you make it standalone.")
                    % {"campaign": found.campaign},
                )
            )
    return reasons


def _record(promotion: "models.Promotion", what: str, by: User | None, detail: Columns | None = None) -> None:
    models.Change.objects.create(promotion=promotion, what=what, detail=detail or {}, by=by)
