"""Campaigns that send in their hours only, so many an hour, and at the local hour of each recipient."""

import time as clock_time
from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from campaigns import doctor, lifecycle
from mailing import clock, endings, launch, progress
from mailing.models import Attempt, CampaignPace, Delivery, EmailCampaign, Lane
from mailing.sending import claim, lanes, runs
from mailing.sending.windows import ALWAYS, Stretch
from tests.factories import ContactFactory, user_in
from tests.hostile_smtp import parse
from tests.mailing.pages import page
from tests.mailing.running import SEPARATE, counts, draft, fresh, launch_campaign, send, to

HOUR = timedelta(hours=1)


def hours(begin, end):
    """A window by its distances from now."""
    now = timezone.now()
    return {"window_from": (now + begin).time(), "window_until": (now + end).time(), "window_zone": "UTC"}


def wake(now):
    """Let the clock wake what is due at `now`, with nobody on the way; return how many runs that queues."""
    OrmQ.objects.all().delete()
    Lane.objects.all().delete()
    lanes.wake_due(now)
    return OrmQ.objects.count()


# ── the claim ────────────────────────────────────────────────────────────────────────────────────────────────────────


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
def test_nothing_leaves_outside_of_its_hours_and_everything_within(server):
    closed = launch_campaign(3, connection=to(server), **hours(HOUR, 2 * HOUR))
    assert runs.run_lane(closed.connection_id, 0) == 0
    assert counts(closed) == {"pending": 3}
    open_now = launch_campaign(3, connection=closed.connection, **hours(-HOUR, HOUR))
    assert send(open_now).status == "completed"
    assert counts(closed) == {"pending": 3}, "the same connection sends for another campaign meanwhile"


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
def test_when_its_hours_end_what_was_taken_goes_back_and_waits(server, monkeypatch):
    """They end once three mails have gone, whatever the time is by then."""

    class Shutter:
        shut_at = ALWAYS.closes

        def add_open_time(self, since, length):
            return since + length

        def find_stretch(self, at):
            if len(server.accepted) >= 3:
                self.shut_at = min(at, self.shut_at)
            return Stretch(ALWAYS.opens, self.shut_at)

    monkeypatch.setattr(claim.windows, "read_window", lambda *stored: Shutter())
    server.settings.rules = parse("dot delay 0.1")
    campaign = launch_campaign(60, connection=to(server, max_connections=2), **hours(-HOUR, HOUR))
    sent = runs.run_lane(campaign.connection_id, 0)
    assert 3 <= sent < 40
    assert counts(campaign) == {"accepted": sent, "pending": 60 - sent}
    assert fresh(campaign).status == "running"


@pytest.mark.django_db
@pytest.mark.usefixtures("short_waits")
def test_the_clock_wakes_it_when_its_hours_begin_and_not_before():
    launch_campaign(3, **hours(HOUR, 2 * HOUR))
    now, moment = timezone.now(), timedelta(seconds=5)
    assert wake(now) == 0
    assert wake(now + HOUR - moment) == 0
    assert wake(now + HOUR + moment) == lanes.LANES_PER_CONNECTION
    assert wake(now + 2 * HOUR + moment) == 0


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_pause_over_the_end_of_its_hours_sends_nothing_on_resume(server):
    campaign = launch_campaign(3, connection=to(server), **hours(HOUR, 2 * HOUR))
    lifecycle.fire(campaign, "pause")
    lifecycle.fire(campaign, "resume")
    runs.run_lane(campaign.connection_id, 0)
    assert counts(campaign) == {"pending": 3}
    lifecycle.fire(campaign, "cancel")
    clock.tick(timezone.now())
    endings.close_campaign(campaign.pk)
    assert counts(campaign) == {"skipped": 3}


# ── so many an hour ──────────────────────────────────────────────────────────────────────────────────────────────────


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
def test_a_limit_by_the_hour_spreads_the_mails_and_no_run_waits_for_a_turn_that_is_far_away(server):
    campaign = launch_campaign(5, connection=to(server), per_hour=60)
    begun = clock_time.monotonic()
    assert runs.run_lane(campaign.connection_id, 0) == 1
    assert clock_time.monotonic() - begun < 8
    assert counts(campaign) == {"accepted": 1, "pending": 4}
    next_at = CampaignPace.objects.get(campaign=campaign).next_at
    assert 50 < (next_at - timezone.now()).total_seconds() < 63
    assert wake(timezone.now()) == 0, "it sleeps until its turn is near"
    assert wake(next_at - timedelta(seconds=5)) == lanes.LANES_PER_CONNECTION


# ── keep trying ──────────────────────────────────────────────────────────────────────────────────────────────────────


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_keep_trying_counts_from_each_deliverys_first_try(server):
    server.settings.rules = parse("rcpt 452 4.2.2 mailbox full")
    campaign = launch_campaign(1, connection=to(server), retry_hours=1)
    EmailCampaign.objects.filter(pk=campaign.pk).update(launched_at=timezone.now() - timedelta(days=3))
    runs.run_lane(campaign.connection_id, 0)
    assert set(counts(campaign)) == {"deferred"}
    Attempt.objects.update(at=timezone.now() - 2 * HOUR)
    Delivery.objects.update(due_at=timezone.now())
    runs.run_lane(campaign.connection_id, 0)
    assert set(counts(campaign)) == {"bounced"}


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_hours_in_which_it_may_not_send_cost_no_retry(server):
    server.settings.rules = parse("rcpt 452 4.2.2 mailbox full")
    campaign = launch_campaign(1, connection=to(server), retry_hours=4, **hours(-HOUR, HOUR))
    runs.run_lane(campaign.connection_id, 0)
    # one hour of yesterday's window, and one of today's
    Attempt.objects.update(at=timezone.now() - 24 * HOUR)
    Delivery.objects.update(due_at=timezone.now())
    runs.run_lane(campaign.connection_id, 0)
    assert set(counts(campaign)) == {"deferred"}
    Attempt.objects.update(at=timezone.now() - 48 * HOUR)
    Delivery.objects.update(due_at=timezone.now())
    runs.run_lane(campaign.connection_id, 0)
    assert set(counts(campaign)) == {"bounced"}


