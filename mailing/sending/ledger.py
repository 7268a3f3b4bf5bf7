"""Writes marks (`in_data`) and results to the ledger in batches of what has gathered since the last commit.

A message's content leaves only after `mark` has committed its row as `in_data`. Results that wait are written no later
than the next marks, in the same statement: so a connection's message is recorded before its next one leaves, and a
process that dies leaves at most one of its messages for each open connection in doubt.
"""

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec
import psycopg

from campaigns import heartbeats
from mailing.models import Delivery, Suppression
from mailing.sending import database, lanes
from mailing.sending.arrivals import ARRIVED
from mailing.sending.claim import ClaimedDelivery, return_deliveries
from mailing.sending.delivery_results import DeliveryResult

logger = logging.getLogger(__name__)

# Two updates of different rows in one statement and one commit. The mark looks again at everything that may have
# changed since the claim; a row another run has taken over, after this one's lease ran out, stays as it is. Repeated
# after a lost answer it says the same. (IS NOT DISTINCT FROM keeps the planner from the index on `run`: its statistics
# lag behind, and say that a run has few rows.) What a provider has told, or a reader has done, before the answer failed
# to come makes it no longer uncertain.
_FLUSH = f"""
WITH {{before}}recorded AS (
    UPDATE mailing_delivery AS delivery
    SET status = CASE WHEN result.status = 'uncertain' AND {ARRIVED} THEN 'accepted' ELSE result.status END,
        due_at = now() + make_interval(secs => result.wait), attempts = delivery.attempts + result.spent,
        sent_at = CASE WHEN result.status = 'accepted' OR (result.status = 'uncertain' AND {ARRIVED})
                       THEN now() ELSE delivery.sent_at END,
        stage = result.stage, code = result.code, enhanced_code = result.enhanced_code, text = result.text
    FROM json_to_recordset(%s::json) AS result (
        id bigint, status text, wait float8, spent int, stage text, code int, enhanced_code text, text text
    )
    WHERE delivery.id = result.id AND delivery.run IS NOT DISTINCT FROM %s
      AND delivery.status IN ('claimed', 'in_data', 'uncertain')
)
UPDATE mailing_delivery AS delivery
SET status = 'in_data'
WHERE delivery.id = ANY(%s::bigint[]) AND delivery.run IS NOT DISTINCT FROM %s
  AND delivery.status IN ('claimed', 'in_data')
  AND EXISTS (SELECT FROM campaigns_campaign AS campaign
              WHERE campaign.id = delivery.campaign_id AND campaign.status = 'running')
  AND NOT EXISTS (SELECT FROM mailing_suppression AS suppression WHERE suppression.email = delivery.email){{unless}}
RETURNING delivery.id
"""
FLUSH = _FLUSH.format(before="", unless="")
# With marks of mails that bear codes or stop with a campaign at the till: none whose offer has stopped by now, whatever
# the claim saw. A code that is good for so many days gets its end here, the one that the mail names; a retry moves it
# on and never back.
FLUSH_WITH_CODES = _FLUSH.format(
    before="""stopped AS MATERIALIZED (
    SELECT id FROM unnest(%s::bigint[]) AS id WHERE mailing_find_offer_fault(id, clock_timestamp()) NOT IN ('', 'held')
),
ended AS (
    UPDATE promotions_coupon AS coupon SET ends_at = greatest(coupon.ends_at, told.ends_at)
    FROM json_to_recordset(%s::json) AS told (id bigint, ends_at timestamptz) WHERE coupon.id = told.id
),
""",
    unless="""
  AND delivery.campaign_id NOT IN (SELECT id FROM stopped)
  AND NOT EXISTS (SELECT FROM promotions_coupon AS code WHERE code.id = delivery.coupon_id AND NOT code.active)""",
)

ATTEMPTS = """
INSERT INTO mailing_attempt (delivery_id, campaign_id, connection_id, at, status, stage, code, enhanced_code, text)
SELECT delivery.id, delivery.campaign_id, delivery.connection_id, now(), result.status, result.stage, result.code,
       result.enhanced_code, result.text
FROM json_to_recordset(%s::json) AS result (
    id bigint, status text, stage text, code int, enhanced_code text, text text
)
JOIN mailing_delivery AS delivery ON delivery.id = result.id
WHERE delivery.run = %s AND delivery.status IN ('claimed', 'in_data', 'uncertain')
"""

# In the lock order of docs/architecture.md: deliveries, contacts, suppressed addresses, each in an order of their own.
LOCK_DELIVERIES = "SELECT FROM mailing_delivery WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
LOCK_CONTACTS = (
    'SELECT FROM mailing_contact WHERE email = ANY(%s) ORDER BY email COLLATE "C" FOR NO KEY UPDATE'
)
SUPPRESS = f"""
INSERT INTO mailing_suppression (email, reason, source, detail, created_at)
SELECT email, reason, '{Suppression.Source.SMTP}', detail, now()
FROM unnest(%s::text[], %s::text[], %s::text[]) AS bounce (email, reason, detail) ORDER BY email COLLATE "C"
ON CONFLICT (email) DO NOTHING
"""

