"""Lanes: which process may feed a connection, and what happens to the rows of a process that died.

A connection has LANES_PER_CONNECTION lanes, each leased to one run at a time. Two processes fill two cores;
a third gains nothing. A run that only waits for late answers is set aside: it gets a higher lane number with the same
remainder (number % LANES_PER_CONNECTION). Another run may then take the lane, with the SMTP connections that do not
wait.
"""

import os
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import connection, transaction
from django_q.tasks import async_task

from campaigns import heartbeats
from mailing.models import Lane
from mailing.sending.arrivals import ARRIVED
from mailing.sending.turns import FAR_SECONDS
from mailing.sending.windows import read_window

CLUSTER = "mail"
LANES_PER_CONNECTION = 2
LEASE_SECONDS = 15  # seconds; a run renews it every few
WAKE_AGAIN_SECONDS = 20  # seconds a wake counts as on its way

# Each connection of each running campaign: whether it cannot be used, must wait, and has anything due. It must wait
# while it is held, until its quota of the hour or day is free again, and until its or the campaign's next turn is near.
# Then the campaign's hours. (EXISTS among the columns would be answered by reading all that is due, of a million
# recipients for seconds at every beat.)
_CONNECTIONS = """
SELECT campaign.id, smtp.id, NOT smtp.is_enabled OR pace.down_since IS NOT NULL,
       coalesce(greatest(pace.held_until, pace.quota_until) > %(now)s, false)
           OR coalesce(greatest(pace.next_at, turn.next_at) > %(near)s, false),
       due.found IS NOT NULL,
       email.window_from, email.window_until, email.window_days, email.window_zone
FROM campaigns_campaign AS campaign
JOIN mailing_emailcampaign AS email ON email.campaign_ptr_id = campaign.id
CROSS JOIN LATERAL jsonb_object_keys(email.planned) AS planned (connection)
JOIN mailing_smtpconnection AS smtp ON smtp.id = planned.connection::bigint
LEFT JOIN mailing_pace AS pace ON pace.connection_id = smtp.id
LEFT JOIN mailing_campaignpace AS turn ON turn.campaign_id = campaign.id
LEFT JOIN LATERAL (
    SELECT true AS found FROM mailing_delivery AS delivery
    WHERE delivery.connection_id = smtp.id AND delivery.campaign_id = campaign.id AND delivery.due_at <= %(now)s
    ORDER BY delivery.due_at LIMIT 1
) AS due ON true
WHERE campaign.kind = 'email' AND campaign.status = 'running'
"""

_WAKE = """
INSERT INTO mailing_lane (connection_id, number, worker, woken_at, waiting) VALUES (%s, %s, '', now(), 0)
ON CONFLICT (connection_id, number) DO UPDATE SET woken_at = now()
WHERE (mailing_lane.leased_until IS NULL OR mailing_lane.leased_until < now())
  AND (mailing_lane.woken_at IS NULL OR mailing_lane.woken_at < now() - make_interval(secs => %s))
"""

_TAKE = """
INSERT INTO mailing_lane (connection_id, number, worker, run, leased_until, waiting)
VALUES (%(connection)s, %(number)s, %(worker)s, nextval('mailing_run'), now() + make_interval(secs => %(lease)s), 0)
ON CONFLICT (connection_id, number) DO UPDATE
SET worker = EXCLUDED.worker, run = EXCLUDED.run, leased_until = EXCLUDED.leased_until, woken_at = NULL
WHERE mailing_lane.run IS NULL
RETURNING run
"""

# What a run had taken and not sent goes back; what it was handing over is in doubt, unless something proves by now that
# it was taken. A campaign that is final by now has nobody waiting.
_RECOVER_DELIVERIES = f"""
UPDATE mailing_delivery AS delivery
SET status = CASE WHEN delivery.status = 'in_data' AND {ARRIVED} THEN 'accepted'
                  WHEN delivery.status = 'in_data' THEN 'uncertain'
                  WHEN campaign.status IN ('cancelled', 'failed') THEN 'skipped'
                  ELSE 'pending' END,
    reason = CASE WHEN delivery.status = 'in_data' THEN ''
                  WHEN campaign.status = 'cancelled' THEN 'cancelled'
                  WHEN campaign.status = 'failed' THEN 'stopped'
                  ELSE '' END,
    due_at = CASE WHEN delivery.status = 'claimed' AND campaign.status NOT IN ('cancelled', 'failed')
                  THEN CASE WHEN delivery.stage = '' THEN coalesce(campaign.starts_at, now()) ELSE now() END END,
    sent_at = CASE WHEN delivery.status = 'in_data' AND {ARRIVED} THEN coalesce(delivery.sent_at, now())
                   ELSE delivery.sent_at END,
    text = CASE WHEN delivery.status = 'in_data' AND NOT ({ARRIVED})
                THEN 'The sender stopped between the message and the server''s answer.' ELSE delivery.text END
FROM campaigns_campaign AS campaign
WHERE delivery.run = %s AND delivery.status IN ('claimed', 'in_data') AND campaign.id = delivery.campaign_id
"""

