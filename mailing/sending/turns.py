"""Limits by second and minute, and a campaign's by hour, as even rates without bursts over all processes.

A message under such a limit leaves in its turn, and turns follow each other at an even interval, a little longer than
the limit asks. So no stretch of a second, a minute or an hour ever holds more than the limit, wherever it starts,
although a message may arrive some milliseconds late. PostgreSQL holds the time of the next turn: in the connection's
row of Pace, and in the row of CampaignPace of a campaign with a limit of its own. A turn that was given out and not
used is lost, so that no pause, restart or death of a process leads to a burst. One that a busy process oversleeps is
moved to the moment at which it wakes, and all that follow by as much: then it costs that time and not a whole turn.

    Limit           what a connection, or a campaign, may send a second, a minute and an hour
    plan_turns      which turns may be given out now: arithmetic only
    move_late_turn  what a turn that was overslept moves: arithmetic only
    RateLimiter     gives out turns, from the rows that all processes share
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NamedTuple

import psycopg

from mailing.sending import database

SLACK_SECONDS = 0.03  # turns are so much further apart than the limit asks
HORIZON_SECONDS = 0.25  # seconds ahead that turns are given out: what a process that is killed loses
LATE_SECONDS = 0.6  # of the spare time that the slack leaves in a stretch, which a message may leave late
FIRST_LEAD, LONGEST_LEAD = 0.1, 1.0  # seconds before its turn that a message is offered to the server
SHORTEST_LEAD = 0.03
SHORT_HOLD = 0.05  # seconds that no server minds
LONGEST_HOLD = 1.0  # seconds that a server which has accepted an envelope is kept waiting for the message
FURTHEST_SECONDS = 1.5 * max(LONGEST_LEAD, LONGEST_HOLD)  # seconds ahead that any process gives out a turn
CLOCK_TRUSTED_SECONDS = 30.0  # seconds that a comparison of the clocks holds
SAME = 1e-4  # seconds; what PostgreSQL rounds is less
FAR_SECONDS = 10.0  # seconds to a turn that no run waits for: the clock wakes one when it is nearer


class Limit(NamedTuple):
    """How many messages may leave in any stretch of a second, a minute and an hour; None for no limit."""

    per_second: int | None = None
    per_minute: int | None = None
    per_hour: int | None = None

    @property
    def interval(self) -> float:
        """Return the seconds from one turn to the next, 0 without a limit."""
        widest = max((seconds / most for seconds, most in self._stretches()), default=0.0)
        return widest * (1 + SLACK_SECONDS)

    @property
    def tolerance(self) -> float:
        """Return the seconds a message may leave after its turn without any stretch holding more than the limit."""
        return LATE_SECONDS * min(most * self.interval - seconds for seconds, most in self._stretches())

    @property
    def reach(self) -> float:
        """Return the seconds from a turn to the first that may come to lie in another stretch than it."""
        return min((most for _, most in self._stretches()), default=0) * self.interval

    def _stretches(self) -> list[tuple[float, int]]:
        all_three = ((1.0, self.per_second), (60.0, self.per_minute), (3600.0, self.per_hour))
        return [(seconds, most) for seconds, most in all_three if most]


class Queue(NamedTuple):
    """The interval of one limit and the time of its next turn, in seconds; None: a turn may be at any time.

    reach: `Limit.reach`.
    """

    interval: float
    next_at: float | None
    reach: float = 0.0


class Plan(NamedTuple):
    """The turns to give out, and the next turn of each queue after them; all times in seconds."""

    turns: list[float]
    next_at: list[float]
    wait: float  # seconds until it is of use to ask again


def plan_turns(now: float, queues: Sequence[Queue], wanted: int, horizon: float = HORIZON_SECONDS) -> Plan:
    """Plan up to `wanted` turns from `now` to `horizon` seconds ahead, which keep to every queue.

    A next turn may lie further away than these limits allow, because they were tighter or the clock was put back. It
    counts as the furthest that they allow.
    """
    step = max(queue.interval for queue in queues)
    free = [
        min(queue.next_at, now + queue.interval + FURTHEST_SECONDS)
        for queue in queues
        if queue.next_at is not None
    ]
    first = max([now, *free])
    if wanted < 1 or first > now + horizon:
        return Plan([], [], max(0.0, first - now - horizon))
    count = min(wanted, int((now + horizon - first) / step) + 1)
    last = first + (count - 1) * step
    after = [last + queue.interval for queue in queues]
    return Plan([first + place * step for place in range(count)], after, max(0.0, max(after) - now - horizon))


def move_late_turn(now: float, turn: float, queues: Sequence[Queue]) -> list[float] | None:
    """Move a turn that was overslept to `now`, and those not given out yet by as much; return the next of each queue.

    Those given out already stay, and so come closer to it. That is allowed as long as all that must lie in another
    stretch than this one move too.

    Returns:
        None: the turn is lost. It is so late that to lose it costs less, or one that must lie in another stretch was
        given out already, or the limit was another one then.
    """
    if now - turn > max(queue.interval for queue in queues):
        return None
    moved = []
    for queue in queues:
        if queue.next_at is None or not queue.interval - SAME < queue.next_at - turn < queue.reach + SAME:
            return None
        moved.append(queue.next_at + now - turn)
    return moved


LOCK = {
    "connection": """
