"""The checklist of a promotion campaign before its start."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.formats import money, thousands
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
    count = len(states)
    if not states:
        return Check(False, _("No promotion is linked: it would give nothing."))
    if not on:
        return Check(
            False,
            ngettext(
                "%(count)s promotion linked, all switched off: it would give nothing.",
                "%(count)s promotions linked, all switched off: it would give nothing.",
                count,
            )
            % {"count": count},
        )
    if on < len(states):
        return Check(
            False,
            ngettext(
                "%(count)s promotion linked, %(off)s of them switched off.",
                "%(count)s promotions linked, %(off)s of them switched off.",
                count,
            )
            % {"count": count, "off": count - on},
        )
    return Check(
        True,
        ngettext(
            "%(count)s promotion linked and switched on.",
            "%(count)s promotions linked and switched on.",
            count,
        )
        % {"count": count},
    )


def _limits(campaign: PromotionCampaign) -> Check:
    limits = []
    if campaign.budget is not None:
        limits.append(_("a budget of %(budget)s") % {"budget": money(campaign.budget, campaign.currency)})
    if campaign.max_uses is not None:
        limits.append(
            ngettext("%(count)s use at most", "%(count)s uses at most", campaign.max_uses)
            % {"count": thousands(campaign.max_uses)}
        )
    if limits:
        return Check(True, _("Limited to %(limits)s.") % {"limits": _(" and ").join(limits)})
    return Check(False, _("No budget and no maximum of uses: nothing bounds what it gives."), "budget")


def _end(campaign: PromotionCampaign) -> Check:
    if campaign.ends_at:
        return Check(True, _("It ends by itself."))
    return Check(False, _("It has no end: it applies until somebody ends it."), "ends_at")
