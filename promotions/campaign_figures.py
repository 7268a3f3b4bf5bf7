"""The figures of a promotion campaign: what it gave, what is left, and when that will be used up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Max, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from campaigns import zones
from campaigns.annotations import Columns
from promotions.models import Counter, Promotion, PromotionCampaign, Redemption
from promotions.publish import counters

PACE_WINDOW = timedelta(hours=24)  # the forecast goes on at the pace of these last hours
MIN_AGE_FOR_PACE = timedelta(minutes=10)  # a campaign younger than this has no pace yet
FORECAST_LIMIT = timedelta(days=3650)
DAYS_DRAWN = 31  # the last days that are told one by one


@dataclass(frozen=True)
class CampaignFigures:
    """The live figures of a campaign; amounts in minor units of its currency, None without a limit.

    `used_up_at`: since when no budget or use is left, None while some is. `lasts_until`: when the budget ends at the
    present pace, None when nobody can tell. `is_late`: that is after the campaign's own end.
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


def figures_of_campaign(campaign: PromotionCampaign, now: datetime) -> CampaignFigures:
    """Return the figures of `campaign` at `now`, from its counter, or from the ledger if it has none."""
    found: Columns = {**counters.read_counter_figures(campaign)}
    lasts_until = None
    if campaign.status == campaign.Status.ACTIVE and found["left"] and campaign.starts_at:
        since = max(campaign.starts_at, now - PACE_WINDOW)
        lately = Redemption.objects.filter(campaign=campaign, at__gte=since).aggregate(sum=Sum("amount"))[
            "sum"
        ]
        lasts_until = forecast_end(left=found["left"], spent=lately or 0, since=since, now=now)
    return CampaignFigures(
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


@dataclass(frozen=True)
class CampaignSummary:
    """The figures of one campaign in a list; amounts in minor units of its currency, None without a limit."""

    currency: str
    given: int
    uses: int
    budget: int | None
    max_uses: int | None
    used_up_at: datetime | None


def summarize_campaigns(campaigns: Iterable[PromotionCampaign]) -> dict[int, CampaignSummary]:
    """Return the figures of each campaign, by its key: from its counter, or without one from the ledger.

    Amounts that held sales reserve do not count. A campaign that gave nothing and has no limit is left out.
    """
    asked = {campaign.pk: campaign for campaign in campaigns}
    counters = {
        counter.campaign_id: counter
        for counter in Counter.objects.filter(campaign__in=asked)
        if counter.counts
    }
    summed = {
        row["campaign"]: row
        for row in Redemption.objects.filter(campaign__in=set(asked) - set(counters))
        .order_by()
        .values("campaign")
        .annotate(given=Sum("amount"), uses=Sum("uses"))
    }
    found = {}
    for campaign in asked.values():
        counter, row = counters.get(campaign.pk), summed.get(campaign.pk)
        if counter:
            given, uses = counter.spent + counter.overrun, counter.uses
        elif row or campaign.budget or campaign.max_uses:
            given, uses = (row["given"], row["uses"]) if row else (0, 0)
        else:
            continue
        found[campaign.pk] = CampaignSummary(
            currency=campaign.currency,
            given=given,
            uses=uses,
            budget=campaign.budget,
            max_uses=campaign.max_uses,
            used_up_at=counter.used_up_at if counter else None,
        )
    return found


def by_day(campaign: PromotionCampaign, now: datetime) -> list[tuple[date, int, int]]:
    """Return (day, amount in minor units, uses) of the last days of `campaign`, at most 31, also days without any.

    Days are in the user's zone, up to today, or to the last line of a campaign that is over. [] before the first line.
    """
    last = Redemption.objects.filter(campaign=campaign).aggregate(at=Max("at"))["at"]
    if last is None:
        return []
    until = timezone.localdate(last if campaign.is_final else now)
    lines = Redemption.objects.filter(campaign=campaign).order_by()
    start = timezone.localdate(campaign.starts_at or campaign.created_at)
    first = max(start, until - timedelta(days=DAYS_DRAWN - 1))
    since = zones.begin_day(first)
    found = {
        day: (amount, uses)
        for day, amount, uses in lines.filter(at__gte=since)
        .values_list(TruncDate("at"))
        .annotate(Sum("amount"), Sum("uses"))
    }
    days = [first + timedelta(days=number) for number in range((until - first).days + 1)]
    return [(day, *found.get(day, (0, 0))) for day in days]


# A campaign's lines are all in its currency, which cannot change once it gave something; only those of no campaign
# (currency NULL) must ask their sales. With 1,000,000 lines of one promotion 0.1 s instead of 0.7.
GIVEN = """
    SELECT campaign.currency, line.amount, line.uses
    FROM (
        SELECT campaign_id, sum(amount) AS amount, sum(uses) AS uses
        FROM promotions_redemption WHERE promotion_id = %(pk)s GROUP BY campaign_id
    ) AS line LEFT JOIN promotions_promotioncampaign AS campaign ON campaign.campaign_ptr_id = line.campaign_id
"""
GIVEN_ALONE = """
    SELECT sale.currency, sum(line.amount), sum(line.uses)
    FROM promotions_redemption AS line JOIN pos_sale AS sale ON sale.id = line.sale_id
    WHERE line.promotion_id = %(pk)s AND line.campaign_id IS NULL GROUP BY sale.currency
"""


def figures_of_promotion(promotion: Promotion) -> Columns:
    """Return what a promotion has given, through all its campaigns and by itself.

    Returns:
        `given`: {currency: minor units}, which are never added up; `uses`; `uses_left`, None without its own limit.
    """
    given: dict[str, int] = {}
    uses = 0
    with connection.cursor() as cursor:
        cursor.execute(GIVEN, {"pk": promotion.pk})
        rows = cursor.fetchall()
        if any(currency is None for currency, *_ in rows):
            cursor.execute(GIVEN_ALONE, {"pk": promotion.pk})
            rows = [row for row in rows if row[0] is not None] + cursor.fetchall()
    for currency, amount, times in sorted(rows):
        given[currency] = given.get(currency, 0) + int(amount)
        uses += int(times)
    uses += counters.count_held_uses("promotion", promotion.pk)
    return {"given": given, "uses": uses, "uses_left": _uses_left(promotion)}


def _uses_left(promotion: Promotion) -> int | None:
    if promotion.max_uses is None:
        return None
    counter = Counter.objects.filter(promotion=promotion).first()
    if counter and counter.counts:
        return max(0, promotion.max_uses - counter.uses)
    return max(0, promotion.max_uses - counters.read_totals("promotion", promotion.pk)["uses"])


def forecast_end(*, left: int, spent: int, since: datetime, now: datetime) -> datetime | None:
    """Return when `left` will be used up at the pace of `spent` since `since`.

    Returns:
        None when nothing was spent, too little time has passed to tell, or it is years away.
    """
    passed = now - since
    if spent <= 0 or passed < MIN_AGE_FOR_PACE:
        return None
    seconds = left * passed.total_seconds() / spent
    return now + timedelta(seconds=seconds) if seconds < FORECAST_LIMIT.total_seconds() else None
