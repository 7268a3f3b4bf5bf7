"""Limits of a connection: never more in any stretch of time, shared by all, kept over a restart; warm-up."""

import contextlib
import itertools
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ
from hypothesis import given
from hypothesis import strategies as st

from campaigns.lifecycle import fire
from mailing.models import Lane, Pace, SmtpConnection
from mailing.sending import lanes, limits, runs
from tests.hostile_smtp import parse
from tests.mailing.running import SEPARATE, counts, fresh, in_thread, launch_campaign, send, to
from tests.waiting import wait_for

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
LENGTHS = {name: stretch.seconds for name, stretch in limits.STRETCHES.items()}


@given(
    limit=st.integers(1, 50),
    name=st.sampled_from(sorted(LENGTHS)),
    steps=st.lists(st.tuples(st.floats(0, 0.7), st.integers(1, 30)), max_size=40),
)
def test_no_stretch_of_time_has_more_than_its_limit(limit, name, steps):
    """`steps`: how long after the one before, as a part of the stretch, somebody wants how many."""
    now, spent, taken = START, {}, []
    for pause, wanted in steps:
        now += timedelta(seconds=pause * LENGTHS[name])
        amount = min(wanted, limits.allowance({name: limit}, spent, now))
        spent = limits.add_spent({name: limit}, spent, now, amount)
        taken.append((now, amount))
    for end, _ in taken:
        inside = [n for at, n in taken if timedelta(0) <= end - at < timedelta(seconds=LENGTHS[name])]
        assert sum(inside) <= limit


@pytest.mark.parametrize("name", sorted(LENGTHS))
def test_what_is_spent_comes_back_when_its_stretch_is_over(name):
    spent = limits.add_spent({name: 10}, {}, START, 10)
    assert limits.allowance({name: 10}, spent, START) == 0
    later = START + timedelta(seconds=LENGTHS[name] * 1.2)
    assert limits.allowance({name: 10}, spent, later) == 10
    assert sum(limits.add_spent({name: 10}, spent, later, 1)[name].values()) == 1, "past slots are forgotten"


def test_a_quota_is_free_again_when_enough_of_it_has_left_its_stretch():
    spent = limits.add_spent({"hour": 3}, {}, START, 2)
    spent = limits.add_spent({"hour": 3}, spent, START + timedelta(minutes=10), 1)
    now = START + timedelta(minutes=20)
    free = limits.find_next_free({"hour": 3}, spent, now)
    assert START + timedelta(hours=1) < free <= START + timedelta(hours=1, minutes=1)
    assert limits.allowance({"hour": 3}, spent, free - timedelta(seconds=1)) == 0
    assert limits.allowance({"hour": 3}, spent, free) == 2
    assert limits.find_next_free({"hour": 4}, spent, now) == now


def test_the_tightest_of_several_limits_counts():
    both = {"hour": 5, "day": 7}
    spent = limits.add_spent(both, {}, START, 5)
    later = START + timedelta(hours=2)
    assert limits.allowance(both, spent, START) == 0
    assert limits.allowance(both, spent, later) == 2


def test_what_was_taken_and_not_sent_is_given_back():
    spent = limits.add_spent({"day": 10}, {}, START, 10)
    spent = limits.add_spent({"day": 10}, spent, START, -4)
    assert limits.allowance({"day": 10}, spent, START) == 4


@pytest.mark.parametrize(
    ("day", "allowed"),
    [(date(2026, 1, 1), 200), (date(2026, 1, 2), 300), (date(2026, 1, 4), 675), (date(2026, 3, 1), 5000)],
)
def test_a_warm_up_grows_by_half_each_day_up_to_the_days_limit(day, allowed):
    smtp = SmtpConnection(warm_up_from=date(2026, 1, 1), warm_up_first_day=200, per_day=5000, per_second=3)
    assert limits.limits_of(smtp, day) == {"day": allowed}


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_limit_holds_over_processes_and_restarts(server):
    campaign = launch_campaign(30, connection=to(server, per_hour=12))
    for _ in range(2):
        for number in range(lanes.LANES_PER_CONNECTION):
            runs.run_lane(campaign.connection_id, number)
    assert len(server.accepted) == 12
    assert counts(campaign) == {"accepted": 12, "pending": 18}
    assert sum(Pace.objects.get().spent["hour"].values()) == 12


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_limit_a_second_paces_the_campaign_and_all_arrive(server):
    campaign = launch_campaign(12, connection=to(server, per_second=5))
    begun = timezone.now()
    send(campaign)
    assert len(server.accepted) == 12
    assert (timezone.now() - begun).total_seconds() > 2


