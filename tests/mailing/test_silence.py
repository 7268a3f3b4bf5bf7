"""Servers that have a message and do not answer: waited for as long as RFC 5321 asks, and nobody else waits with it."""

import asyncio
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
import uvloop
from django.utils import timezone
from django_q.models import OrmQ

from campaigns import heartbeats
from campaigns.lifecycle import fire
from campaigns.models import Heartbeat
from mailing.models import Delivery, Lane, Pace
from mailing.sending import breaker, lanes, runs, sending_run
from mailing.smtp import client
from tests.factories import HeartbeatFactory
from tests.hostile_smtp import parse
from tests.mailing.running import (
    SEPARATE,
    addresses,
    count_held,
    counts,
    fresh,
    in_thread,
    join_runs,
    launch_campaign,
    run_until,
    send,
    to,
    wait_for,
)
from tests.mailing.smtp.dialogue import let_time_pass

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits", "sound_books", "short_runs")]
LATE = 5.0  # seconds that a server without an answer is given


def is_set_aside(campaign):
    return Lane.objects.filter(
        connection=campaign.connection_id, number__gte=lanes.LANES_PER_CONNECTION
    ).exists()


@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_a_late_answer_is_waited_for_while_the_worker_and_the_lane_do_other_work(server, monkeypatch, loop):
    """On either loop, which a thread takes over from the worker."""
    monkeypatch.setattr(client, "loop_factory", lambda tls: loop)
    server.settings.rules = parse("dot times=1 hold")
    campaign = launch_campaign(30, connection=to(server, max_connections=4))
    run_until(lambda: count_held(server) == 1, campaign.connection_id)
    wait_for(lambda: counts(campaign)["in_data"] == 1)
    assert "claimed" not in counts(campaign), "the next one does not wait with it"
    assert is_set_aside(campaign)
    assert run_until(lambda: len(server.accepted) == 30, campaign.connection_id) >= 1
    assert counts(campaign)["in_data"] == 1, "it waits still"
    server.release()
    join_runs()
    assert send(campaign).status == "completed"
    assert counts(campaign) == {"accepted": 30}
    assert set(campaign.deliveries.values_list("attempts", flat=True)) == {1}
    assert set(addresses(server).values()) == {1}


def test_connections_that_wait_count_among_those_that_may_be_open(server):
    server.settings.rules = parse("dot times=3 hold", "dot delay 0.05")
    campaign = launch_campaign(60, connection=to(server, max_connections=4))
    smtp = campaign.connection_id
    run_until(lambda: count_held(server) == 2, smtp)
    assert lanes.count_waiting(smtp, 0) == 2
    assert lanes.count_waiting(smtp, 1) == 0
    assert runs.run_lane(smtp, 0) == 0, "both its connections wait"
    run_until(lambda: count_held(server) == 3, smtp, 1)
    wait_for(
        lambda: lanes.count_waiting(smtp, 1) == 1
    )  # on a busy machine the other's answer may be late, too
    sent = len(server.accepted)
    assert run_until(lambda: len(server.accepted) > sent, smtp, 1) > 0, "its other connection goes on"
    server.release()
    join_runs()
    assert server.stats()["peak"] <= 4
    send(campaign)
    assert set(addresses(server).values()) == {1}
    assert len(addresses(server)) == 60


def test_a_connection_whose_late_answer_has_come_is_used_by_the_run_under_way(server, monkeypatch):
    monkeypatch.setattr(sending_run, "WIDEN_EVERY_SECONDS", 0.1)
    server.settings.rules = parse("dot times=1 hold", "dot delay 0.05")
    campaign = launch_campaign(200, connection=to(server, max_connections=4))
    run_until(lambda: count_held(server) == 1, campaign.connection_id)
    wait_for(lambda: lanes.count_waiting(campaign.connection_id, 0) == 1)
    with in_thread(lambda: runs.run_lane(campaign.connection_id, 0)):
        wait_for(lambda: server.stats()["open"] == 2)  # its one free place, and the one that waits
        connections = server.stats()["connections"]
        server.release()
        wait_for(lambda: lanes.count_waiting(campaign.connection_id, 0) == 0)
        wait_for(lambda: server.stats()["connections"] > connections)
    assert server.stats()["peak"] == 2, "and never more than the lane may have"
    assert send(campaign).status == "completed"
    assert set(addresses(server).values()) == {1}
    assert len(addresses(server)) == 200


def test_a_run_whose_last_answers_are_late_already_frees_its_lane_at_once(server, monkeypatch):
    monkeypatch.setattr(sending_run, "STRAGGLE_SECONDS", 30.0)
    server.settings.rules = parse("dot times=2 hold")
    campaign = launch_campaign(10, connection=to(server, max_connections=4))
    ended = []

    def make_late(run):
        for link in run._unanswered:
            let_time_pass(link, 40.0)
        ended.append(time.monotonic())

    run_until(lambda: count_held(server) == 2, campaign.connection_id, before_end=make_late)
    assert time.monotonic() - ended[0] < 20, "it would go on for thirty seconds"
    assert lanes.count_waiting(campaign.connection_id, 0) == 2
    server.release()
    join_runs()
    assert send(campaign).status == "completed"


def test_a_lane_that_was_woken_while_all_its_connections_waited_can_be_woken_again(server):
    server.settings.rules = parse("dot times=1 hold")
    campaign = launch_campaign(10, connection=to(server, max_connections=2))
    smtp = campaign.connection_id
    run_until(lambda: count_held(server) == 1, smtp)
    lanes.wake_connection(smtp)
    assert runs.run_lane(smtp, 0) == 0
    OrmQ.objects.all().delete()
    server.release()
    join_runs()  # its end wakes both lanes
    assert (smtp, 0) in [queued.task["args"] for queued in OrmQ.objects.all()]
    send(campaign)


