"""SMTP servers that take everything, as processes of their own."""

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.mailing import rig


class Sink:
    """A running sink. `recipients` is known of one that records; `cpu` is seconds since it started."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, record: Path | None) -> None:
        self.process, self.port = process, port
        self._record = record

    @property
    def cpu(self) -> float:
        return rig.cpu_seconds([self.process.pid])

    def recipients(self) -> list[str] | None:
        """Return whom it has accepted messages for, one item a message; None where nobody has counted."""
        if self._record is None:
            return None
        with socket.create_connection(("127.0.0.1", self.port)) as control:
            control.sendall(b"XSTAT\r\n")  # it then writes what it still holds of its record
            lines = control.makefile("rb")
            lines.readline(), lines.readline()
        return [line.split("\t")[4] for line in self._record.read_text().splitlines()]


@contextlib.contextmanager
def sink(program: Path | None, *faults: str) -> Iterator[Sink]:
    """Start the C program `faultsink`, with such settings as "rtt_ms=20"; without it a plain one in Python."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "record.tsv" if program else None
        command = (
            [str(program), "-p", str(port), "-r", str(record), *faults]
            if program
            else [sys.executable, "-m", "benchmarks.mailing.sink", str(port)]
        )
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            listens(port)
            yield Sink(process, port, record)
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listens(port: int, seconds: float = 10) -> None:
    """Wait until somebody listens there.

    Raises:
        TimeoutError: nothing comes in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"Nobody listens on port {port}.")