SELECT extract(epoch FROM next_at)::float8 FROM mailing_pace WHERE connection_id = %s FOR NO KEY UPDATE
""",
    "campaign": """
INSERT INTO mailing_campaignpace (campaign_id) VALUES (%s)
ON CONFLICT (campaign_id) DO UPDATE SET next_at = mailing_campaignpace.next_at
RETURNING extract(epoch FROM next_at)::float8
""",
}
WRITE = {
    "connection": "UPDATE mailing_pace SET next_at = to_timestamp(%s) WHERE connection_id = %s",
    "campaign": "UPDATE mailing_campaignpace SET next_at = to_timestamp(%s) WHERE campaign_id = %s",
}
CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"


class RateLimiter:
    """Gives out the turns of one connection, and of campaigns that have limits of their own, to one run.

    Turns are told in the database's time, in seconds, which all processes share. lead: seconds before its turn that a
    message is to be offered to the server, learnt from how long that took lately. places: SMTP connections that may be
    open at once, over all processes.
    """

    def __init__(self, connection_id: int, limit: Limit, places: int) -> None:
        self.lead = FIRST_LEAD
        self._places = places
        self.limit = limit
        self._pk = connection_id
        self._database: psycopg.AsyncConnection | None = None
        self._asked: dict[int, list[asyncio.Future[float | None]]] = {}  # by campaign
        self._alone = asyncio.Lock()  # transactions of one connection follow each other
        self._offset = 0.0  # of the database's clock from this process's monotonic one
        self._doubt = float("inf")  # seconds by which that may be wrong
        self._compared_at = 0.0

    def is_needed(self, limit: Limit) -> bool:
        """Return whether messages of a campaign with this limit need a turn."""
        return bool(self.limit.interval or limit.interval)

    def is_ahead(self, limit: Limit) -> bool:
        """Return whether turns are taken before a message is offered to the server, rather than once it is ready.

        When turns follow each other quickly, no server waits for long. A turn taken ahead would then be missed and lost
        whenever the server or this process is slower than the limit.
        """
        return self.interval(limit) * self._places > SHORT_HOLD

    def interval(self, limit: Limit) -> float:
        """Return the seconds between two turns of a campaign with this limit."""
        return max(self.limit.interval, limit.interval)

    def tolerance(self, limit: Limit) -> float:
        return min(each.tolerance for each in (self.limit, limit) if each.interval)

    def may_leave(self, turn: float, limit: Limit) -> bool:
        """Return whether a message may leave now without any stretch holding more than the limit.

        However late it is: when turns follow each other so quickly that all places together, each late with one turn,
        stay within the slack. Otherwise within the tolerance.
        """
        tolerance = self.tolerance(limit)
        is_quick = not self.is_ahead(limit) and self.interval(limit) * self._places <= tolerance
        return is_quick or self.now() - turn <= tolerance

    def now(self) -> float:
        """Return the database's time, in seconds."""
        return time.monotonic() + self._offset

    def learn(self, seconds: float) -> None:
        """Learn from how long a message took from its release until the server was ready for it."""
        wanted = min(2 * seconds + SHORTEST_LEAD, LONGEST_LEAD)
        self.lead = max(wanted, self.lead + (wanted - self.lead) / 20)

    async def take(self, campaign_id: int, limit: Limit, wanted: int) -> tuple[list[float], float]:
        """Take up to `wanted` turns for messages of a campaign.

        Returns:
            the turns and, if there are fewer, the seconds until it makes sense to ask again.

        Raises:
            psycopg.OperationalError: the database is away.
        """
        async with self._alone:
            return await self._take(campaign_id, limit, wanted)

    async def take_now(self, campaign_id: int, limit: Limit, missed: float | None) -> float | None:
        """Take a turn for a message that the server is ready for, in place of a `missed` one if it had one.

        Calls that come while turns are being taken get their turns together, in the next statement.

        Returns:
            None: there is no turn soon enough for a server that waits for the message.

        Raises:
            psycopg.OperationalError: the database is away.
        """
        asked: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(campaign_id, []).append(asked)
        async with self._alone:
            if asked.done():
                return asked.result()
            together = [each for each in self._asked.pop(campaign_id) if not each.cancelled()]
            alone_missed = missed if len(together) == 1 else None
            try:
                turns, _ = await self._take(campaign_id, limit, len(together), alone_missed, LONGEST_HOLD)
            except psycopg.OperationalError as error:
                for each in together:
                    each.set_exception(error)
            else:
                for place, each in enumerate(together):
                    each.set_result(turns[place] if place < len(turns) else None)
        return asked.result()

    async def _take(
        self,
        campaign_id: int,
        limit: Limit,
        wanted: int,
        missed: float | None = None,
        horizon: float | None = None,
    ) -> tuple[list[float], float]:
        if self._database is None:
            self._database = await database.connect(plans_once=True)
            # a turn that a crash of the database forgets lies in the past before it is up again
            await self._database.execute("SET synchronous_commit = off")
        kept = [
            (what, key, each)
            for what, key, each in (("connection", self._pk, self.limit), ("campaign", campaign_id, limit))
            if each.interval
        ]
        if horizon is None:
            # under two limits turns that a tight campaign took ahead would be lost to the connection's others
            horizon = self.lead if len(kept) == 2 else max(HORIZON_SECONDS, 1.5 * self.lead)
        async with self._database.transaction():
            queues = []
            for what, key, each in kept:
                cursor = await self._database.execute(LOCK[what], [key])
                (next_at,) = await cursor.fetchone()  # type: ignore[misc]
                queues.append(Queue(each.interval, next_at, each.reach))
            now = await self._read_clock(self._database)
            if missed is not None and now > missed and (moved := move_late_turn(now, missed, queues)):
                planned = Plan([now], moved, 0.0)
            else:
                planned = plan_turns(now, queues, wanted, horizon)
            for (what, key, _), next_at in zip(kept, planned.next_at, strict=False):
                await self._database.execute(WRITE[what], [next_at, key])
        return planned.turns, planned.wait

    async def _read_clock(self, own: psycopg.AsyncConnection) -> float:
        """Return the database's time. The quickest of the latest answers gives the best comparison of the clocks."""
        asked_at = time.monotonic()
        cursor = await own.execute(CLOCK)
        now: float = (await cursor.fetchone())[0]  # type: ignore[index]
        answered_at = time.monotonic()
        doubt = (answered_at - asked_at) / 2
        if doubt <= self._doubt or answered_at - self._compared_at > CLOCK_TRUSTED_SECONDS:
            self._offset = now - (asked_at + answered_at) / 2
            self._doubt, self._compared_at = doubt, answered_at
        return now

    async def close(self) -> None:
        if self._database is not None:
            await self._database.close()
