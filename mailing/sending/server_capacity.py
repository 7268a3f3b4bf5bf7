"""How much a run demands of its server: how many connections, when to rest, when to give up."""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction

from campaigns import database_time
from mailing.models import Pace, SmtpConnection
from mailing.sending import breaker, delivery_results
from mailing.sending.delivery_results import DeliveryResult
from mailing.smtp.client import Cause, ConnectFailed, Connection, Outcome, Result
from mailing.smtp.replies import Stage
from mailing.smtp.verdicts import Kind, Verdict

# connections in a row that end before anything was accepted: the server does not work
DROPS_UNTIL_FAILURE = 3
THROTTLE_STEP = 2.0  # seconds in which further throttling does not slow the connection down again
SLOWEST = 8  # times the open connections are halved
THROTTLES_UNTIL_REST = 3  # throttled in a row, from which on each place rests before it tries again
LONGEST_REST = 5.0  # seconds
INCURABLE = (Cause.LOGIN, Cause.CERTIFICATE, Cause.ENCRYPTION, Cause.SENDER)  # by waiting


class ServerCapacity:
    """What one run has learnt of its server, and how many connections follow from it.

    places: connections that may be open now. proven: set while the server is known to work; only one place tries a
    server that had failed. stop: ends the run.
    """

    def __init__(self, smtp: SmtpConnection, pace: Pace, places: int, stop: Callable[[], None]) -> None:
        self.places = places
        self.proven = asyncio.Event()
        if not pace.failures:
            self.proven.set()
        self._pk = smtp.pk
        self._stop = stop
        self._level = pace.level_at(database_time.now())
        self._least_drops = min(DROPS_UNTIL_FAILURE, places)
        self._drops = 0  # in a row
        self._throttles = 0  # in a row
        self._throttled_at: float | None = None
        self._is_slower = False  # and nobody was told
        self._hold = 0.0
        self._failure = ""
        self._is_for_good = False

    @property
    def rest(self) -> float:
        """Seconds to wait before the next message after a throttled one."""
        if self._throttles < THROTTLES_UNTIL_REST:
            return 0.0
        return min(0.1 * 2.0 ** (self._throttles - THROTTLES_UNTIL_REST), LONGEST_REST)

    @property
    def may_go_on(self) -> bool:
        """Whether the next run may follow at once."""
        return not self._failure and not self._hold

    def widen(self) -> bool:
        """Allow one more connection and return True; False: the server takes no more."""
        if self._throttled_at is not None:
            return False
        self.places += 1
        return True

    def note_accepted(self) -> None:
        """Note that the server took a message."""
        self._drops = self._throttles = 0
        self.proven.set()

    def note_throttled(self, link: Connection, result: Result, *, is_alone: bool) -> None:
        """Note that the server defers a message because we are too fast. is_alone: no other connection is open."""
        self._throttles += 1
        asked = result.verdict.retry_after if result.verdict else None
        self._slow_down(asked)
        if not link.is_usable and not link.accepted and is_alone and asked is None:
            self._rest_for(delivery_results.BRIEF_WAIT_SECONDS * 2**self._level)  # 421 to the first message

    def note_dropped(
        self, server: object, link: Connection, result: Result, delivery_result: DeliveryResult
    ) -> None:
        """Note that the server refuses us, makes us wait, or ends connections that have taken nothing."""
        is_silent = result.outcome is Outcome.TIMED_OUT and result.stage is Stage.DOT
        self._drops += is_silent or not link.accepted
        if delivery_result.code is not None or self._drops >= self._least_drops:
            self._failure = f"{server} {delivery_result.code or ''} {delivery_result.text}"
            # a person cures a refusal; with a silent server each further try would be one more doubtful message
            self._is_for_good |= is_silent or _is_refusal(result.verdict)
            self._stop()

    def shut_out(self, error: ConnectFailed, *, is_alone: bool) -> None:
        """Note that the server refuses a further connection: a limit if others are open, a failure if none is."""
        is_throttled = error.cause is Cause.THROTTLED
        if is_throttled:
            self._slow_down(error.verdict.retry_after if error.verdict else None)
        if not is_alone:
            return
        if is_throttled:
            self._rest_for(delivery_results.BRIEF_WAIT_SECONDS * 2**self._level)
        else:
            self._failure = error.sentence
            if error.cause is not Cause.TOKEN:  # the next try asks for another token, which may be taken
                self._is_for_good |= error.cause in INCURABLE or _is_refusal(error.verdict)
            self._stop()

    def _slow_down(self, asked: float | None) -> None:
        """Halve the open connections; rest for as long as the server asks."""
        now = time.monotonic()
        if self._throttled_at is None or now - self._throttled_at > THROTTLE_STEP:
            self._throttled_at, self._is_slower = now, True
            self._level = min(self._level + 1, SLOWEST)
            self.places = max(1, self.places // 2)
        if asked:
            self._rest_for(asked)

    def _rest_for(self, seconds: float) -> None:
        self._hold = max(self._hold, seconds)
        self._stop()

    def store_pace(self, *, was_of_use: bool) -> None:
        """Store it for the other runs. was_of_use: something was accepted, so that a quiet run speeds up by a step.

        May be called again after more has been learnt.
        """
        is_slower, self._is_slower = self._is_slower, False
        hold, self._hold = self._hold, 0.0
        failure, self._failure = self._failure, ""
        if is_slower or hold:
            self._store_pace(is_slower=is_slower, hold=hold)
        elif self._throttled_at is None and self._level and was_of_use:
            # of two lanes that were quiet at the same time one counts, and none that was while the other was not
            Pace.objects.filter(pk=self._pk, level=self._level).update(level=self._level - 1)
        if failure:
            breaker.note_failure(self._pk, failure, for_good=self._is_for_good)

    def _store_pace(self, *, is_slower: bool, hold: float) -> None:
        with transaction.atomic():
            now = database_time.now()
            pace = Pace.objects.select_for_update(no_key=True).get(pk=self._pk)
            if is_slower:
                pace.level, pace.throttled_at = max(pace.level_at(now), self._level), now
            if hold:
                until = now + timedelta(seconds=hold)
                pace.held_until = max(until, pace.held_until or until)
            pace.save(update_fields=["level", "throttled_at", "held_until"])


def _is_refusal(verdict: Verdict | None) -> bool:
    """Return whether the server refused this connection or its sender in words, and is not just away."""
    return verdict is not None and verdict.kind is Kind.CONNECTION