SOFT_LIMIT = 5  # soft bounces in a row that suppress an address
BOUNCE_SOFTLY = """
UPDATE mailing_contact SET soft_bounces = soft_bounces + 1 WHERE email = ANY(%s) RETURNING email, soft_bounces
"""
# Where a report told of the last one, acceptance proves nothing: mailing.bounces.policy judges whether they went on.
RECOVER = "UPDATE mailing_contact SET soft_bounces = 0 WHERE email = ANY(%s) AND soft_bounced_at IS NULL"

RENEW_LEASE = "UPDATE mailing_lane SET leased_until = now() + make_interval(secs => %s) WHERE run = %s"
# A worker that feeds a connection runs a task: with all of them at it nobody is left to answer the clock's question.
UPDATE_HEARTBEAT = "UPDATE campaigns_heartbeat SET at = now() WHERE cluster = %s AND host = %s"


# Seconds a batch waits for the rest of the messages under way: a commit costs as much as ten rows.
GATHER_SECONDS = 0.001


class LaneLost(Exception):
    """The run's lease ran out, and another process has given back its rows: it must stop at once."""


class Ledger:
    """The ledger as one run writes it. `serve` writes; `mark` and `record` are called by the SMTP connections.

    under_way: how many messages may ask for a mark soon, with those that have asked.
    feeds: the run takes deliveries, in a worker of the cluster; False once it only waits for late answers.
    """

    def __init__(
        self, own: psycopg.AsyncConnection, run: int, lease: float, under_way: Callable[[], int]
    ) -> None:
        self.run = run
        self._under_way = under_way
        self.feeds = True
        self._database = own
        self._lease = lease
        self._renewed_at = time.monotonic()
        self._marks: list[tuple[ClaimedDelivery, asyncio.Future[bool]]] = []
        self._results: list[tuple[ClaimedDelivery, DeliveryResult]] = []
        self._notes: list[tuple[str, list[object]]] = []
        self._witnesses: list[asyncio.Future[None]] = []
        self._work = asyncio.Event()
        self._is_over = False

    async def mark(self, claimed: ClaimedDelivery) -> bool:
        """Commit the delivery as `in_data` and return True; False: it must not leave, and the row is given back."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._marks.append((claimed, future))
        self._work.set()
        return await future

    def record(self, claimed: ClaimedDelivery, result: DeliveryResult) -> None:
        """Write the result with the next commit."""
        self._results.append((claimed, result))
        self._work.set()

    def note(self, statement: str, params: list[object]) -> None:
        """Execute a statement after the next commit. It must be safe to execute twice."""
        self._notes.append((statement, params))
        self._work.set()

    async def wait_until_written(self) -> None:
        """Wait until all that was recorded and noted so far is committed."""
        self._witnesses.append(asyncio.get_running_loop().create_future())
        self._work.set()
        await self._witnesses[-1]

    def end(self) -> None:
        """`serve` returns once everything is written."""
        self._is_over = True
        self._work.set()

    async def serve(self) -> None:
        """Write what gathers, and renew the lane's lease, until `end` is called.

        Raises:
            LaneLost: another run has the lane.
            psycopg.OperationalError: the database is away.
        """
        while not self._is_over or self._results or self._marks or self._notes or self._witnesses:
            try:
                async with asyncio.timeout(self._lease / 5):
                    await self._work.wait()
            except TimeoutError:
                pass
            if len(self._marks) < self._under_way():
                await asyncio.sleep(GATHER_SECONDS)
            self._work.clear()
            marks, self._marks = self._marks, []
            results, self._results = self._results, []
            witnesses, self._witnesses = self._witnesses, []
            marked = await self._write(marks, results)
            for claimed, future in marks:
                if not future.done():
                    future.set_result(claimed.pk in marked)
            for witness in witnesses:
                witness.set_result(None)

    async def close(self) -> None:
        await self._database.close()

    async def _write(
        self,
        marks: list[tuple[ClaimedDelivery, asyncio.Future[bool]]],
        results: list[tuple[ClaimedDelivery, DeliveryResult]],
    ) -> set[int]:
        """Write one batch; write it again after a lost connection, which is safe even if it was committed."""
        deadline = time.monotonic() + database.PATIENCE
        while True:
            try:
                return await self._try_to_write(marks, results)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                logger.warning("The database went away; %s results wait for it.", len(results))
                await asyncio.sleep(0.5)
                await self._reconnect()

    async def _reconnect(self) -> None:
        await self._database.close()
        try:
            self._database = await database.connect(plans_once=True)
        except psycopg.OperationalError:
            logger.debug("The database is still away.")

    async def _try_to_write(
        self,
        marks: list[tuple[ClaimedDelivery, asyncio.Future[bool]]],
        results: list[tuple[ClaimedDelivery, DeliveryResult]],
    ) -> set[int]:
        asked = [claimed.pk for claimed, _ in marks]
        with_codes = [claimed for claimed, _ in marks if claimed.campaign.is_tied]
        marked = await self._commit(asked, results, with_codes) if asked or results else set()
        if len(marked) < len(asked):
            await return_deliveries(self._database, self.run, [pk for pk in asked if pk not in marked])
        while self._notes:
            await self._database.execute(*self._notes[0])
            self._notes.pop(0)
        if time.monotonic() - self._renewed_at > self._lease / 5:
            await self._renew()  # last: the results of a lane that is lost are true all the same
        return marked

    async def _commit(
        self,
        asked: list[int],
        results: list[tuple[ClaimedDelivery, DeliveryResult]],
        with_codes: list[ClaimedDelivery],
    ) -> set[int]:
        told = [
            (claimed, result)
            for claimed, result in results
            if result.status != Delivery.Status.ACCEPTED or claimed.tries or claimed.has_bounced
        ]
        if not told:
            return await self._flush(asked, results, with_codes)
        async with self._database.transaction():
            written = {claimed.pk for claimed, _ in results}
            await self._database.execute(LOCK_DELIVERIES, [_keys(sorted(written.union(asked)))])
            await self._tell(told)
            return await self._flush(asked, results, with_codes)

    async def _flush(
        self,
        asked: list[int],
        results: list[tuple[ClaimedDelivery, DeliveryResult]],
        with_codes: list[ClaimedDelivery],
    ) -> set[int]:
        params: list[object] = [_records(results), self.run, _keys(asked), self.run]
        if with_codes:
            campaigns = sorted({claimed.campaign.pk for claimed in with_codes})
            cursor = await self._database.execute(
                FLUSH_WITH_CODES, [_keys(campaigns), _write_ends(with_codes), *params]
            )
        else:
            cursor = await self._database.execute(FLUSH, params)
        return {row[0] for row in await cursor.fetchall()}

    async def _tell(self, told: list[tuple[ClaimedDelivery, DeliveryResult]]) -> None:
        """Write what a first accepted try does not need: attempts, and suppressions of dead addresses."""
        await self._database.execute(ATTEMPTS, [_records(told), self.run])
        softly = [claimed.email for claimed, result in told if result.soft]
        well = [
            claimed.email
            for claimed, result in told
            if claimed.has_bounced and result.status == Delivery.Status.ACCEPTED
        ]
        dead: list[tuple[str, str, str]] = [
            (claimed.email, Suppression.Reason.HARD_BOUNCE, result.text)
            for claimed, result in told
            if result.suppress
        ]
        if softly or well:
            await self._database.execute(LOCK_CONTACTS, [softly + well])
        if softly:
            counted = await self._database.execute(BOUNCE_SOFTLY, [softly])
            dead += [
                (email, Suppression.Reason.SOFT_BOUNCE, "")
                for email, count in await counted.fetchall()
                if count >= SOFT_LIMIT
            ]
        if well:
            await self._database.execute(RECOVER, [well])
        if dead:
            await self._database.execute(SUPPRESS, [list(column) for column in zip(*dead, strict=True)])

    async def _renew(self) -> None:
        cursor = await self._database.execute(RENEW_LEASE, [self._lease, self.run])
        if not cursor.rowcount:
            raise LaneLost(f"Run {self.run} has lost its lane.")
        self._renewed_at = time.monotonic()
        if self.feeds:
            await self._database.execute(UPDATE_HEARTBEAT, [lanes.CLUSTER, heartbeats.HOST])


# As text, which costs a fifth of the time that psycopg takes over lists of Python's.


def _records(results: list[tuple[ClaimedDelivery, DeliveryResult]]) -> str:
    """Return the results as a JSON array of objects, each with the key of its delivery."""
    rows = [b'{"id":%d,%b' % (claimed.pk, msgspec.json.encode(result)[1:]) for claimed, result in results]
    return f"[{b','.join(rows).decode()}]"


def _write_ends(with_codes: list[ClaimedDelivery]) -> str:
    """Return the ends of their codes as a JSON array, in the order in which tills lock coupons."""
    ends = {
        claimed.coupon: claimed.code_ends_at
        for claimed in with_codes
        if claimed.coupon and claimed.code_ends_at
    }
    return msgspec.json.encode([{"id": pk, "ends_at": ends[pk]} for pk in sorted(ends)]).decode()


def _keys(keys: list[int]) -> str:
    """Return an array as PostgreSQL writes it."""
    return "{" + ",".join(map(str, keys)) + "}"
