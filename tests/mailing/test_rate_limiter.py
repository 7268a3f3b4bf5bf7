"""Limits by the second and minute: never more in any stretch, hardly less, over processes, pauses and deaths."""

import asyncio
import heapq
import itertools
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailing.sending.paced_deliveries import PacedDeliveries
from mailing.sending.turns import (
    FURTHEST_SECONDS,
    HORIZON_SECONDS,
    Limit,
    Queue,
    RateLimiter,
    move_late_turn,
    plan_turns,
)

LIMITS = [
    Limit(1),
    Limit(10),
    Limit(100),
    Limit(per_minute=60),
    Limit(10, 60),
    Limit(7, 300),
    Limit(10, None, 1800),
]


def most_in(times, seconds):
    """The most of the sorted `times` that lie in any stretch of so many seconds."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def keeps(limit, times):
    return all(
        most_in(times, seconds) <= most
        for seconds, most in ((1, limit.per_second), (60, limit.per_minute), (3600, limit.per_hour))
        if most
    )


@given(
    limit=st.builds(
        Limit, st.integers(1, 300), st.none() | st.integers(1, 6000), st.none() | st.integers(1, 200_000)
    ),
    steps=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 50)), min_size=1, max_size=60),
    lateness=st.floats(0, 1),
)
def test_no_stretch_holds_more_than_the_limit_however_it_is_asked_for(limit, steps, lateness):
    """`steps`: seconds after the one before, somebody wants how many; the late leave as late as they may."""
    now, next_at, turns = 1_800_000_000.0, None, []
    for pause, wanted in steps:
        now += pause
        planned = plan_turns(now, [Queue(limit.interval, next_at)], wanted)
        assert len(planned.turns) <= wanted
        assert all(now <= turn <= now + HORIZON_SECONDS for turn in planned.turns)
        if planned.turns:
            (next_at,) = planned.next_at
        turns += planned.turns
    late = [turn + (lateness * limit.tolerance if place % 2 else 0) for place, turn in enumerate(turns)]
    assert keeps(limit, turns)
    assert keeps(limit, late)


def send_with_stalls(limit, asks, stalls, tail, horizon=HORIZON_SECONDS):
    """Return when messages leave whose process asks for turns and oversleeps each by one of `stalls` seconds.

    asks: seconds after the one before, and how many turns. tail: the part of what it may be late that a message is.
    """
    events, next_at, left = [], None, []
    at, number = 1_800_000_000.0, itertools.count()
    for pause, wanted in asks:
        at += pause
        heapq.heappush(events, (at, next(number), None, wanted))
    lateness = itertools.cycle(stalls)
    while events:
        now, _, turn, wanted = heapq.heappop(events)
        queue = Queue(limit.interval, next_at, limit.reach)
        if turn is None:
            planned = plan_turns(now, [queue], wanted, horizon)
            for each in planned.turns:
                heapq.heappush(events, (each + next(lateness), next(number), each, 0))
            if planned.turns:
                (next_at,) = planned.next_at
        elif now - turn <= limit.tolerance:
            left.append(now)
        elif moved := move_late_turn(now, turn, [queue]):
            (next_at,) = moved
            left.append(now + tail * limit.tolerance)
    return sorted(left)


@given(
    limit=st.builds(Limit, st.integers(1, 40), st.none() | st.integers(1, 600), st.none()),
    asks=st.lists(st.tuples(st.floats(0, 0.4), st.integers(1, 30)), min_size=5, max_size=60),
    stalls=st.lists(
        st.sampled_from([0, 0.001, 0.01, 0.02, 0.05]) | st.floats(0, 1.5), min_size=1, max_size=9
    ),
    tail=st.floats(0, 1),
    horizon=st.sampled_from([HORIZON_SECONDS, 0.03, 1.5]),
)
def test_no_stretch_holds_more_than_the_limit_however_long_turns_are_overslept(
    limit, asks, stalls, tail, horizon
):
    assert keeps(limit, send_with_stalls(limit, asks, stalls, tail, horizon))


def test_a_turn_that_is_overslept_costs_that_time_and_no_whole_turn():
    limit = Limit(10)
    left = send_with_stalls(limit, [(0.01, 3)] * 3000, [0, 0, 0, 0.025], 0)
    assert keeps(limit, left)
    assert (len(left) - 1) / (left[-1] - left[0]) > 9  # a quarter of the turns lost were 7.3


def test_a_turn_that_is_overslept_for_longer_than_a_turn_takes_moves_nobody():
    limit = Limit(10)
    queue = Queue(limit.interval, 100.0 + limit.interval, limit.reach)
    assert move_late_turn(100.05, 100.0, [queue]) == [pytest.approx(100.05 + limit.interval)]
    assert move_late_turn(100.5, 100.0, [queue]) is None


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_is_used_up_to_a_few_percent_when_there_is_enough_to_send(limit):
    now = begin = 1_800_000_000.0
    next_at, turns = None, []
    while now < begin + 120:
        planned = plan_turns(now, [Queue(limit.interval, next_at)], 5)
        if planned.turns:
            (next_at,) = planned.next_at
        turns += planned.turns
        now += max(planned.wait, 0.001)
    allowed = min(
        most / seconds
        for seconds, most in ((1, limit.per_second), (60, limit.per_minute), (3600, limit.per_hour))
        if most
    )
    assert 0.95 * allowed <= len(turns) / (turns[-1] - begin) <= allowed


def test_turns_follow_each_other_evenly():
    planned = plan_turns(100.0, [Queue(Limit(100).interval, 99.0)], 1000)
    assert planned.turns[0] == 100.0
    gaps = {round(later - earlier, 6) for earlier, later in itertools.pairwise(planned.turns)}
    assert gaps == {0.0103}


def test_a_campaigns_limit_and_its_connections_are_both_kept_to():
    connection, campaign = Limit(10), Limit(2)
    planned = plan_turns(100.0, [Queue(connection.interval, 100.05), Queue(campaign.interval, 100.1)], 1)
    assert planned.turns == [100.1]
    assert planned.next_at == [pytest.approx(100.203), pytest.approx(100.615)]


def test_nothing_is_given_out_further_ahead_than_the_horizon():
    planned = plan_turns(100.0, [Queue(1.025, 101.0)], 5)
    assert planned.turns == []
    assert planned.wait == pytest.approx(1 - HORIZON_SECONDS)


def test_a_limit_that_was_raised_counts_at_once():
    was_slow = 100.0 + 60
    planned = plan_turns(100.0, [Queue(Limit(10).interval, was_slow)], 5)
    assert planned.wait <= Limit(10).interval + FURTHEST_SECONDS


class StalledLimiter(RateLimiter):
    """A clock that a test sets, which `asyncio.sleep` of a busy process oversleeps by `late` seconds, once."""

    def __init__(self, limit, places, late):
        super().__init__(1, limit, places)
        self.at, self.late, self.given = 1_800_000_000.0, late, []

    def now(self):
        return self.at

    async def take_now(self, campaign_id, limit, missed):
        self.given.append(self.at)
        turn, self.at, self.late = self.at, self.at + self.late, 0.0
        return turn


@pytest.mark.parametrize(("limit", "places"), [
    (Limit(1), 1), (Limit(10), 1), (Limit(10), 8), (Limit(100), 2), (Limit(100), 4), (Limit(500), 20),
    (Limit(per_minute=60), 1), (Limit(per_minute=60), 8),
])  # fmt: skip
def test_who_oversleeps_a_turn_takes_another_instead_of_catching_up(limit, places):
    limiter = StalledLimiter(limit, places, late=limit.tolerance + 0.05)
    paced = PacedDeliveries(limiter, lambda claimed: None, lambda: 0)
    claimed = SimpleNamespace(campaign=SimpleNamespace(limit=Limit(), pk=1), turn=None, taken_at=0.0)
    assert asyncio.run(paced.keep_turn(claimed))
    assert len(limiter.given) == 2
    assert limiter.now() - claimed.turn <= limit.tolerance
    assert paced.is_still_due(claimed)
    limiter.at += limit.tolerance + 0.001
    assert not paced.is_still_due(claimed), "making the following message took too long"


@given(per_second=st.integers(1, 3000), places=st.integers(1, 60), stall=st.floats(0, 3))
def test_places_that_may_all_be_late_at_once_never_exceed_the_limit(per_second, places, stall):
    limit = Limit(per_second)
    limiter = StalledLimiter(limit, places, late=0.0)
    turn = limiter.now()
    limiter.at += 10
    if not limiter.may_leave(turn, Limit()):
        assert limit.interval * places > limit.tolerance
        return
    # each place leaves late with one turn, all at the same moment; then turn follows turn
    late = [turn + stall] * places
    after = [turn + stall + place * limit.interval for place in range(3 * per_second)]
    assert keeps(limit, [*late, *after])
