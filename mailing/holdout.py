"""The hold-out of a campaign: who does not get the mail, and what it shows that they do not.

A share of the recipients is drawn at the launch by a keyed hash of campaign and contact: nobody can foresee it, and it
is the same when a step is taken twice. Both arms are as drawn, whatever became of the mails, and both are looked at
over the same days from the launch. A buyer has bought in these days and kept something of it. Only sales that name
their customer count: a sale that is known by its code alone could only be of the mailed arm, and would deceive.
"""

from datetime import datetime, timedelta
from hashlib import blake2b
from math import sqrt
from statistics import NormalDist

import msgspec
from django.conf import settings
from django.db import connection

from campaigns.models import Campaign
from mailing import audience
from mailing.models import EmailCampaign
from mailing.variants.intervals import Interval, newcombe_interval

POWER_FACTOR = 2.8  # of the standard error: 5% on both sides, 80% power
BLURRED_FROM = 50  # percent: a warning stands where no smaller lift could be seen
BUYERS_FOR_REVENUE = 200  # in each arm; with fewer, an interval of revenue per person covers too little
WINSORISED_AT = 0.999  # of the buyers

ARMS = """
WITH bought AS (
    SELECT delivery.status = 'held_out' AS is_held_out, delivery.id,
           coalesce(sum(line.total - line.returned_total) FILTER (WHERE line.currency = %(currency)s), 0) AS net
    FROM pos_soldline AS line
    JOIN mailing_contact AS contact ON contact.customer_id = line.customer
    JOIN mailing_delivery AS delivery ON delivery.contact_id = contact.id AND delivery.campaign_id = %(campaign)s
    WHERE line.at >= %(since)s AND line.at < %(until)s AND line.customer <> ''
    GROUP BY 1, 2 HAVING sum(line.quantity - line.returned_quantity) > 0
),
cap AS (SELECT percentile_cont(%(part)s) WITHIN GROUP (ORDER BY net) AS most FROM bought)
SELECT is_held_out, count(*), sum(net)::bigint, sum(least(net, most))::float8, sum(least(net, most) ^ 2)::float8
FROM bought, cap GROUP BY 1
"""
BUYERS_LATELY = """
SELECT count(*) FROM judged JOIN mailing_contact AS contact ON contact.id = judged.contact_id
WHERE {recipients} AND contact.customer_id IN (
    SELECT customer FROM pos_soldline WHERE customer <> '' AND at > now() - make_interval(days => %s)
)
"""


class Arm(msgspec.Struct, frozen=True):
    """One arm as it was drawn.

    net: what its buyers paid, less what they gave back. capped and squares: sums of winsorised amounts.
    """

    people: int
    buyers: int = 0
    net: int = 0
    capped: float = 0.0
    squares: float = 0.0

    @property
    def percent(self) -> float:
        return 100 * self.buyers / self.people if self.people else 0.0

    @property
    def mean(self) -> float:
        """Winsorised, for each person."""
        return self.capped / self.people

    @property
    def variance(self) -> float:
        """Of the winsorised amounts of all people of the arm."""
        return (self.squares - self.people * self.mean**2) / (self.people - 1)


class Lift(msgspec.Struct, frozen=True):
    """What a mail caused. interval: of the difference of the two rates of buyers, 95%.

    revenue: for each person, with its interval; None with fewer than BUYERS_FOR_REVENUE buyers in an arm.
    """

    mailed: Arm
    held_out: Arm
    interval: Interval
    revenue: tuple[float, float, float] | None
    until: datetime
    is_over: bool

    @property
    def points(self) -> float:
        """By how many points more of the mailed bought."""
        return self.mailed.percent - self.held_out.percent

    @property
    def points_interval(self) -> Interval:
        low, high = self.interval
        return 100 * low, 100 * high

    @property
    def is_distinguishable(self) -> bool:
        """Whether the interval leaves zero out."""
        low, high = self.interval
        return low > 0 or high < 0

    @property
    def buyers(self) -> int:
        """How many of the mailed bought because of the mail, at best guess."""
        low, high = self.mailed.buyers / self.mailed.people, self.held_out.buyers / self.held_out.people
        return round((low - high) * self.mailed.people)

    @property
    def buyers_interval(self) -> tuple[int, int]:
        low, high = self.interval
        return round(low * self.mailed.people), round(high * self.mailed.people)

    @property
    def net_caused(self) -> tuple[int, int, int] | None:
        """The revenue that the mail caused in all, with its interval, in minor units of the site's currency."""
        if self.revenue is None:
            return None
        mean, low, high = (round(each * self.mailed.people) for each in self.revenue)
        return mean, low, high


