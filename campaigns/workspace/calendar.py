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
    """A month with the whole weeks around it; `first` is its first day."""

    first: date
    weeks: list[Week]

    @property
    def before(self) -> date:
        return (self.first - DAY).replace(day=1)

    @property
    def after(self) -> date:
        return (self.first + 31 * DAY).replace(day=1)


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
    return Month(first, weeks)


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


def _build_week(monday: date, periods: list[Period]) -> Week:
    days = [monday + number * DAY for number in range(DAYS_OF_WEEK)]
    bars = []
    for period in periods:
        begins = timezone.localdate(period.begins_at)
        # the first moment after it is no longer part of it
        ends = timezone.localdate(period.ends_at - timedelta(microseconds=1)) if period.ends_at else date.max
        first, last = max(begins, monday), min(max(begins, ends), days[-1])
        if first <= last:
            bars.append(
                Bar(
                    period.campaign,
                    (first - monday).days + 1,
                    (last - first).days + 1,
                    goes_on=begins < monday,
                    lasts=ends > days[-1],
                )
            )
    return Week(days, bars[:BARS_SHOWN], len(bars[BARS_SHOWN:]))
