"""Other senders, run beside ours: the programs of a folder of peers, against the same PostgreSQL and the same sink.

The folder has its own environment (`install.sh` makes it) with a bare reference pipeline (`e2e_worker.py`: claim,
spliced message, SMTP, result; no retries, limits, suppressions or figures), django-post_office, and Postfix's
smtp-source. What it lacks is left out, and said.
"""

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path

import msgspec
import psycopg

from benchmarks.mailing import rig
from benchmarks.mailing.sinks import Sink
from config import embedded_postgres

DATABASE = "fanfare_bench_peers"
MESSAGE = 12_500  # bytes of the campaign's message on the wire
LOAD = """
import json, sys, psycopg
from lib import pgschema
with psycopg.connect(sys.argv[1]) as connection:
    pgschema.ddl(connection)
    pgschema.load_subscribers(connection, int(sys.argv[2]))
"""
LAUNCH = """
import sys, psycopg
from lib import pgschema
with psycopg.connect(sys.argv[1]) as connection:
    pgschema.launch(connection, int(sys.argv[2]), design=sys.argv[3])
"""
# Tuned as its makers advise for bulk: large batches, more threads, no log line a message.
TUNED = {"PO_BATCH": "1000", "PO_THREADS": "10", "PO_LOG": "0"}


class Measured(msgspec.Struct, frozen=True):
    """rate: messages a second. The others are CPU microseconds a message; peak: MB of the largest process."""

    rate: float
    workers: float
    postgres: float
    sink: float
    peak: float = 0.0


class Missing(Exception):
    """A peer is not installed. `str()` says which."""


class Peers:
    """The peers in `folder`, sending `messages` messages each, with databases of their own on the server `postgres`."""

    def __init__(self, folder: Path, postgres: embedded_postgres.Server, messages: int) -> None:
        self.folder, self.messages = folder, messages
        self.faultsink = folder / "sink/faultsink"
        self._python = folder / "venv/bin/python"
        for program in (self._python, self.faultsink):
            if not program.exists():
                raise Missing(f"{program} does not exist: run install.sh there first.")
        self._postgres = postgres
        host = str(postgres.socket_folder)
        self._dsn = f"postgresql://{embedded_postgres.NAME}@/{DATABASE}?host={host}"
        self._environment = os.environ | {
            "PYTHONPATH": str(folder),
            "DJANGO_SETTINGS_MODULE": "peers.settings",
            "PEERS_PGHOST": host,
        }
        (folder / "run").mkdir(exist_ok=True)
        with postgres.connect(embedded_postgres.NAME) as admin:
            admin.autocommit = True
            for name in (DATABASE, "peers"):  # the second is what the folder's settings call it
                admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                admin.execute(f"CREATE DATABASE {name}")
            with contextlib.suppress(psycopg.errors.DuplicateObject):
                admin.execute("CREATE ROLE postgres LOGIN SUPERUSER")  # and whom they log in as
        self._run("-c", LOAD, self._dsn, str(messages))
        self._run("-m", "peers.run", "setup")

    def reference(
        self, sink: Sink, *, driver: str, design: str = "chunk", connections: int = 10, window: int = 200
    ) -> Measured:
        """Return two processes of the bare pipeline, `connections` each."""
        self._run("-c", LAUNCH, self._dsn, str(self.messages), design)
        command = [
            *(str(self._python), "e2e_worker.py", self._dsn, str(sink.port), "batch=greedy", "mode=chain"),
            *(f"driver={driver}", f"design={design}", f"conns={connections}", f"window={window}"),
        ]
        meter = Meter(sink, self._postgres)
        started = [
            subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, env=self._environment)
            for _ in range(2)
        ]
        told = [json.loads(process.communicate()[0]) for process in started]
        return meter.measure(
            self.messages,
            seconds=max(each["wall"] for each in told),
            workers=sum(each["cpu"] for each in told),
            peak=max(each["maxrss_mb"] for each in told),
        )

    def post_office(self, sink: Sink, messages: int) -> Measured:
        """Measure django-post_office with two processes of ten threads, from when all is queued."""
        environment = {**TUNED, "SINK_PORT": str(sink.port)}
        self._run("-m", "peers.run", "queue", "post_office", str(messages), "many", **environment)
        for lock in (self.folder / "run").glob("po_lock*"):
            lock.unlink()
        meter = Meter(sink, self._postgres)
        told = json.loads(self._run("-m", "peers.run", "send", "post_office", "2", **environment))
        if told["sent"] != messages:
            raise SystemExit(f"django-post_office sent {told['sent']} of {messages}.")
        return meter.measure(messages, seconds=told["wall"], workers=told["cpu"])

    def smtp_source(self, sink: Sink, sessions: int = 50) -> Measured:
        """Measure Postfix's own source of mail, in C: no database, no content, no pipelining.

        Raises:
            Missing: it is not installed.
        """
        program = self.folder / "postfix/usr/sbin/smtp-source"
        if not program.exists():
            raise Missing("smtp-source is not installed.")
        libraries = {"LD_LIBRARY_PATH": str(self.folder / "postfix/usr/lib/postfix")}
        command = [
            *(str(program), "-d", "-N", "-s", str(sessions), "-l", str(MESSAGE), "-m", str(self.messages)),
            *("-f", "shop@example.test", "-t", "reader@example.test", f"127.0.0.1:{sink.port}"),
        ]
        meter, begun = Meter(sink, self._postgres), time.monotonic()
        subprocess.run(command, env=os.environ | libraries, check=True)
        return meter.measure(self.messages, seconds=time.monotonic() - begun)

    def _run(self, *arguments: str, **environment: str) -> str:
        done = subprocess.run(
            [str(self._python), *arguments],
            cwd=self.folder,
            env=self._environment | environment,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        return done.stdout


class Meter:
    """What a run costs from now on."""

    def __init__(self, sink: Sink, postgres: embedded_postgres.Server) -> None:
        self._sink, self._postgres = sink, postgres
        self._before = sink.cpu, rig.postgres_cpu(postgres), _children()

    def measure(
        self, messages: int, *, seconds: float, workers: float | None = None, peak: float = 0.0
    ) -> Measured:
        """workers: CPU seconds; None: those of the children that have ended since."""
        sink, postgres, children = self._before
        spent = _children() - children if workers is None else workers
        return Measured(
            rate=messages / seconds,
            workers=1e6 * spent / messages,
            postgres=1e6 * (rig.postgres_cpu(self._postgres) - postgres) / messages,
            sink=1e6 * (self._sink.cpu - sink) / messages,
            peak=peak,
        )


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system
