"""Figures of all campaigns by week, in the time zone of the user: sums over tallies."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import msgspec
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from campaigns import dates, formats, zones
from campaigns.sentences import mark
from campaigns.workspace import spreadsheets
from campaigns.workspace.plots import Plot, Point, draw_plot

WEEK = timedelta(weeks=1)
SPANS = {12: gettext_lazy("12 weeks"), 26: gettext_lazy("half a year"), 52: gettext_lazy("a year")}
HEADS = ("Sent", "Delivered", "Opened", "Clicked", "Bounced", "Complained", "Unsubscribed")
NAMELESS_HEADS = (mark("Anonymous opens"), mark("Anonymous clicks"))

_SUMS = """
SELECT date_trunc('week', at AT TIME ZONE %(zone)s)::date,
       sum(amount) FILTER (WHERE measure IN ('accepted', 'returned', 'uncertain')),
       sum(amount) FILTER (WHERE measure = 'delivered'),
       sum(amount) FILTER (WHERE measure = 'opened'),
       sum(amount) FILTER (WHERE measure = 'clicked'),
       sum(amount) FILTER (WHERE measure = 'bounced'),
       sum(amount) FILTER (WHERE measure = 'complained'),
       sum(amount) FILTER (WHERE measure = 'unsubscribed')
FROM mailing_tally WHERE at >= %(since)s GROUP BY 1
"""
_NAMELESS = """
SELECT date_trunc('week', at AT TIME ZONE %(zone)s)::date, sum(amount) FILTER (WHERE kind = 'opened'),
       sum(amount) FILTER (WHERE kind = 'clicked')
FROM mailing_eventcount WHERE at >= %(since)s AND origin = 'human' AND NOT was_named GROUP BY 1
"""


class Week(msgspec.Struct, frozen=True):
    """What happened in the week that begins on `monday`. `delivered` counts what servers have confirmed."""

    monday: date
    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0
    nameless_opens: int = 0
    nameless_clicks: int = 0

    @property
    def amounts(self) -> tuple[int, ...]:
        """The figures, in the order of HEADS."""
        return (
            self.sent,
            self.delivered,
            self.opened,
            self.clicked,
            self.bounced,
            self.complained,
            self.unsubscribed,
        )

    @property
    def nameless(self) -> tuple[int, ...]:
        """The figures of events that name nobody, in the order of NAMELESS_HEADS."""
        return (self.nameless_opens, self.nameless_clicks)


class WeeksReport(msgspec.Struct, frozen=True):
    """The weeks, the oldest first, with their columns. A figure that is unknown for every week has no column."""

    weeks: list[Week]
    heads: list[str]
    rows: list[tuple[Week, str, list[int]]]
    totals: list[int]
    plots: list[tuple[str, Plot]]

    @property
    def is_empty(self) -> bool:
        return not any(self.totals)


def build_weeks(now: datetime, span: int) -> WeeksReport:
    """Return the last `span` weeks, this one included."""
    weeks = read_weeks(now, span)
    columns = [
        (head, [week.amounts[place] for week in weeks])
        for place, head in enumerate(HEADS)
        if head != "Delivered" or any(week.delivered for week in weeks)
    ]
    columns += [
        (head, [week.nameless[place] for week in weeks])
        for place, head in enumerate(NAMELESS_HEADS)
        if any(week.nameless[place] for week in weeks)
    ]
    heads = [head for head, _ in columns]
    by_head = dict(columns)
    rows = [
        (week, write_week(week.monday), [amounts[place] for _, amounts in columns])
        for place, week in enumerate(weeks)
    ]
    groups = (
        (gettext("Mails sent"), ("Sent", "Delivered")),
        (gettext("Opened and clicked"), ("Opened", "Clicked", *NAMELESS_HEADS)),
        (
            gettext("Bounced, complained, unsubscribed"),
            ("Bounced", "Complained", "Unsubscribed"),
        ),
    )
    plots = []
    for what, asked in groups:
        series = [head for head in asked if head in by_head]
        points = [
            Point(
                write_week(week.monday),
                dates.write_short_day(week.monday),
                tuple(by_head[head][place] for head in series),
                tuple(
                    f"{formats.thousands(by_head[head][place])} {formats.in_sentence(gettext(head))}"
                    for head in series
                ),
            )
            for place, week in enumerate(weeks)
        ]
        plots.append((what, draw_plot(points, tuple(map(gettext, series)), formats.thousands)))
    return WeeksReport(
        weeks, list(map(gettext, heads)), rows, [sum(amounts) for _, amounts in columns], plots
    )


def read_weeks(now: datetime, span: int) -> list[Week]:
    """Sum up the last `span` weeks; they begin on Mondays."""
    zone = timezone.get_current_timezone()
    today = timezone.localdate(now)
    first = today - timedelta(days=today.weekday()) - (span - 1) * WEEK
    since = zones.begin_day(first, zone)
    values: dict[str, str | datetime] = {"zone": str(zone), "since": since}
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, values)
        named = {monday: [int(amount or 0) for amount in amounts] for monday, *amounts in cursor.fetchall()}
        cursor.execute(_NAMELESS, values)
        nameless = {
            monday: [int(amount or 0) for amount in amounts] for monday, *amounts in cursor.fetchall()
        }
    mondays = [first + place * WEEK for place in range(span)]
    return [
        Week(monday, *named.get(monday, [0] * len(HEADS)), *nameless.get(monday, [0, 0]))
        for monday in mondays
    ]


def write_week(monday: date) -> str:
    """Write a week: 3 Aug to 9 Aug 2026."""
    return gettext("%(first)s to %(last)s") % {
        "first": dates.write_short_day(monday),
        "last": dates.write_day(monday + timedelta(days=6)),
    }


def csv_lines(report: WeeksReport) -> Iterator[str]:
    """Yield each week as a line of CSV, after a line that names the columns."""
    yield from spreadsheets.csv_lines([spreadsheets.write_headings([gettext("week from"), *report.heads])])
    yield from spreadsheets.csv_lines([week.monday.isoformat(), *amounts] for week, _, amounts in report.rows)
