"""What campaigns were worth: sums over the tallies of their conversions, and the sales behind each figure.

Redeemed: sales in which a code of the mail took effect. Attributed: all sales that count for the campaign by its rule,
including those with a code. Both are net, less voids and returns, in minor units of one currency: amounts of several
currencies are never added up.
"""

from collections.abc import Collection
from datetime import date, datetime, timedelta

import msgspec
from django.conf import settings
from django.db import connection, models
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from campaigns import dates, formats
from campaigns.annotations import Columns
from campaigns.workspace.plots import DrawnRow, Plot, Point, draw_plot, draw_rows
from mailing.models import Conversion, ConversionTally, EmailCampaign
from promotions import margins
from promotions.margins import Margin

How = Conversion.How
ARTICLES_SHOWN = 10
LOCATIONS_SHOWN = 20
DAYS_DRAWN = 40
LATELY = timedelta(days=30)

SUMS = """
SELECT campaign_id, currency, how, sum(orders)::bigint, sum(first_orders)::bigint, sum(net)::bigint,
       sum(discount)::bigint
FROM mailing_conversiontally WHERE campaign_id = ANY(%s) GROUP BY 1, 2, 3 HAVING sum(orders) <> 0
"""
BY_LOCATION = """
SELECT location.name, sum(tally.net)::bigint
FROM mailing_conversiontally AS tally JOIN pos_location AS location ON location.id = tally.location_id
WHERE tally.campaign_id = %s AND tally.currency = %s GROUP BY location.id HAVING sum(tally.orders) <> 0
ORDER BY 2 DESC, 1
"""
BY_DAY = """
SELECT (at AT TIME ZONE %s)::date, sum(net)::bigint, sum(orders)::bigint
FROM mailing_conversiontally WHERE campaign_id = %s AND currency = %s GROUP BY 1 HAVING sum(orders) <> 0 ORDER BY 1
"""
MEDIAN_WAIT = """
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY waited) FROM mailing_conversion WHERE campaign_id = %s
"""
ARTICLES = """
SELECT line.sku, sum(line.quantity - line.returned_quantity), sum(line.total - line.returned_total)::bigint AS net
FROM mailing_conversion AS conversion
JOIN pos_soldline AS line ON line.sale_id = conversion.sale_id AND line.at = conversion.at
WHERE conversion.campaign_id = %s AND conversion.currency = %s
GROUP BY 1 HAVING sum(line.quantity - line.returned_quantity) > 0 ORDER BY 3 DESC, 1 LIMIT %s
"""
MARGIN = f"""
SELECT {margins.SUMS}
FROM mailing_conversion AS conversion
JOIN pos_soldline AS line ON line.sale_id = conversion.sale_id AND line.at = conversion.at
{margins.KNOWN_COSTS}
WHERE conversion.campaign_id = %s AND conversion.currency = %s
"""
LATEST = """
SELECT campaign_id, sum(net)::bigint, sum(orders)::bigint FROM mailing_conversiontally
WHERE at >= %s AND currency = %s GROUP BY 1 HAVING sum(orders) <> 0 ORDER BY 2 DESC, 1
"""


class Sum(msgspec.Struct):
    """Sales and what they come to. first_orders: those that are the first purchase of their customer."""

    orders: int = 0
    first_orders: int = 0
    net: int = 0
    discount: int = 0

    def add(self, other: "Sum") -> None:
        self.orders += other.orders
        self.first_orders += other.first_orders
        self.net += other.net
        self.discount += other.discount


class Revenue(msgspec.Struct):
    """What one campaign was worth in one currency, the site's where it sold in that; `others` in the other ones."""

    currency: str
    redeemed: Sum
    attributed: Sum
    others: list[tuple[str, Sum]] = []

    def per_mail(self, accepted: int) -> int | None:
        """Return the attributed revenue for each mail that was accepted; None where there was none."""
        return round(self.attributed.net / accepted) if accepted else None


class Article(msgspec.Struct, frozen=True):
    """quantity: units that were kept; of what is weighed, weight."""

    sku: str
    quantity: str
    net: int


def read_revenue(campaigns: Collection[int]) -> dict[int, Revenue]:
    """Return what each of these campaigns was worth, by its key, in one query; nothing sold is a revenue of 0."""
    found: dict[int, dict[str, dict[str, Sum]]] = {pk: {} for pk in campaigns}
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [[*campaigns]])
        for campaign, currency, how, *amounts in cursor:
            found[campaign].setdefault(currency, {})[how] = Sum(*amounts)
    return {pk: _build_revenue(by_currency) for pk, by_currency in found.items()}


def _build_revenue(by_currency: dict[str, dict[str, Sum]]) -> Revenue:
    totals = {}
    for currency, by_how in by_currency.items():
        totals[currency] = Sum()
        for each in by_how.values():
            totals[currency].add(each)
    order = sorted(totals, key=lambda each: (each != settings.CURRENCY, -totals[each].net, each))
    currency = order[0] if order else settings.CURRENCY
    return Revenue(
        currency=currency,
        redeemed=by_currency.get(currency, {}).get(How.CODE, Sum()),
        attributed=totals.get(currency, Sum()),
        others=[(each, totals[each]) for each in order[1:]],
    )


