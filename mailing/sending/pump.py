"""One run of one lane: takes deliveries from the ledger and hands them to the server over many SMTP connections.

A run is short, so that a stop never waits long for it; the next one is queued at its end while there is work.
"""

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections import deque
from datetime import timedelta
from typing import NamedTuple

import psycopg
from django.conf import settings
from django.db import connection
from django.utils import timezone

from mailing import content, launch
from mailing.models import Delivery, Pace, SmtpConnection
from mailing.sending import breaker, claim, database, lanes, limits, outcome
from mailing.sending.claim import Campaign, Claimed
from mailing.sending.ledger import LaneLost, Ledger
from mailing.smtp import client
from mailing.smtp.client import Cause, ConnectFailed, Connection, Mail, Result, Server, Timeouts, Tls

logger = logging.getLogger(__name__)

BUDGET = 8.0  # seconds a run goes on; SIGTERM of a cluster waits for it
IDLE = 0.5  # seconds without anything due that end a run
STRAGGLE = 5.0  # seconds after the end in which a server may still answer an envelope
LOOK = 0.5  # seconds between two looks at which campaigns run
CLAIM = 500  # deliveries taken at once
# Far below a task's time, which a wait for one answer must not outlast; all but the dot's may be cut short safely.
TIMEOUTS = Timeouts(greeting=30, mail=30, rcpt=30, data=30, dot=75, quit=2)
DROPS = 3  # connections in a row that end before anything was accepted: the server does not work
THROTTLE_STEP = 2.0  # seconds in which further throttling does not slow the connection down again

WORKS = "UPDATE mailing_pace SET failures = 0, held_until = NULL, down_since = NULL WHERE connection_id = %s"
UNUSABLE = """
SELECT smtp.id FROM mailing_smtpconnection AS smtp
LEFT JOIN mailing_pace AS pace ON pace.connection_id = smtp.id
WHERE smtp.id = ANY(%s) AND (NOT smtp.is_enabled OR pace.down_since IS NOT NULL)
"""


class Parcel(NamedTuple):
    claimed: Claimed
    mail: Mail


