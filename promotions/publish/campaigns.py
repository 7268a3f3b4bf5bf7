"""Creates and edits promotion campaigns and their links to promotions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns import database_time, instants, lifecycle, refusals, texts
from campaigns.annotations import ColumnValue, RowOrKey, StoredValue
from campaigns.models import Campaign
from campaigns.refusals import Refused
from promotions import models
from promotions.publish.counters import set_campaign_counter, was_granted
from promotions.publish.edit_conflicts import refuse_edit_conflict
from promotions.publish.version import bump_version, lock_rules

Status = Campaign.Status
FIELDS = frozenset(
    {
        "name",
        "description",
        "starts_at",
        "ends_at",
        "currency",
        "budget",
        "on_budget_end",
        "max_uses",
        "max_uses_per_customer",
        "priority",
        "exclusive",
    }
)


def publish_campaign(campaign: "models.PromotionCampaign") -> None:
    """Publish a campaign after a step or an edit: set its counter's limits, window and state, and bump the version.

    The version's row is locked already, by the trigger at `save()`: the counter comes last, as in the lock order.
    """
    set_campaign_counter(campaign)
    bump_version()


def create_campaign(
    *,
    by: User | None = None,
    changes: Mapping[str, ColumnValue],
    locations: Iterable[RowOrKey] = (),
    promotions: Sequence[RowOrKey] = (),
    then: str = "",
) -> "models.PromotionCampaign":
    """Create a draft; the other arguments are those of `edit_campaign`.

    Args:
        then: `activate` or `schedule`, to take that step at once; if it is refused, no draft is created.
    """
    if then not in ("", "activate", "schedule"):
        raise Refused(_("“%(then)s” is no step of a new campaign.") % {"then": then})
    refusals.require(by, "promotions.add_promotioncampaign", _("add promotion campaigns"))
    with transaction.atomic():
        lock_rules()
        campaign = models.PromotionCampaign(created_by=by)
        _set_values(campaign, changes, database_time.now())
        campaign.save()
        campaign.locations.set(locations)
        _arrange(campaign, promotions)
        publish_campaign(campaign)
        _record(campaign, models.Change.What.CREATED, by)
        if then:
            campaign = lifecycle.fire(campaign, then, by=by)
    return campaign


def edit_campaign(
    campaign: "models.PromotionCampaign | int",
    *,
    by: User | None = None,
    changes: Mapping[str, ColumnValue],
    locations: Iterable[RowOrKey] | None = None,
    promotions: Sequence[RowOrKey] | None = None,
    seen: int | None = None,
    now: datetime | None = None,
) -> "models.PromotionCampaign":
    """Edit a campaign that is not over. The edit counts from the very next sale.

    Args:
        changes: new values by field name (`FIELDS`); money in minor units, aware times. A limit may be set below what
            is used already: then nothing more is granted.
        locations: the locations it is for, or their keys; an empty list: everywhere. None: left as they are.
        promotions: the promotions linked to it, in order, or their keys. None: left as they are.
        seen: the `last_edit` of its `edits` that the form showed; None overwrites any.

    Returns:
        the saved campaign.

    Raises:
        Locked: it is over.
        EditConflict: it was edited since.
        Refused: a value is wrong, a promotion is standalone, or `by` may not edit.
    """
    now = now or database_time.now()
    with transaction.atomic():
        campaign = lifecycle.open_for_edit(campaign, by=by, now=now)
        refuse_edit_conflict(campaign.edits, seen, campaign.currency)
        detail = _set_values(campaign, changes, now)
        campaign.save()
        if locations is not None:
            before = sorted(campaign.locations.values_list("code", flat=True))
            campaign.locations.set(locations)
            after = sorted(campaign.locations.values_list("code", flat=True))
            if before != after:
                detail["locations"] = [before, after]
        if promotions is not None:
            detail |= _arrange(campaign, promotions)
        publish_campaign(campaign)
        if detail:
            _record(campaign, models.Change.What.EDITED, by, detail)
    return campaign


def link(
    campaign: "models.PromotionCampaign | int",
    promotion: "models.Promotion | int",
    *,
    by: User | None = None,
) -> "models.Link":
    """Link a promotion to a campaign, as the last one. Linking it again changes nothing.

    Raises:
        Refused: the promotion is standalone or deleted, the campaign is over, or `by` may not edit it.
    """
    with transaction.atomic():
        campaign = lifecycle.open_for_edit(campaign, by=by)
        promotion = _get_linkable([promotion])[0]
        last = campaign.links.aggregate(last=Max("position"))["last"]
        made, is_new = models.Link.objects.get_or_create(
            campaign=campaign, promotion=promotion, defaults={"position": 0 if last is None else last + 1}
        )
        if is_new:
            publish_campaign(campaign)
            _record(campaign, models.Change.What.LINKED, by, promotion=promotion.pk)
    return made


def unlink(
    campaign: "models.PromotionCampaign | int",
    promotion: "models.Promotion | int",
    *,
    by: User | None = None,
) -> None:
    """Unlink a promotion from a campaign. Both stay as they are."""
    with transaction.atomic():
        campaign = lifecycle.open_for_edit(campaign, by=by)
        gone, _ = campaign.links.filter(promotion=promotion).delete()
        if gone:
            publish_campaign(campaign)
            _record(campaign, models.Change.What.UNLINKED, by, promotion=_key_of(promotion))


def order_promotions(
    campaign: "models.PromotionCampaign | int", promotions: Sequence[RowOrKey], *, by: User | None = None
) -> None:
    """Set the order of a campaign's promotions on its page; promotions that are not named come after.

    Their priority decides the order in which they apply.
    """
    with transaction.atomic():
        campaign = lifecycle.open_for_edit(campaign, by=by)
        links = {made.promotion_id: made for made in campaign.links.all()}
        named = [links.pop(key) for key in map(_key_of, promotions) if key in links]
        for position, made in enumerate([*named, *links.values()]):
            made.position = position
            made.save(update_fields=["position"])
        _record(campaign, models.Change.What.ORDERED, by)


def _key_of(thing: RowOrKey) -> int:
    return thing if isinstance(thing, int) else thing.pk


def _get_linkable(promotions: Iterable[RowOrKey]) -> list["models.Promotion"]:
    keys = [_key_of(promotion) for promotion in promotions]
    found = {promotion.pk: promotion for promotion in models.Promotion.objects.existing().filter(pk__in=keys)}
    reasons = [
        ("promotions", _("There is no promotion %(key)s any more.") % {"key": key})
        for key in keys
        if key not in found
    ]
    reasons += [
        (
            "promotions",
            _(
                "“%(promotion)s” is standalone: it applies without a campaign. End that before you link "
                "it to one."
            )
            % {"promotion": promotion},
        )
        for promotion in found.values()
        if promotion.standalone
    ]
    if reasons:
        raise Refused(reasons)
    return [found[key] for key in dict.fromkeys(keys)]


def _arrange(
    campaign: "models.PromotionCampaign", promotions: Sequence[RowOrKey]
) -> dict[str, list[list[int]]]:
    """Link exactly these promotions, in this order; return the change for the record."""
    before = list(campaign.links.values_list("promotion_id", flat=True))
    after = [_key_of(promotion) for promotion in promotions]
    kept = set(before)
    _get_linkable(key for key in after if key not in kept)
    campaign.links.exclude(promotion__in=after).delete()
    for position, key in enumerate(dict.fromkeys(after)):
        models.Link.objects.update_or_create(
            campaign=campaign, promotion_id=key, defaults={"position": position}
        )
    return {"promotions": [before, after]} if before != after else {}


def _set_values(
    campaign: "models.PromotionCampaign", changes: Mapping[str, ColumnValue], now: datetime
) -> dict[str, list[StoredValue]]:
    """Set the new values of `campaign` without saving; return {field: [before, after]} of those that differ."""
    if unknown := sorted(set(changes) - FIELDS):
        raise Refused(
            [
                (name, _("“%(name)s” is no field of a campaign that can be edited.") % {"name": name})
                for name in unknown
            ]
        )
    before = {name: getattr(campaign, name) for name in changes}
    for name, value in changes.items():
        setattr(campaign, name, value)
    edited = {name: [was, changes[name]] for name, was in before.items() if was != changes[name]}
    if reasons := [*_objections(campaign, edited, now), *find_wrong_values(campaign)]:
        raise Refused(keep_first_of_each(reasons))
    return edited


def _objections(
    campaign: "models.PromotionCampaign", edited: Mapping[str, ColumnValue], now: datetime
) -> list[tuple[str, str]]:
    times = {name: getattr(campaign, name) for name in ("starts_at", "ends_at")}
    naive = [name for name, value in times.items() if value is not None and timezone.is_naive(value)]
    if naive:
        return [(name, _("A time needs its time zone.")) for name in naive]
    if impossible := [name for name, value in times.items() if value and not instants.is_possible(value)]:
        return [(name, str(instants.SENTENCE)) for name in impossible]
    reasons = []
    starts_at, ends_at = times["starts_at"], times["ends_at"]
    if "starts_at" in edited:
        if campaign.status in (Status.ACTIVE, Status.PAUSED):
            reasons.append(
                ("starts_at", _("This campaign has started already: its start can no longer be moved."))
            )
        elif campaign.status == Status.SCHEDULED and (starts_at is None or starts_at <= now):
            reasons.append(
                ("starts_at", _("The start must be in the future; to start now, activate the campaign."))
            )
    if starts_at and ends_at and ends_at <= starts_at and edited.keys() & times.keys():
        reasons.append(("ends_at", _("The end must be after the start.")))
    if "ends_at" in edited and ends_at and ends_at <= now and campaign.status != Status.DRAFT:
        reasons.append(("ends_at", _("The end must be in the future; to stop now, end the campaign early.")))
    if "currency" in edited:
        currency = campaign.currency
        if not (
            isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()
        ):
            reasons.append(("currency", _("A currency is three capital letters, as EUR.")))
        elif campaign.pk and was_granted("campaign", campaign.pk):
            reasons.append(
                ("currency", _("Discounts were given already: the currency can no longer change."))
            )
    return reasons


def find_wrong_values(thing: RowOrKey) -> list[tuple[str, str]]:
    """Return what the model finds wrong with the values of a campaign or promotion: (field, sentence) each."""
    reasons = [
        (name, _("This must be a whole number above 0, or empty for no limit."))
        for name in ("budget", "max_uses", "max_uses_per_customer")
        if (value := getattr(thing, name, None)) is not None and not is_count(value)
    ]
    if not is_count(thing.priority, most=2**31 - 1):
        reasons.append(("priority", _("The priority must be a whole number from 1.")))
    reasons += [
        (field.name, texts.SENTENCE)
        for field in thing._meta.concrete_fields
        if not texts.is_storable(getattr(thing, field.attname))
    ]
    wrong = {name for name, _ in reasons}
    try:
        thing.full_clean(exclude=["status", *wrong], validate_constraints=False, validate_unique=False)
    except ValidationError as error:
        reasons += [
            ("" if name == NON_FIELD_ERRORS else name, sentence)
            for name, sentences in error.message_dict.items()
            for sentence in sentences
        ]
    return reasons


def keep_first_of_each(reasons: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return only the first sentence of each field, since later ones only follow from it."""
    found: dict[str, str] = {}
    for field, sentence in reasons:
        found.setdefault(field, sentence)
    return list(found.items())


def is_count(value: ColumnValue, most: int = 10**15) -> bool:
    """Return whether a value is a whole number from 1 to `most`."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def _record(
    campaign: "models.PromotionCampaign",
    what: str,
    by: User | None,
    detail: Mapping[str, ColumnValue] | None = None,
    promotion: int | None = None,
) -> None:
    models.Change.objects.create(
        campaign=campaign, promotion_id=promotion, what=what, detail=dict(detail or {}), by=by
    )
