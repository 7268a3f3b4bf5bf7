"""Holds the deliveries of a run that wait for their turn, and hands each on when it may leave."""

import asyncio
import contextlib
import heapq
import logging
import math
from collections import deque
from collections.abc import Callable, Iterable

import psycopg

from mailing.sending.claim import ClaimedDelivery, RunningCampaign
from mailing.sending.turns import FAR_SECONDS, RateLimiter

logger = logging.getLogger(__name__)

TAKEN_AHEAD_SECONDS = 5.0  # seconds' worth of deliveries taken from the ledger at once
LEAST_TAKEN = 10  # at once, however slow the limit is
LOOK_AGAIN_SECONDS = 0.5  # seconds between two looks at whether the run goes on


class PacedDeliveries:
    """The deliveries of a run that are under a limit by the second or minute.

    release: is called with a delivery shortly before its turn. idle: how many places want one.
    """

    def __init__(
        self, rate_limiter: RateLimiter, release: Callable[[ClaimedDelivery], None], idle: Callable[[], int]
    ) -> None:
        self.rate_limiter = rate_limiter
        self._release = release
        self._idle = idle
        # by campaign, the one whose turn it is next first
        self._waiting: dict[int, deque[ClaimedDelivery]] = {}
        self._timed: list[tuple[float, int, ClaimedDelivery]] = []  # a heap: those that have a turn
        self._released = 0  # and not taken by a place yet
        self._next_turn_at = 0.0  # of those that wait without one; in the time of RateLimiter
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values())) + len(self._timed)

    @property
    def is_resting(self) -> bool:
        """Whether all waiting deliveries have a turn that is far away."""
        is_far = self._next_turn_at - self.rate_limiter.now() > FAR_SECONDS
        return bool(self._waiting) and not self._timed and not self._released and is_far

    def takes(self, campaign: RunningCampaign) -> bool:
        """Return whether the campaign's deliveries need a turn."""
        limit = campaign.limit
        return self.rate_limiter.is_needed(limit) and self.rate_limiter.is_ahead(limit)

    def room(self, campaign: RunningCampaign, most: int) -> int:
        """Return how many deliveries of the campaign to claim now."""
        full = round(
            min(most, max(LEAST_TAKEN, TAKEN_AHEAD_SECONDS / self.rate_limiter.interval(campaign.limit)))
        )
        waiting = len(self._waiting.get(campaign.pk, ()))
        return full - waiting if waiting <= full // 2 else 0

    def add(self, claimed: Iterable[ClaimedDelivery]) -> None:
        for each in claimed:
            self._waiting.setdefault(each.campaign.pk, deque()).append(each)
        self._changed.set()

    def note_taken(self, claimed: ClaimedDelivery) -> None:
        """Note that a place has taken a delivery that was released."""
        if claimed.turn is not None:
            self._released -= 1

    def note_put_back(self, claimed: ClaimedDelivery) -> None:
        """Note that a place has not handed over a delivery that it had taken."""
        if claimed.turn is not None:
            self._released += 1

    def wake(self) -> None:
        """Wake the loop of `serve`, since a place wants a delivery or the run is over."""
        self._changed.set()

    def take_out(self, is_wanted: Callable[[ClaimedDelivery], bool]) -> list[ClaimedDelivery]:
        """Take out and return the waiting deliveries for which `is_wanted` holds; their turns are lost."""
        out = [each for waiting in self._waiting.values() for each in waiting if is_wanted(each)]
        out += [each for _, _, each in self._timed if is_wanted(each)]
        if out:
            self._waiting = {
                pk: kept
                for pk, waiting in self._waiting.items()
                if (kept := deque(each for each in waiting if not is_wanted(each)))
            }
            self._timed = [entry for entry in self._timed if not is_wanted(entry[2])]
            heapq.heapify(self._timed)
        return out

    async def keep_turn(self, claimed: ClaimedDelivery) -> bool:
        """Wait for the turn of a message that the server is ready for; return False when it has none soon enough."""
        limit, rate_limiter = claimed.campaign.limit, self.rate_limiter
        if not rate_limiter.is_needed(limit):
            return True
        if claimed.turn is not None:
            rate_limiter.learn(rate_limiter.now() - claimed.taken_at)
        while True:
            is_missed = claimed.turn is None or rate_limiter.now() - claimed.turn > rate_limiter.tolerance(
                limit
            )
            try:
                if is_missed:
                    claimed.turn = await rate_limiter.take_now(claimed.campaign.pk, limit, claimed.turn)
            except psycopg.OperationalError:  # the ledger sees it too, and waits with patience
                return False
            if claimed.turn is None:
                return False
            await asyncio.sleep(claimed.turn - rate_limiter.now())
            if rate_limiter.may_leave(claimed.turn, limit):
                return True

    def is_still_due(self, claimed: ClaimedDelivery) -> bool:
        """Return whether a message that has kept its turn may still leave, after other work took its time."""
        limit = claimed.campaign.limit
        if claimed.turn is None or not self.rate_limiter.is_needed(limit):
            return True
        return self.rate_limiter.may_leave(claimed.turn, limit)

    async def serve(self, over: asyncio.Event) -> None:
        """Take turns and release what has one, until the run is over.

        Raises:
            psycopg.OperationalError: the database is away.
        """
        while not over.is_set():
            self._changed.clear()
            self._release_due()
            wait = await self._take_turns()
            self._next_turn_at = self.rate_limiter.now() + wait if math.isfinite(wait) else 0.0
            if self._timed:
                wait = min(wait, self._timed[0][0] - self.rate_limiter.lead - self.rate_limiter.now())
            if wait > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(wait, LOOK_AGAIN_SECONDS)):
                        await self._changed.wait()

    def _release_due(self) -> None:
        until = self.rate_limiter.now() + self.rate_limiter.lead
        while self._timed and self._timed[0][0] <= until:
            _, _, claimed = heapq.heappop(self._timed)
            self._released += 1
            self._release(claimed)

    async def _take_turns(self) -> float:
        """Take turns for the places that want one, and one more; return the seconds until the next call makes sense."""
        soonest = float("inf")
        for pk in list(self._waiting):
            wanted = self._idle() + 1 - self._released - len(self._timed)
            if wanted < 1:
                return float("inf")  # the place that becomes free asks
            waiting = self._waiting.pop(pk, None)
            if not waiting:
                continue
            campaign = waiting[0].campaign
            share = -(-wanted // (len(self._waiting) + 1))
            try:
                turns, wait = await self.rate_limiter.take(pk, campaign.limit, min(share, len(waiting)))
            finally:
                if kept := [*waiting, *self._waiting.pop(pk, ())]:
                    self._waiting[pk] = deque(kept)  # last now: the others come first
            for turn in turns:
                claimed = self._waiting[pk].popleft()
                claimed.turn = turn
                heapq.heappush(self._timed, (turn, claimed.pk, claimed))
            if not self._waiting[pk]:
                del self._waiting[pk]
            soonest = min(soonest, 0.0 if len(turns) == share else wait)
        return soonest
