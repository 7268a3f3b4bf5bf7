"""How far a promotion campaign has come: what it gave, what is left, and when that will be used up."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Sum

from promotions.models import Promotion, PromotionCampaign, Redemption
from promotions.publish import limits

PACE = timedelta(hours=24)  # the forecast goes on at the pace of these last hours
YOUNG = timedelta(minutes=10)  # a campaign younger than this has no pace yet
FAR = timedelta(days=3650)


@dataclass(frozen=True)
class Standing:
    """The live figures of a campaign; amounts in minor units of its currency, None where there is no limit.

    `used_up_at`: since when nothing is left of budget or uses, None while something is. `lasts_until`: when the budget
    ends at the present pace, None when that cannot be told. `is_late`: that is after the campaign's own end.
    """

    spent: int
    held: int
    left: int | None
    uses: int
    uses_left: int | None
    overrun: int
    used_up_at: datetime | None
    lasts_until: datetime | None
    is_late: bool


def figures(campaign: PromotionCampaign, now: datetime) -> Standing:
    """The figures of `campaign` at `now`, from its counter, or from the ledger where it has none."""
    found: dict[str, Any] = {**limits.figures(campaign)}
    lasts_until = None
    if campaign.status == campaign.Status.ACTIVE and found["left"] and campaign.starts_at:
        since = max(campaign.starts_at, now - PACE)
        lately = Redemption.objects.filter(campaign=campaign, at__gte=since).aggregate(sum=Sum("amount"))[
            "sum"
        ]
        lasts_until = used_up(left=found["left"], spent=lately or 0, since=since, now=now)
    return Standing(
        spent=found["spent"] + found["overrun"],
        held=found["held"],
        left=found["left"],
        uses=found["uses"],
        uses_left=found["uses_left"],
        overrun=found["overrun"],
        used_up_at=found["used_up_at"],
        lasts_until=lasts_until,
        is_late=bool(lasts_until and campaign.ends_at and campaign.ends_at < lasts_until),
    )


def of_promotion(promotion: Promotion) -> dict[str, Any]:
    """What a promotion gave so far, through all its campaigns and by itself.

    Returns: `given`: {currency: minor units}, which are never added up; `uses`; `uses_left`, None where it has no limit
    of its own.
    """
    found = limits.totals("promotion", promotion.pk)
    by_currency = promotion.redemptions.order_by("sale__currency").values_list("sale__currency")
    uses_left = None if promotion.max_uses is None else max(0, promotion.max_uses - found["uses"])
    return {
        "given": dict(by_currency.annotate(Sum("amount"))),
        "uses": found["uses"] + found["overrun_uses"],
        "uses_left": uses_left,
    }


def used_up(*, left: int, spent: int, since: datetime, now: datetime) -> datetime | None:
    """When `left` ends at the pace at which `spent` went since `since`.

    Returns: None when nothing was spent, too little time has passed to tell, or it is years away.
    """
    passed = now - since
    if spent <= 0 or passed < YOUNG:
        return None
    seconds = left * passed.total_seconds() / spent
    return now + timedelta(seconds=seconds) if seconds < FAR.total_seconds() else None
