"""One run at work: hands the claimed deliveries to the server, over many SMTP connections.

What needs more than sending (a pause, a breaker) ends the run, and is handled after it (`mailing.sending.runs`).
"""

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable

import psycopg

from campaigns.processes import is_stopping
from campaigns.sentences import mark
from mailing import endings, oauth
from mailing.models import Pace, SmtpConnection
from mailing.sending import breaker, claim, database, lanes
from mailing.sending.answers import Answers
from mailing.sending.connection_opener import ConnectionOpener
from mailing.sending.ledger import Ledger
from mailing.sending.server_capacity import ServerCapacity
from mailing.sending.supply import ReadyMessage, Supply
from mailing.sending.turns import Limit, RateLimiter
from mailing.smtp.client import Cause, ConnectFailed, Connection, Server

logger = logging.getLogger(__name__)

BUDGET_SECONDS = 20.0  # seconds a run goes on
# where no other run fills the moment until the next one, and a limit lets nothing be made up for
LONG_BUDGET_SECONDS = 60.0
WATCH_SECONDS = 0.2  # seconds between two looks at whether this process is to end
# seconds between two looks at whether connections that waited for a late answer are free again
WIDEN_EVERY_SECONDS = 1.0
# seconds a server may still answer after the end; then the run is set aside or cut short
STRAGGLE_SECONDS = 5.0
# seconds a process that is to end waits for answers; all of it is to be gone within ten
LAST_WAIT_SECONDS = 4.0