# ── at the recipient's local time ────────────────────────────────────────────────────────────────────────────────────


def launch_at(now, contacts, **fields):
    campaign = lifecycle.fire(draft(contacts, **fields), "launch", now=now)
    launch.prepare(campaign.pk)
    return fresh(campaign)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("launched", "at", "due"),
    [
        # an ordinary day: Tokyo, New York (the zone of its country), Berlin (the site's)
        ("2027-07-01T00:30", time(9), ["2027-07-02T00:00", "2027-07-01T13:00", "2027-07-01T07:00"]),
        # the night in which New York puts its clocks forward, and that in which it puts them back
        ("2027-03-14T05:00", time(2, 30), ["2027-03-14T17:30", "2027-03-14T07:00", "2027-03-15T01:30"]),
        ("2027-11-07T04:00", time(1, 30), ["2027-11-07T16:30", "2027-11-07T05:30", "2027-11-08T00:30"]),
        # the nights of Berlin
        ("2027-03-27T20:00", time(2, 30), ["2027-03-28T17:30", "2027-03-28T06:30", "2027-03-28T01:00"]),
        ("2027-10-30T20:00", time(2, 30), ["2027-10-31T17:30", "2027-10-31T06:30", "2027-10-31T00:30"]),
    ],
)
def test_each_mail_is_due_when_clocks_show_that_time_where_its_recipient_lives(settings, launched, at, due):
    settings.TIME_ZONE = "Europe/Berlin"
    contacts = [
        ContactFactory(time_zone="Asia/Tokyo", country="US"),
        ContactFactory(country="US"),
        ContactFactory(country="XX"),
    ]
    campaign = launch_at(datetime.fromisoformat(launched).replace(tzinfo=UTC), contacts, local_time=at)
    found = {row.contact_id: row.due_at for row in campaign.deliveries.all()}
    expected = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in due]
    assert [found[contact.pk] for contact in contacts] == expected
    assert campaign.last_due_at == max(expected)


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
def test_those_whose_hour_has_come_get_it_and_the_others_wait(server):
    now = timezone.now()
    tokyo, utc = ContactFactory(time_zone="Asia/Tokyo"), ContactFactory(time_zone="UTC")
    at = (now + timedelta(hours=9, seconds=2)).time()  # in Tokyo in two seconds, elsewhere in nine hours
    campaign = launch_at(now, [tokyo, utc], connection=to(server), local_time=at)
    send(campaign, until=lambda campaign: counts(campaign).get("accepted") == 1)
    assert [message.recipient for message in server.accepted] == [tokyo.email]
    assert timezone.now() >= now + timedelta(seconds=2)
    figures = progress.read_figures(fresh(campaign))
    assert abs(figures.goes_on_at - now - timedelta(hours=9, seconds=2)) < timedelta(seconds=2)
    assert figures.seconds_left > 8 * 3600


# ── what people see ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_the_page_says_when_sending_goes_on_and_the_time_left_knows_of_the_hours(client):
    client.force_login(user_in("Marketers"))
    campaign = launch_campaign(10, per_minute=1, **hours(2 * HOUR, 3 * HOUR))
    figures = progress.read_figures(campaign)
    assert abs((figures.goes_on_at - timezone.now()).total_seconds() - 7200) < 10
    assert figures.is_shut
    assert abs(figures.seconds_left - 7200 - 10 * 60 * 1.03) < 60
    text = page(client, campaign.get_absolute_url())
    assert "Waiting for its sending hours" in text
    assert "Sending continues" in text
    assert progress.read_row_figures([campaign.pk])[campaign.pk].seconds_left == pytest.approx(
        figures.seconds_left, abs=30
    )


@pytest.mark.django_db
def test_hours_are_typed_shown_and_told_when_somebody_changes_them(client):
    client.force_login(user_in("Marketers"))
    campaign = draft()
    typed = {
        "name": "Hours",
        "body_format": "markdown",
        "sharing": "single",
        "connection": campaign.connection_id,
        "retry_hours": 48,
        "per_hour": 500,
        "window_from": "09:00",
        "window_until": "17:30",
        "window_days": ["1", "2", "3", "4", "5"],
        "window_zone": "America/New_York",
        "local_time": "10:15",
    }
    response = client.post(f"{campaign.get_absolute_url()}edit/", typed)
    assert response.status_code == 302, response.context["form"].errors
    campaign = fresh(campaign)
    assert campaign.window.describe() == "Monday to Friday, 09:00 to 17:30, New York time"
    assert (campaign.per_hour, campaign.local_time) == (500, time(10, 15))
    text = page(client, campaign.get_absolute_url())
    assert "Only Monday to Friday, 09:00 to 17:30, New York time" in text
    assert "500 an hour" in text
    assert "At 10:15 where each recipient lives" in text
    assert list(doctor.find_breaches()) == []
    form = page(client, f"{campaign.get_absolute_url()}edit/")
    assert 'value="09:00"' in form
    assert form.count("checked") >= 5


@pytest.mark.django_db
def test_a_copy_keeps_the_hours():
    campaign = draft(per_hour=5, local_time=time(9), **hours(HOUR, 2 * HOUR))
    copy = lifecycle.duplicate(campaign)
    for name in ("per_hour", "local_time", "window_from", "window_until", "window_zone", "window_days"):
        assert getattr(copy, name) == getattr(campaign, name)
