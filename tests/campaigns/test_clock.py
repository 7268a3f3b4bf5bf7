"""The clock: what is due happens once, by itself, and one failure does not block the rest."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.models import Schedule

from campaigns import clock, lifecycle
from campaigns.models import Campaign
from mailing.models import EmailCampaign
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def status(campaign):
    return Campaign.objects.get(pk=campaign.pk).status


def test_a_due_email_campaign_starts_by_itself():
    """E2"""
    now = timezone.now()
    due = EmailCampaignFactory(status="scheduled", launchable=True, starts_at=now)
    later = EmailCampaignFactory(status="scheduled", launchable=True, starts_at=now + HOUR)
    clock.tick(now)
    assert (status(due), status(later)) == ("running", "scheduled")
    assert [(row.verb, row.by) for row in due.history.all()] == [("launch", None)]


def test_a_due_launch_that_is_refused_goes_back_to_draft_with_the_reasons():
    """E2"""
    now = timezone.now()
    campaign = EmailCampaignFactory(status="scheduled", launchable=True, starts_at=now, subject="")
    clock.tick(now)
    row = campaign.history.get()
    assert (status(campaign), row.verb) == ("draft", "unschedule")
    assert "The subject is missing." in row.why


def test_promotion_campaigns_activate_and_expire_by_the_clock():
    """P2, P3"""
    now = timezone.now()
    starting = PromotionCampaignFactory(status="scheduled", starts_at=now, ends_at=None)
    ending = PromotionCampaignFactory(status="active", ends_at=now)
    paused = PromotionCampaignFactory(status="paused", ends_at=now)
    clock.tick(now)
    assert (status(starting), status(ending), status(paused)) == ("active", "expired", "paused")
    clock.tick(now)
    assert starting.history.count() == ending.history.count() == 1


def test_one_failing_campaign_does_not_block_the_others(monkeypatch, caplog):
    now = timezone.now()
    first, second = (
        EmailCampaignFactory(status="scheduled", launchable=True, starts_at=now) for _ in range(2)
    )
    fire = lifecycle.fire

    def failing(campaign, verb, **arguments):
        if campaign.pk == first.pk:
            raise RuntimeError("the disk is full")
        return fire(campaign, verb, **arguments)

    monkeypatch.setattr("campaigns.lifecycle.fire", failing)
    clock.tick(now)
    assert (status(first), status(second)) == ("scheduled", "running")
    assert "the disk is full" in caplog.text


def test_one_failing_function_does_not_stop_the_clock(settings, caplog):
    now = timezone.now()
    settings.CLOCK = ["tests.campaigns.test_clock.fail_a_function", *settings.CLOCK]
    campaign = PromotionCampaignFactory(status="active", ends_at=now)
    clock.tick(now)
    assert status(campaign) == "expired"
    assert "could not run tests.campaigns.test_clock.fail_a_function" in caplog.text


def fail_a_function(now):
    raise RuntimeError("no")


def test_one_beat_can_be_asked_for_by_hand():
    campaign = PromotionCampaignFactory(status="active", ends_at=timezone.now() - HOUR)
    call_command("tick")
    assert status(campaign) == "expired"


def test_the_campaigns_due_are_only_scheduled_ones():
    now = timezone.now()
    for state in EmailCampaign.STATES:
        EmailCampaignFactory(status=state, starts_at=now - HOUR)
    assert [campaign.status for campaign in EmailCampaign.objects.due(now)] == ["scheduled"]


def test_the_queue_beats_once_a_minute_should_no_clock_be_running():
    schedule = Schedule.objects.get(func="campaigns.clock.tick")
    assert (schedule.schedule_type, schedule.minutes, schedule.cluster) == (Schedule.MINUTES, 1, "default")
