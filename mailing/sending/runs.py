"""One run of one lane: leases the lane, sends for some seconds, and ends the run.

A run is short, so that a stop never waits long for it and its worker is soon free. At its end it queues the next run if
there is work. What needs more than sending (a pause, a breaker) ends the run, and is handled after it. Only a server
that has a whole message and does not answer needs a longer wait, ten minutes by RFC 5321 (§4.5.3.2.6). Then the run is
set aside with those connections only, and goes on in a thread.
"""

import asyncio
import contextlib
import logging
import threading

import psycopg
from django.db import OperationalError, connection

from campaigns import database_time
from mailing import endings
from mailing.models import Pace, SmtpConnection
from mailing.sending import breaker, lanes
from mailing.sending.ledger import LaneLost
from mailing.sending.sending_run import SendingRun
from mailing.sending.servers import TIMEOUTS, server_of
from mailing.smtp import client
from mailing.smtp.client import Cause, ConnectFailed, Server, Tls

logger = logging.getLogger(__name__)

# What a run leaves behind, its loop, its work, and itself.
BegunRun = tuple[contextlib.ExitStack, asyncio.Runner, asyncio.Task[None], SendingRun]


def run_lane(connection_id: int, number: int) -> int:
    """Send over the lane `number` of a connection for some seconds; return how many messages were accepted.

    Safe to call twice and at the same time: one call gets the lane, the others return 0 at once.
    """
    with endings.counting_errors(lambda: endings.list_campaigns_sending_through(connection_id)):
        begun = _begin(connection_id, number)
    if begun is None:
        return 0
    _, _, work, run = begun
    if work.done() or not _is_set_aside(run):
        _finish_late_run(*begun)
        return run.accepted_count
    thread = threading.Thread(target=_wait_for_late_answers, args=begun, name=f"run-{run.number}")
    try:
        _follow(run)
    finally:
        thread.start()
    return run.accepted_count


def _follow(run: SendingRun) -> None:
    with endings.counting_errors(lambda: run.campaigns):
        run.follow()


def _begin(connection_id: int, number: int) -> BegunRun | None:
    """Lease the lane and send until the run is over or only late answers are left; None when there is nothing to do."""
    smtp = SmtpConnection.objects.filter(pk=connection_id, is_enabled=True).first()
    if smtp is None:
        breaker.pause_stranded()
        return None
    pace = Pace.objects.get_or_create(connection=smtp)[0]
    if smtp.login_trouble:
        breaker.note_failure(connection_id, smtp.login_trouble, for_good=True)
        return None
    is_held = pace.held_until is not None and pace.held_until > database_time.now()
    most = lanes.share_of_lane(max(1, smtp.max_connections >> pace.level_at(database_time.now())), number)
    places = most - lanes.count_waiting(connection_id, number)
    server = _find_server(smtp) if places > 0 and not is_held else None
    taken = lanes.take_lane(connection_id, number) if server else None
    if server is None or taken is None:
        lanes.allow_waking_again(connection_id, number)  # the clock wakes it when it may go on
        return None
    connection.close()  # the run has its own, and may outlive a restart of the database
    run = SendingRun(smtp, server, pace, taken, number, places=places, most=most)
    with contextlib.ExitStack() as held:
        held.callback(lanes.end_run, taken)
        runner = held.enter_context(asyncio.Runner(loop_factory=client.loop_factory(Tls(smtp.tls))))
        work = runner.get_loop().create_task(run.run())
        runner.run(run.until_late(work))
        return held.pop_all(), runner, work, run


def _find_server(smtp: SmtpConnection) -> Server | None:
    """Find the server to send to. When nobody can log in there now, note the failure and return None."""
    try:
        return server_of(smtp, TIMEOUTS)
    except ConnectFailed as error:
        breaker.note_failure(smtp.pk, error.sentence, for_good=error.cause is Cause.LOGIN)
        return None


def _is_set_aside(run: SendingRun) -> bool:
    try:
        lanes.set_run_aside(run.number, run.open)
    except OperationalError:  # the database is away: the run waits where it is, and keeps its lane
        logger.warning("Run %s could not be set aside.", run.number)
        return False
    return True


def _wait_for_late_answers(
    held: contextlib.ExitStack, runner: asyncio.Runner, work: asyncio.Task[None], run: SendingRun
) -> None:
    try:
        _finish_late_run(held, runner, work, run)
    finally:
        connection.close()  # this thread's own


def _finish_late_run(
    held: contextlib.ExitStack, runner: asyncio.Runner, work: asyncio.Task[None], run: SendingRun
) -> None:
    """Wait for the end of a run, and do what follows from it; count an unforeseen error, then raise it."""
    with held:
        try:
            runner.run(run.until_done(work))
        except* LaneLost:
            logger.warning("Run %s of “%s” lost its lane and stopped.", run.number, run.smtp)
        except* psycopg.OperationalError:
            logger.exception("Run %s of “%s” lost the database and stopped.", run.number, run.smtp)
        except* Exception as errors:
            for pk in run.campaigns:
                endings.count_unforeseen_error(pk, errors.exceptions[0])
            raise
    _follow(run)
