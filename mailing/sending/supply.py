"""The supply of one run: a short queue of claimed deliveries, filled while the SMTP connections empty it."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine

import msgspec
import psycopg
from django.conf import settings

from campaigns import database_time
from mailing import content
from mailing.models import SmtpConnection
from mailing.sending import breaker, claim, delivery_results, limits
from mailing.sending.claim import ClaimedDelivery, RunningCampaign
from mailing.sending.ledger import Ledger
from mailing.sending.paced_deliveries import PacedDeliveries
from mailing.sending.turns import RateLimiter
from mailing.smtp.client import Mail

logger = logging.getLogger(__name__)

MOST_CLAIMED_AT_ONCE = 500  # deliveries taken at once
REFILL_BELOW = 250  # taken again below
LOOK_AGAIN_SECONDS = 0.5  # seconds between two looks at which campaigns run
MOST_UNMADE = 3  # messages that could not be made, and none that could: it is the campaign's fault
IDLE_SECONDS = 0.5  # seconds without anything due that end a run

FIND_UNUSABLE = """
SELECT smtp.id FROM mailing_smtpconnection AS smtp
LEFT JOIN mailing_pace AS pace ON pace.connection_id = smtp.id
WHERE smtp.id = ANY(%s) AND (NOT smtp.is_enabled OR pace.down_since IS NOT NULL)
"""


class ReadyMessage(msgspec.Struct, frozen=True):
    """A delivery and its message, ready to be handed over."""

    claimed: ClaimedDelivery
    mail: Mail


class Supply:
    """The queue of one run of the connection `smtp`.

    over: set when the run takes nothing new. stop: ends the run. campaigns: those it sends for at this hour; seen: all
    so far. barred: campaigns that it must not send any more. unforeseen: errors that stopped a campaign, by campaign.
    unwritable: campaigns to pause, with the reason: too many messages cannot be made, or a key that signs their mails
    cannot be read. rates: how many messages of each campaign could be made. is_spent: the run ended because nothing was
    due.
    """

    def __init__(
        self,
        own: psycopg.AsyncConnection,
        ledger: Ledger,
        smtp: SmtpConnection,
        rate_limiter: RateLimiter,
        over: asyncio.Event,
        stop: Callable[[], None],
    ) -> None:
        self.campaigns: dict[int, RunningCampaign] = {}
        self._running: dict[int, RunningCampaign] = {}  # those too that may not send at this hour
        self.seen: set[int] = set()
        self.barred: set[int] = set()
        self.unforeseen: dict[int, Exception] = {}
        self.unwritable: dict[int, str] = {}
        self.is_spent = False
        self._unmade: dict[int, list[tuple[ClaimedDelivery, Exception]]] = {}
        self._made: set[int] = set()  # campaigns of which this run has made a message
        self.rates: dict[int, breaker.ContentRate] = {}
        self._own = own
        self._ledger = ledger
        self._pk = smtp.pk
        self._base = settings.PUBLIC_URL
        self._rate_limiter = rate_limiter
        self._asking = 0  # places that want a message
        self._paced = PacedDeliveries(rate_limiter, self._release, lambda: self._asking)
        self._limits = limits.limits_of(smtp, limits.day_of(database_time.now()))
        self._over = over
        self._stop = stop
        self._queue: deque[ClaimedDelivery] = deque()
        self._filled = asyncio.Event()
        self._hungry = asyncio.Event()
        self._unusable: set[int] = set()

    @property
    def is_paced(self) -> bool:
        """Whether any campaign it sends for now is under a limit by the second or minute."""
        return any(self._rate_limiter.is_needed(campaign.limit) for campaign in self.campaigns.values())

    # ── out of the queue ─────────────────────────────────────────────────────────────────────────────────────────

    async def next(self) -> ReadyMessage | None:
        """Return the next message, once there is one; None when the run is over."""
        while not self._over.is_set():
            if message := self.ready():
                return message
            if self._over.is_set():  # an unforeseen error has just ended the run
                break
            self._filled.clear()
            self._hungry.set()
            self._paced.wake()
            self._asking += 1
            try:
                await self._filled.wait()
            finally:
                self._asking -= 1
        return None

    def ready(self) -> ReadyMessage | None:
        """Return the next message, if one waits."""
        while self._queue and not self._over.is_set():
            claimed = self._queue.popleft()
            if claimed.turn is not None:
                self._paced.note_taken(claimed)
                claimed.taken_at = self._rate_limiter.now()
            if len(self._queue) < REFILL_BELOW:
                self._hungry.set()
            try:
                message = claimed.message(self._base)
            except content.ContentError as error:
                self._record_broken(claimed, str(error))
            except Exception as error:
                logger.exception("Campaign %s: no message for delivery %s", claimed.campaign.pk, claimed.pk)
                self._set_unmade_aside(claimed, error)
            else:
                self._find_rate(claimed.campaign).add(is_broken=False)
                self._note_made(claimed.campaign.pk)
                return ReadyMessage(
                    claimed, Mail(claimed.campaign.sender_of(claimed.pk), claimed.email, message, ready=True)
                )
        return None

    def _set_unmade_aside(self, claimed: ClaimedDelivery, error: Exception) -> None:
        """Keep a delivery whose message could not be made for an unforeseen error, until its cause is known."""
        pk = claimed.campaign.pk
        unmade = self._unmade.setdefault(pk, [])
        unmade.append((claimed, error))
        if pk in self._made:
            self._note_made(pk)
        elif len(unmade) >= MOST_UNMADE:
            self._stop()

    def _note_made(self, campaign_id: int) -> None:
        """Note that a message of the campaign was made, so earlier failures came from their recipients' values."""
        self._made.add(campaign_id)
        for claimed, error in self._unmade.pop(campaign_id, ()):
            self._record_broken(claimed, f"{type(error).__name__}: {error}")

    def _record_broken(self, claimed: ClaimedDelivery, sentence: str) -> None:
        """Fail a delivery whose own values broke its message; stop a campaign in which nearly all are like that."""
        self._ledger.record(claimed, delivery_results.make_unsendable(sentence))
        pk = claimed.campaign.pk
        rate = self._find_rate(claimed.campaign)
        rate.add(is_broken=True)
        if (why := rate.describe_fault(sentence)) and pk not in self.unwritable:
            self.unwritable[pk] = why
            self.barred.add(pk)
            self._stop()

    def _find_rate(self, campaign: RunningCampaign) -> breaker.ContentRate:
        rate = self.rates.get(campaign.pk)
        if rate is None:
            before = campaign.recent_results.get(breaker.ContentRate.NAME, "")
            rate = self.rates[campaign.pk] = breaker.ContentRate(before)
        return rate

    def _give_unmade_back(self) -> list[int]:
        """Record the error of campaigns of which no message could be made; return the keys of those deliveries."""
        keys = []
        for pk, unmade in self._unmade.items():
            self.unforeseen[pk] = unmade[-1][1]
            keys += [claimed.pk for claimed, _ in unmade]
        self._unmade.clear()
        return keys

    async def keep_turn(self, claimed: ClaimedDelivery) -> bool:
        """Wait for the turn of a message that the server is ready for; False when it has none soon enough."""
        return await self._paced.keep_turn(claimed)

    def is_still_due(self, claimed: ClaimedDelivery) -> bool:
        """Return whether a message that has kept its turn may still leave."""
        return self._paced.is_still_due(claimed)

    def put_back(self, claimed: ClaimedDelivery) -> None:
        """Put back a delivery that was not handed over."""
        self._paced.note_put_back(claimed)
        self._queue.appendleft(claimed)
        self._filled.set()

    def _release(self, claimed: ClaimedDelivery) -> None:
        """Hand on a delivery with a turn, before those that need none."""
        self._queue.appendleft(claimed)
        self._filled.set()

    def wake(self) -> None:
        """Wake everything that waits, so that it sees that the run is over."""
        self._filled.set()
        self._hungry.set()
        self._paced.wake()

    # ── into the queue ───────────────────────────────────────────────────────────────────────────────────────────

    async def keep_filled(self, is_busy: Callable[[], bool]) -> None:
        """Claim until the run is over, nothing is due, or the database is away.

        Args:
            is_busy: tells whether a message is on its way, whose fate may make another due.
        """
        await self._unless_away(self._keep_filled(is_busy))

    async def keep_paced(self) -> None:
        """Release deliveries at their turns until the run is over or the database is away."""
        await self._unless_away(self._paced.serve(self._over))

    async def _unless_away(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except psycopg.OperationalError:  # what is under way is still recorded, with patience, by the ledger
            logger.warning("Connection %s: the database is away.", self._pk)
            self._stop()

    async def _keep_filled(self, is_busy: Callable[[], bool]) -> None:
        looked_at = idle_since = 0.0
        while not self._over.is_set():
            now = time.monotonic()
            if now - looked_at > LOOK_AGAIN_SECONDS:
                looked_at = now
                await self._look()
            if await self._refill():
                idle_since = 0.0
                continue
            is_waiting = bool(self._paced) and not self._paced.is_resting
            if self._queue or is_waiting or is_busy():
                idle_since = 0.0
            elif not idle_since:
                idle_since = now
            elif now - idle_since > IDLE_SECONDS:
                self.is_spent = True
                self._stop()
            self._hungry.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(
                    LOOK_AGAIN_SECONDS if len(self._queue) >= REFILL_BELOW else LOOK_AGAIN_SECONDS / 5
                ):
                    await self._hungry.wait()

    async def give_back(self) -> None:
        """Give back the deliveries that are left to the ledger, and their part of the quota."""
        left = self._give_unmade_back()
        left += [claimed.pk for claimed in (*self._queue, *self._paced.take_out(lambda claimed: True))]
        self._queue.clear()
        if not left:
            return
        # the ledger waits if the database is away
        self._ledger.note(claim.GIVE_BACK, [left, self._ledger.run])
        if self._limits:
            # when the database is away they count as sent: slower, never too fast
            with contextlib.suppress(psycopg.OperationalError):
                await limits.take_quota(self._own, self._pk, self._limits, -len(left))

    async def _look(self) -> None:
        """Read which campaigns run and which connections cannot be used; give back what must not be sent any more."""
        self._running = await claim.read_campaigns(
            self._own, self._pk, self._running, self.unforeseen, self.unwritable
        )
        self.campaigns = {
            pk: campaign
            for pk, campaign in self._running.items()
            if pk not in self.barred and campaign.is_open
        }
        self.seen |= self.campaigns.keys()
        pks = {pk for campaign in self.campaigns.values() for pk in campaign.connections} | {self._pk}
        cursor = await self._own.execute(FIND_UNUSABLE, [list(pks)])
        self._unusable = {row[0] for row in await cursor.fetchall()}
        dropped = [claimed for claimed in self._queue if self._is_stopped(claimed)]
        if dropped:
            self._queue = deque(claimed for claimed in self._queue if not self._is_stopped(claimed))
            for claimed in dropped:
                self._paced.note_taken(claimed)
        if dropped := [*dropped, *self._paced.take_out(self._is_stopped)]:
            await claim.return_deliveries(self._own, self._ledger.run, [claimed.pk for claimed in dropped])

    def _is_stopped(self, claimed: ClaimedDelivery) -> bool:
        return claimed.campaign.pk not in self.campaigns

    async def _refill(self) -> int:
        """Claim for each running campaign in turn; return how many rows the statements looked at."""
        looked_at = 0
        is_low = len(self._queue) < REFILL_BELOW
        for campaign in list(self.campaigns.values()):
            is_paced = self._paced.takes(campaign)
            most = (
                self._paced.room(campaign, MOST_CLAIMED_AT_ONCE)
                if is_paced
                else MOST_CLAIMED_AT_ONCE
                if is_low
                else 0
            )
            for planned_id in self._list_served_connections(campaign) if most else ():
                if self._over.is_set():
                    return looked_at
                claimed, rows = await self._take(campaign, planned_id, most)
                looked_at += rows
                if claimed and is_paced:
                    self._paced.add(claimed)
                elif claimed:
                    self._queue += claimed
                    self._filled.set()
                if rows:
                    break  # the share of others only when nothing of its own is left
        return looked_at

    def _list_served_connections(self, campaign: RunningCampaign) -> list[int]:
        """List the connections whose deliveries this one sends: its own, and those of connections that are down."""
        dead = [pk for pk in campaign.connections if pk in self._unusable and pk != self._pk]
        if campaign.is_failover:
            usable = [pk for pk in campaign.connections if pk not in self._unusable]
            if usable and usable[0] != self._pk:
                return [self._pk]  # the first that works takes over
        return [self._pk, *dead]

    async def _take(
        self, campaign: RunningCampaign, planned_id: int, wanted: int
    ) -> tuple[list[ClaimedDelivery], int]:
        chosen = {"connection_id": self._pk, "planned_connection_id": planned_id, "run": self._ledger.run}
        if not self._limits:
            return await claim.claim_deliveries(self._own, campaign, **chosen, most=wanted)
        async with self._own.transaction():
            most = await limits.take_quota(self._own, self._pk, self._limits, wanted)
            if not most:
                return [], 0
            claimed, rows = await claim.claim_deliveries(self._own, campaign, **chosen, most=most)
            if len(claimed) < most:
                await limits.take_quota(self._own, self._pk, self._limits, len(claimed) - most)
            return claimed, rows
