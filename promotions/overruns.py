"""Pauses campaigns whose limits were overrun by sales made offline, by more than the site allows.

A sale made offline has happened when it comes in: its discount was given, whatever the limits say. So some overrun is
normal. Beyond `settings.OVERRUN_PERCENT` of a limit something is wrong with a clock, a till or a person, and the
campaign waits for somebody to look. Sales that came in before its last activation or resume do not pause it again.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum

from campaigns import lifecycle
from campaigns.formats import money
from campaigns.models import Campaign, Transition
from campaigns.refusals import Refused
from campaigns.sentences import keep
from promotions.models import Overrun, PromotionCampaign, Redemption

CODES_AT_LEAST = 3  # codes used beyond their limit: two tills that took one code are no pattern


def list_recent_overruns() -> QuerySet[Overrun]:
    """Return the overruns of active campaigns since each was last activated or resumed."""
    begun = Transition.objects.filter(campaign=OuterRef("redemption__campaign"), now=Campaign.Status.ACTIVE)
    began = begun.exclude(was=Campaign.Status.ACTIVE).order_by("-at").values("at")[:1]
    return (
        Overrun.objects.filter(redemption__campaign__status=Campaign.Status.ACTIVE)
        .annotate(began=Subquery(began))
        .filter(Q(began=None) | Q(redemption__sale__received_at__gt=F("began")))
    )


def overrun_campaigns() -> list[int]:
    """Return the keys of active campaigns with an overrun since they were last activated or resumed."""
    return sorted(set(list_recent_overruns().values_list("redemption__campaign", flat=True)))


def pause_overrun_campaigns(campaign: int, now: datetime) -> None:
    """Pause a campaign with more overrun than the site allows; leave any other as it is."""
    if reason := next(pause_reasons(PromotionCampaign.objects.get(pk=campaign)), None):
        try:
            lifecycle.fire(campaign, "pause", why=reason, now=now)
        except Refused:
            return  # somebody has just paused or ended it


def pause_reasons(campaign: PromotionCampaign) -> Iterator[str]:
    """Yield a sentence for each limit of `campaign` with more overrun than the site allows."""
    percent = settings.OVERRUN_PERCENT
    amount = uses = codes = 0
    by_promotion: dict[tuple[str, int | None], int] = defaultdict(int)
    rows = (
        list_recent_overruns()
        .filter(redemption__campaign=campaign)
        .values_list("redemption__promotion__name", "redemption__promotion__max_uses")
        .annotate(Sum("amount"), Sum("campaign_uses"), Sum("promotion_uses"), Sum("coupon_uses"))
    )
    for name, most, of_amount, of_uses, of_promotion, of_codes in rows:
        amount, uses, codes = amount + of_amount, uses + of_uses, codes + of_codes
        by_promotion[name, most] += of_promotion
    allowed = keep("more than the %(percent)s%% that are allowed", percent=percent)
    if campaign.budget and amount * 100 > campaign.budget * percent:
        given, budget = money(amount, campaign.currency), money(campaign.budget, campaign.currency)
        yield keep(
            "Sales made offline gave %(given)s beyond the budget of %(budget)s: %(allowed)s.",
            given=given,
            budget=budget,
            allowed=allowed,
        )
    if campaign.max_uses and uses * 100 > campaign.max_uses * percent:
        yield keep(
            "Sales made offline used it %(uses)s times beyond its %(most)s uses: %(allowed)s.",
            uses=uses,
            most=campaign.max_uses,
            allowed=allowed,
        )
    for (name, most), beyond in by_promotion.items():
        if most and beyond * 100 > most * percent:
            yield keep(
                "Sales made offline used “%(name)s” %(beyond)s times beyond its %(most)s uses: %(allowed)s.",
                name=name,
                beyond=beyond,
                most=most,
                allowed=allowed,
            )
    if codes >= CODES_AT_LEAST:
        lines = Redemption.objects.filter(campaign=campaign, coupon__isnull=False)
        used = lines.aggregate(uses=Sum("uses"))["uses"] or 0
        if codes * 100 > used * percent:
            yield keep(
                "Of %(used)s uses of its codes %(codes)s were by tills offline, of codes used up: %(allowed)s.",
                used=used,
                codes=codes,
                allowed=allowed,
            )