def describe_rule(campaign: EmailCampaign) -> str:
    """Return in a sentence which sales count for a launched campaign."""
    rule = campaign.attribution
    days = rule.get("days", 0)
    parts = [gettext("Sales with a code of this mail")]
    if days:
        window = f"{days} day{'s' if days > 1 else ''}"
        parts.append(
            gettext("and those within %(window)s after somebody’s last click in it") % {"window": window}
        )
        if rule.get("after_acceptance"):
            parts.append(gettext("or, where nobody can know of clicks, after it was accepted"))
    end = (
        gettext("A sale counts for one campaign: a code before a click, then the last click.") if days else ""
    )
    return (
        gettext("%(parts)s, less voids and returns. %(end)s") % {"parts": " ".join(parts), "end": end}
    ).strip()


def find_median_wait(campaign: EmailCampaign) -> int | None:
    """Return the median of seconds from the acceptance of the mail to the sale; None without a sale."""
    with connection.cursor() as cursor:
        cursor.execute(MEDIAN_WAIT, [campaign.pk])
        wait: int | None = cursor.fetchone()[0]
    return wait


def list_articles(campaign: EmailCampaign, currency: str) -> list[Article]:
    """Return the articles that brought most; goes through the lines of all its sales."""
    with connection.cursor() as cursor:
        cursor.execute(ARTICLES, [campaign.pk, currency, ARTICLES_SHOWN])
        return [Article(sku, f"{quantity.normalize():f}", net) for sku, quantity, net in cursor]


def find_margin(campaign: EmailCampaign, currency: str) -> Margin | None:
    """Return the margin of the attributed sales; None where no cost is known. Goes through the lines of all of them."""
    if not margins.is_any_cost_known():
        return None
    with connection.cursor() as cursor:
        cursor.execute(MARGIN, [campaign.pk, currency])
        margin = Margin(*cursor.fetchone())
    return margin if margin.is_known else None


def draw_locations(campaign: EmailCampaign, currency: str) -> list[DrawnRow]:
    """Draw the revenue of each location, the largest first."""
    with connection.cursor() as cursor:
        cursor.execute(BY_LOCATION, [campaign.pk, currency])
        rows = [(name, net) for name, net in cursor]
    return draw_rows(sum(net for _, net in rows), rows[:LOCATIONS_SHOWN])


def draw_days(campaign: EmailCampaign, currency: str) -> Plot | None:
    """Draw the revenue of each day in the zone of who looks, from the first to the last; None without a sale."""
    with connection.cursor() as cursor:
        cursor.execute(BY_DAY, [timezone.get_current_timezone_name(), campaign.pk, currency])
        found: dict[date, tuple[int, int]] = {day: (net, orders) for day, net, orders in cursor}
    if not found:
        return None
    first, last = min(found), max(found)
    days = [first + timedelta(days=place) for place in range((last - first).days + 1)][:DAYS_DRAWN]
    points = []
    for day in days:
        net, orders = found.get(day, (0, 0))
        cells = (formats.money(net, currency), formats.thousands(orders))
        points.append(Point(dates.write_day(day), dates.write_short_day(day), (max(0, net),), cells))
    return draw_plot(
        points,
        (gettext("Revenue"),),
        lambda amount: formats.money_on_scale(amount, currency),
        (gettext("Revenue"), gettext("Sales")),
    )


def list_sales(campaign: EmailCampaign, *, how: str = "", is_first: bool = False) -> QuerySet[Conversion]:
    """Return the sales behind a figure, the latest first: all, or those of one kind, or the first purchases."""
    narrowed: Columns = {}
    if how in How:
        narrowed["how"] = how
    if is_first:
        narrowed["is_first"] = True
    return (
        Conversion.objects.filter(campaign=campaign, **narrowed)
        .select_related("sale", "location", "delivery")
        .order_by("-at", "-pk")
    )


def count_sales(campaign: EmailCampaign, *, how: str = "", is_first: bool = False) -> int:
    """Count what `list_sales` lists, as tallies have it: a campaign may have hundreds of thousands."""
    tallies = ConversionTally.objects.filter(campaign=campaign, **({"how": how} if how in How else {}))
    found: int | None = tallies.aggregate(number=models.Sum("first_orders" if is_first else "orders"))[
        "number"
    ]
    return found or 0


def read_sales(campaign: EmailCampaign, keys: Collection[int]) -> list[Conversion]:
    """Return these sales with what a page shows of them, in the order of `list_sales`."""
    return list(list_sales(campaign).filter(pk__in=keys))


def list_recent_revenue(now: datetime) -> list[tuple[EmailCampaign, int, int]]:
    """Return campaigns with their revenue and sales of the last 30 days, in the site's currency, the largest first."""
    with connection.cursor() as cursor:
        cursor.execute(LATEST, [now - LATELY, settings.CURRENCY])
        rows = cursor.fetchall()
    campaigns = EmailCampaign.objects.in_bulk([pk for pk, _, _ in rows])
    return [(campaigns[pk], net, orders) for pk, net, orders in rows if pk in campaigns]


def find_last_day(campaign: EmailCampaign) -> datetime | None:
    """Return until when a sale is likely to be attributed to a campaign; None for one that is under way."""
    if not campaign.is_final:
        return None
    days = campaign.attribution.get("days", 0)
    return (campaign.finished_at or campaign.created_at) + timedelta(days=max(14, 2 * days))
