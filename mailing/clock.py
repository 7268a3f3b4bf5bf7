"""The clock of e-mail campaigns: what falls due by time alone, as a scheduled launch (`launch_due_campaigns`)."""

import logging
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django_q.tasks import async_task

from campaigns import lifecycle
from campaigns.clock import run_for_each
from campaigns.models import Campaign
from campaigns.sentences import keep
from mailing import endings, global_hold_out, importing, offers, retention, segment_groups, spool, tallies
from mailing.bounces import mailboxes
from mailing.models import EmailCampaign
from mailing.reports import stored_counts
from mailing.sending import breaker, lanes
from mailing.variants import phases
from mailing.webhooks import events

logger = logging.getLogger(__name__)

PREPARATION_IS_LATE_AFTER = timedelta(seconds=20)  # a launch not prepared by then may have lost its task


def tick(now: datetime) -> None:
    """Do what falls due for e-mail campaigns and contacts, in the order of the list below.

    A step that fails is logged and does not stop the others.
    """
    for step in (
        global_hold_out.keep_periods,
        offers.follow_offers,
        launch_due_campaigns,
        _free_lapsed_lanes,
        requeue_late_preparations,
        _pause_stranded,
        phases.advance_all,
        complete_finished_campaigns,
        close_ended_campaigns,
        tallies.fold_tallies,
        tallies.fold_event_counts,
        stored_counts.queue_ended_campaigns,
        lanes.wake_due,
        importing.queue_stalled,
        segment_groups.queue_due_fillings,
        mailboxes.queue_due,
        spool.queue_waiting,
        retention.forget_old_events,
        retention.forget_recent_visits,
        events.forget_digests,
    ):
        try:
            step(now)
        except Exception:
            logger.exception("The clock could not do %s", step.__name__)


def launch_due_campaigns(now: datetime) -> None:
    """Launch the scheduled campaigns whose time has come."""
    due = EmailCampaign.objects.due(now).order_by("starts_at", "pk").values_list("pk", flat=True)
    run_for_each(list(due), partial(launch_due_campaign, now=now))


def _free_lapsed_lanes(now: datetime) -> None:
    lanes.free_all_lapsed_lanes()


def requeue_late_preparations(now: datetime) -> None:
    """Queue the preparation again of launched campaigns whose preparation has not ended in time."""
    run_for_each(
        list_unprepared(now), lambda pk: async_task("mailing.tasks.prepare", pk, cluster="mail", save=False)
    )


def _pause_stranded(now: datetime) -> None:
    breaker.pause_stranded()


def complete_finished_campaigns(now: datetime) -> None:
    """Complete the running campaigns that have nobody left to send to."""
    run_for_each(list_running(), endings.complete_campaign)


def close_ended_campaigns(now: datetime) -> None:
    """Queue the closing of ended campaigns that still have open deliveries, and settle those that have none."""
    run_for_each(list_unsettled(), _close_or_settle)


def _close_or_settle(campaign_id: int) -> None:
    if tallies.count_unfinished(campaign_id):
        async_task("mailing.tasks.close", campaign_id, cluster="mail", save=False)
    else:
        endings.settle_campaign(EmailCampaign.objects.get(pk=campaign_id))


def launch_due_campaign(campaign_id: int, now: datetime) -> None:
    """Launch one due campaign. If the launch is refused, it becomes a draft again, with the reasons in its history."""
    with transaction.atomic():
        campaign = (
            EmailCampaign.objects.due(now)
            .select_for_update(skip_locked=True, no_key=True)
            .filter(pk=campaign_id)
            .first()
        )
        if campaign is None:
            return
        try:
            lifecycle.fire(campaign, "launch", now=now)
        except lifecycle.Refused as refused:
            lifecycle.fire(
                campaign,
                "unschedule",
                why=keep("It could not be launched. %(refused)s", refused=refused),
                now=now,
            )


def list_unprepared(now: datetime) -> list[int]:
    """List the running campaigns whose preparation is late."""
    late = EmailCampaign.objects.filter(
        status=Campaign.Status.RUNNING, prepared_at=None, launched_at__lt=now - PREPARATION_IS_LATE_AFTER
    )
    return list(late.values_list("pk", flat=True))


def list_running() -> list[int]:
    """List the running campaigns that may be complete."""
    prepared = EmailCampaign.objects.filter(status=Campaign.Status.RUNNING, prepared_at__isnull=False)
    return list(prepared.values_list("pk", flat=True))


def list_unsettled() -> list[int]:
    """List the campaigns cancelled or failed whose last recipients or codes are still open, however long ago."""
    ended = EmailCampaign.objects.filter(
        status__in=(Campaign.Status.CANCELLED, Campaign.Status.FAILED), settled_at=None
    )
    return list(ended.values_list("pk", flat=True))
