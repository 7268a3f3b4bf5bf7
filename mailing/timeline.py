"""The timeline of a campaign: when its mails left, and when they were opened and clicked. Sums over its tallies."""

from datetime import datetime, timedelta
from itertools import count, takewhile
from typing import NamedTuple

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext

from campaigns import dates
from campaigns.formats import in_sentence, thousands
from campaigns.sentences import mark
from campaigns.workspace.plots import Plot, Point, draw_plot
from mailing.models import EmailCampaign

LONGEST_TIMELINE = timedelta(hours=48)  # from the launch: what comes later is little, and spread over weeks
# what is younger is shown by quarters of an hour, as finely as tallies are kept
QUARTERS_UP_TO = timedelta(hours=4)
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
SERIES = (mark("Sent"), mark("Opened"), mark("Clicked"))

SUMS = """
SELECT date_bin(make_interval(secs => %(step)s), at, 'epoch'),
       sum(amount) FILTER (WHERE measure IN ('accepted', 'returned', 'uncertain')),
       sum(amount) FILTER (WHERE measure = 'opened'),
       sum(amount) FILTER (WHERE measure = 'clicked'),
       sum(amount) FILTER (WHERE measure = 'nameless opens'),
       sum(amount) FILTER (WHERE measure = 'nameless clicks')
FROM (
    SELECT at, measure, amount FROM mailing_tally WHERE campaign_id = %(campaign)s AND at < %(until)s
    UNION ALL
    SELECT at, CASE kind WHEN 'opened' THEN 'nameless opens' ELSE 'nameless clicks' END, amount FROM mailing_eventcount
    WHERE campaign_id = %(campaign)s AND at < %(until)s AND origin = 'human' AND NOT was_named
      AND kind IN ('opened', 'clicked')
) AS moved
GROUP BY 1 ORDER BY 1
"""


class Timeline(NamedTuple):
    """`sent`, and `answers` (opened, clicked), drawn over the same stretches of time; `table` has all three.

    is_nameless: the answers count opens and clicks, not people, since no row says who opened and clicked.
    """

    sent: Plot
    answers: Plot
    table: Plot
    is_by_hour: bool
    is_nameless: bool


def build_timeline(campaign: EmailCampaign, now: datetime) -> Timeline | None:
    """Return the first 48 hours of a launched campaign, as far as they have passed; None while nothing has happened.

    Times are in the zone of who looks.
    """
    if campaign.launched_at is None:
        return None
    is_by_hour = now - campaign.launched_at > QUARTERS_UP_TO
    step = HOUR if is_by_hour else QUARTER
    until = min(now, campaign.launched_at + LONGEST_TIMELINE)
    with connection.cursor() as cursor:
        cursor.execute(SUMS, {"step": step.total_seconds(), "campaign": campaign.pk, "until": until})
        counted = {at: tuple(int(amount or 0) for amount in amounts) for at, *amounts in cursor}
    is_nameless = not any(any(amounts[1:3]) for amounts in counted.values()) and any(
        any(amounts[3:]) for amounts in counted.values()
    )
    found = {
        at: (amounts[0], *(amounts[3:] if is_nameless else amounts[1:3])) for at, amounts in counted.items()
    }
    if not any(any(amounts) for amounts in found.values()):
        return None
    first = min(found)
    last = max(at for at, amounts in found.items() if any(amounts)) + step if campaign.is_final else until
    every = takewhile(lambda at: at < last, (first + place * step for place in count()))
    rows = [(at, found.get(at, (0, 0, 0))) for at in every]
    series = tuple(map(gettext, SERIES))
    words = tuple(map(in_sentence, series))
    return Timeline(
        sent=draw_plot(
            [_point(at, step, amounts[:1], words[0]) for at, amounts in rows], series[:1], thousands
        ),
        answers=draw_plot(
            [_point(at, step, amounts[1:], *words[1:]) for at, amounts in rows],
            series[1:],
            thousands,
        ),
        table=draw_plot(
            [_point(at, step, amounts) for at, amounts in rows if any(amounts)], series, thousands
        ),
        is_by_hour=is_by_hour,
        is_nameless=is_nameless,
    )


def _point(at: datetime, step: timedelta, amounts: tuple[int, ...], *words: str) -> Point:
    cells = [thousands(amount) for amount in amounts]
    if words:
        cells = [f"{cell} {word}" for cell, word in zip(cells, words, strict=True)]
    return Point(
        dates.write_period(at, at + step), dates.write_time(timezone.localtime(at)), amounts, tuple(cells)
    )
