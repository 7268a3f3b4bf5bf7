"""The calendar: the campaigns of both kinds in the weeks of a month, in one week, or side by side along some weeks.

Days are those of the user's time zone.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from django.utils import timezone

from campaigns import lifecycle, zones
from campaigns.annotations import Argument, RowOrKey
from campaigns.models import Campaign
from campaigns.periods import Period

DAYS_OF_WEEK = 7
BARS_SHOWN = 12  # of one week of a month; the page of a day lists all
BARS_OF_WEEK = 100  # of a week that has the page for itself
WEEKS_OF_LINE = 8
LANES_SHOWN = 100  # campaigns along the time line
LISTED_AT_ONCE = 30  # of the list of a day; the others come when somebody gets there
DAY = timedelta(days=1)
YEARS = range(1990, 2200)


@dataclass(frozen=True)
class Shown:
    """What the calendar shows: "" is both kinds. A location leaves what applies there; None leaves everything."""

    kind: str = ""
    location: RowOrKey = None


EVERYTHING = Shown()


@dataclass(frozen=True)
class Bar:
    """A campaign in one week: `column` is its first day there, from 1, and `span` the number of days.

    goes_on: it began before the week; lasts: it is live after it.
    """

    campaign: Campaign
    begins_at: datetime
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
        return list_periods_on(self.periods, day)


@dataclass(frozen=True)
class Lane:
    """A campaign along the time line: the day of the line on which it begins, from 0, and the number of its days."""

    period: Period
    start: int
    span: int

    @property
    def campaign(self) -> Campaign:
        return self.period.campaign


@dataclass(frozen=True)
class TimeLine:
    """Some weeks from a Monday on, with a lane for each campaign. more: lanes that are not drawn."""

    first: date
    lanes: list[Lane]
    more: int
    today: date

    @property
    def number_of_days(self) -> int:
        return WEEKS_OF_LINE * DAYS_OF_WEEK

    @property
    def last(self) -> date:
        return self.first + (self.number_of_days - 1) * DAY

    @property
    def before(self) -> date:
        return self.first - self.number_of_days * DAY

    @property
    def after(self) -> date:
        return self.first + self.number_of_days * DAY

    @property
    def mondays(self) -> list[date]:
        return [self.first + number * DAYS_OF_WEEK * DAY for number in range(WEEKS_OF_LINE)]

    @property
    def place_of_today(self) -> int | None:
        """The day of the line that is today, from 0; None when today is not on it."""
        place = (self.today - self.first).days
        return place if 0 <= place < self.number_of_days else None

    @cached_property
    def at_once(self) -> list[int]:
        """How many campaigns are live on each day."""
        counts = [0] * self.number_of_days
        for lane in self.lanes:
            for place in range(lane.start, lane.start + lane.span):
                counts[place] += 1
        return counts

    @property
    def columns(self) -> list[tuple[int, int]]:
        """What is drawn of `at_once`: the day and the height of its column, from 0 to 100."""
        most = max(self.at_once, default=0)
        return [(place, round(100 * count / most)) for place, count in enumerate(self.at_once) if count]

    @property
    def most_at_once(self) -> int:
        return max(self.at_once, default=0)


def read_day(text: str, today: date) -> date:
    """Return the day that an address names, as 2026-12-05 or as the month 2026-12; `today` for anything else."""
    try:
        day = date.fromisoformat(text if text.count("-") > 1 else f"{text}-01")
    except ValueError:
        return today
    return day if day.year in YEARS else today


def build_month(day: date, now: datetime, shown: Shown = EVERYTHING) -> Month:
    """Return the month of a day."""
    first = day.replace(day=1)
    monday = find_monday(first)
    last = (first + 31 * DAY).replace(day=1) - DAY
    number_of_weeks = ((last - monday).days // DAYS_OF_WEEK) + 1
    periods = list_periods(monday, monday + (DAYS_OF_WEEK * number_of_weeks - 1) * DAY, now, shown)
    weeks = [_build_week(monday + number * DAYS_OF_WEEK * DAY, periods) for number in range(number_of_weeks)]
    return Month(first, weeks, periods)


def build_week(day: date, now: datetime, shown: Shown = EVERYTHING) -> tuple[Week, list[Period]]:
    """Return the week of a day with all its bars, and its campaigns."""
    monday = find_monday(day)
    periods = list_periods(monday, monday + (DAYS_OF_WEEK - 1) * DAY, now, shown)
    return _build_week(monday, periods, BARS_OF_WEEK), periods


def build_time_line(day: date, now: datetime, shown: Shown = EVERYTHING) -> TimeLine:
    """Return the time line that begins with the week of a day."""
    first = find_monday(day)
    last = first + (WEEKS_OF_LINE * DAYS_OF_WEEK - 1) * DAY
    periods = list_periods(first, last, now, shown)
    lanes = []
    for period in periods[:LANES_SHOWN]:
        begins, ends = period.days
        begins, ends = max(begins, first), min(ends, last)
        lanes.append(Lane(period, start=(begins - first).days, span=(ends - begins).days + 1))
    return TimeLine(first, lanes, len(periods[LANES_SHOWN:]), timezone.localdate(now))


def find_monday(day: date) -> date:
    """Return the Monday of the week of a day."""
    return day - day.weekday() * DAY


def list_periods(first: date, last: date, now: datetime, shown: Shown = EVERYTHING) -> list[Period]:
    """Return the campaigns that are live, or are to be, on these days, in the order of their beginning."""
    since, until = zones.begin_day(first), zones.begin_day(last + DAY)
    found: list[Period] = []
    for kind, model in lifecycle.kinds().items():
        if shown.kind and shown.kind != kind:
            continue
        its = lifecycle.lifecycle_of(model)
        campaigns: Argument = model.objects.listed().exclude(status=Campaign.Status.CANCELLED)
        if shown.location is not None:
            campaigns = its.at_location(campaigns, shown.location)
        found += its.list_periods(campaigns, since, until, now)
    return sorted(found, key=lambda period: (period.begins_at, period.campaign.pk))


def list_periods_on(periods: list[Period], day: date) -> list[Period]:
    """Return those of the periods that are live, or are to be, on a day."""
    return [period for period in periods if _overlaps(period, day, day)]


def _overlaps(period: Period, first: date, last: date) -> bool:
    begins, ends = period.days
    return begins <= last and ends >= first


def _build_week(monday: date, periods: list[Period], most: int = BARS_SHOWN) -> Week:
    days = [monday + number * DAY for number in range(DAYS_OF_WEEK)]
    its = [period for period in periods if _overlaps(period, days[0], days[-1])]
    return Week(days, [_build_bar(period, days) for period in its[:most]], len(its[most:]))


def _build_bar(period: Period, days: list[date]) -> Bar:
    begins, ends = period.days
    first, last = max(begins, days[0]), min(ends, days[-1])
    return Bar(
        period.campaign,
        period.begins_at,
        column=(first - days[0]).days + 1,
        span=(last - first).days + 1,
        goes_on=begins < days[0],
        lasts=ends > days[-1],
    )
