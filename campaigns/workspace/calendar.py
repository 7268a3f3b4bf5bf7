"""The calendar: the campaigns of both kinds in the weeks of a month, in the time zone of the user."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from campaigns import lifecycle
from campaigns.annotations import Argument
from campaigns.lifecycle import Period
from campaigns.models import Campaign

DAYS_OF_WEEK = 7
BARS_SHOWN = 12  # of one week; the page of a day lists all
DAY = timedelta(days=1)
YEARS = range(1990, 2200)


@dataclass(frozen=True)
class Bar:
    """A campaign in one week: `column` is its first day there, from 1, and `span` the number of days.

    goes_on: it began before the week; lasts: it is live after it.
    """

    campaign: Campaign
    column: int
    span: int
    goes_on: bool
    lasts: bool


@dataclass(frozen=True)
class Week:
    """Seven days from Monday on, with the bars of the campaigns in the order of their beginning. more: not drawn."""

    days: list[date]
    bars: list[Bar]
    more: int


@dataclass(frozen=True)
class Month:
    """A month with the whole weeks around it; `first` is its first day, `periods` all that is in these weeks."""

    first: date
    weeks: list[Week]
    periods: list[Period]

    @property
    def before(self) -> date:
        return (self.first - DAY).replace(day=1)

    @property
    def after(self) -> date:
        return (self.first + 31 * DAY).replace(day=1)

    def list_periods_on(self, day: date) -> list[Period]:
        """List what is live, or is to be, on a day of these weeks."""
        return [period for period in self.periods if _overlaps(period, day, day)]


def read_day(text: str, today: date) -> date:
    """Return the day that an address names, as 2026-12-05 or as the month 2026-12; `today` for anything else."""
    try:
        day = date.fromisoformat(text if text.count("-") > 1 else f"{text}-01")
    except ValueError:
        return today
    return day if day.year in YEARS else today


def build_month(day: date, now: datetime) -> Month:
    """Return the month of a day."""
    first = day.replace(day=1)
    monday = first - first.weekday() * DAY
    last = (first + 31 * DAY).replace(day=1) - DAY
    number_of_weeks = ((last - monday).days // DAYS_OF_WEEK) + 1
    periods = list_periods(monday, monday + (DAYS_OF_WEEK * number_of_weeks - 1) * DAY, now)
    weeks = [_build_week(monday + number * DAYS_OF_WEEK * DAY, periods) for number in range(number_of_weeks)]
    return Month(first, weeks, periods)


def list_periods(first: date, last: date, now: datetime) -> list[Period]:
    """Return the campaigns that are live, or are to be, on these days, in the order of their beginning."""
    since, until = _begin_day(first), _begin_day(last + DAY)
    found: list[Period] = []
    for model in lifecycle.kinds().values():
        campaigns: Argument = model.objects.listed().exclude(status=Campaign.Status.CANCELLED)
        found += lifecycle.lifecycle_of(model).list_periods(campaigns, since, until, now)
    return sorted(found, key=lambda period: (period.begins_at, period.campaign.pk))


def _begin_day(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _find_days(period: Period) -> tuple[date, date]:
    """Return the first and the last day of a period; its end is the first moment that is no longer part of it."""
    first = timezone.localdate(period.begins_at)
    if period.ends_at is None:
        return first, date.max
    return first, max(first, timezone.localdate(period.ends_at - timedelta(microseconds=1)))


def _overlaps(period: Period, first: date, last: date) -> bool:
    begins, ends = _find_days(period)
    return begins <= last and ends >= first


def _build_week(monday: date, periods: list[Period]) -> Week:
    days = [monday + number * DAY for number in range(DAYS_OF_WEEK)]
    bars = [_build_bar(period, days) for period in periods if _overlaps(period, days[0], days[-1])]
    return Week(days, bars[:BARS_SHOWN], len(bars[BARS_SHOWN:]))


def _build_bar(period: Period, days: list[date]) -> Bar:
    begins, ends = _find_days(period)
    first, last = max(begins, days[0]), min(ends, days[-1])
    return Bar(
        period.campaign,
        column=(first - days[0]).days + 1,
        span=(last - first).days + 1,
        goes_on=begins < days[0],
        lasts=ends > days[-1],
    )