COUNT_WAITING = f"""
SELECT coalesce(sum(waiting), 0) FROM mailing_lane
WHERE connection_id = %s AND number >= {LANES_PER_CONNECTION} AND number %% {LANES_PER_CONNECTION} = %s
"""
UPDATE_WAITING = "UPDATE mailing_lane SET waiting = %s WHERE run = %s"

_SET_ASIDE = """
UPDATE mailing_lane AS lane SET waiting = %(waiting)s, number = (
    SELECT max(number) FROM mailing_lane
    WHERE connection_id = lane.connection_id AND number %% %(lanes)s = lane.number %% %(lanes)s
) + %(lanes)s
WHERE lane.run = %(run)s
"""

_CLEAR_WAKE = (
    "UPDATE mailing_lane SET woken_at = NULL WHERE connection_id = %s AND number = %s AND run IS NULL"
)


def share_of_lane(total: int, number: int) -> int:
    """Return how many of a connection's SMTP connections the lane `number` may open."""
    return total // LANES_PER_CONNECTION + (number < total % LANES_PER_CONNECTION)


def wake_connection(connection_id: int) -> None:
    """Queue a run for each free lane of a connection, unless one is queued for it already."""
    for number in range(LANES_PER_CONNECTION):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_WAKE, [connection_id, number, WAKE_AGAIN_SECONDS])
            if cursor.rowcount:
                async_task("mailing.tasks.run_lane", connection_id, number, cluster=CLUSTER, save=False)


def wake_campaign(campaign_id: int) -> None:
    """Wake the connections that have recipients of a campaign."""
    from mailing.models import EmailCampaign  # lanes know no campaign but here

    for pk in EmailCampaign.objects.get(pk=campaign_id).planned:
        wake_connection(int(pk))


def wake_due(now: datetime) -> None:
    """Wake each connection with due deliveries of a running campaign, and the connections that replace a dead one.

    A campaign outside its hours sleeps; this wakes it when they begin.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CONNECTIONS, {"now": now, "near": now + timedelta(seconds=FAR_SECONDS)})
        rows = [row[:5] for row in cursor if _is_open(now, *row[5:])]
    bereft = {campaign for campaign, _, is_unusable, _, is_due in rows if is_unusable and is_due}
    for pk in sorted(
        {
            smtp
            for campaign, smtp, is_unusable, is_held, is_due in rows
            if not is_held and (is_due or (campaign in bereft and not is_unusable))
        }
    ):
        wake_connection(pk)


def _is_open(now: datetime, begins: time | None, ends: time | None, days: str, zone: str) -> bool:
    window = read_window(begins, ends, days, zone, settings.TIME_ZONE)
    return window is None or window.is_open(now)


def take_lane(connection_id: int, number: int) -> int | None:
    """Lease a lane to a new run and return the run's number; None while another run holds it."""
    free_lapsed_lane(connection_id, number)
    with connection.cursor() as cursor:
        worker = f"{heartbeats.HOST}:{os.getpid()}"
        cursor.execute(
            _TAKE, {"connection": connection_id, "number": number, "worker": worker, "lease": LEASE_SECONDS}
        )
        row = cursor.fetchone()
    return row[0] if row else None


def count_waiting(connection_id: int, number: int) -> int:
    """Return how many SMTP connections are open in runs of this lane that were set aside."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_WAITING, [connection_id, number])
        waiting: int = cursor.fetchone()[0]
    return waiting


def allow_waking_again(connection_id: int, number: int) -> None:
    """Let a lane be woken again at once, since the queued run could not take it."""
    with connection.cursor() as cursor:
        cursor.execute(_CLEAR_WAKE, [connection_id, number])


def set_run_aside(run: int, waiting: int = 0) -> None:
    """Free the lane of a run that takes no more deliveries and has `waiting` SMTP connections open.

    The run keeps and renews its lease, and updates the number when it closes some.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SET_ASIDE, {"run": run, "lanes": LANES_PER_CONNECTION, "waiting": waiting})


def end_run(run: int) -> None:
    """End a run: give back the deliveries it still holds, and free its lane."""
    with transaction.atomic():
        lane = Lane.objects.select_for_update(no_key=True).filter(run=run).first()
        if lane:
            _free(lane)


def free_lapsed_lane(connection_id: int, number: int) -> None:
    """Free a lane whose lease has run out, and give back the deliveries of its run."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM mailing_lane WHERE connection_id = %s AND number = %s AND leased_until < now()"
            " FOR UPDATE SKIP LOCKED",
            [connection_id, number],
        )
        if row := cursor.fetchone():
            _free(Lane.objects.get(pk=row[0]))


def free_all_lapsed_lanes() -> None:
    """Free every lane whose lease has run out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT connection_id, number FROM mailing_lane WHERE leased_until < now()")
        expired = cursor.fetchall()
    for connection_id, number in expired:
        free_lapsed_lane(connection_id, number)


def _free(lane: Lane) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RECOVER_DELIVERIES, [lane.run])
    if lane.number >= LANES_PER_CONNECTION:
        lane.delete()
        return
    lane.run = lane.leased_until = lane.woken_at = None
    lane.worker = ""
    lane.save()
