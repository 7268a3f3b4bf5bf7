"""One run of one lane: hands what its supply has taken from the ledger to the server, over many SMTP connections.

A run is short, so that a stop never waits long for it; the next one is queued at its end while there is work. What
needs an answer from elsewhere (a pause, a breaker) ends the run, and is seen to after it.
"""

import asyncio
import contextlib
import logging
import signal
import threading
import time
from datetime import timedelta

import psycopg
from django.db import connection
from django.utils import timezone

from campaigns.processes import is_stopping
from mailing import launch
from mailing.models import Delivery, Pace, SmtpConnection
from mailing.sending import breaker, database, lanes, outcome
from mailing.sending.claim import Claimed
from mailing.sending.ledger import LaneLost, Ledger
from mailing.sending.supply import Parcel, Supply
from mailing.smtp import client
from mailing.smtp.client import Cause, ConnectFailed, Connection, Result, Server, Timeouts, Tls

logger = logging.getLogger(__name__)

BUDGET = 20.0  # seconds a run goes on
WATCH = 0.2  # seconds between two looks at whether this process is to end
STRAGGLE = 5.0  # seconds after the end in which a server may still answer an envelope
# Far below a task's time, which a wait for one answer must not outlast; all but the dot's may be cut short safely.
TIMEOUTS = Timeouts(greeting=30, mail=30, rcpt=30, data=30, dot=75, quit=2)
DROPS = 3  # connections in a row that end before anything was accepted: the server does not work
THROTTLE_STEP = 2.0  # seconds in which further throttling does not slow the connection down again
SLOWEST = 8  # times the open connections are halved
INCURABLE = (Cause.LOGIN, Cause.CERTIFICATE, Cause.ENCRYPTION, Cause.SENDER)  # by waiting

WORKS = "UPDATE mailing_pace SET failures = 0, held_until = NULL, down_since = NULL WHERE connection_id = %s"


def run(connection_id: int, number: int) -> int:
    """Feed the connection through its lane `number` for a while; return how many messages were accepted.

    Safe to call twice and at the same time: one call holds the lane, the others return 0 at once.
    """
    smtp = SmtpConnection.objects.filter(pk=connection_id, is_enabled=True).first()
    if smtp is None:
        breaker.pause_stranded()
        return 0
    pace = Pace.objects.get_or_create(connection=smtp)[0]
    if pace.held_until and pace.held_until > timezone.now():
        return 0  # the clock wakes it when it may go on
    places = share(max(1, smtp.max_connections >> pace.level), number)
    taken = lanes.take(connection_id, number) if places else None
    if taken is None:
        return 0
    connection.close()  # the run has its own, and may outlive a restart of the database
    pump = Pump(smtp, pace, taken, places)
    try:
        with asyncio.Runner(loop_factory=client.loop_factory(Tls(smtp.tls))) as runner:
            runner.run(pump.run())
    except* LaneLost:
        logger.warning("Run %s of “%s” lost its lane and stopped.", taken, smtp)
    except* psycopg.OperationalError:
        logger.exception("Run %s of “%s” lost the database and stopped.", taken, smtp)
    except* Exception as errors:
        for pk in pump.campaigns:
            launch.unforeseen(pk, errors.exceptions[0])
        raise
    finally:
        lanes.leave(taken)
    pump.follow()
    return pump.accepted


def share(total: int, number: int) -> int:
    """How many of a connection's open connections the lane `number` may have."""
    return total // lanes.LANES + (number < total % lanes.LANES)


def server_of(smtp: SmtpConnection, timeouts: Timeouts = TIMEOUTS) -> Server:
    return Server(smtp.host, smtp.port, Tls(smtp.tls), smtp.username, smtp.password, timeouts)


