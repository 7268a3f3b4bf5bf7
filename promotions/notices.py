"""Notices of the dashboard about budgets and numbers of uses that are nearly gone."""

from collections.abc import Iterator
from datetime import datetime

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from campaigns.formats import money, thousands
from campaigns.notices import Notice
from promotions.campaign_figures import summarize_campaigns
from promotions.models import PromotionCampaign

NEARLY = 90  # percent of a limit


def list_limit_notices(user: User, now: datetime) -> Iterator[Notice]:
    """Yield the active campaigns that have used up a limit, or nearly."""
    if not user.has_perm("promotions.view_promotioncampaign"):
        return
    active = PromotionCampaign.objects.listed().filter(status=PromotionCampaign.Status.ACTIVE)
    limited = active.exclude(budget=None, max_uses=None).in_bulk()
    for key, summary in summarize_campaigns(limited.values()).items():
        name, url = limited[key], limited[key].get_absolute_url()
        if summary.budget and 100 * summary.given >= NEARLY * summary.budget:
            given, budget = money(summary.given, summary.currency), money(summary.budget, summary.currency)
            yield Notice(
                _("“%(name)s” has given %(given)s of its budget of %(budget)s.")
                % {"name": name, "given": given, "budget": budget},
                url,
            )
        if summary.max_uses and 100 * summary.uses >= NEARLY * summary.max_uses:
            uses, most = thousands(summary.uses), thousands(summary.max_uses)
            yield Notice(
                _("“%(name)s” has been used %(uses)s of at most %(most)s times.")
                % {"name": name, "uses": uses, "most": most},
                url,
            )
