"""Turns opens and clicks into counts that name nobody, once they are older than the site keeps them by name.

The totals of a campaign stay exactly what they were. `mailing.doctor` proves it: `RetentionCount` says how many named
events were taken, beside the counts that they became.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from mailing.models import RecentVisit

logger = logging.getLogger(__name__)

KEEP_RECENT = timedelta(hours=1)  # repetitions come within seconds, and what a provider tells within minutes
BATCH_EVENTS = 1000  # turned into counts in one transaction, and one transaction a beat of the clock

# One statement. A delivery forgets the moments of its first open and click together with its events; the campaign goes
# on counting them: what the trigger takes from the tallies is added again at the same moment.
_FORGET = """
WITH old AS (
    SELECT id FROM mailing_event WHERE at < %(limit)s AND kind <> 'unsubscribed'
    ORDER BY at LIMIT %(most)s FOR UPDATE SKIP LOCKED
),
gone AS (
    DELETE FROM mailing_event AS event USING old WHERE event.id = old.id RETURNING event.*
),
counted AS (
    INSERT INTO mailing_eventcount (
        campaign_id, kind, origin, variant, link, device, client, system, at, amount, was_named
    )
    SELECT gone.campaign_id, kind, origin, variant, link, device, client, system, date_trunc('hour', at), count(*), true
    FROM gone LEFT JOIN mailing_delivery AS delivery ON delivery.id = gone.delivery_id
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
),
people AS (
    SELECT id, campaign_id, connection_id, variant, opened_at < %(limit)s AS has_opened,
           clicked_at < %(limit)s AS has_clicked
    FROM mailing_delivery
    WHERE id IN (SELECT delivery_id FROM gone) AND (opened_at < %(limit)s OR clicked_at < %(limit)s)
    FOR NO KEY UPDATE
),
forgotten AS (
    UPDATE mailing_delivery AS delivery
    SET opened_at = CASE WHEN people.has_opened THEN NULL ELSE delivery.opened_at END,
        clicked_at = CASE WHEN people.has_clicked THEN NULL ELSE delivery.clicked_at END
    FROM people WHERE delivery.id = people.id
),
kept AS (
    SELECT campaign_id, connection_id, variant, 'opened' AS measure, count(*) AS amount
    FROM people WHERE has_opened GROUP BY 1, 2, 3
    UNION ALL
    SELECT campaign_id, connection_id, variant, 'clicked', count(*) FROM people WHERE has_clicked GROUP BY 1, 2, 3
),
tallied AS (
    INSERT INTO mailing_tally (campaign_id, connection_id, variant, measure, amount, at)
    SELECT campaign_id, connection_id, variant, measure, amount, now() FROM kept
),
noted AS (
    INSERT INTO mailing_retentioncount (campaign_id, connection_id, measure, amount)
    SELECT campaign_id, connection_id, measure, amount FROM kept
    UNION ALL
    SELECT campaign_id, NULL, 'events', count(*) FROM gone GROUP BY 1
)
SELECT count(*) FROM gone
"""


def forget_old_events(now: datetime) -> int:
    """Turn a batch of opens and clicks older than settings.TRACKING_MONTHS into counts; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT %s::timestamptz - make_interval(months => %s)", [now, settings.TRACKING_MONTHS]
        )
        (limit,) = cursor.fetchone()
        cursor.execute(_FORGET, {"limit": limit, "most": BATCH_EVENTS})
        (amount,) = cursor.fetchone()
    if amount:
        logger.info("%s opens and clicks from before %s are counts now.", amount, limit.date())
    return int(amount)


def forget_recent_visits(now: datetime) -> None:
    """Forget which opens and clicks that name nobody are the same again, or those of a machine."""
    RecentVisit.objects.filter(noted_at__lt=now - KEEP_RECENT).delete()
