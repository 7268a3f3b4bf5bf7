"""What the clock does for e-mail campaigns: starts them when due, and sees to what nobody else does (row E2)."""

import time
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from campaigns import database_time
from campaigns.lifecycle import fire
from mailing import clock, endings, launch
from mailing.content import compiled
from mailing.models import Delivery, EmailCampaign, Lane, Suppression
from mailing.sending import breaker, direct, lanes
from tests.factories import EmailCampaignFactory, SmtpConnectionFactory
from tests.mailing.running import BODY, counts, draft, fresh, launch_campaign, send, to

pytestmark = pytest.mark.django_db


def list_queued():
    return sorted((task.task["func"], task.task["args"][0]) for task in OrmQ.objects.all())


def tick(after=0):
    OrmQ.objects.all().delete()
    clock.tick(timezone.now() + timedelta(seconds=after))


def test_e2_a_due_campaign_starts_by_itself_and_one_not_fit_goes_back_with_the_reasons():
    fit, unfit, later = draft(), draft(), draft()
    for campaign, seconds in ((fit, 5), (unfit, 5), (later, 500)):
        fire(campaign, "schedule", at=timezone.now() + timedelta(seconds=seconds))
    Suppression.objects.bulk_create(
        Suppression(email=email)
        for email in unfit.targets.get().list.contacts.values_list("email", flat=True)
    )
    tick(after=6)
    assert [fresh(campaign).status for campaign in (fit, unfit, later)] == ["running", "draft", "scheduled"]
    assert "Nobody is left to send to" in unfit.history.first().why


def test_a_launch_whose_task_was_lost_is_prepared_all_the_same():
    campaign = fire(draft(), "launch")
    tick()
    assert list_queued() == []
    EmailCampaign.objects.filter(pk=campaign.pk).update(launched_at=timezone.now() - timedelta(minutes=1))
    tick()
    assert list_queued() == [("mailing.tasks.prepare", campaign.pk)]


def test_pumps_are_woken_for_what_is_due_and_not_twice():
    campaign = launch_campaign()
    Lane.objects.all().delete()
    tick()
    assert list_queued() == [("mailing.tasks.run_lane", campaign.connection_id)] * lanes.LANES_PER_CONNECTION
    tick()
    assert list_queued() == [], "they are on their way"
    Lane.objects.update(woken_at=timezone.now() - timedelta(minutes=5))
    tick()
    assert len(list_queued()) == lanes.LANES_PER_CONNECTION, "they were lost"


def test_those_who_stand_in_for_a_dead_connection_are_woken_and_it_is_tried_again_after_a_while():
    dead, well, other = (SmtpConnectionFactory() for _ in range(3))
    launch_campaign(2, sharing="percentage", routes=[(dead, 100), (well, 0)])
    launch_campaign(2, connection=other)
    breaker.note_failure(dead.pk, "It is down.", for_good=True)
    Lane.objects.all().delete()
    tick()
    assert {pk for _, pk in list_queued()} == {well.pk, other.pk}
    tick(after=breaker.PROBE_SECONDS + 1)
    assert {pk for _, pk in list_queued()} == {dead.pk}, "the others are on their way"


def test_a_connection_that_was_down_yesterday_does_not_stop_the_launch_of_today():
    campaign = draft()
    breaker.note_failure(campaign.connection_id, "It was down.", for_good=True)
    fire(campaign, "launch")
    launch.prepare(campaign.pk)
    tick()
    assert fresh(campaign).status == "running"
    assert {pk for _, pk in list_queued()} <= {campaign.connection_id}


def test_a_campaign_all_of_whose_connections_are_down_is_paused_with_what_is_wrong_with_each():
    one, two = SmtpConnectionFactory(name="One"), SmtpConnectionFactory(name="Two")
    campaign = launch_campaign(2, sharing="percentage", routes=[(one, 50), (two, 50)])
    breaker.note_failure(one.pk, "Login refused.", for_good=True)
    assert fresh(campaign).status == "running"
    two.is_enabled = False
    two.save()
    tick()
    assert fresh(campaign).status == "paused"
    assert campaign.history.first().why.startswith(
        "The connection “One” does not work: Login refused. The connection “Two” is switched off."
    )


@pytest.mark.parametrize("status", ["paused", "cancelled"])
def test_nothing_is_woken_for_a_campaign_that_does_not_run(status):
    campaign = launch_campaign()
    fire(campaign, {"paused": "pause", "cancelled": "cancel"}[status])
    Lane.objects.all().delete()
    tick()
    assert "mailing.tasks.run_lane" not in {name for name, _ in list_queued()}


def test_what_is_put_off_is_woken_for_when_it_is_due():
    campaign = launch_campaign(1)
    Lane.objects.all().delete()
    Delivery.objects.update(status="deferred", due_at=timezone.now() + timedelta(minutes=10))
    tick()
    assert list_queued() == []
    tick(after=601)
    assert len(list_queued()) == lanes.LANES_PER_CONNECTION
    assert fresh(campaign).status == "running"


def test_e5_a_campaign_nobody_is_left_of_is_completed():
    campaign = launch_campaign(2)
    Delivery.objects.update(status="bounced", due_at=None)
    tick()
    assert fresh(campaign).status == "completed"


def test_what_a_cancelled_campaign_has_left_is_closed():
    campaign = launch_campaign(2)
    fire(campaign, "cancel")
    tick()
    assert ("mailing.tasks.close", campaign.pk) in list_queued()
    endings.close_campaign(campaign.pk)
    assert counts(campaign) == {"skipped": 2}
    tick()
    assert list_queued() == []


def test_one_campaign_that_cannot_be_settled_does_not_stop_the_others(monkeypatch):
    broken, well = launch_campaign(1), launch_campaign(1)
    Delivery.objects.update(status="accepted", due_at=None)
    finish = endings.complete_campaign

    def fails_for_one(pk):
        if pk == broken.pk:
            raise ZeroDivisionError
        return finish(pk)

    monkeypatch.setattr(endings, "complete_campaign", fails_for_one)
    tick()
    assert [fresh(campaign).status for campaign in (broken, well)] == ["running", "completed"]


def test_a_running_campaign_without_recipients_is_settled_quietly():
    campaign = EmailCampaignFactory(status="running")
    tick()
    assert fresh(campaign).status == "completed"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("days", [-400, 400], ids=["behind", "ahead"])
def test_a_mail_from_a_machine_with_a_wrong_clock_bears_the_databases_time(server, monkeypatch, days):
    """Receivers doubt a mail and a signature from next year; and “now” is a word of templates."""
    right = datetime.now(UTC)
    server.settings.keep_every = 1
    smtp = to(server)
    campaign = launch_campaign(1, connection=smtp, body=BODY + "\n\nYear {{ 'now' | date: '%Y' }}.")
    clock_of_machine, steady = time.time, time.monotonic
    wrong = SimpleNamespace(time=lambda: clock_of_machine() + days * 86_400, monotonic=steady)
    for module in (database_time, compiled, direct):
        monkeypatch.setattr(module, "time", wrong, raising=False)
    try:
        send(campaign)
        (raw,) = server.kept.values()
        mail = message_from_bytes(raw)
        assert abs(parsedate_to_datetime(mail["Date"]) - right) < timedelta(hours=1)
        words = mail.get_payload()[0].get_payload(decode=True).decode()
        assert f"Year {right.year}." in words
        plain = message_from_bytes(
            direct.write_plain_mail("a@shop.example", "b@shop.example", "Subject", "Text")
        )
        assert abs(parsedate_to_datetime(plain["Date"]) - right) < timedelta(hours=1)
    finally:
        database_time._last = None