def test_a_server_that_never_answers_is_given_up_after_its_time_and_the_campaign_says_so(server, monkeypatch):
    monkeypatch.setattr(runs, "TIMEOUTS", replace(runs.TIMEOUTS, dot=LATE))
    server.settings.rules = parse("dot stall")
    campaign = launch_campaign(20, connection=to(server, max_connections=2))
    for number in (0, 1):
        run_until(lambda: count_held(server) > number, campaign.connection_id, number)  # noqa: B023
    assert counts(campaign) == {"in_data": 2, "pending": 18}
    join_runs()
    assert counts(campaign) == {"uncertain": 2, "pending": 18}
    campaign = fresh(campaign)
    assert campaign.status == "paused"
    assert "did not answer in time" in campaign.history.first().why
    server.settings.rules = []
    fire(campaign, "resume")
    assert send(campaign).status == "completed"
    assert counts(campaign) == {"uncertain": 2, "accepted": 18}
    assert set(addresses(server).values()) == {1}


def test_the_share_of_a_silent_server_goes_to_the_others(server, monkeypatch):
    monkeypatch.setattr(runs, "TIMEOUTS", replace(runs.TIMEOUTS, dot=LATE))
    # the silent one is not tried again while the test runs
    monkeypatch.setattr(breaker, "FIRST_WAIT_SECONDS", 60.0)
    monkeypatch.setattr(breaker, "PROBE_SECONDS", 60.0)
    silent, well = to(server, max_connections=2), to(server, max_connections=2)
    server.settings.rules = parse("dot times=2 stall")
    campaign = launch_campaign(20, sharing="percentage", routes=[(silent, 50), (well, 50)])
    for number in (0, 1):
        run_until(lambda: count_held(server) > number, silent.pk, number)  # noqa: B023
    join_runs()
    assert Pace.objects.get(connection=silent).down_since
    assert send(campaign).status == "completed"
    assert counts(campaign) == {"uncertain": 2, "accepted": 18}
    assert set(Delivery.objects.filter(status="accepted").values_list("connection", flat=True)) == {well.pk}


def test_a_server_that_failed_is_tried_with_one_message_before_all_its_connections_open(server):
    server.settings.rules = parse("dot delay 0.1")
    campaign = launch_campaign(20, connection=to(server, max_connections=10))
    Pace.objects.create(connection=campaign.connection, failures=2)
    with in_thread(lambda: runs.run_lane(campaign.connection_id, 0)):
        wait_for(lambda: server.accepted)
        assert server.stats()["peak"] == 1
    assert server.stats()["peak"] == 5
    assert Pace.objects.get().failures == 0


def test_a_server_that_greets_nobody_is_not_waited_for_beyond_the_run(server):
    server.settings.rules = parse("connect stall")
    campaign = launch_campaign(5, connection=to(server))
    begun = time.monotonic()
    run_until(lambda: count_held(server, "connect"), campaign.connection_id)
    assert time.monotonic() - begun < runs.TIMEOUTS.greeting / 2
    assert counts(campaign) == {"pending": 5}
    assert "did not answer in time" in Pace.objects.get().trouble


def test_a_worker_that_feeds_a_connection_answers_for_its_cluster_and_one_that_only_waits_does_not(
    server, monkeypatch
):
    monkeypatch.setattr(lanes, "LEASE_SECONDS", 0.5)
    server.settings.rules = parse("dot times=1 hold", "dot delay 0.02")
    campaign = launch_campaign(200, connection=to(server, max_connections=4))
    long_ago = timezone.now() - timedelta(minutes=1)
    HeartbeatFactory(cluster=lanes.CLUSTER, host=heartbeats.HOST, at=long_ago)
    HeartbeatFactory(cluster=lanes.CLUSTER, host="elsewhere", at=long_ago)
    has_answered = threading.Event()
    with in_thread(lambda: run_until(has_answered.is_set, campaign.connection_id)):
        wait_for(lambda: count_held(server) and Heartbeat.objects.get(host=heartbeats.HOST).at > long_ago)
        has_answered.set()
    assert Heartbeat.objects.get(host=heartbeats.HOST).at > timezone.now() - timedelta(seconds=30)
    assert Heartbeat.objects.get(host="elsewhere").at == long_ago
    assert is_set_aside(campaign)
    Heartbeat.objects.update(at=long_ago)
    time.sleep(0.5)
    assert set(Heartbeat.objects.values_list("at", flat=True)) == {long_ago}
    lease = Lane.objects.get(number__gte=lanes.LANES_PER_CONNECTION).leased_until
    assert lease > timezone.now(), "it keeps its lease all the same"
    server.release()
    join_runs()
    send(campaign)
    assert set(addresses(server).values()) == {1}


def test_what_the_dead_were_waiting_for_is_in_doubt_and_their_number_is_gone(server):
    campaign = launch_campaign(3, connection=to(server))
    run = lanes.take_lane(campaign.connection_id, 0)
    Delivery.objects.filter(pk=campaign.deliveries.first().pk).update(status="in_data", due_at=None, run=run)
    lanes.set_run_aside(run)
    assert Lane.objects.get(run=run).number == lanes.LANES_PER_CONNECTION
    other = lanes.take_lane(campaign.connection_id, 0)
    assert other is not None, "the lane is free"
    lanes.set_run_aside(other)
    assert Lane.objects.get(run=other).number == 2 * lanes.LANES_PER_CONNECTION
    Lane.objects.filter(run__isnull=False).update(leased_until="2020-01-01T00:00Z")
    lanes.free_all_lapsed_lanes()
    assert counts(campaign) == {"uncertain": 1, "pending": 2}
