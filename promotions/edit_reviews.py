"""Says what an edit would change, before it is saved: "budget: €5,000.00 → €8,000.00"."""

import json
from collections.abc import Iterable

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _

from campaigns.annotations import Columns, RowOrKey, StoredValue
from promotions import reading
from promotions.changes import describe_changes
from promotions.models import Promotion, PromotionCampaign
from promotions.publish.promotions import PARTS


def list_campaign_edits(
    campaign: PromotionCampaign, columns: Columns, locations: Iterable[RowOrKey]
) -> list[str]:
    """Return a line for each of the `columns` that differs from those of `campaign`, and one for its locations."""
    detail = _compare(campaign, columns) | _compare_locations(campaign, locations)
    return describe_changes(detail, campaign.currency)


def list_promotion_edits(promotion: Promotion, columns: Columns, locations: Iterable[RowOrKey]) -> list[str]:
    """Return a line for each of the `columns` that differs from those of `promotion`, and one for its locations.

    What its rules do is told as a sentence before and after.
    """
    detail = _compare(promotion, columns)
    rules = [name for name in (*PARTS, "level") if detail.pop(name, None)]
    lines = describe_changes(detail | _compare_locations(promotion, locations))
    if rules:
        typed = Promotion(pk=promotion.pk, status=promotion.status, **columns)
        before, after = reading.write_sentence(promotion), reading.write_sentence(typed)
        if before != after:
            return [_("what it does: %(before)s → %(after)s") % {"before": before, "after": after}, *lines]
        lines += describe_changes(dict.fromkeys(rules, (None, None)))
    return lines


def _compare(row: Promotion | PromotionCampaign, columns: Columns) -> Columns:
    """Return [before, after] by column, as the ledger of changes keeps them."""
    pairs = {name: [getattr(row, name), after] for name, after in columns.items()}
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    detail: dict[str, StoredValue] = json.loads(json.dumps(changed, cls=DjangoJSONEncoder))
    return detail


def _compare_locations(row: Promotion | PromotionCampaign, locations: Iterable[RowOrKey]) -> Columns:
    before = sorted(row.locations.values_list("code", flat=True))
    after = sorted(location.code for location in locations)
    return {"locations": [before, after]} if before != after else {}
