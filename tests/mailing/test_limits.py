"""Limits of a connection: never more in any stretch of time, shared by all, kept over a restart; warm-up."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from mailing.models import Pace, SmtpConnection
from mailing.sending import lanes, limits, pump
from tests.mailing.running import SEPARATE, counts, launched, send, to

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
        spent = limits.spend({name: limit}, spent, now, amount)
        taken.append((now, amount))
    for end, _ in taken:
        inside = [n for at, n in taken if timedelta(0) <= end - at < timedelta(seconds=LENGTHS[name])]
        assert sum(inside) <= limit


@pytest.mark.parametrize("name", sorted(LENGTHS))
def test_what_is_spent_comes_back_when_its_stretch_is_over(name):
    spent = limits.spend({name: 10}, {}, START, 10)
    assert limits.allowance({name: 10}, spent, START) == 0
    later = START + timedelta(seconds=LENGTHS[name] * 1.2)
    assert limits.allowance({name: 10}, spent, later) == 10
    assert sum(limits.spend({name: 10}, spent, later, 1)[name].values()) == 1, "past slots are forgotten"


def test_the_tightest_of_several_limits_counts():
    both = {"second": 5, "hour": 7}
    spent = limits.spend(both, {}, START, 5)
    later = START + timedelta(seconds=2)
    assert limits.allowance(both, spent, START) == 0
    assert limits.allowance(both, spent, later) == 2


def test_what_was_taken_and_not_sent_is_given_back():
    spent = limits.spend({"day": 10}, {}, START, 10)
    spent = limits.spend({"day": 10}, spent, START, -4)
    assert limits.allowance({"day": 10}, spent, START) == 4


@pytest.mark.parametrize(
    ("day", "allowed"),
    [(date(2026, 1, 1), 200), (date(2026, 1, 2), 300), (date(2026, 1, 4), 675), (date(2026, 3, 1), 5000)],
)
def test_a_warm_up_grows_by_half_each_day_up_to_the_days_limit(day, allowed):
    smtp = SmtpConnection(warm_up_from=date(2026, 1, 1), warm_up_first_day=200, per_day=5000, per_second=3)
    assert limits.limits_of(smtp, day) == {"second": 3, "day": allowed}


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_limit_holds_over_processes_and_restarts(server):
    campaign = launched(30, connection=to(server, per_hour=12))
    for _ in range(2):
        for number in range(lanes.LANES):
            pump.run(campaign.connection_id, number)
    assert len(server.accepted) == 12
    assert counts(campaign) == {"accepted": 12, "pending": 18}
    assert sum(Pace.objects.get().spent["hour"].values()) == 12


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_limit_a_second_paces_the_campaign_and_all_arrive(server):
    campaign = launched(12, connection=to(server, per_second=5))
    begun = timezone.now()
    send(campaign)
    assert len(server.accepted) == 12
    assert (timezone.now() - begun).total_seconds() > 2


@SEPARATE
@pytest.mark.usefixtures("short_waits")
def test_a_pause_gives_the_allowance_of_what_was_not_sent_back(server):
    campaign = launched(3, connection=to(server, per_day=100))
    send(campaign)
    assert sum(Pace.objects.get().spent["day"].values()) == 3
