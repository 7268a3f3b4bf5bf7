"""What the page server costs beside granian: the login page, by each in turn, without a front.

    .venv/bin/python -m benchmarks.pages            needs wrk, and the database of the project

One worker with four threads each, eight kept-alive connections. The login page is rendered by a template and writes no
session; what a page asks of the database costs the same in both.
"""

import argparse
import http.client
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks import load
from benchmarks.mailing import rig

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PATH = "/login/"
THREADS = 4
SERVERS = {
    "waitress": f"{sys.executable} -m config.page_server --listen 127.0.0.1:{{port}} --workers 1 --threads {THREADS}",
    "granian": (
        f"{BIN}/granian --interface wsgi --host 127.0.0.1 --port {{port}} --workers 1 --blocking-threads {THREADS}"
        " --no-ws --log-level warning config.wsgi:application"
    ),
}


class Measurement(NamedTuple):
    """What one server did in one round."""

    a_second: float
    cpu_ms: float  # of the server, for a page
    p95: float  # milliseconds


def main() -> None:
    """Measure both servers in turn and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8799)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    measured: dict[str, list[Measurement]] = {name: [] for name in SERVERS}
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "ask.lua")
        script.write_text(load.DONE)
        for _ in range(options.rounds):
            for name in SERVERS:
                measured[name].append(measure_server(name, options.port, options.seconds, script))
    for name, rounds in measured.items():
        rate = statistics.median(each.a_second for each in rounds)
        cpu = statistics.median(each.cpu_ms for each in rounds)
        print(
            f"{name:9} {rate:7.0f} pages/s   {cpu:5.2f} ms of CPU a page   95% within {rounds[-1].p95:.1f} ms"
        )


def measure_server(name: str, port: int, seconds: int, script: Path) -> Measurement:
    """Start one server, let it warm up, and ask it for the page."""
    server = subprocess.Popen(
        SERVERS[name].format(port=port).split(),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_up(port)
        address = f"http://127.0.0.1:{port}{PATH}"
        load.run_wrk(script, address, 2)
        before = count_cpu_seconds(server.pid)
        told = load.run_wrk(script, address, seconds)
        spent = count_cpu_seconds(server.pid) - before
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    return Measurement(told["rate"], spent / (told["rate"] * seconds) * 1000, told["p95"])


def wait_until_up(port: int) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", PATH)
            assert connection.getresponse().status == 200
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def count_cpu_seconds(pid: int) -> float:
    """Add up the processor time of a process and of those below it."""
    return rig.cpu_seconds([pid, *rig.descendants(pid)])


if __name__ == "__main__":
    main()
