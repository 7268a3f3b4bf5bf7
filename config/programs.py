"""The programs of a Procfile, each with its process, its output, and the delay before it is started anew."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping

from campaigns.processes import die_with

FIRST_DELAY, LONGEST_DELAY = 0.5, 10.0  # seconds before a program is started anew
STEADY = 30.0  # seconds after which a program counts as up: its next end is its first, its silence is noticed


class Program:
    """A line of the Procfile, and its process while it has one. Times are those of the monotonic clock."""

    def __init__(self, name: str, command: str) -> None:
        self.name = name
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self.partial = b""  # output after the last end of line
        self.started_at = 0.0
        self.start_at = 0.0
        self.delay = FIRST_DELAY
        self.silent_since: float | None = None

    def start(self, variables: Mapping[str, str]) -> None:
        supervisor = os.getpid()
        self.started_at, self.silent_since = time.monotonic(), None
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {self.command}"],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # Should the supervisor be killed itself, its programs stop by themselves.
            preexec_fn=lambda: die_with(supervisor, signal.SIGTERM),  # noqa: PLW1509 one thread
        )
        assert self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), False)

    def ask_to_end(self) -> None:
        if self.process:  # the main process alone: it knows best how to stop those that it started
            self.process.terminate()

    def kill(self) -> None:
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def lines(self) -> Iterator[str]:
        """Yield the lines it has printed since the last call, with an unfinished one once it has closed its output."""
        if not self.process or not self.process.stdout or self.process.stdout.closed:
            return
        try:
            printed = os.read(self.process.stdout.fileno(), 65536)  # all that a pipe holds
        except BlockingIOError:
            return
        *whole, self.partial = (self.partial + printed).split(b"\n")
        if not printed:
            self.process.stdout.close()
            whole, self.partial = [self.partial] if self.partial else [], b""
        yield from (line.decode(errors="replace") for line in whole)

    def reap(self) -> None:
        """Kill the processes that its ended main process left behind, and set the time to start it anew."""
        self.kill()
        if self.process and self.process.stdout:
            self.process.stdout.close()
        self.process = None
        now = time.monotonic()
        if now - self.started_at > STEADY:
            self.delay = FIRST_DELAY
        self.start_at = now + self.delay
        self.delay = min(2 * self.delay, LONGEST_DELAY)


def read_programs(procfile: str) -> list[Program]:
    """Return the programs of a Procfile, with a line `name: command` for each. A shell expands the variables."""
    lines = [
        line.partition(":") for line in procfile.splitlines() if line.strip() and not line.startswith("#")
    ]
    return [Program(name.strip(), command.strip()) for name, _, command in lines]
