"""What the page server costs beside granian: the login page, by each in turn, without a front.

    .venv/bin/python -m benchmarks.pages            needs wrk, and the database of the project

One worker with four threads each, eight kept-alive connections. The login page is rendered by a template and writes no
session; what a page asks of the database costs the same in both.
"""

import argparse
import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PATH = "/login/"
CONNECTIONS, THREADS = 8, 4
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
    p99: str


def main() -> None:
    """Measure both servers in turn and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8799)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    measured: dict[str, list[Measurement]] = {name: [] for name in SERVERS}
    for _ in range(options.rounds):
        for name in SERVERS:
            measured[name].append(measure_server(name, options.port, options.seconds))
    for name, rounds in measured.items():
        rate = statistics.median(each.a_second for each in rounds)
        cpu = statistics.median(each.cpu_ms for each in rounds)
        print(f"{name:9} {rate:7.0f} pages/s   {cpu:5.2f} ms of CPU a page   99% within {rounds[-1].p99}")


def measure_server(name: str, port: int, seconds: int) -> Measurement:
    """Start one server, let it warm up, and ask it for the page."""
    server = subprocess.Popen(
        SERVERS[name].format(port=port).split(),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_up(port)
        ask_for_pages(port, 2)
        before = count_cpu_seconds(server.pid)
        told = ask_for_pages(port, seconds)
        spent = count_cpu_seconds(server.pid) - before
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    assert "Non-2xx" not in told, told
    pages = int(find_figure(r"(\d+) requests in", told))
    return Measurement(
        float(find_figure(r"Requests/sec:\s+([\d.]+)", told)),
        spent / pages * 1000,
        find_figure(r"99%\s+(\S+)", told),
    )


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


def ask_for_pages(port: int, seconds: int) -> str:
    """Return what wrk tells."""
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}",
        "--latency",
        f"http://127.0.0.1:{port}{PATH}",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def find_figure(pattern: str, told: str) -> str:
    """Return the figure that `pattern` finds in what wrk told."""
    match = re.search(pattern, told)
    assert match, told
    return match[1]


def count_cpu_seconds(pid: int) -> float:
    """Add up the processor time of a process and of its children that live."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ticks = 0
    for each in (str(pid), *children):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
