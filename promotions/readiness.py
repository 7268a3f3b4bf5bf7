"""The checklist of a promotion campaign before its start."""

from dataclasses import dataclass

from campaigns.formats import money
from promotions.models import Promotion, PromotionCampaign


@dataclass(frozen=True)
class Check:
    """One item of the checklist, and the field of the form where it is changed. A campaign may start without it."""

    is_met: bool
    sentence: str
    field: str = ""


def list_checks(campaign: PromotionCampaign) -> list[Check]:
    """Return the items that are ready and those that are open, in the order in which a campaign is made."""
    return [_promotions(campaign), _limits(campaign), _end(campaign)]


def _promotions(campaign: PromotionCampaign) -> Check:
    found = campaign.links.filter(promotion__deleted_at=None).values_list("promotion__status", flat=True)
    states = list(found.order_by())
    on = states.count(Promotion.Status.ACTIVE)
    promotions = f"{len(states)} promotion{'' if len(states) == 1 else 's'}"
    if not states:
        return Check(False, "No promotion is linked: it would give nothing.")
    if not on:
        return Check(False, f"{promotions} linked, all switched off: it would give nothing.")
    if on < len(states):
        return Check(False, f"{promotions} linked, {len(states) - on} of them switched off.")
    return Check(True, f"{promotions} linked and switched on.")


def _limits(campaign: PromotionCampaign) -> Check:
    limits = []
    if campaign.budget is not None:
        limits.append(f"a budget of {money(campaign.budget, campaign.currency)}")
    if campaign.max_uses is not None:
        limits.append(f"{campaign.max_uses:,} use{'' if campaign.max_uses == 1 else 's'} at most")
    if limits:
        return Check(True, f"Limited to {' and '.join(limits)}.")
    return Check(False, "No budget and no maximum of uses: nothing bounds what it gives.", "budget")


def _end(campaign: PromotionCampaign) -> Check:
    if campaign.ends_at:
        return Check(True, "It ends by itself.")
    return Check(False, "It has no end: it applies until somebody ends it.", "ends_at")
