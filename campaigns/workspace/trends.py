"""The figures at the top of the dashboard: a sum of the last 30 days, day by day, beside the 30 days before.

Each app names a function in settings.TRENDS. It takes the user and the days, and yields what the user may see.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from campaigns import dates, formats, zones
from campaigns.workspace.plots import Plot, Point, draw_plot

DAYS = 30


class Days:
    """The days of a trend in the time zone of the user: DAYS of them, today the last, and as many before."""

    def __init__(self, now: datetime) -> None:
        today = timezone.localdate(now)
        self.all = [today - timedelta(days=number) for number in reversed(range(2 * DAYS))]
        self.zone = timezone.get_current_timezone()

    @property
    def since(self) -> datetime:
        """The first moment of the first day."""
        return zones.begin_day(self.all[0], self.zone)

    def fill(self, known: dict[date, int]) -> list[int]:
        """Return the amounts of all days from those that are known; the others are 0."""
        return [known.get(day, 0) for day in self.all]


@dataclass(frozen=True)
class Trend:
    """One figure. `amounts`: of all days, the oldest first. `url`: of the page with the details; "" for none.

    `write_on_scale`: writes an amount beside the drawing.
    """

    label: str
    meaning: str
    days: Days
    amounts: Sequence[int]
    write: Callable[[int], str] = formats.thousands
    url: str = ""
    write_on_scale: Callable[[int], str] = formats.thousands

    @property
    def total(self) -> str:
        return self.write(sum(self.amounts[DAYS:]))

    @property
    def change(self) -> str:
        """How the last 30 days compare with those before, in words."""
        before, lately = sum(self.amounts[:DAYS]), sum(self.amounts[DAYS:])
        if before <= 0:
            return gettext("none in the 30 days before") if lately else ""
        percent = round(100 * (lately - before) / before)
        if percent == 0:
            return gettext("as in the 30 days before")
        said = {"percent": formats.write_percent(abs(percent))}
        if percent > 0:
            return gettext("%(percent)s more than in the 30 days before") % said
        return gettext("%(percent)s less than in the 30 days before") % said

    @property
    def plot(self) -> Plot:
        points = [
            Point(dates.write_weekday(day), dates.write_short_day(day), (amount,), (self.write(amount),))
            for day, amount in zip(self.days.all[DAYS:], self.amounts[DAYS:], strict=True)
        ]
        return draw_plot(points, (self.label,), self.write_on_scale)


def list_trends(user: User, now: datetime) -> Iterator[Trend]:
    """Yield the figures that `user` may see."""
    days = Days(now)
    for name in settings.TRENDS:
        yield from import_string(name)(user, days)
