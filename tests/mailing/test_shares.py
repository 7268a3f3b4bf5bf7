"""Several connections of one campaign, and how fast each is fed, as the servers see it (row E9, step 3)."""

import time
from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from campaigns.lifecycle import fire
from mailing import clock, progress
from mailing.models import Attempt, Pace
from mailing.sending import breaker, lanes, runs, supply
from mailing.sending.server_capacity import ServerCapacity
from tests.hostile_smtp import Settings, hostile_smtp, parse
from tests.mailing.running import (
    SEPARATE,
    addresses,
    counts,
    fresh,
    in_thread,
    launch_campaign,
    list_down_connections,
    send,
    to,
    wait_for,
)

pytestmark = [SEPARATE, pytest.mark.usefixtures("short_waits", "sound_books")]


@pytest.fixture
def servers():
    with hostile_smtp() as one, hostile_smtp() as two, hostile_smtp() as three:
        yield one, two, three


def feed(campaign):
    """Each lane of each connection once."""
    for pk in campaign.planned:
        for number in range(lanes.LANES_PER_CONNECTION):
            runs.run_lane(int(pk), number)


# ── who sends to whom ────────────────────────────────────────────────────────────────────────────────────────────────


def test_percentages_are_exact_at_the_servers_and_the_same_after_a_pause(servers):
    routes = [(to(server), share) for server, share in zip(servers, (50, 30, 20), strict=True)]
    campaign = launch_campaign(101, sharing="percentage", routes=routes)
    assert list(campaign.planned.values()) == [51, 30, 20], "half of one goes to the largest remainder"
    given = dict(campaign.deliveries.values_list("email", "connection"))
    servers[0].settings.rules = parse("dot delay 0.05")
    with in_thread(lambda: runs.run_lane(routes[0][0].pk, 0)):
        wait_for(lambda: len(servers[0].accepted) > 5)
        fire(campaign, "pause")
    assert dict(campaign.deliveries.values_list("email", "connection")) == given
    fire(fresh(campaign), "resume")
    assert send(campaign).status == "completed"
    for server, (smtp, _) in zip(servers, routes, strict=True):
        assert set(addresses(server)) == {email for email, pk in given.items() if pk == smtp.pk}
        assert set(addresses(server).values()) == {1}


def test_connections_take_turns_by_their_weight_from_the_first_recipient_on(servers):
    routes = [(to(server), weight) for server, weight in zip(servers, (3, 1, 0), strict=True)]
    campaign = launch_campaign(80, sharing="round_robin", routes=routes)
    given = list(campaign.deliveries.order_by("pk").values_list("connection", flat=True))
    for start in range(0, 80, 4):
        assert given[start : start + 4].count(routes[0][0].pk) == 3
    assert send(campaign).status == "completed"
    assert [len(addresses(server)) for server in servers] == [60, 20, 0]


def test_failover_goes_on_with_the_next_when_the_first_fails_and_back_once_it_works(servers, monkeypatch):
    monkeypatch.setattr(supply, "MOST_CLAIMED_AT_ONCE", 10)
    monkeypatch.setattr(supply, "REFILL_BELOW", 5)
    routes = [(to(server, max_connections=2), 1) for server in servers]
    campaign = launch_campaign(120, sharing="failover", routes=routes)
    for server in servers:
        server.settings.rules = parse("dot delay 0.02")
    with in_thread(lambda: runs.run_lane(routes[0][0].pk, 0)):
        wait_for(lambda: len(servers[0].accepted) > 10)
        servers[0].settings.rules = parse("connect drop", "mail drop")
    for _ in range(breaker.FAILURES_UNTIL_DOWN):
        Pace.objects.update(held_until=None)
        runs.run_lane(routes[0][0].pk, 0)
    assert list_down_connections([smtp.pk for smtp, _ in routes]) == {routes[0][0].pk}
    sent_by_first = len(servers[0].accepted)
    with in_thread(lambda: runs.run_lane(routes[1][0].pk, 0)):
        wait_for(lambda: len(servers[1].accepted) > 10)
        servers[0].settings.rules = []
        Pace.objects.update(held_until=None)
        assert runs.run_lane(routes[2][0].pk, 0) == 0, "the third waits as long as the second works"
        runs.run_lane(routes[0][0].pk, 0)
    assert len(servers[0].accepted) > sent_by_first
    assert send(campaign).status == "completed"
    assert len(servers[2].accepted) == 0
    assert set((addresses(servers[0]) + addresses(servers[1])).values()) == {1}


