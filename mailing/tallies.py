"""Sums over the tallies of campaigns, which a trigger keeps equal to the ledger. Folds old tallies."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec
from django.db import connection

from campaigns.annotations import ColumnValue
from mailing.models import Delivery, Tally

RATE_WINDOW = 30  # seconds the present rate is taken over
TREND = 300  # seconds the time left is judged by: limits by the minute and pauses of servers even out
S, M = Delivery.Status, Tally.Measure
SENT = (S.ACCEPTED, M.RETURNED, S.UNCERTAIN)  # measures of mails that a server took, or may have taken
DONE = frozenset(status for status in S if status not in (*Delivery.UNFINISHED, S.HELD_OUT))

# The present rate, and that of the last minutes but not of the time before the last start or resume. Tallies are kept
# to ten seconds, so that a rate is over whole ones.
SUMS = """
WITH going AS (
    SELECT asked.id, greatest(max(step.at), %(minutes)s) AS since
    FROM unnest(%(campaigns)s::bigint[]) AS asked(id) LEFT JOIN campaigns_transition AS step
        ON step.campaign_id = asked.id AND step.verb IN ('launch', 'resume')
    GROUP BY asked.id
)
SELECT going.id, connection_id, measure, sum(amount), sum(amount) FILTER (WHERE at > %(seconds)s),
       sum(amount) FILTER (WHERE at >= date_bin('10 seconds', since, 'epoch')), since
FROM mailing_tally JOIN going ON going.id = campaign_id
WHERE campaign_id = ANY(%(campaigns)s) GROUP BY going.id, connection_id, measure, since
"""

# Few rows of many; what another process folds at this moment it passes over. `at` only ever gets coarser.
FOLD = """
WITH gone AS (
    DELETE FROM mailing_tally WHERE id IN (
        SELECT id FROM mailing_tally WHERE campaign_id = %(campaign)s FOR UPDATE SKIP LOCKED
    )
    RETURNING connection_id, variant, measure, amount,
        CASE WHEN at > now() - interval '5 minutes' THEN date_bin('10 seconds', at, 'epoch')
             ELSE date_bin('15 minutes', at, 'epoch') END AS at
)
INSERT INTO mailing_tally (campaign_id, connection_id, variant, measure, amount, at)
SELECT %(campaign)s, connection_id, variant, measure, sum(amount), at FROM gone
GROUP BY connection_id, variant, measure, at
HAVING sum(amount) <> 0
"""
CROWDED_COUNTS = """
SELECT campaign_id FROM mailing_eventcount WHERE at >= %s GROUP BY campaign_id
HAVING count(*) > 500 + 2 * count(DISTINCT (kind, origin, variant, link, device, client, system, at))
"""
FOLD_COUNTS = """
WITH gone AS (
    DELETE FROM mailing_eventcount WHERE id IN (
        SELECT id FROM mailing_eventcount WHERE campaign_id = %(campaign)s AND at >= %(since)s FOR UPDATE SKIP LOCKED
    )
    RETURNING kind, origin, variant, link, device, client, system, at, was_named, amount
)
INSERT INTO mailing_eventcount (
    campaign_id, kind, origin, variant, link, device, client, system, at, was_named, amount
)
SELECT %(campaign)s, kind, origin, variant, link, device, client, system, at, was_named, sum(amount) FROM gone
GROUP BY 2, 3, 4, 5, 6, 7, 8, 9, 10 HAVING sum(amount) <> 0
"""
CROWDED = """
SELECT campaign_id FROM mailing_tally WHERE campaign_id IS NOT NULL AND at > %s
GROUP BY campaign_id HAVING count(*) > 50
"""


def read_sums(campaign_id: int) -> dict[str, int]:
    """Return every count of a campaign that is not 0, by its measure."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT measure, sum(amount) FROM mailing_tally WHERE campaign_id = %s"
            " GROUP BY measure HAVING sum(amount) <> 0",
            [campaign_id],
        )
        return {measure: int(amount) for measure, amount in cursor}


def count_unfinished(campaign_id: int) -> int:
    """Return how many recipients have no result yet."""
    counts = read_sums(campaign_id)
    return sum(counts.get(status, 0) for status in Delivery.UNFINISHED)


def fold_tallies(now: datetime) -> None:
    """Join the tallies of each campaign that has many new ones into few."""
    with connection.cursor() as cursor:
        cursor.execute(CROWDED, [now - timedelta(hours=1)])
        crowded = [row[0] for row in cursor]
        for pk in crowded:
            cursor.execute(FOLD, {"campaign": pk})


def fold_event_counts(now: datetime) -> None:
    """Join the counts of opens and clicks that name nobody into few rows, for each campaign with many new ones."""
    since = now - timedelta(hours=2)
    with connection.cursor() as cursor:
        cursor.execute(CROWDED_COUNTS, [since])
        for (pk,) in cursor.fetchall():
            cursor.execute(FOLD_COUNTS, {"campaign": pk, "since": since})


class Sums(msgspec.Struct):
    """The sums over the tallies of one campaign.

    lately: sent in the last RATE_WINDOW seconds. trend: finished since `going`, which is TREND seconds ago, or the last
    start or resume.
    """

    going: datetime
    lately: int = 0
    trend: int = 0
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    by_connection: dict[int | None, dict[str, int]] = msgspec.field(default_factory=dict)

    def count(self, *measures: str) -> int:
        return sum(self.counts[measure] for measure in measures)

    @property
    def number_left(self) -> int:
        return self.count(*Delivery.UNFINISHED)

    @property
    def number_sent(self) -> int:
        return self.count(*SENT)


def sum_tallies(campaigns: Collection[int], now: datetime) -> dict[int, Sums]:
    """Return the sums of each of these campaigns, by its key, in one query."""
    sums = {pk: Sums(now) for pk in campaigns}
    if not sums:
        return sums
    arguments: Mapping[str, ColumnValue] = {
        "campaigns": [*campaigns],
        "seconds": now - timedelta(seconds=RATE_WINDOW),
        "minutes": now - timedelta(seconds=TREND),
    }
    with connection.cursor() as cursor:
        cursor.execute(SUMS, arguments)
        for campaign, smtp, measure, amount, recent, further, since in cursor:
            of = sums[campaign]
            of.going = since
            of.counts[measure] += int(amount)
            of.by_connection.setdefault(smtp, {})[measure] = int(amount)
            if measure in SENT:
                of.lately += int(recent or 0)
            if measure in DONE:
                of.trend += int(further or 0)
    return sums
