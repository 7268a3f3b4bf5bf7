"""What nothing can cure fails a campaign, what a person can mend pauses it, and what passes is waited for."""

import itertools
import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from campaigns.lifecycle import fire
from mailing import clock, content, endings, launch, progress, tasks
from mailing.models import Attempt, Contact, Content, EmailCampaign, Pace, SmtpConnection
from mailing.sending import breaker, lanes, runs
from mailing.variants import phases
from tests.factories import ContactFactory
from tests.hostile_smtp import parse
from tests.mailing.running import (
    SEPARATE,
    addresses,
    counts,
    draft,
    fresh,
    in_thread,
    launch_campaign,
    send,
    to,
    wait_for,
)

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits", "sound_books")]


def bypass_guards(sql, params=()):
    """Write what no way through the product writes: as somebody at the database's own console may."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, params)


# ── fail ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_fail_content_that_no_longer_compiles_at_step_4(server):
    campaign = fire(draft(2, connection=to(server)), "launch")
    bypass_guards(
        "UPDATE mailing_emailcampaign SET body = %s WHERE campaign_ptr_id = %s", ["{% if x %}", campaign.pk]
    )
    tasks.prepare(campaign.pk)
    campaign = fresh(campaign)
    assert campaign.status == "failed"
    assert "endif" in campaign.history.first().why
    assert not server.accepted


def test_fail_preparing_raises_the_same_unforeseen_error_three_times(server):
    campaign = fire(draft(2, connection=to(server)), "launch")
    Content.objects.create(campaign=campaign, compiled=b"somebody else's")  # each try stumbles over it
    for status in ("running", "running", "failed"):
        with pytest.raises(IntegrityError):
            tasks.prepare(campaign.pk)
        assert fresh(campaign).status == status
    assert "The same unforeseen error came 3 times. IntegrityError" in campaign.history.first().why
    assert counts(campaign) == {}


@pytest.mark.parametrize(
    "said",
    [
        'new row for relation "mailing_delivery" violates check constraint "sound"\nDETAIL:  Row ({0}, a{0}@x).',
        "<coroutine at 0x7f{0}> was never awaited in '/tmp/run-{0}'",
        "no place {0} of “Autumn {0}”",
    ],
)  # fmt: skip
def test_fail_an_error_is_the_same_when_only_its_numbers_and_names_differ(server, monkeypatch, said):
    """Each try makes rows with keys of their own, which PostgreSQL names in its refusal."""
    campaign = fire(draft(2, connection=to(server)), "launch")
    numbers = itertools.count(1000)

    def refuse(campaign_id):
        raise IntegrityError(said.format(next(numbers)))

    monkeypatch.setattr(launch, "prepare", refuse)
    for status in ("running", "running", "failed"):
        with pytest.raises(IntegrityError):
            tasks.prepare(campaign.pk)
        assert fresh(campaign).status == status


def test_other_errors_in_between_are_other_errors(server, monkeypatch):
    campaign = fire(draft(2, connection=to(server)), "launch")
    for error in (ValueError("mood"), ValueError("hue"), TypeError("mood"), ValueError("mood")):
        endings.count_unforeseen_error(campaign.pk, error)
    assert fresh(campaign).status == "running"


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_fails_no_preparation_however_often(server, monkeypatch, error):
    campaign = fire(draft(2, connection=to(server)), "launch")

    def lose_database(campaign_id):
        raise error("server closed the connection unexpectedly")

    with monkeypatch.context() as away:
        away.setattr(launch, "prepare", lose_database)
        for _ in range(5):
            with pytest.raises(error):
                tasks.prepare(campaign.pk)
    assert fresh(campaign).status == "running"
    tasks.prepare(campaign.pk)
    assert send(campaign).status == "completed"


def test_fail_a_step_of_a_split_test_raises_the_same_unforeseen_error_three_times(server, monkeypatch):
    campaign = launch_campaign(2, connection=to(server))
    EmailCampaign.objects.filter(pk=campaign.pk).update(phase="testing")

    def raise_error(*_):
        raise ZeroDivisionError("no rate")

    monkeypatch.setattr(phases, "find_test", raise_error)
    for status in ("running", "running", "failed"):
        phases.advance_all(timezone.now())
        assert fresh(campaign).status == status
    assert "no rate" in campaign.history.first().why


def test_fail_sending_raises_the_same_unforeseen_error_three_times(server):
    campaign = launch_campaign(5, connection=to(server))
    well = launch_campaign(5, connection=campaign.connection, name="Another")
    bypass_guards("UPDATE mailing_content SET compiled = 'broken' WHERE campaign_id = %s", [campaign.pk])
    for status in ("running", "running", "failed"):
        tasks.run_lane(campaign.connection_id, 0)
        assert fresh(campaign).status == status
    assert "cannot be read" in campaign.history.first().why
    endings.close_campaign(campaign.pk)
    assert counts(campaign) == {"skipped": 5}
    assert fresh(well).status == "completed", "a campaign beside it goes on"


def test_fail_a_run_that_cannot_even_begin_counts_too(server, monkeypatch):
    campaign = launch_campaign(2, connection=to(server))

    def raise_error(*args, **kwargs):
        raise RuntimeError("no loop today")

    monkeypatch.setattr(runs.client, "loop_factory", raise_error)
    for status in ("running", "running", "failed"):
        with pytest.raises(RuntimeError):
            tasks.run_lane(campaign.connection_id, 0)
        assert fresh(campaign).status == status
    assert "no loop today" in campaign.history.first().why


def test_fail_no_connection_of_the_campaign_exists_any_more(server):
    campaign = launch_campaign(2, connection=to(server))
    bypass_guards("DELETE FROM mailing_smtpconnection WHERE id = %s", [campaign.connection_id])
    clock.tick(timezone.now())
    assert EmailCampaign.objects.get(pk=campaign.pk).status == "failed"
    assert "None of its SMTP connections exists any more" in campaign.history.first().why
    bypass_guards(
        "UPDATE mailing_emailcampaign SET connection_id = NULL WHERE campaign_ptr_id = %s", [campaign.pk]
    )


def test_a_step_of_the_clock_that_fails_does_not_stop_the_others(server, monkeypatch):
    campaign = launch_campaign(2, connection=to(server))

    def raise_error():
        raise RuntimeError("one bad row")

    monkeypatch.setattr(breaker, "pause_stranded", raise_error)
    clock.tick(timezone.now())
    assert campaign.connection.lanes.filter(woken_at__isnull=False).exists()


# ── one recipient ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [ValueError("mood"), ZeroDivisionError("mood"), RecursionError("mood")])
def test_an_error_nobody_foresaw_over_one_recipients_value_fails_that_delivery_alone(
    server, monkeypatch, error
):
    campaign = launch_campaign(6, connection=to(server))
    sad = set(campaign.deliveries.order_by("pk").values_list("email", flat=True)[:2])
    render = content.Compiled.render

    def picky(self, recipient, links, **named):
        if recipient.email in sad:
            raise error
        return render(self, recipient, links, **named)

    monkeypatch.setattr(content.Compiled, "render", picky)
    assert send(campaign).status == "completed"
    assert counts(campaign) == {"accepted": 4, "failed": 2}
    failed = campaign.deliveries.filter(status="failed")
    assert set(failed.values_list("email", flat=True)) == sad
    assert all("mood" in text for text in failed.values_list("text", flat=True))


def break_content(monkeypatch, is_broken):
    """Have the values of the recipients whose number `is_broken` names break their mail."""
    render = content.Compiled.render

    def picky(self, recipient, links, **named):
        numbered = re.match(r"n(\d+)@", recipient.email)
        if numbered and is_broken(int(numbered[1])):
            raise content.ContentError("“mood” is no colour")
        return render(self, recipient, links, **named)

    monkeypatch.setattr(content.Compiled, "render", picky)


def number_contacts(count):
    return [ContactFactory(email=f"n{number}@shop.example") for number in range(count)]


@pytest.mark.parametrize(
    ("count", "is_broken", "most"),
    [
        (300, lambda number: True, 15),
        (300, lambda number: number % 10, 20),
        (300, lambda number: number >= 100, 15),
        (400, lambda number: number % 5 >= 2, 170),
    ],
    ids=["everybody", "nine of ten", "all from the hundredth on", "three of five"],
)
def test_values_that_break_nearly_every_mail_pause_the_campaign_with_the_reason(
    server, count, is_broken, most
):
    campaign = launch_campaign(number_contacts(count), connection=to(server, max_connections=1))
    with pytest.MonkeyPatch.context() as patched:
        break_content(patched, is_broken)
        campaign = send(campaign)
    assert campaign.status == "paused"
    why = campaign.history.first().why
    assert "could not be written" in why
    assert "“mood” is no colour" in why
    figures = counts(campaign)
    assert 15 <= figures["failed"] <= most
    assert figures["pending"] > 0
    assert figures["failed"] + figures.get("accepted", 0) + figures["pending"] == count
    fire(fresh(campaign), "resume")
    assert send(campaign).status == "completed"
    assert counts(campaign)["accepted"] == count - figures["failed"]


def test_a_campaign_whose_every_third_mail_breaks_goes_on_over_many_connections(server, monkeypatch):
    campaign = launch_campaign(number_contacts(240), connection=to(server, max_connections=20))
    beside = launch_campaign(5, connection=campaign.connection, name="Another")
    break_content(monkeypatch, lambda number: number % 3 == 0)
    assert send(campaign).status == "completed"
    assert counts(campaign) == {"accepted": 160, "failed": 80}
    assert fresh(beside).status == "completed"


def make_due(campaign, count):
    """Let so many of those that wait be due, and no others."""
    waiting = campaign.deliveries.filter(status="pending")
    waiting.update(due_at=timezone.now() + timedelta(hours=1))
    first = [*waiting.order_by("pk").values_list("pk", flat=True)[:count]]
    waiting.filter(pk__in=first).update(due_at=timezone.now())


def test_broken_content_counts_over_runs_that_send_a_few_messages_each(server, monkeypatch):
    campaign = launch_campaign(number_contacts(40), connection=to(server, max_connections=1))
    break_content(monkeypatch, lambda number: number > 0)
    for status in ("running", "running", "running", "paused"):
        make_due(campaign, 4)
        tasks.run_lane(campaign.connection_id, 0)
        assert fresh(campaign).status == status
    assert "15 of the last 16 messages could not be written" in campaign.history.first().why
    assert counts(campaign) == {"accepted": 1, "failed": 15, "pending": 24}
    fire(fresh(campaign), "resume")
    assert fresh(campaign).recent_results == {}
    make_due(campaign, 4)
    tasks.run_lane(campaign.connection_id, 0)
    assert fresh(campaign).status == "running", "what was before the resume does not count"


def test_refusals_count_over_runs_that_send_a_few_messages_each(server):
    campaign = launch_campaign(number_contacts(40), connection=to(server, max_connections=1))
    server.settings.rules = parse("dot 554 5.7.1 spam content refused")
    for status in ("running", "running", "paused"):
        make_due(campaign, 4)
        tasks.run_lane(campaign.connection_id, 0)
        assert fresh(campaign).status == status
    assert "10 of the last 10 messages were refused" in campaign.history.first().why


def test_a_campaign_in_which_all_goes_well_is_not_written_to(server):
    campaign = launch_campaign(number_contacts(5), connection=to(server))
    assert send(campaign).recent_results == {}


# ── outages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_outage_is_waited_for_and_the_campaign_goes_on_by_itself(server, settings):
    settings.OUTAGE_MINUTES = 15
    server.settings.rules = parse("connect drop")
    campaign = launch_campaign(20, connection=to(server))
    begun = timezone.now()
    send(
        campaign, until=lambda _: Pace.objects.filter(failures__gte=breaker.FAILURES_UNTIL_DOWN + 3).exists()
    )
    campaign = fresh(campaign)
    assert campaign.status == "running"
    assert counts(campaign) == {"pending": 20}
    assert not Attempt.objects.exists()
    (row,) = progress.read_figures(campaign).connections
    assert begun <= row.failing_since <= timezone.now()
    assert row.gives_up_at == row.failing_since + timedelta(minutes=15)
    server.settings.rules = []
    assert send(campaign).status == "completed"
    assert set(addresses(server).values()) == {1}
    assert not campaign.history.filter(verb="pause").exists()
    pace = Pace.objects.get()
    assert (pace.failures, pace.failing_since, pace.down_since, pace.held_until) == (0, None, None, None)


def test_an_outage_that_lasts_pauses_the_campaign_with_the_reason_and_the_time(server, settings):
    settings.OUTAGE_MINUTES = 15
    campaign = launch_campaign(3, connection=to(server, port=1))
    send(campaign, until=lambda _: Pace.objects.filter(down_since__isnull=False).exists())
    since = timezone.now() - timedelta(minutes=16)
    Pace.objects.update(failing_since=since)
    clock.tick(timezone.now())
    assert fresh(campaign).status == "paused"
    why = campaign.history.first().why
    assert "cannot be reached" in why
    assert f"since {timezone.localtime(since):%-d %b %Y, %H:%M}" in why


def test_the_gaps_between_two_tries_grow(server, settings, monkeypatch):
    settings.OUTAGE_MINUTES = 15
    monkeypatch.setattr(breaker, "FIRST_WAIT_SECONDS", 0.5)
    monkeypatch.setattr(breaker, "PROBE_SECONDS", 30.0)
    smtp = to(server, port=1)
    gaps = []
    for _ in range(9):
        breaker.note_failure(smtp.pk, "away")
        gaps.append((Pace.objects.get().held_until - timezone.now()).total_seconds())
    assert [round(gap, 1) for gap in gaps] == pytest.approx([0.5, 1, 2, 4, 8, 16, 30, 30, 30], abs=0.3)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "mail 550 5.7.60 SMTP; Client does not have permissions to send as this sender",
            "permissions to send as",
        ),
        (
            "rcpt 553 5.7.1 <shop@example.com>: Sender address rejected: not owned by user shop",
            "not owned by user",
        ),
        ("connect 554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked", "blocked"),
    ],
)
def test_what_a_person_must_cure_pauses_at_once_with_the_reason(server, settings, rule, said):
    settings.OUTAGE_MINUTES = 15
    server.settings.rules = parse(rule)
    campaign = launch_campaign(30, connection=to(server, max_connections=2))
    runs.run_lane(campaign.connection_id, 0)
    assert fresh(campaign).status == "paused"
    assert said in campaign.history.first().why
    assert set(counts(campaign)) <= {"pending", "deferred"}


def test_a_campaign_with_one_connection_out_and_one_switched_off_waits_for_the_first(server, settings):
    settings.OUTAGE_MINUTES = 15
    off, out = to(server), to(server, port=1)
    campaign = launch_campaign(4, sharing="round_robin", routes=[(off, 1), (out, 1)])
    SmtpConnection.objects.filter(pk=off.pk).update(is_enabled=False)
    for _ in range(breaker.FAILURES_UNTIL_DOWN):
        breaker.note_failure(out.pk, "away")
    assert fresh(campaign).status == "running"
    breaker.note_failure(out.pk, "wrong password", for_good=True)
    assert fresh(campaign).status == "paused"


# ── greylisting and throttling ───────────────────────────────────────────────────────────────────────────────────────


def test_greylisted_mail_waits_its_minutes_and_new_mail_goes_first(server, monkeypatch):
    monkeypatch.undo()
    server.settings.rules = parse("rcpt times=3 450 4.2.0 Greylisted, try later", "dot delay 0.02")
    campaign = launch_campaign(40, connection=to(server, max_connections=1))
    with in_thread(lambda: runs.run_lane(campaign.connection_id, 0)):
        wait_for(lambda: len(server.accepted) >= 10)
        fire(campaign, "pause")
    now = timezone.now()
    deferred = campaign.deliveries.filter(status="deferred")
    assert deferred.count() == 3
    assert all(60 < (row.due_at - now).total_seconds() < 300 for row in deferred)
    returned = campaign.deliveries.filter(status="pending")
    assert returned.exists()
    assert all(row.due_at <= campaign.launched_at for row in returned), (
        "new mail stays ahead of what is tried again"
    )


def test_each_greylisted_try_waits_longer_although_none_counts(server):
    server.settings.rules = parse("rcpt times=4 450 4.2.0 Greylisted, try later")
    campaign = send(
        launch_campaign([Contact.objects.create(email="grey@example.com")], connection=to(server))
    )
    tries = list(Attempt.objects.order_by("pk").values_list("status", flat=True))
    assert tries == ["deferred"] * 4 + ["accepted"]
    assert campaign.deliveries.get().attempts == 1
    at = list(Attempt.objects.order_by("pk").values_list("at", flat=True))
    gaps = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(at)]
    assert gaps[3] > gaps[0]


def test_a_busy_minute_slows_a_connection_for_some_minutes_and_not_for_ever(server):
    smtp = to(server, max_connections=16)
    now = timezone.now()
    pace = Pace(connection=smtp, level=3, throttled_at=now)
    assert [pace.level_at(now + timedelta(minutes=minute)) for minute in (0, 0.9, 1, 2, 3, 60)] == [
        3,
        3,
        2,
        1,
        0,
        0,
    ]
    pace.throttled_at = now - timedelta(minutes=10)
    pace.save()
    server.settings.rules = parse("dot delay 0.02")
    campaign = launch_campaign(100, connection=smtp)
    with in_thread(lambda: runs.run_lane(smtp.pk, 0)):
        wait_for(lambda: server.stats().get("peak") == 16 // lanes.LANES_PER_CONNECTION)
    assert send(campaign).status == "completed"
