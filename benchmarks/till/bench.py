"""A PostgreSQL of its own, a database for each set of rules, a server on one of them, and what sends to it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks import load
from benchmarks.till.shop import KEY
from config import embedded_postgres

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var" / "bench"
CONNECTIONS = load.CONNECTIONS

SEND = """
local bodies, requests, position, sent, threads = {}, {}, 0, 0, 0
function setup(thread) threads = threads + 1; thread:set("number", threads) end
function init(args)
  for line in io.lines(args[1]) do bodies[#bodies + 1] = line end
  headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. args[2]}
  unique = args[3]
  for i, body in ipairs(bodies) do requests[i] = wrk.format("POST", nil, headers, body) end
end
function request()
  position = position % #bodies + 1
  if not unique then return requests[position] end
  sent = sent + 1
  return wrk.format("PUT", "/pos/v1/sales/" .. unique .. "-" .. number .. "-" .. sent, headers, bodies[position])
end
"""


class Bench:
    """`folder`: for scripts and bodies. `seconds`: of each measurement."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        VAR.mkdir(parents=True, exist_ok=True)
        self.server = embedded_postgres.ensure(VAR)
        self.pids: list[int] = []  # of the server, and of the front where there is one
        self.script = folder / "send.lua"
        self.script.write_text(SEND + load.DONE)

    def environment(self, database: str) -> dict[str, str]:
        url = f"postgresql://{self.server['USER']}@/{database}?host={self.server['HOST']}&port={self.server['PORT']}"
        return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "benchmarks.till.settings"}

    def fill(self, database: str, rules: Path, budget: int = 0) -> dict[str, int]:
        """Make the database anew with the rules of a file in one campaign; the ids of its rows."""
        with psycopg.connect(
            host=self.server["HOST"],
            port=self.server["PORT"],
            user=self.server["USER"],
            dbname="postgres",
            autocommit=True,
        ) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {database}".encode())
        command: list[str | Path] = [sys.executable, "-m", "benchmarks.till.shop", rules, str(budget)]
        done = subprocess.run(
            command, env=self.environment(database), cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        ids: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
        return ids

    @contextmanager
    def serving(self, database: str, threads: int = 1) -> Iterator[str]:
        """Start a server with two workers of so many threads each; yield its address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen(serve(port, threads), env=self.environment(database), cwd=ROOT)
        self.pids.append(server.pid)
        try:
            while server.poll() is None:
                with socket.socket() as attempt:
                    if attempt.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=20)
            self.pids.remove(server.pid)

    @contextmanager
    def behind_front(self, address: str) -> Iterator[str]:
        """Start the front of `make run` before the server at `address`; yield its own address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        behind = address.removeprefix("http://")
        environment = os.environ | {"PORT": str(port), "TILLS": behind, "WEB": behind, "VAR_DIR": str(VAR)}
        command = [str(Path(sys.executable).with_name("caddy")), "run", "--config", "Caddyfile"]
        front = subprocess.Popen(
            [*command, "--adapter", "caddyfile"], env=environment, cwd=ROOT, stderr=subprocess.DEVNULL
        )
        self.pids.append(front.pid)
        try:
            while front.poll() is None:
                with socket.socket() as attempt:
                    if attempt.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            front.terminate()
            front.wait(timeout=20)
            self.pids.remove(front.pid)

    def send(
        self, address: str, bodies: Path, *, connections: int = CONNECTIONS, unique: str = ""
    ) -> dict[str, float]:
        """Run wrk on one address: `rate`, requests a second; `p50`, `p95`, milliseconds; `cpu`, µs a request.

        The CPU time is that of the server, the front before it and PostgreSQL, which a machine that does much else
        disturbs little.
        """
        before = self.cpu_seconds()
        found = load.run_wrk(
            self.script,
            address,
            self.seconds,
            bodies,
            KEY,
            *([unique] if unique else []),
            connections=connections,
        )
        found["cpu"] = (self.cpu_seconds() - before) / (found["rate"] * self.seconds) * 1e6
        return found

    def cpu_seconds(self) -> float:
        """Return what the server, the front and PostgreSQL have used so far, user and system."""
        parents, used = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(stat.parent.name)] = int(fields[1])
            used[int(stat.parent.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        roots = {*self.pids, embedded_postgres.Server(VAR).pid()}

        def belongs(pid: int) -> bool:
            while pid in parents and pid not in roots:
                pid = parents[pid]
            return pid in roots

        return sum(seconds for pid, seconds in used.items() if belongs(pid))

    def counts(self, database: str) -> tuple[int, int]:
        """Return how many sales and lines of the ledger there are."""
        with psycopg.connect(
            host=self.server["HOST"],
            port=self.server["PORT"],
            user=self.server["USER"],
            dbname=database,
        ) as connection:
            (row,) = connection.execute(
                "SELECT (SELECT count(*) FROM pos_sale), (SELECT count(*) FROM promotions_redemption)"
            )
        return row

    def pgbench(self, database: str, scripts: Sequence[str], values: dict[str, str]) -> dict[str, float]:
        """Measure transactions a second of bare SQL, prepared, over as many connections, each of a script at random.

        `scripts`: with :name for each of `values`. Their plans are those at which PostgreSQL arrives by itself for what
        is executed often, which each of the scripts is not.
        """
        command: list[str | Path] = [embedded_postgres.find_binary("pgbench"), "-n", "-M", "prepared"]
        command += ["-c", str(CONNECTIONS), "-j", "1", "-T", f"{self.seconds:.0f}"]
        command += ["-h", self.server["HOST"], "-p", self.server["PORT"], "-U", self.server["USER"]]
        for number, sql in enumerate(scripts):
            script = self.folder / f"bare_{number}.sql"
            script.write_text(sql)
            command += ["-f", script]
        command += [word for name, value in values.items() for word in ("-D", f"{name}={value}")]
        environment = os.environ | {"PGOPTIONS": "-c plan_cache_mode=force_generic_plan"}
        done = subprocess.run(
            [*command, database], env=environment, check=True, capture_output=True, text=True
        )
        (rate,) = re.findall(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
        return {"rate": float(rate)}


def serve(port: int, threads: int = 1) -> list[str]:
    """Return the command of a server with two workers. Sales wait for the disk, so they want another thread."""
    granian = str(Path(sys.executable).with_name("granian"))
    options = (
        f"--interface wsgi --workers 2 --blocking-threads {threads} --no-ws --workers-kill-timeout 5"
        f" --log-level error --port {port}"
    )
    return [granian, *options.split(), "config.wsgi:application"]
