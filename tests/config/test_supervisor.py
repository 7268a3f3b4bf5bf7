"""The supervisor, on small Procfiles: each runs in a process of its own, as under `make run`."""

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import heartbeats
from config import embedded_postgres, programs, supervisor
from tests.factories import HeartbeatFactory

pytestmark = pytest.mark.timeout(60)
ROOT = Path(__file__).resolve().parent.parent.parent
STARTER = """
import os, pathlib, sys
from config import embedded_postgres, programs, supervisor
procfile, grace, port, var = sys.argv[1:]
supervisor.GRACE_SECONDS = float(grace)
embedded = embedded_postgres.Server(pathlib.Path(var)) if var else None
supervisor.Supervisor(programs.read_programs(procfile), os.environ, embedded=embedded, port=int(port)).run()
print("all is stopped", flush=True)
"""


class Run:
    """A supervisor at work, and the lines it prints."""

    def __init__(self, procfile: str, grace: float, port: int, var: Path | str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", STARTER, procfile, str(grace), str(port), str(var)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self.read_output)
        self.reader.start()

    def read_output(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.process.stdout.close()

    def line_with(self, text: str) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                line = self.lines.get(timeout=0.1)
                if text in line:
                    return line
        raise AssertionError(f"no line with {text!r}")

    def number_after(self, text: str) -> int:
        return int(self.line_with(text).rpartition(" ")[2])

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        status = self.process.wait(30)
        self.reader.join()
        return status


@pytest.fixture
def supervise() -> Iterator[Callable[..., Run]]:
    runs = []

    def start(procfile: str, grace: float = 10, port: int = 0, var: Path | str = "") -> Run:
        runs.append(Run(procfile, grace, port, var))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        run.reader.join()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_output_is_marked_with_the_name_of_its_program(supervise: Callable[..., Run]) -> None:
    run = supervise(
        "one: sh -c 'echo hello; exec sleep 60'\nlonger: sh -c 'printf unfinished; exec sleep 60 >&- 2>&-'"
    )
    lines = {run.line_with("|") for _ in range(2)}  # either program may be the first
    assert lines == {"one    | hello", "longer | unfinished"}


def test_a_program_that_dies_is_started_anew(supervise: Callable[..., Run]) -> None:
    run = supervise("victim: sh -c 'echo pid $$; exec sleep 60'")
    first = run.number_after("pid ")
    os.kill(first, signal.SIGKILL)
    assert "killed by signal 9" in run.line_with("victim")
    assert run.number_after("pid ") != first


def test_a_program_that_keeps_dying_is_started_ever_more_slowly(supervise: Callable[..., Run]) -> None:
    run = supervise("broken: sh -c 'exit 3'")
    delays = [run.line_with("ended with status 3").split()[-2] for _ in range(3)]
    assert delays == ["0.5", "1.0", "2.0"]


def test_what_a_dead_program_left_running_is_killed_before_it_starts_anew(
    supervise: Callable[..., Run],
) -> None:
    run = supervise("parent: sh -c 'sleep 60 & echo child $!; echo pid $$; wait'")
    child, parent = run.number_after("child "), run.number_after("pid ")
    os.kill(parent, signal.SIGKILL)
    run.number_after("pid ")
    assert not is_alive(child)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(supervise: Callable[..., Run], number: int) -> None:
    run = supervise("tidy: sh -c 'trap \"echo tidied; exit\" TERM; echo ready; while :; do sleep 0.1; done'")
    run.line_with("ready")
    assert run.stop(number) == 0
    run.line_with("tidied")
    run.line_with("all is stopped")


def test_nothing_is_left_behind_not_even_what_left_its_group(supervise: Callable[..., Run]) -> None:
    run = supervise(
        "family: sh -c 'sleep 60 & echo child $!; exec sleep 60'\n"
        "daemon: sh -c 'setsid sh -c \"echo escaped \\$\\$; exec sleep 60\" & exec sleep 60'"
    )
    pids = {}
    while len(pids) < 2:
        words = run.line_with("|").split()
        pids[words[-2]] = int(words[-1])
    assert run.stop() == 0
    assert not any(is_alive(pid) for pid in pids.values())


def test_a_stubborn_program_is_killed_after_the_grace(supervise: Callable[..., Run]) -> None:
    run = supervise("stubborn: sh -c 'trap \"\" TERM; echo pid $$; while :; do sleep 0.1; done'", grace=1)
    pid = run.number_after("pid ")
    started = time.monotonic()
    assert run.stop() == 0
    assert 1 <= time.monotonic() - started < 5
    assert not is_alive(pid)


def test_the_programs_stop_when_the_supervisor_itself_is_killed(supervise: Callable[..., Run]) -> None:
    run = supervise("one: sh -c 'echo pid $$; exec sleep 60'")
    pid = run.number_after("pid ")
    run.stop(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_address_is_printed_only_when_the_site_is_ready(
    supervise: Callable[..., Run], tmp_path: Path
) -> None:
    site = tmp_path / "site.py"
    site.write_text(
        "import http.server, os, sys\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        status = 200 if os.path.exists(sys.argv[2]) else 503\n"
        "        print('answered', self.path, status, flush=True)\n"
        "        self.send_response(status)\n"
        "        self.end_headers()\n"
        "    def log_message(self, *_):\n"
        "        pass\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()\n"
    )
    port, open_sign = free_port(), tmp_path / "open"
    run = supervise(f"web: {sys.executable} {site} {port} {open_sign}", port=port)
    seen = [run.line_with("") for _ in range(3)]
    assert seen == ["web | answered /readyz 503"] * 3
    open_sign.touch()
    assert run.line_with("Fanfare is ready") == f"Fanfare is ready: http://127.0.0.1:{port}/"


def test_an_embedded_postgresql_that_dies_is_started_again_and_outlives_the_supervisor(
    supervise: Callable[..., Run], var: Path
) -> None:
    embedded_postgres.ensure(var)
    server = embedded_postgres.Server(var)
    first = server.pid()
    assert first
    run = supervise("one: sleep 60", var=var)
    os.kill(first, signal.SIGKILL)
    run.line_with("PostgreSQL has ended")
    embedded_postgres.ensure(var)
    second = server.pid()
    assert second != first
    run.stop()
    assert server.pid() == second


@pytest.mark.django_db(transaction=True)
def test_a_cluster_of_this_host_is_silent_when_it_leaves_two_questions_unanswered() -> None:
    now = timezone.now()
    for cluster, host, answered in [
        ("default", heartbeats.HOST, 14),
        ("mail", heartbeats.HOST, 16),
        ("mail", "elsewhere", 1),
        ("default", "elsewhere", 60),
    ]:
        HeartbeatFactory(cluster=cluster, host=host, asked_at=now, at=now - timedelta(seconds=answered))
    assert supervisor.silent_clusters(where()) == {"mail"}


def test_no_cluster_is_silent_while_the_database_is_away(tmp_path: Path) -> None:
    assert supervisor.silent_clusters({"host": str(tmp_path)}) == set()


def where() -> dict[str, str]:
    """The database of this test, for psycopg."""
    parameters = connection.get_connection_params()
    return {
        name: str(parameters[name])
        for name in ("host", "port", "user", "dbname", "password")
        if name in parameters
    }


@pytest.mark.parametrize(
    ("up_for", "silent_for", "killed"), [(40, 12, True), (40, 8, False), (20, 12, False)]
)
def test_a_cluster_is_killed_whole_when_it_stays_silent(
    monkeypatch: pytest.MonkeyPatch, up_for: int, silent_for: int, killed: bool
) -> None:
    monkeypatch.setattr(supervisor, "silent_clusters", lambda database: {"mail"})
    mail = programs.Program("mail", "sh -c 'sleep 60 & wait'")
    watch = supervisor.Supervisor([mail], os.environ, database={"dbname": "any"})
    mail.start(os.environ)
    assert mail.process
    now = time.monotonic()
    mail.started_at, mail.silent_since = now - up_for, now - silent_for
    watch.look_after_database(now)
    if not killed:
        assert mail.process.poll() is None
        mail.kill()
    assert mail.process.wait(10) == -signal.SIGKILL
    mail.reap()


def test_a_busy_port_is_said_in_one_sentence_before_anything_starts() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "config.supervisor"],
            cwd=ROOT,
            env=os.environ | {"PORT": str(port), "MAIL_PORT": str(free_port())},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"Port {port} cannot be used (Address already in use)")


def test_both_ports_are_looked_at() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        port = busy.getsockname()[1]
        (sentence,) = supervisor.find_port_problems({"PORT": free_port(), "MAIL_PORT": port})
    assert f"MAIL_PORT={port + 100} make run" in sentence


def test_the_procfile_names_every_program_of_the_product() -> None:
    names = [program.name for program in programs.read_programs((ROOT / "Procfile").read_text())]
    assert names == ["front", "tills", "web", "default", "mail", "clock", "fold", "catcher"]
