r"""An SMTP server that fails on order and remembers what it took: for tests of everything that sends.

In a test's process, in a thread of its own:

    with hostile_smtp(Settings(rules=["rcpt p=0.1 550 5.1.1 no such user"])) as server:
        ... server.port, server.accepted, server.stats(), server.settings.rules = parse("dot drop")

As its own process; it prints {"port": …, "control": …} when it listens, and `Control(port)` speaks to it:

    python -m tests.hostile_smtp --port 2525 --record accepted.tsv --keep-every 100 --rule "ack p=0.01 drop"

A rule is `STAGE [condition…] ACTION`; the first that matches acts.
  stages      connect ehlo starttls auth mail rcpt data body dot ack rset quit
              body: while the content comes; dot: all of it came, not accepted; ack: accepted and recorded, unanswered
  conditions  p=0.1 of the times | of=0.1 of the recipients, always the same | to=REGEX matches the recipient
              after=N messages of this connection | times=N and no more
  actions     451 4.7.1 words (any reply; \n makes lines, 421 closes) | drop | stall (never answers)
              freeze (reads no further) | hold (answers once the test calls `release`)
              delay SECONDS (then goes on) | raw BYTES (escapes as in Python)
              half BYTES (then silent) | flood (lines of a reply without end)

Every accepted message is one line of the record: number, connection, recipient, Message-ID, SHA-256 of the body (what
follows the first empty line, dots undone), bytes, "acked" or "unacked" (the answer was kept back).
"""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import uvloop

from tests.hostile_smtp.rules import Rule, Settings, parse
from tests.hostile_smtp.server import Accepted, HostileSmtp

__all__ = [
    "Accepted",
    "Control",
    "HostileSmtp",
    "Rule",
    "Settings",
    "hostile_process",
    "hostile_smtp",
    "parse",
]


@contextlib.contextmanager
def hostile_smtp(settings: Settings | None = None, **tls: Any) -> Iterator[HostileSmtp]:
    """The server in a thread of this process, on a free port; with `tls` and `is_implicit` as HostileSmtp has them."""
    server = HostileSmtp(settings or Settings(), **tls)
    started, stop = threading.Event(), asyncio.Event()
    loop = uvloop.new_event_loop()

    async def serve() -> None:
        listeners = await server.listen()
        started.set()
        await stop.wait()
        for listener in listeners:
            listener.close()
        for session in list(server.open):
            session.transport.abort()
        await asyncio.sleep(0)

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="hostile-smtp")
    thread.start()
    started.wait()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


class Control:
    """A hand on a server in another process."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((host, port))
        self._lines = self._socket.makefile("rb")

    def _do(self, **order: Any) -> Any:
        self._socket.sendall(json.dumps(order).encode() + b"\n")
        return json.loads(self._lines.readline())

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self._do(do="stats")
        return stats

    def change(self, **settings: Any) -> None:
        """New settings by name; `rules` as a list of texts."""
        self._do(do="change", **settings)

    def reset(self) -> None:
        self._do(do="reset")

    def list_accepted(self, since: int = 0) -> list[Accepted]:
        return [Accepted(**message) for message in self._do(do="accepted", since=since)]

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@contextlib.contextmanager
def hostile_process(*options: str) -> Iterator[tuple[int, Control]]:
    """The server as its own process with these command-line options; gives its port and a hand on it."""
    command = [sys.executable, "-m", "tests.hostile_smtp", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            ports = json.loads(process.stdout.readline())
            control = Control(ports["control"])
            try:
                yield ports["port"], control
            finally:
                control.close()
        finally:
            process.terminate()
