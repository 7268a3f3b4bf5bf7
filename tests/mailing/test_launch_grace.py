"""The seconds after a launch by a person in which no mail leaves."""

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import database_time
from campaigns.lifecycle import fire
from mailing import clock, launch, progress, tasks
from mailing.models import Delivery, EmailCampaign
from mailing.sending import runs
from tests.factories import EmailCampaignFactory
from tests.mailing.running import SEPARATE, counts, fresh, launch_campaign, send, to

pytestmark = pytest.mark.django_db


@pytest.fixture
def grace(settings):
    settings.LAUNCH_GRACE_SECONDS = 90


def make_scheduled(at):
    campaign = EmailCampaignFactory(launchable=True)
    fire(campaign, "schedule", at=database_time.now() + timedelta(hours=1))
    EmailCampaign.objects.filter(pk=campaign.pk).update(starts_at=at)
    return fresh(campaign)


@SEPARATE
@pytest.mark.usefixtures("grace", "short_waits", "sound_books")
def test_no_mail_leaves_before_it_is_over_and_then_all_do(server):
    campaign = launch_campaign(3, connection=to(server))
    runs.run_lane(campaign.connection_id, 0)
    assert counts(campaign) == {"pending": 3}
    assert 60 < progress.read_figures(fresh(campaign)).grace_seconds <= 90
    Delivery.objects.update(due_at=database_time.now())
    assert send(campaign).status == "completed"
    assert counts(campaign) == {"accepted": 3}


@SEPARATE
@pytest.mark.usefixtures("grace")
def test_who_cancels_before_it_is_over_has_written_to_nobody(server):
    campaign = launch_campaign(3, connection=to(server))
    fire(campaign, "cancel")
    tasks.close(campaign.pk)
    assert send(campaign).status == "cancelled"
    assert counts(campaign) == {"skipped": 3}
    assert server.accepted == []


@pytest.mark.usefixtures("grace")
def test_what_is_launched_ahead_of_its_time_has_one_and_what_the_clock_launches_has_none():
    now = database_time.now()
    early, due = make_scheduled(now + timedelta(days=1)), make_scheduled(now - timedelta(seconds=1))
    fire(early, "launch")
    clock.launch_due_campaigns(now)
    assert fresh(early).first_mail_at - fresh(early).launched_at == timedelta(seconds=90)
    assert fresh(due).launched_at is not None
    assert fresh(due).first_mail_at is None


@pytest.mark.usefixtures("grace")
def test_nobody_is_due_at_a_local_time_that_comes_before(settings):
    campaign = EmailCampaignFactory(launchable=True)
    since = database_time.now()
    campaign.local_time = (since + timedelta(seconds=30)).time()
    campaign.save()
    fire(campaign, "launch")
    launch.prepare(campaign.pk)
    assert not campaign.deliveries.filter(due_at__lt=since + timedelta(seconds=90)).exists()


@pytest.mark.usefixtures("grace")
def test_the_dialog_and_the_page_say_how_long_it_can_be_stopped(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    dialog = client.get(reverse("campaigns:fire", args=[campaign.pk, "launch"])).content.decode()
    assert "1 min 30 s from now. Until then you can still pause or cancel it." in dialog
    fire(campaign, "launch")
    launch.prepare(campaign.pk)
    assert "The first mail leaves in 1 min" in client.get(campaign.get_absolute_url()).content.decode()


def test_without_the_setting_mails_leave_at_once():
    campaign = EmailCampaignFactory(launchable=True)
    fire(campaign, "launch")
    assert fresh(campaign).first_mail_at is None