def arrivals(server):
    """When each message came, in seconds."""
    return sorted(message.at for message in server.accepted)


def most_in_a_second(server):
    """The most that came in any second; one that the server noted a little late is not held against us."""
    times, most = arrivals(server), 0
    for first, at in enumerate(times):
        most = max(most, sum(later - at < 0.95 for later in times[first:]))
    return most


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_two_runs_together_keep_to_an_even_rate_over_pause_and_resume(server):
    campaign = launch_campaign(40, connection=to(server, per_second=10, max_connections=6))

    def run_both(until):
        with contextlib.ExitStack() as threads:
            for number in range(lanes.LANES_PER_CONNECTION):
                threads.enter_context(
                    in_thread(lambda number=number: runs.run_lane(campaign.connection_id, number))
                )
            wait_for(until, 60)
            if fresh(campaign).status == "running":
                fire(campaign, "pause")

    run_both(lambda: len(server.accepted) >= 15)
    assert len(server.accepted) < 20, "no burst at the beginning"
    fire(fresh(campaign), "resume")
    run_both(lambda: len(server.accepted) == 40)
    assert most_in_a_second(server) <= 10
    times = arrivals(server)
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times))
    assert 0.09 < gaps[len(gaps) // 2] < 0.15, "evenly, and hardly slower than it may be"
    assert set(campaign.deliveries.values_list("attempts", flat=True)) == {1}


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_campaigns_own_limit_holds_over_all_its_connections_and_slows_no_other(server):
    smtps = [to(server), to(server)]
    campaign = launch_campaign(16, sharing="round_robin", routes=[(smtp, 1) for smtp in smtps], per_second=5)
    other = launch_campaign(200, connection=smtps[0], name="Other")
    begun = time.monotonic()
    send(other)
    assert len(server.accepted) - 200 <= 5 * (time.monotonic() - begun) + 1
    send(campaign)
    own = set(campaign.deliveries.values_list("email", flat=True))
    times = sorted(message.at for message in server.accepted if message.recipient in own)
    assert len(times) == 16
    assert times[-1] - times[0] >= 15 / 5
    assert all(times[place + 5] - times[place] > 0.95 for place in range(11))


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_limit_far_above_what_the_server_takes_slows_nobody(server):
    server.settings.rules = parse("dot delay 0.02")
    campaign = launch_campaign(200, connection=to(server, per_second=5000, max_connections=4))
    assert send(campaign).status == "completed"
    assert len({message.recipient for message in server.accepted}) == len(server.accepted) == 200
    assert set(campaign.deliveries.values_list("status", "attempts")) == {("accepted", 1)}
    assert Pace.objects.get().next_at is not None


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_turns_a_dead_run_had_taken_lead_to_no_burst(server):
    campaign = launch_campaign(12, connection=to(server, per_second=4))
    Pace.objects.update_or_create(
        connection_id=campaign.connection_id, defaults={"next_at": timezone.now() + timedelta(seconds=0.5)}
    )
    begun = time.monotonic()
    send(campaign)
    assert arrivals(server)[0] - begun > 0.4, "the turns of the dead are lost, not made up for"
    assert most_in_a_second(server) <= 4


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_quota_that_is_used_up_says_when_it_is_free_again_and_the_clock_wakes_it_then(server):
    campaign = launch_campaign(5, connection=to(server, per_hour=2))
    runs.run_lane(campaign.connection_id, 0)
    pace = Pace.objects.get()
    now = timezone.now()
    assert now < pace.quota_until <= now + limits.LOOK_AGAIN
    Lane.objects.update(woken_at=None)
    OrmQ.objects.all().delete()
    lanes.wake_due(now)
    assert not OrmQ.objects.exists()
    lanes.wake_due(pace.quota_until + timedelta(seconds=1))
    assert OrmQ.objects.count() == lanes.LANES_PER_CONNECTION


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_pause_gives_the_allowance_of_what_was_not_sent_back(server):
    campaign = launch_campaign(3, connection=to(server, per_day=100))
    send(campaign)
    assert sum(Pace.objects.get().spent["day"].values()) == 3