def test_the_report_shows_what_was_planned_and_what_became_of_it_when_a_server_fails_on_the_way(servers):
    routes = [(to(server, max_connections=1), 50) for server in servers[:2]]
    campaign = launch_campaign(60, sharing="percentage", routes=routes)
    servers[0].settings.rules = parse("mail after=7 drop", "connect p=0.9 drop")
    assert send(campaign, seconds=40).status == "completed"
    figures_of = {row.connection.pk: row for row in progress.read_figures(campaign).connections}
    for server, (smtp, _) in zip(servers[:2], routes, strict=True):
        assert figures_of[smtp.pk].planned == 30
        assert figures_of[smtp.pk].accepted == len(server.accepted)
    assert set((addresses(servers[0]) + addresses(servers[1])).values()) == {1}


# ── how fast ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        ({"per_second": 50, "per_hour": 7}, 7),
        ({"per_minute": 900, "per_hour": 9}, 9),
        ({"per_hour": 11, "per_day": 40}, 11),
        ({"per_day": 13}, 13),
        ({"per_day": 50, "warm_up_first_day": 6}, 6),
    ],
)
def test_all_runs_together_keep_to_the_tightest_limit(server, limits, allowed):
    if "warm_up_first_day" in limits:
        limits = limits | {"warm_up_from": timezone.localdate()}
    campaign = launch_campaign(30, connection=to(server, max_connections=8, **limits))
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        with (
            in_thread(lambda: runs.run_lane(campaign.connection_id, 0)),
            in_thread(lambda: runs.run_lane(campaign.connection_id, 1)),
        ):
            pass
    assert len(server.accepted) == allowed
    assert counts(campaign) == {"accepted": allowed, "pending": 30 - allowed}
    assert fresh(campaign).status == "running", "it goes on when it may"


def test_a_server_that_throttles_gets_ever_fewer_connections_and_more_again_step_by_step(server):
    server.settings.rules = parse("dot times=4 421 4.7.0 Too many connections")
    campaign = launch_campaign(40, connection=to(server, max_connections=8))
    smtp = campaign.connection_id
    levels, opened = [0], []
    for _ in range(40):
        Pace.objects.update(held_until=None)
        clock.tick(timezone.now())
        before = server.stats().get("connections", 0)
        runs.run_lane(smtp, 0)
        opened.append(server.stats().get("connections", 0) - before)
        levels.append(Pace.objects.get().level)
        if fresh(campaign).status != "running":
            break
    assert max(levels) >= 1
    assert all(after - before >= -1 for before, after in pairwise(levels))
    assert fresh(campaign).status == "completed"
    assert not Attempt.objects.exclude(status__in=["deferred", "accepted", "pending"]).exists()
    following = launch_campaign(5 * max(levels) + 5, connection=campaign.connection)
    Pace.objects.update(level=2)
    for level in (1, 0):
        server.settings.rules = parse("dot delay 0.01")
        runs.run_lane(smtp, 0)
        assert Pace.objects.get().level == level, "one step up after each quiet run"
        following = launch_campaign(5, connection=campaign.connection)
    assert send(following).status == "completed"


def test_a_lane_that_met_with_throttling_is_not_overruled_by_one_that_did_not(server):
    campaign = launch_campaign(5, connection=to(server, max_connections=8))
    pace = Pace.objects.create(connection=campaign.connection, level=1)
    quiet = ServerCapacity(campaign.connection, pace, 2, lambda: None)
    Pace.objects.update(level=3)  # the other lane has told meanwhile
    quiet.store_pace(was_of_use=True)
    assert Pace.objects.get().level == 3


def test_a_server_that_is_too_busy_at_the_greeting_is_left_alone_for_a_while(server, monkeypatch):
    server.settings.rules = parse("connect 421 4.3.2 Too busy, try again in 90 seconds")
    campaign = launch_campaign(5, connection=to(server))
    assert runs.run_lane(campaign.connection_id, 0) == 0
    pace = Pace.objects.get()
    assert timedelta(seconds=60) < pace.held_until - timezone.now() < timedelta(seconds=100)
    assert (pace.failures, pace.down_since) == (0, None), "it works, we are too many"
    assert counts(campaign) == {"pending": 5}
    assert fresh(campaign).status == "running"


def test_a_server_with_fewer_connections_than_ours_is_served_with_those_it_grants():
    with hostile_smtp(Settings(max_connections=2)) as server:
        campaign = launch_campaign(40, connection=to(server, max_connections=8))
        server.settings.rules = parse("dot delay 0.01")
        assert send(campaign).status == "completed"
        assert set(addresses(server).values()) == {1}
        assert len(addresses(server)) == 40
