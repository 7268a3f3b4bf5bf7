"""Messages to send, a way to send them, and every fault a server may answer with."""

import asyncio
import contextlib
import time

from mailing.smtp.client import Connection, Mail, Outcome, Result, Server, Timeouts, connect
from tests.hostile_smtp import HostileSmtp

PATIENCE = 0.3  # seconds a stage may take where a server keeps silent
HURRIED = Timeouts(*[PATIENCE] * 10)
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
async def connected(server: HostileSmtp, timeouts: Timeouts = CALM):
    connection = await connect(Server("127.0.0.1", server.port, timeouts=timeouts))
    try:
        yield connection
    finally:
        await connection.quit()


def times_recorded(server: HostileSmtp, n: int) -> int:
    return sum(message.message_id == f"<{n}@a.example>" for message in server.accepted)


async def until(condition, seconds: float = 5.0) -> None:
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


async def chain(connection: Connection, count: int, mark=go) -> list[Result]:
    """Send messages 1 to `count` as a sender does; the fates of those offered."""
    results, following, n = [], mail(1), 1
    while following and connection.is_usable:
        current, n = following, n + 1
        following = mail(n) if n <= count else None
        result = await connection.offer(current)
        if result is None:
            result = await connection.deliver(then=following) if await mark() else connection.withhold()
        results.append(result)
    return results