class SendingRun:
    """The run `number` of a lane, with its SMTP connections.

    places: how many connections it may open. most: how many once no connection waits for an earlier run of this `lane`.
    """

    def __init__(
        self,
        smtp: SmtpConnection,
        server: Server,
        pace: Pace,
        number: int,
        lane: int,
        *,
        places: int,
        most: int,
    ) -> None:
        self.smtp = smtp
        self.number = number
        self._lane, self._most = lane, most
        self._server = server
        self._is_token_refused = False
        self._capacity = ServerCapacity(smtp, pace, places, self.stop)
        self._answers = Answers(smtp, self._server, pace, self._capacity, self.stop)
        self._over = asyncio.Event()
        self._idle = asyncio.Event()  # no place takes anything more
        self._late = asyncio.Event()  # and all that is left to do is to wait for answers to messages
        self._active = self._flying = 0  # places at work, and those with a message under way
        self._opener = ConnectionOpener(self._server, self._over, self._shut_out)
        self._links = self._opener.links
        self._offering: set[Connection] = set()
        # has a message; the next one's envelope is with it
        self._unanswered: dict[Connection, ReadyMessage | None] = {}
        self._supply: Supply | None = None
        self._rate_limiter = RateLimiter(
            smtp.pk, Limit(smtp.per_second, smtp.per_minute), smtp.max_connections
        )

    @property
    def campaigns(self) -> set[int]:
        """The campaigns it has sent for."""
        return self._supply.seen if self._supply else set()

    @property
    def accepted_count(self) -> int:
        """How many messages the server took."""
        return self._answers.accepted

    @property
    def open(self) -> int:
        """How many SMTP connections it has open."""
        return len(self._links)

    # ── from beginning to end ────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Send until nothing is due, the time of the run is over, or something stops it.

        Raises:
            LaneLost: another run has the lane.
            OperationalError: the database is away.
        """
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            loop.add_signal_handler(signal.SIGTERM, self._end)
        loop.call_later(BUDGET_SECONDS, self._end_of_budget)
        self._watch_for_the_end(loop)
        async with contextlib.AsyncExitStack() as opened:
            own = await opened.enter_async_context(await database.connect(plans_once=False))
            recording = await database.connect(plans_once=True)
            ledger = Ledger(recording, self.number, lanes.LEASE_SECONDS, lambda: self._flying)
            opened.push_async_callback(ledger.close)
            opened.push_async_callback(self._rate_limiter.close)
            supply = self._supply = Supply(own, ledger, self.smtp, self._rate_limiter, self._over, self.stop)
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(ledger.serve())
                claiming = group.create_task(supply.keep_filled(lambda: self._flying > 0))
                pacing = group.create_task(supply.keep_paced())
                self._active = self._capacity.places

                def begin(place: int) -> asyncio.Task[None]:
                    return group.create_task(self._send(supply, ledger, place))

                places = [begin(place) for place in range(self._active)]
                widening = group.create_task(self._widen(own, begin, places))
                await self._idle.wait()
                self.stop()
                await claiming
                await pacing
                await widening
                await supply.give_back()
                if self._unanswered:
                    await ledger.wait_until_written()
                    ledger.feeds = False
                    self._late.set()
                await asyncio.wait(places)
                ledger.end()
                await writing

    async def until_late(self, work: asyncio.Task[None]) -> None:
        """Wait until `work`, a task of `run`, is done or only waits for late answers."""
        late = asyncio.create_task(self._late.wait())
        await asyncio.wait([work, late], return_when=asyncio.FIRST_COMPLETED)
        late.cancel()
        # another thread will run this loop, and only the main thread gets signals
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)

    async def until_done(self, work: asyncio.Task[None]) -> None:
        """Wait until `work` is done, and raise what it raised."""
        await work

    def _end_of_budget(self) -> None:
        is_alone = not lanes.share_of_lane(max(1, self.smtp.max_connections), 1)
        if is_alone and self._supply and self._supply.is_paced:
            asyncio.get_running_loop().call_later(LONG_BUDGET_SECONDS - BUDGET_SECONDS, self.stop)
        else:
            self.stop()

    def stop(self) -> None:
        """Finish the messages that are being handed over, and take no new ones."""
        if self._over.is_set():
            return
        self._over.set()
        self._capacity.proven.set()
        if self._supply:
            self._supply.wake()
        asyncio.get_running_loop().call_soon(self._look_for_stragglers)
        asyncio.get_running_loop().call_later(STRAGGLE_SECONDS, self._cut_short)

    def _look_for_stragglers(self) -> None:
        """End the wait once only messages are left whose answers are late."""
        late = sum(link.seconds_waited > STRAGGLE_SECONDS for link in self._unanswered)
        if self._active == late and self._over.is_set():
            self._cut_short()

    def _end(self) -> None:
        """End the run with this process, without a long wait for an answer."""
        self._answers.is_ending = True
        self.stop()
        asyncio.get_running_loop().call_later(LAST_WAIT_SECONDS, self._leave_in_doubt)

    def _watch_for_the_end(self, loop: asyncio.AbstractEventLoop) -> None:
        if is_stopping():
            self._end()
        else:
            loop.call_later(WATCH_SECONDS, self._watch_for_the_end, loop)

    def _cut_short(self) -> None:
        """Hand over no more message. No byte of those that wait has left, so they stay due."""
        self._opener.cut_short()
        for link in list(self._offering):
            link.abort()
        for link, message in self._unanswered.items():
            if message and self._supply:
                self._supply.put_back(message.claimed)
                self._unanswered[link] = None
        self._idle.set()

    def _leave_in_doubt(self) -> None:
        self._cut_short()
        for link in list(self._unanswered):
            link.abort(mark("This process had to end before the server answered."))

    def follow(self) -> None:
        """Report what the run has met, and queue the next run; may be called again when more has come."""
        if self._is_token_refused and (grant := oauth.find_grant(self.smtp)):
            oauth.forget_access_token(grant, self._server.password)
        may_go_on = self._capacity.may_go_on
        self._capacity.store_pace(was_of_use=self.accepted_count > 0)
        if self._supply is None:  # the database went away before anything was taken
            return
        breaker.keep_results(self._supply.rates, self._answers.rates)
        for pk, why in (self._answers.refused | self._supply.unwritable).items():
            breaker.pause_campaign(pk, why)
        while self._supply.unforeseen:
            endings.count_unforeseen_error(*self._supply.unforeseen.popitem())
        for pk in self._supply.seen:
            endings.complete_campaign(pk)
        if may_go_on and not self._supply.is_spent:
            lanes.wake_connection(self.smtp.pk)

    # ── to the server ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _send(self, supply: Supply, ledger: Ledger, place: int) -> None:
        """Send over one SMTP connection after the other, as long as this place is wanted."""
        link: Connection | None = None
        message: ReadyMessage | None = None
        try:
            if place:
                await self._capacity.proven.wait()
            message = await supply.next()
            while message and place < self._capacity.places:
                if link is None or not link.is_usable or not link.has_room(self.smtp.messages_per_connection):
                    link = await self._opener.reopen(link)
                    if link is None:
                        return
                message = await self._hand_over(supply, ledger, link, message)
                if rest := self._capacity.rest:
                    await self._wait(rest)
                if message is None:
                    message = await supply.next()
        finally:
            if message:
                supply.put_back(message.claimed)
            self._active -= 1
            if not self._active:
                self._idle.set()
            self._look_for_stragglers()
            if link:
                await link.quit()
                self._links.discard(link)  # not before: what is being closed is open to the server
                if self._late.is_set():
                    ledger.note(lanes.UPDATE_WAITING, [self.open, self.number])

    async def _widen(
        self,
        own: psycopg.AsyncConnection,
        begin: Callable[[int], asyncio.Task[None]],
        places: list[asyncio.Task[None]],
    ) -> None:
        """Begin a place for each connection that an earlier run of the lane has closed."""
        while len(places) < self._most:
            await self._wait(WIDEN_EVERY_SECONDS)
            try:
                cursor = await own.execute(lanes.COUNT_WAITING, [self.smtp.pk, self._lane])
                waiting = (await cursor.fetchone() or [0])[0]
            except psycopg.OperationalError:  # the supply sees it too, and ends the run
                return
            while len(places) < self._most - waiting:
                if self._over.is_set() or self._idle.is_set() or not self._capacity.widen():
                    return
                self._active += 1
                places.append(begin(len(places)))
            if self._over.is_set():
                return

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    def _shut_out(self, error: ConnectFailed) -> None:
        self._is_token_refused |= error.cause is Cause.TOKEN
        if not self._answers.is_ending:
            self._capacity.shut_out(error, is_alone=not self._links)

    async def _hand_over(
        self, supply: Supply, ledger: Ledger, link: Connection, message: ReadyMessage
    ) -> ReadyMessage | None:
        """Hand one message to the server; return the next one if its envelope is on its way already."""
        self._flying += 1
        self._offering.add(link)
        try:
            result = await link.offer(message.mail)
            self._offering.discard(link)
            if result is None:
                if not await ledger.mark(message.claimed):
                    link.withhold()
                    return None
                following = None
                has_turn = await supply.keep_turn(message.claimed)
                if has_turn and link.has_room(self.smtp.messages_per_connection, besides=1):
                    following = supply.ready()
                    # to make a message takes time, in which the turn may be missed
                    if not supply.is_still_due(message.claimed):
                        if following:
                            supply.put_back(following.claimed)
                            following = None
                        has_turn = await supply.keep_turn(message.claimed)
                if not has_turn:
                    link.withhold()
                    ledger.note(claim.UNMARK, [message.claimed.pk, self.number])
                    return None
                self._unanswered[link] = following
                result = await link.deliver(then=following.mail if following else None)
            elif result.verdict and result.verdict.starts_session:
                return message  # over the next connection
            is_alone = len(self._links) <= 1
            self._answers.settle(supply, ledger, link, message.claimed, result, is_alone=is_alone)
        finally:
            self._flying -= 1
            self._offering.discard(link)
            following = self._unanswered.pop(link, None)  # not the one it was, if it was put back meanwhile
        return following