def write_draw(contact: str, campaign: EmailCampaign) -> str:
    """Write SQL for whether the contact whose key is in the column `contact` is held out."""
    key = blake2b(f"hold out {campaign.pk}".encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=8)
    seed = int.from_bytes(key.digest(), signed=True)
    drawn = f"(hashtextextended({contact}::text, '{seed}'::bigint) & 4294967295)"  # 32 bits
    return f"{drawn} * 100 < {campaign.hold_out} * 4294967296"


def detect_smallest_lift(people: int, percent: int, rate: float) -> float | None:
    """Return the smallest relative lift that would be seen at 80% power; None where nothing could be.

    Args:
        people: recipients before the draw.
        percent: of them that are held out.
        rate: part of them that buys without the mail.
    """
    held = people * percent / 100
    if not held or held == people or not 0 < rate <= 1:
        return None
    return POWER_FACTOR * sqrt(rate * (1 - rate) * (1 / held + 1 / (people - held))) / rate


def find_days(campaign: EmailCampaign) -> int:
    """Return over how many days from its launch the arms of a campaign are compared."""
    days = campaign.attribution.get("days", campaign.attribution_days)
    return max(1, settings.ATTRIBUTION_DAYS if days is None else days)


class Prospect(msgspec.Struct, frozen=True):
    """What a hold-out could show, by what the recipients have bought lately. lift: None where they bought nothing."""

    people: int
    held_out: int
    percent: int
    days: int
    rate: float
    lift: float | None

    @property
    def base_percent(self) -> float:
        return 100 * self.rate

    @property
    def lift_percent(self) -> float | None:
        return None if self.lift is None else 100 * self.lift

    @property
    def is_blurred(self) -> bool:
        return self.lift is None or 100 * self.lift > BLURRED_FROM


def foresee(campaign: EmailCampaign, chosen: audience.Selection, people: int) -> Prospect | None:
    """Return what the hold-out of a campaign that is not launched could show; None where nobody is held out.

    Raises:
        SegmentError: a segment cannot be used.
    """
    if not campaign.hold_out or not people:
        return None
    days = find_days(campaign)
    sql, params = audience.build_judged_query(chosen)
    with connection.cursor() as cursor:
        cursor.execute(sql + BUYERS_LATELY.format(recipients=audience.STAGES["recipients"]), [*params, days])
        (buyers,) = cursor.fetchone()
    rate = buyers / people
    return Prospect(
        people,
        round(people * campaign.hold_out / 100),
        campaign.hold_out,
        days,
        rate,
        detect_smallest_lift(people, campaign.hold_out, rate),
    )


def measure_lift(campaign: EmailCampaign, now: datetime) -> Lift | None:
    """Measure what a launched campaign caused; None without a hold-out, and of one that was cancelled or failed."""
    held = campaign.funnel.get("held_out", 0)
    is_broken = campaign.status in (Campaign.Status.CANCELLED, Campaign.Status.FAILED)
    if not held or not campaign.total or campaign.launched_at is None or is_broken:
        return None
    until = campaign.launched_at + timedelta(days=find_days(campaign))
    with connection.cursor() as cursor:
        cursor.execute(
            ARMS,
            {
                "campaign": campaign.pk,
                "since": campaign.launched_at,
                "until": until,
                "currency": settings.CURRENCY,
                "part": WINSORISED_AT,
            },
        )
        found = {is_held_out: row for is_held_out, *row in cursor.fetchall()}
    return compare_arms(
        Arm(campaign.total, *found.get(False, ())),
        Arm(held, *found.get(True, ())),
        until,
        is_over=now >= until,
    )


def compare_arms(mailed: Arm, held_out: Arm, until: datetime, *, is_over: bool) -> Lift:
    """Compare two arms: rates of buyers by Newcombe's interval, revenue for each person by Welch's."""
    return Lift(
        mailed,
        held_out,
        newcombe_interval(mailed.buyers, mailed.people, held_out.buyers, held_out.people),
        compare_revenue(mailed, held_out),
        until,
        is_over,
    )


def compare_revenue(mailed: Arm, held_out: Arm) -> tuple[float, float, float] | None:
    """Return the difference of revenue for each person, with its interval; None with too few buyers."""
    if min(mailed.buyers, held_out.buyers) < BUYERS_FOR_REVENUE:
        return None
    difference = mailed.mean - held_out.mean
    half = NormalDist().inv_cdf(0.975) * sqrt(
        mailed.variance / mailed.people + held_out.variance / held_out.people
    )
    return difference, difference - half, difference + half
