"""The figures of each variant of a test.

Only opens and clicks of people count. Each recipient who is tracked by name counts once. When a campaign keeps only
totals, a person who clicks two links counts twice, and the page says so. Sales are those that count for the campaign
by its rule (`mailing.attribution`) and are known to be of one recipient, less voids and returns.
"""

from collections import Counter, defaultdict
from math import sqrt

import msgspec
from django.conf import settings
from django.db import connection

from mailing.intervals import find_quantile, wilson_interval
from mailing.lift import WINSORISED_AT, Arm
from mailing.models import Delivery, EmailCampaign, SplitTest, Tally
from mailing.tallies import SENT
from mailing.variants.definitions import Variant, find_test, list_variants

S, M = Delivery.Status, Tally.Measure

TALLIES = """
SELECT variant, measure, sum(amount) FROM mailing_tally WHERE campaign_id = %(campaign)s GROUP BY 1, 2
"""
TOTALS = """
SELECT variant, kind, sum(amount) FROM mailing_eventcount
WHERE campaign_id = %(campaign)s AND origin = 'human' AND NOT was_named GROUP BY 1, 2
"""
# Who of each variant redeemed a code and kept something, who bought, and for how much, as `mailing.lift.Arm` has it.
SALES = """
WITH sold AS (
    SELECT delivery.variant, delivery.id,
           bool_or(sale.how = 'code' AND (sale.net > 0 OR sale.discount > 0)) AS has_redeemed,
           coalesce(sum(sale.net) FILTER (WHERE sale.currency = %(currency)s), 0) AS net
    FROM mailing_conversion AS sale JOIN mailing_delivery AS delivery ON delivery.id = sale.delivery_id
    WHERE sale.campaign_id = %(campaign)s AND delivery.variant IS NOT NULL GROUP BY 1, 2
),
cap AS (SELECT percentile_cont(%(part)s) WITHIN GROUP (ORDER BY net) AS most FROM sold WHERE net > 0)
SELECT variant, count(*) FILTER (WHERE has_redeemed), count(*) FILTER (WHERE net > 0), sum(net)::bigint,
       coalesce(sum(least(net, most)), 0)::float8, coalesce(sum(least(net, most) ^ 2), 0)::float8
FROM sold, cap GROUP BY 1
"""
BY_SALES = (SplitTest.Criterion.REDEEMED, SplitTest.Criterion.REVENUE)
Sales = tuple[int, int, int, float, float]
"""A row of SALES without the variant: who redeemed, buyers, net, and the sums of capped amounts and their squares."""
NOTHING_SOLD: Sales = (0, 0, 0, 0.0, 0.0)


class Rate(msgspec.Struct, frozen=True):
    """A rate, `hits` of `people`, with the interval in which the true rate probably lies."""

    hits: int
    people: int

    @property
    def value(self) -> float:
        return min(1.0, self.hits / self.people) if self.people else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(min(self.hits, self.people), self.people)

    @property
    def low(self) -> float:
        """The lower end of the interval, in percent."""
        return 100 * self.interval[0]

    @property
    def high(self) -> float:
        return 100 * self.interval[1]

    @property
    def percent(self) -> float:
        return 100 * self.value


class VariantFigures(msgspec.Struct, frozen=True):
    """One variant: its recipients and their results. under_way: not tried yet, or being sent."""

    variant: Variant
    total: int
    sent: int
    under_way: int
    opens: Rate
    clicks: Rate
    redemptions: Rate = Rate(0, 0)
    sales: Arm = Arm(0)

    def rate_of(self, criterion: str) -> Rate:
        """Return the rate that decides; of a test by revenue that of its buyers."""
        match criterion:
            case SplitTest.Criterion.OPENS:
                return self.opens
            case SplitTest.Criterion.REDEEMED:
                return self.redemptions
            case SplitTest.Criterion.REVENUE:
                return Rate(self.sales.buyers, self.sales.people)
        return self.clicks

    @property
    def revenue_interval(self) -> tuple[float, float]:
        """The 95% interval of the revenue for each recipient, in minor units; see `mailing.lift`."""
        if self.sales.people < 2:
            return 0.0, 0.0
        half = find_quantile() * sqrt(self.sales.variance / self.sales.people)
        return max(0.0, self.sales.mean - half), self.sales.mean + half


class TestFigures(msgspec.Struct, frozen=True):
    """All variants of a campaign. held: recipients without a variant yet. are_totals: a person may count twice."""

    variants: list[VariantFigures]
    held: int
    are_totals: bool

    @property
    def under_way(self) -> int:
        return sum(each.under_way for each in self.variants)


def read_test_figures(campaign: EmailCampaign, test: SplitTest | None = None) -> TestFigures:
    """Read the figures of a launched campaign with a test; sales only where they decide."""
    test = test or find_test(campaign)
    counted: defaultdict[int | None, Counter[str]] = defaultdict(Counter)
    unnamed: defaultdict[int | None, Counter[str]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        for query, counts in ((TALLIES, counted), (TOTALS, unnamed)):
            cursor.execute(query, {"campaign": campaign.pk})
            for variant, measure, amount in cursor:
                counts[variant][measure] = int(amount)
    sales = _read_sales(campaign) if test and test.winner_by in BY_SALES else {}
    variants = list_variants(campaign, test)
    return TestFigures(
        [
            _build_figures(
                variant,
                counted[variant.number],
                unnamed[variant.number],
                sales.get(variant.number, NOTHING_SOLD),
            )
            for variant in variants
        ],
        counted[None][S.PENDING],
        any(unnamed.values()),
    )


def _read_sales(campaign: EmailCampaign) -> dict[int, Sales]:
    """Return the row of SALES of each variant that sold something, without the variant's number."""
    with connection.cursor() as cursor:
        cursor.execute(SALES, {"campaign": campaign.pk, "currency": settings.CURRENCY, "part": WINSORISED_AT})
        return {
            variant: (redeemed, buyers, net, capped, squares)
            for variant, redeemed, buyers, net, capped, squares in cursor
        }


def _build_figures(
    variant: Variant,
    counts: Counter[str],
    unnamed: Counter[str],
    sales: Sales,
) -> VariantFigures:
    sent = sum(counts[measure] for measure in SENT)
    redeemed, buyers, net, capped, squares = sales
    return VariantFigures(
        variant=variant,
        total=sum(counts[status] for status in S),
        sent=sent,
        under_way=sum(counts[status] for status in (S.PENDING, S.CLAIMED, S.IN_DATA)),
        opens=Rate(counts[M.OPENED] + unnamed[M.OPENED], sent),
        clicks=Rate(counts[M.CLICKED] + unnamed[M.CLICKED], sent),
        redemptions=Rate(redeemed, sent),
        sales=Arm(sent, buyers, net, capped, squares),
    )


def write_percent(rate: Rate) -> str:
    """Write a rate: 12.5%."""
    return f"{rate.percent:.1f}%"
