"""What a mail caused, worked out from two arms: those who got it, and those who were held out. No database.

The rates of buyers are compared by Newcombe's interval (`mailing.intervals`), revenue for each person by Welch's: B. L.
Welch, The Generalization of “Student's” Problem when Several Different Population Variances are Involved, Biometrika 34
(1947), 28 to 35, with the normal distribution in place of Student's, since each arm has at least BUYERS_FOR_REVENUE
buyers. `benchmarks/lift.py` simulates how often both are right.
"""

from datetime import datetime
from math import sqrt

import msgspec

from mailing.intervals import CONFIDENCE, Interval, find_quantile, newcombe_interval

POWER_FACTOR = 2.8  # of the standard error: 5% on both sides, 80% power
BUYERS_FOR_REVENUE = 200  # in each arm; with fewer, an interval of revenue per person covers too little
WINSORISED_AT = 0.999  # of the buyers

# The sums of an Arm in SQL, of the buyers in `bought`, whose columns are is_held_out and net; `part` is WINSORISED_AT.
CAP_SQL = "cap AS (SELECT percentile_cont(%(part)s) WITHIN GROUP (ORDER BY net) AS most FROM bought)"
SUMS_SQL = """
SELECT is_held_out, count(*) AS buyers, sum(net)::bigint AS net, sum(least(net, most))::float8 AS capped,
       sum(least(net, most) ^ 2)::float8 AS squares
FROM bought, cap GROUP BY 1"""


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
        return self.capped / self.people if self.people else 0.0

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


def compare_revenue(
    one: Arm, other: Arm, confidence: float = CONFIDENCE
) -> tuple[float, float, float] | None:
    """Return the difference of revenue for each person, with its interval; None with too few buyers."""
    if min(one.buyers, other.buyers) < BUYERS_FOR_REVENUE:
        return None
    difference = one.mean - other.mean
    half = find_quantile(confidence) * sqrt(one.variance / one.people + other.variance / other.people)
    return difference, difference - half, difference + half