class Pump:
    """The SMTP connections of one run, and what their answers mean."""

    def __init__(self, smtp: SmtpConnection, pace: Pace, number: int, places: int) -> None:
        self.smtp = smtp
        self.number = number
        self.accepted = 0
        self._server = server_of(smtp)
        self._places = places
        self._level = pace.level
        self._has_failed = pace.failures > 0
        self._over = asyncio.Event()
        self._flying = 0
        self._links: set[Connection] = set()
        self._offering: set[Connection] = set()
        self._door = asyncio.Lock()
        self._drops = 0  # in a row
        self._throttles = 0  # in a row
        self._throttled_at: float | None = None
        self._hold = 0.0
        self._rates: dict[int, breaker.Rate] = {}
        self._failure: ConnectFailed | str | None = None
        self._refused: dict[int, str] = {}
        self._supply: Supply | None = None

    @property
    def campaigns(self) -> set[int]:
        """Those it has sent for."""
        return self._supply.seen if self._supply else set()

    async def run(self) -> None:
        """Send until nothing is due, the time is over, or something stops it. Raises LaneLost, OperationalError."""
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.call_later(BUDGET, self.stop)
        self._watch_for_the_end(loop)
        async with contextlib.AsyncExitStack() as opened:
            own = await opened.enter_async_context(await database.connect(plans_once=False))
            ledger = Ledger(await database.connect(plans_once=True), self.number, lanes.LEASE)
            opened.push_async_callback(ledger.close)
            supply = self._supply = Supply(own, ledger, self.smtp, self._over, self.stop)
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(ledger.serve())
                claiming = group.create_task(supply.keep_filled(lambda: self._flying > 0))
                await asyncio.gather(
                    *[group.create_task(self._send(supply, ledger, place)) for place in range(self._places)]
                )
                self.stop()
                await claiming
                ledger.end()
                await writing
            await supply.give_back()

    def stop(self) -> None:
        """Finish what is being handed over and take nothing new."""
        if self._over.is_set():
            return
        self._over.set()
        if self._supply:
            self._supply.wake()
        asyncio.get_running_loop().call_later(STRAGGLE, self._cut_short)

    def _watch_for_the_end(self, loop: asyncio.AbstractEventLoop) -> None:
        if is_stopping():
            self.stop()
        else:
            loop.call_later(WATCH, self._watch_for_the_end, loop)

    def _cut_short(self) -> None:
        for link in list(self._offering):
            link.abort()  # no byte of a message has left: it is as due as before

    def follow(self) -> None:
        """After the run: tell whom it concerns what it met with, and see to the next run."""
        assert self._supply is not None
        pace = Pace.objects.filter(pk=self.smtp.pk)
        if self._throttled_at is not None:
            pace.update(level=self._level, throttled_at=timezone.now())
        elif self._level and self.accepted:
            pace.update(level=self._level - 1)  # a quiet run: one step up again
        if self._hold:
            pace.update(held_until=timezone.now() + timedelta(seconds=self._hold))
        if isinstance(self._failure, ConnectFailed):
            breaker.failed(self.smtp.pk, self._failure.sentence, for_good=self._failure.cause in INCURABLE)
        elif self._failure:
            breaker.failed(self.smtp.pk, self._failure)
        for pk, why in self._refused.items():
            breaker.pause(pk, why)
        for pk, error in self._supply.unforeseen.items():
            launch.unforeseen(pk, error)
        for pk in self._supply.seen:
            launch.finish(pk)
        if not self._supply.is_spent and not self._failure and not self._hold:
            lanes.wake(self.smtp.pk)

    # ── to the server ────────────────────────────────────────────────────────────────────────────────────────────

    async def _send(self, supply: Supply, ledger: Ledger, place: int) -> None:
        """One SMTP connection at a time, as long as this place is wanted."""
        link: Connection | None = None
        parcel = await supply.next()
        try:
            while parcel and place < self._places:
                if link is None or not link.is_usable or link.accepted >= self.smtp.messages_per_connection:
                    link = await self._reopen(link)
                    if link is None:
                        return
                parcel = await self._hand_over(supply, ledger, link, parcel)
                if self._throttles >= 3:
                    await self._wait(min(0.1 * 2 ** (self._throttles - 3), 5.0))
                if parcel is None:
                    parcel = await supply.next()
        finally:
            if parcel:
                supply.put_back(parcel.claimed)
            if link:
                self._links.discard(link)
                await link.quit()

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()

    async def _reopen(self, link: Connection | None) -> Connection | None:
        """A fresh connection to the server in place of `link`; None when there is none to be had now."""
        if link:
            self._links.discard(link)
            await link.quit()
        if not self._links:
            async with (
                self._door
            ):  # a server of which nobody knows that it works is asked once, not by all places
                if not self._links:
                    return await self._open()
        return await self._open()

    async def _open(self) -> Connection | None:
        if self._over.is_set():
            return None
        try:
            link = await client.connect(self._server)
        except ConnectFailed as error:
            self._shut_out(error)
            return None
        self._links.add(link)
        return link

    def _shut_out(self, error: ConnectFailed) -> None:
        """No further connection: with others open the server has enough of us; with none it does not work."""
        is_throttled = error.cause is Cause.THROTTLED
        if is_throttled:
            self._slow_down(error.verdict.retry_after if error.verdict else None)
        if self._links:
            return
        if is_throttled:
            self._hold = max(self._hold, outcome.BRIEF_WAIT * 2**self._level)
        else:
            self._failure = error
        self.stop()

    async def _hand_over(
        self, supply: Supply, ledger: Ledger, link: Connection, parcel: Parcel
    ) -> Parcel | None:
        """Hand one message to the server; return the next one, when its envelope is already on the way."""
        following = None
        self._flying += 1
        self._offering.add(link)
        try:
            result = await link.offer(parcel.mail)
            self._offering.discard(link)
            if result is None:
                if not await ledger.mark(parcel.claimed):
                    link.withhold()
                    return None
                if link.accepted + 1 < self.smtp.messages_per_connection:
                    following = supply.ready()
                result = await link.deliver(then=following.mail if following else None)
            self._settle(supply, ledger, link, parcel.claimed, result)
        finally:
            self._flying -= 1
            self._offering.discard(link)
        return following

    # ── what an answer means ─────────────────────────────────────────────────────────────────────────────────────

    def _settle(
        self, supply: Supply, ledger: Ledger, link: Connection, claimed: Claimed, result: Result
    ) -> None:
        fate = outcome.fate(result, claimed.attempts, claimed.campaign.retry_until)
        ledger.record(claimed, fate)
        if fate.status is Delivery.Status.ACCEPTED:
            self.accepted += 1
            self._drops = self._throttles = 0
            if self._has_failed:
                self._has_failed = False
                ledger.note(WORKS, [self.smtp.pk])
        elif fate.fault == "throttle":
            self._throttled(link, result)
        elif fate.fault == "connection":
            self._dropped(link, fate)
        self._watch_rate(supply, claimed.campaign.pk, fate)

    def _watch_rate(self, supply: Supply, campaign_id: int, fate: outcome.Fate) -> None:
        rate = self._rates.get(campaign_id)
        if rate is None:
            rate = self._rates[campaign_id] = breaker.Rate()
        is_lost = fate.status is Delivery.Status.BOUNCED or fate.status is Delivery.Status.FAILED
        rate.add(is_refused=fate.fault == "policy", is_lost=is_lost)
        if (
            is_lost
            and (why := rate.verdict(f"“{fate.code or ''} {fate.text}”"))
            and campaign_id not in self._refused
        ):
            self._refused[campaign_id] = why
            supply.barred.add(campaign_id)
            self.stop()

    def _throttled(self, link: Connection, result: Result) -> None:
        self._throttles += 1
        asked = result.verdict.retry_after if result.verdict else None
        self._slow_down(asked)
        if not link.is_usable and not link.accepted and len(self._links) <= 1 and asked is None:
            self._hold = max(self._hold, outcome.BRIEF_WAIT * 2**self._level)  # 421 to the first message
            self.stop()

    def _slow_down(self, asked: float | None) -> None:
        """Halve the open connections; stop for as long as the server asks."""
        now = time.monotonic()
        if self._throttled_at is None or now - self._throttled_at > THROTTLE_STEP:
            self._throttled_at = now
            self._level = min(self._level + 1, SLOWEST)
            self._places = max(1, self._places // 2)
        if asked:
            self._hold = max(self._hold, asked)
            self.stop()

    def _dropped(self, link: Connection, fate: outcome.Fate) -> None:
        """A server that refuses us, or ends connections before it has accepted anything, does not work."""
        self._drops += not link.accepted
        if fate.code is not None or self._drops >= DROPS:
            self._failure = f"{self._server} {fate.code or ''} {fate.text}"
            self.stop()