def run(connection_id: int, number: int) -> int:
    """Feed the connection through its lane `number` for a while; return how many messages were accepted.

    Safe to call twice and at the same time: one call holds the lane, the others return 0 at once.
    """
    smtp = SmtpConnection.objects.filter(pk=connection_id, is_enabled=True).first()
    if smtp is None:
        breaker.pause_stranded()
        return 0
    pace = Pace.objects.get_or_create(connection=smtp)[0]
    places = share(max(1, smtp.max_connections >> pace.level), number)
    taken = lanes.take(connection_id, number) if places else None
    if taken is None:
        return 0
    pump = Pump(smtp, pace, taken, places)
    connection.close()  # the run has its own, and may outlive a restart of the database
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
    """The state of one run. What needs an answer from elsewhere (a pause, a breaker) ends the run and waits for it."""

    def __init__(self, smtp: SmtpConnection, pace: Pace, number: int, places: int) -> None:
        self.smtp = smtp
        self.pk = smtp.pk
        self.number = number
        self.accepted = 0
        self.campaigns: dict[int, Campaign] = {}
        self.seen: set[int] = set()
        self._server = server_of(smtp)
        self._limits = limits.limits_of(smtp, timezone.localdate())
        self._places = places
        self._level = pace.level
        self._has_failed = pace.failures > 0
        self._queue: deque[Claimed] = deque()
        self._filled = asyncio.Event()
        self._hungry = asyncio.Event()
        self._over = asyncio.Event()
        self._flying = 0
        self._links: set[Connection] = set()
        self._offering: set[Connection] = set()
        self._door = asyncio.Lock()
        self._drops = 0
        self._throttles = 0  # in a row
        self._throttled_at: float | None = None
        self._hold = 0.0
        self._unusable: set[int] = set()
        self._rates: dict[int, breaker.Rate] = {}
        # for `follow`
        self.failure: ConnectFailed | str | None = None
        self.refused: dict[int, str] = {}
        self.unforeseen: dict[int, Exception] = {}
        self.is_spent = False  # nothing is due any more

    async def run(self) -> None:
        """Send until nothing is due, the time is over, or something stops it. Raises LaneLost, OperationalError."""
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            loop.add_signal_handler(signal.SIGTERM, self.stop)
        loop.call_later(BUDGET, self.stop)
        own, ledger_own = await database.connect(), await database.connect()
        self._ledger = Ledger(ledger_own, self.number, lanes.LEASE)
        async with contextlib.AsyncExitStack() as opened:
            opened.push_async_callback(own.close)
            async with asyncio.TaskGroup() as group:
                writing = group.create_task(self._ledger.serve())
                claiming = group.create_task(self._claim(own))
                await asyncio.gather(*[group.create_task(self._send(place)) for place in range(self._places)])
                self.stop()
                await claiming
                self._ledger.end()
                await writing
            await self._ledger.close()
            # what the server never got is as due as before
            await claim.give_back(own, self.number, [claimed.pk for claimed in self._queue])
            if self._limits and self._queue:
                await limits.take(own, self.pk, self._limits, -len(self._queue))

    def stop(self) -> None:
        """Finish what is being handed over and take nothing new."""
        if self._over.is_set():
            return
        self._over.set()
        self._filled.set()
        self._hungry.set()
        asyncio.get_running_loop().call_later(STRAGGLE, self._cut_short)

    def _cut_short(self) -> None:
        for link in self._offering:
            link.abort()  # no byte of a message has left: it is as due as before

    def follow(self) -> None:
        """After the run: tell whom it concerns what it met with, and see to the next run."""
        Pace.objects.filter(pk=self.pk).update(
            level=self._level if self._throttled_at is not None else max(0, self._level - 1)
        )
        if self._hold:
            held = timezone.now() + timedelta(seconds=self._hold)
            Pace.objects.filter(pk=self.pk).update(held_until=held, throttled_at=timezone.now())
        if isinstance(self.failure, ConnectFailed):
            for_good = self.failure.cause in (Cause.LOGIN, Cause.CERTIFICATE, Cause.ENCRYPTION, Cause.SENDER)
            breaker.failed(self.pk, self.failure.sentence, for_good=for_good)
        elif self.failure:
            breaker.failed(self.pk, self.failure)
        for pk, why in self.refused.items():
            breaker.pause(pk, why)
        for pk, error in self.unforeseen.items():
            launch.unforeseen(pk, error)
        for pk in self.seen:
            launch.finish(pk)
        if not self.is_spent and not self.failure and not self._hold:
            lanes.wake(self.pk)

    # ── from the ledger ──────────────────────────────────────────────────────────────────────────────────────────

    async def _claim(self, own: psycopg.AsyncConnection) -> None:
        """Keep the queue filled, until nothing has been due for a while, or the database is away."""
        try:
            await self._keep_filled(own)
        except psycopg.OperationalError:  # what is under way is still recorded, with patience, by the ledger
            logger.warning("Run %s of “%s” lost the database.", self.number, self.smtp)
            self.stop()

    async def _keep_filled(self, own: psycopg.AsyncConnection) -> None:
        looked_at = idle_since = 0.0
        while not self._over.is_set():
            now = time.monotonic()
            if now - looked_at > LOOK:
                looked_at = now
                await self._look(own)
            if len(self._queue) < CLAIM // 2 and await self._refill(own):
                idle_since = 0.0
                continue
            if self._queue or self._flying:
                idle_since = 0.0
            elif not idle_since:
                idle_since = now
            elif now - idle_since > IDLE:
                self.is_spent = True
                self.stop()
            self._hungry.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1 if len(self._queue) < CLAIM // 2 else LOOK):
                    await self._hungry.wait()

    async def _look(self, own: psycopg.AsyncConnection) -> None:
        """See which campaigns run and which connections cannot be used; drop what is no longer to be sent."""
        self.campaigns = {
            pk: campaign
            for pk, campaign in (await claim.campaigns(own, self.pk, self.campaigns)).items()
            if pk not in self.refused and pk not in self.unforeseen
        }
        self.seen |= self.campaigns.keys()
        pks = {pk for campaign in self.campaigns.values() for pk in campaign.connections} | {self.pk}
        self._unusable = {row[0] for row in await (await own.execute(UNUSABLE, [list(pks)])).fetchall()}
        dropped = [claimed for claimed in self._queue if claimed.campaign.pk not in self.campaigns]
        if dropped:
            self._queue = deque(claimed for claimed in self._queue if claimed.campaign.pk in self.campaigns)
            await claim.give_back(own, self.number, [claimed.pk for claimed in dropped])

    async def _refill(self, own: psycopg.AsyncConnection) -> int:
        """Claim for each running campaign in turn; return how many were taken."""
        taken = 0
        for campaign in list(self.campaigns.values()):
            for lane in self._lanes(campaign):
                if self._over.is_set():
                    return taken
                claimed, looked_at = await self._take(own, campaign, lane)
                self._queue += claimed
                if claimed:
                    self._filled.set()
                taken += looked_at
                if looked_at:
                    break  # the others' share only when nothing of its own is left
        return taken

    def _lanes(self, campaign: Campaign) -> list[int]:
        """Whose deliveries this connection sends: its own, and those of connections that cannot be used."""
        dead = [pk for pk in campaign.connections if pk in self._unusable and pk != self.pk]
        if not dead:
            return [self.pk]
        if campaign.is_failover and self.pk != next(
            (pk for pk in campaign.connections if pk not in self._unusable), self.pk
        ):
            return [self.pk]
        return [self.pk, *dead]

    async def _take(
        self, own: psycopg.AsyncConnection, campaign: Campaign, lane: int
    ) -> tuple[list[Claimed], int]:
        chosen = {"connection_id": self.pk, "lane": lane, "run": self.number}
        if not self._limits:
            return await claim.claim(own, campaign, **chosen, most=CLAIM)
        async with own.transaction():
            most = await limits.take(own, self.pk, self._limits, CLAIM)
            if not most:
                return [], 0
            claimed, looked_at = await claim.claim(own, campaign, **chosen, most=most)
            if len(claimed) < most:
                await limits.take(own, self.pk, self._limits, len(claimed) - most)
            return claimed, looked_at

    # ── to the server ────────────────────────────────────────────────────────────────────────────────────────────

    async def _next(self) -> Parcel | None:
        """The next message, once there is one; None when the run is over."""
        while not self._over.is_set():
            if parcel := self._ready():
                return parcel
            self._filled.clear()
            self._hungry.set()
            await self._filled.wait()
        return None

    def _ready(self) -> Parcel | None:
        """The next message, if one waits."""
        while self._queue and not self._over.is_set():
            claimed = self._queue.popleft()
            if len(self._queue) < CLAIM // 2:
                self._hungry.set()
            try:
                message = claimed.message(settings.PUBLIC_URL)
            except content.ContentError as error:
                self._ledger.record(claimed, outcome.unsendable(str(error)))
            except Exception as error:
                logger.exception("Campaign %s: no message for delivery %s", claimed.campaign.pk, claimed.pk)
                self.unforeseen[claimed.campaign.pk] = error
                self._queue.appendleft(claimed)
                self.stop()
            else:
                return Parcel(claimed, Mail(claimed.campaign.sender, claimed.email, message, ready=True))
        return None

    async def _send(self, place: int) -> None:
        """One SMTP connection at a time, as long as this place is wanted."""
        link: Connection | None = None
        parcel = await self._next()
        try:
            while parcel and place < self._places:
                if link is None or not link.is_usable or link.accepted >= self.smtp.messages_per_connection:
                    link = await self._reopen(link)
                    if link is None:
                        return
                parcel = await self._hand_over(link, parcel) or await self._next()
                if self._throttles >= 3:
                    await self._wait(min(0.1 * 2 ** (self._throttles - 3), 5.0))
        finally:
            if parcel:
                self._queue.appendleft(parcel.claimed)
                self._filled.set()
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
        async with self._door:  # one at a time: a server that is down is asked once, not by all at once
            if self._over.is_set():
                return None
            try:
                link = await client.connect(self._server)
            except ConnectFailed as error:
                if error.cause is Cause.THROTTLED:
                    self._slow_down(error.verdict.retry_after if error.verdict else None)
                if not self._links:  # with others open it has enough of us, and works
                    if error.cause is Cause.THROTTLED:
                        self._hold = max(self._hold, outcome.BRIEF_WAIT * 2**self._level)
                    else:
                        self.failure = error
                    self.stop()
                return None
            self._links.add(link)
            return link

    async def _hand_over(self, link: Connection, parcel: Parcel) -> Parcel | None:
        """Hand one message to the server; return the next one, its envelope already on the way."""
        following = None
        self._flying += 1
        try:
            self._offering.add(link)
            result = await link.offer(parcel.mail)
            self._offering.discard(link)
            if result is None:
                if not await self._ledger.mark(parcel.claimed):
                    link.withhold()
                    return None
                if link.accepted + 1 < self.smtp.messages_per_connection:
                    following = self._ready()
                result = await link.deliver(then=following.mail if following else None)
            self._settle(link, parcel.claimed, result)
        finally:
            self._flying -= 1
            self._offering.discard(link)
        return following

    # ── what an answer means ─────────────────────────────────────────────────────────────────────────────────────

    def _settle(self, link: Connection, claimed: Claimed, result: Result) -> None:
        fate = outcome.fate(result, claimed.attempts, timezone.now() < claimed.campaign.retry_until)
        self._ledger.record(claimed, fate)
        if fate.status is Delivery.Status.ACCEPTED:
            self.accepted += 1
            self._drops = self._throttles = 0
            if self._has_failed:
                self._has_failed = False
                self._ledger.note(WORKS, [self.pk])
        elif fate.fault == "throttle":
            self._throttled(link, result)
        elif fate.fault == "connection":
            self._dropped(link, fate)
        rate = self._rates.setdefault(claimed.campaign.pk, breaker.Rate())
        lost = fate.status in (Delivery.Status.BOUNCED, Delivery.Status.FAILED)
        why = rate.verdict(policy=fate.fault == "policy", lost=lost, said=f"“{fate.code or ''} {fate.text}”")
        if why and claimed.campaign.pk not in self.refused:
            self.refused[claimed.campaign.pk] = why
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
            self._level = min(self._level + 1, 8)
            self._places = max(1, self._places // 2)
        if asked:
            self._hold = max(self._hold, asked)
            self.stop()

    def _dropped(self, link: Connection, fate: outcome.Fate) -> None:
        """A server that ends connections before it has accepted anything does not work."""
        if link.accepted:
            return
        self._drops += 1
        if fate.code is not None or self._drops >= DROPS:
            self.failure = f"{self.smtp.host}:{self.smtp.port} {fate.code or ''} {fate.text}".strip()
            self.stop()
