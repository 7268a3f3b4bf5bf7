"""Messages to send, a way to send them, and every fault a server may answer with."""

import asyncio
import contextlib
import time
from dataclasses import replace

from mailing.smtp.client import Connection, Mail, Outcome, Result, Server, Timeouts, connect
from mailing.smtp.replies import Stage
from tests.hostile_smtp import HostileSmtp

# seconds the stage under test may take where a server keeps silent; every other has its full time
PATIENCE = 0.3
CALM = Timeouts(quit=1)
PIPELINED = "PIPELINING,8BITMIME,SMTPUTF8,SIZE 50000000"
STEPPED = "8BITMIME"
SENDER = "shop@a.example"


def content(n: int, size: int = 200) -> bytes:
    return b"Message-ID: <%d@a.example>\r\nSubject: test\r\n\r\nbody %d\r\n.%b\r\n" % (n, n, b"x" * size)


def mail(n: int, size: int = 200) -> Mail:
    return Mail(SENDER, f"customer{n}@b.example", content(n, size))


async def go() -> bool:
    return True


async def send(connection: Connection, n: int, hook=go, size: int = 200) -> Result:
    return await connection.send(SENDER, f"customer{n}@b.example", content(n, size), before_dot=hook)


@contextlib.asynccontextmanager
async def open_connection(server: HostileSmtp, timeouts: Timeouts = CALM):
    connection = await connect(Server("127.0.0.1", server.port, timeouts=timeouts))
    try:
        yield connection
    finally:
        await connection.quit()


def limit_stage(stage: Stage, timeouts: Timeouts = CALM) -> Timeouts:
    """Return `timeouts` with PATIENCE for `stage` alone, so that a busy machine is late nowhere else."""
    return replace(timeouts, **{stage.value: PATIENCE})


def hurry_stage(connection: Connection, stage: Stage) -> None:
    """Give the server PATIENCE for its answers at `stage` from here on; what came before had its full time."""
    limits = limit_stage(stage, connection.server.timeouts)
    connection._envelope_limits = (limits.mail, limits.rcpt, limits.data)
    connection._dot_limit = (limits.dot,)
    connection._tick = PATIENCE
    if connection._watch:
        connection._watch.cancel()
        connection._watch = None


def let_time_pass(connection: Connection, seconds: float) -> None:
    """Have the wait under way last `seconds` longer than it did, without anybody waiting for that."""
    connection._deadline -= seconds
    connection._look_at_the_clock()


async def send_and_run_late(connection: Connection, n: int, condition, size: int = 200) -> Result:
    """Send a message that is never answered, and let its time run out once `condition` holds."""
    sending = asyncio.ensure_future(send(connection, n, size=size))
    await until(lambda: condition() or sending.done())
    let_time_pass(connection, connection.server.timeouts.dot)
    return await sending


def times_recorded(server: HostileSmtp, n: int) -> int:
    return sum(message.message_id == f"<{n}@a.example>" for message in server.accepted)


async def until(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.005)


FAULTS = {
    "4xx": ("451 4.3.0 not now", Outcome.REFUSED),
    "5xx": ("550 5.1.1 not ever", Outcome.REFUSED),
    "421": ("421 4.7.0 closing", Outcome.REFUSED),
    "drop": ("drop", Outcome.DROPPED),
    "stall": ("stall", Outcome.TIMED_OUT),
    "garbage": (r"raw what do you want?\r\n", Outcome.DROPPED),
    "flood": ("flood", Outcome.DROPPED),
    "10 MB line": ("half 250 " + "x" * 10_000_000, Outcome.DROPPED),
    "half a reply": ("half 250 2.0.0 o", Outcome.TIMED_OUT),
}


async def chain(connection: Connection, count: int, mark=go, before_offer=lambda n: None) -> list[Result]:
    """Send messages 1 to `count` as a sender does; the fates of those offered."""
    results, following, n = [], mail(1), 1
    while following and connection.is_usable:
        current, n = following, n + 1
        following = mail(n) if n <= count else None
        before_offer(n - 1)
        result = await connection.offer(current)
        if result is None:
            result = await connection.deliver(then=following) if await mark() else connection.withhold()
        results.append(result)
    return results
