"""When a campaign may send: hours of the day and days of the week, in a time zone.

A window opens and closes at times of local clocks. On the nights when clocks change, a time that they skip
means the first moment after it, and a time that they show twice means the first of the two. `find_instant` holds that
rule for all modules. The claim compares the stretch with the database's clock.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, gettext_lazy

from campaigns import dates, zones

DAY = timedelta(days=1)
# by the numbers of ISO 8601
WEEKDAYS = (
    ("1", gettext_lazy("Monday")),
    ("2", gettext_lazy("Tuesday")),
    ("3", gettext_lazy("Wednesday")),
    ("4", gettext_lazy("Thursday")),
    ("5", gettext_lazy("Friday")),
    ("6", gettext_lazy("Saturday")),
    ("7", gettext_lazy("Sunday")),
)
EVERY_DAY = "1234567"
MIDNIGHT = time(0)
ALWAYS_FROM, ALWAYS_UNTIL = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
LONGEST_SEARCH_DAYS = 15  # days, of which at least one is chosen and has all its hours
MOST_STRETCHES = 2000  # that a time is reckoned over: years of a window once a week


def find_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant at which clocks in `zone` show `local`, in UTC.

    Of two such instants it is the first. If the clocks skip `local`, it is the first instant after the skipped time.
    """
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return first
    # Skipped: as clocks went before the change it lies after it, and as they go after the change before it.
    before, after = second, first
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def find_next_instant(at: time, zone: ZoneInfo, since: datetime) -> datetime:
    """Return the first instant from `since` on at which the day's clock in `zone` comes to `at`."""
    day = since.astimezone(zone).date()
    instants = (find_instant(datetime.combine(day + n * DAY, at), zone) for n in range(3))
    return next(instant for instant in instants if instant >= since)


class Stretch(NamedTuple):
    """From when until when a window is open, without the end itself."""

    opens: datetime
    closes: datetime

    def holds(self, at: datetime) -> bool:
        return self.opens <= at < self.closes


ALWAYS = Stretch(ALWAYS_FROM, ALWAYS_UNTIL)


class Window(NamedTuple):
    """The hours and days of a campaign. An end at or before the beginning is on the next day.

    days: numbers of ISO 8601, of the day on which a stretch begins.
    """

    zone: ZoneInfo
    days: str = EVERY_DAY
    begins: time = MIDNIGHT
    ends: time = MIDNIGHT

    def find_stretch(self, at: datetime) -> Stretch:
        """Return the stretch that holds `at`, or else the next one."""
        return next(self._list_stretches(at))

    def is_open(self, at: datetime) -> bool:
        return self.find_stretch(at).holds(at)

    def add_open_time(self, since: datetime, length: timedelta) -> datetime:
        """Return when the window has been open for `length` after `since`."""
        at = since
        for _ in range(MOST_STRETCHES):
            stretch = self.find_stretch(at)
            begin = max(at, stretch.opens)
            if begin + length <= stretch.closes:
                return begin + length
            length -= stretch.closes - begin
            at = stretch.closes
        return at

    def describe(self) -> str:
        """Write the window in words: Monday to Friday, 09:00 to 17:00, Berlin time."""
        words = [_describe_days(self.days)] if self.days != EVERY_DAY else []
        if (self.begins, self.ends) != (MIDNIGHT, MIDNIGHT):
            begins, ends = dates.write_time(self.begins), dates.write_time(self.ends)
            words.append(gettext("%(begin)s to %(end)s") % {"begin": begins, "end": ends})
        return ", ".join([*words, dates.name_zone(self.zone)])

    def _list_stretches(self, at: datetime) -> Iterator[Stretch]:
        """Yield those that have not ended at `at`, in their order."""
        today = at.astimezone(self.zone).date()
        for n in range(-1, LONGEST_SEARCH_DAYS):
            day = today + n * DAY
            if str(day.isoweekday()) in self.days:
                stretch = self._open_on(day)
                if stretch.closes > max(at, stretch.opens):  # the clocks may skip all of it
                    yield stretch

    def _open_on(self, day: date) -> Stretch:
        last = day if self.begins < self.ends else day + DAY
        opens = find_instant(datetime.combine(day, self.begins), self.zone)
        return Stretch(opens, find_instant(datetime.combine(last, self.ends), self.zone))


def read_window(
    begins: time | None, ends: time | None, days: str, zone: str, site_zone: str
) -> Window | None:
    """Read a stored window; None when a campaign may send at any time. A zone that is unknown by now is the site's."""
    if begins is None and ends is None and not days:
        return None
    name = zone if zone and zones.find_zone(zone) else site_zone
    return Window(ZoneInfo(name), days or EVERY_DAY, begins or MIDNIGHT, ends or MIDNIGHT)


def _describe_days(days: str) -> str:
    names = dict(WEEKDAYS)
    if len(days) > 2 and days in EVERY_DAY:
        return gettext("%(begin)s to %(end)s") % {"begin": names[days[0]], "end": names[days[-1]]}
    return ", ".join(str(names[day]) for day in days)
