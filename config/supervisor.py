"""The supervisor of `make run`: starts what the Procfile names, keeps it running, and stops all of it.

A program that ends is started anew, after a delay that grows while it keeps ending. The same holds for a queue cluster
that runs no task any more, and for the embedded PostgreSQL. Ctrl-C, SIGTERM or SIGHUP stops everything: each program
has GRACE_SECONDS after its SIGTERM, then it and all its children are killed. No process stays behind, not even of a
program that was killed or that put a process into the background: each is a process group, and the supervisor adopts
orphans.

Everything runs in one thread and one loop, since no second thread may run between fork and exec.
"""

import argparse
import contextlib
import http.client
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg

from campaigns.processes import adopt_orphans
from config import embedded_postgres, environment, private_files
from config.programs import STEADY, Program, read_programs

ROOT = Path(__file__).resolve().parent.parent
VAR = environment.var_dir(ROOT)
GRACE_SECONDS = 15.0  # seconds between SIGTERM and SIGKILL
FRONT = "front"  # the program that strangers reach: it is stopped first
FRONT_GRACE_SECONDS = 6.0  # seconds that it has for the requests under way, which need the others
PAUSE = 2.0  # seconds between two looks at the database
MOMENT = 0.2  # seconds
SILENT_SECONDS = (
    10.0  # seconds for which a cluster must be found silent: after an outage it has that long to answer
)

# The clock asks each cluster every 10 s: two questions in a row went unanswered, as in campaigns.models.heartbeat.
SILENT_CLUSTERS = (
    "SELECT cluster FROM campaigns_heartbeat WHERE host = %s AND asked_at - at > interval '15 s'"
)


class Supervisor:
    """Runs programs until it is told to stop.

    Args:
        programs: what to run; a queue cluster's is named like the cluster.
        variables: their environment.
        database: how to reach the database, for psycopg; None for none.
        embedded: the embedded PostgreSQL to keep running, if any.
        port: where the site answers on 127.0.0.1; 0 for no site.
        greeting: a command that prints what to know once the site is ready.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        variables: Mapping[str, str],
        *,
        database: Mapping[str, str] | None = None,
        embedded: embedded_postgres.Server | None = None,
        port: int = 0,
        greeting: Sequence[str] = (),
    ) -> None:
        self.programs = programs
        self.variables = variables
        self.database = database
        self.embedded = embedded
        self.port = port
        self.greeting = greeting
        self.greeted = not port
        self.look_at = self.ask_at = 0.0
        self.told_to_stop = False
        self.width = max(len(program.name) for program in programs)
        self.woken: socket.socket | None = None  # gets a byte for each signal while the programs run

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.stop)
        # only a signal with a handler ends the wait for output
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.woken, waking = socket.socketpair()
        with self.woken, waking:
            self.woken.setblocking(False)
            waking.setblocking(False)
            signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
            adopt_orphans()
            while not self.told_to_stop:
                self.take_turn()
            self.end()
            signal.set_wakeup_fd(-1)

    def take_turn(self) -> None:
        """Start what is to start, look after the database when it is time, and watch the programs for a moment."""
        now = time.monotonic()
        for program in self.programs:
            if not program.process and now >= program.start_at:
                program.start(self.variables)
        if now >= self.look_at:
            self.look_after_database(now)
            self.look_at = time.monotonic() + PAUSE
        if not self.greeted and now >= self.ask_at:
            self.announce_when_ready()
            self.ask_at = time.monotonic() + 0.5
        self.watch_programs()

    def stop(self, *_: object) -> None:
        """Make `run` end. It is also a signal handler, and may be called again."""
        self.told_to_stop = True

    def watch_programs(self) -> None:
        """Wait for output or a signal, pass on what the programs printed, and note which have ended."""
        with selectors.DefaultSelector() as pipes:
            if self.woken:
                pipes.register(self.woken, selectors.EVENT_READ)
            for program in self.programs:
                if program.process and program.process.stdout and not program.process.stdout.closed:
                    pipes.register(program.process.stdout, selectors.EVENT_READ)
            pipes.select(timeout=self.find_patience())
        if self.woken:
            with contextlib.suppress(BlockingIOError):
                self.woken.recv(4096)
        for program in self.programs:
            status = program.process.poll() if program.process else None
            for line in program.lines():
                self.say(program.name, line)
            if status is not None:
                program.reap()
                if not self.told_to_stop:
                    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
                    self.say(
                        program.name, f"{how}; it starts again in {program.start_at - time.monotonic():.1f} s"
                    )
        self.reap_orphans()

    def find_patience(self) -> float:
        """Return how many seconds to wait at most: a moment while something starts or ends."""
        is_steady = (
            self.greeted and not self.told_to_stop and all(program.process for program in self.programs)
        )
        return PAUSE / 2 if is_steady else MOMENT

    def end(self) -> None:
        self.end_front()
        for program in self.programs:
            program.ask_to_end()
        kill_at = time.monotonic() + GRACE_SECONDS
        while any(program.process for program in self.programs):
            if time.monotonic() > kill_at:
                for program in self.programs:
                    program.kill()
            self.watch_programs()
        while orphans := self.orphans():
            for pid in orphans:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
            self.reap_orphans()

    def end_front(self) -> None:
        """Stop the front first, so that requests under way are answered while the other programs still run."""
        fronts = [program for program in self.programs if program.name == FRONT]
        for front in fronts:
            front.ask_to_end()
        go_on_at = time.monotonic() + FRONT_GRACE_SECONDS
        while any(front.process for front in fronts) and time.monotonic() < go_on_at:
            self.watch_programs()

    def orphans(self) -> list[int]:
        """List the adopted children, whose own parent has ended, without the embedded PostgreSQL."""
        children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
        if not children.exists():  # another system than Linux: nobody is adopted there
            return []
        ours = {program.process.pid for program in self.programs if program.process}
        ours |= {self.embedded.pid() or 0} if self.embedded else set()
        return [pid for pid in map(int, children.read_text().split()) if pid not in ours]

    def reap_orphans(self) -> None:
        for pid in self.orphans():
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def look_after_database(self, now: float) -> None:
        """Restart the embedded PostgreSQL if it died, and kill the clusters that run no task any more."""
        if self.embedded and self.embedded.pid() is None:
            self.say("", "PostgreSQL has ended; it is started again")
            try:
                self.embedded.start()
            except embedded_postgres.Unavailable as why:
                self.say("", str(why))
        silent = silent_clusters(self.database) if self.database else set()
        for program in self.programs:
            if program.name not in silent:
                program.silent_since = None
            elif program.silent_since is None:
                program.silent_since = now
            elif now - program.silent_since > SILENT_SECONDS and now - program.started_at > STEADY:
                self.say(program.name, "runs no task any more; it is killed")
                program.kill()

    def announce_when_ready(self) -> None:
        if not is_ready(self.port):
            return
        self.greeted = True
        print(f"\nFanfare is ready: http://127.0.0.1:{self.port}/", flush=True)
        if self.greeting:
            subprocess.run(self.greeting, stdin=subprocess.DEVNULL, start_new_session=True, check=False)
        print("Ctrl-C stops it.\n", flush=True)

    def say(self, name: str, line: str) -> None:
        try:
            print(f"{name:<{self.width}} | {line}", flush=True)
        except BrokenPipeError:  # whoever reads is gone, as in `make run | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.stop()


def silent_clusters(database: Mapping[str, str]) -> set[str]:
    """Return the clusters of this host that do not answer; none while the database is away, since none can answer."""
    try:
        with psycopg.connect(**database, connect_timeout=2) as connection:  # type: ignore[arg-type]
            return {cluster for (cluster,) in connection.execute(SILENT_CLUSTERS, [socket.gethostname()])}
    except psycopg.Error:
        return set()


def is_ready(port: int) -> bool:
    """Return whether the site on this port says that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def find_port_problems(ports: Mapping[str, int]) -> list[str]:
    """Return a sentence for each port, by the variable that sets it, that cannot be opened on 127.0.0.1."""
    sentences = []
    for variable, port in ports.items():
        with socket.socket() as probe:
            # without it a port that was closed a moment ago would count as taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                sentences.append(
                    f"Port {port} cannot be used ({error.strerror}): stop what uses it, or choose another, "
                    f"as in `{variable}={port + 100} make run`."
                )
    return sentences


def make_socket_folder(var: Path, port: int) -> Path:
    """Make a folder that only this user may enter, for the sockets of the run on `port`.

    Under var/, unless that path is too long for a socket.
    """
    folder = var / "sockets" / str(port)
    if len(os.fsencode(folder / "tills")) > embedded_postgres.SOCKET_PATH_LIMIT:
        return Path(tempfile.mkdtemp(prefix="fanfare-", dir="/tmp"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def give_to_owner() -> None:
    """Give the files that root's programs made under var/ to the owner of the project, who may run it next."""
    owner = ROOT.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for path in VAR.rglob("*"):
        if not path.is_relative_to(VAR / "postgres"):  # it handles its own files, which come and go
            with contextlib.suppress(FileNotFoundError):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def main() -> int:
    """Run the programs of the Procfile until told to stop; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m config.supervisor", description="Run the Procfile's programs."
    )
    parser.add_argument("--procfile", type=Path, default=ROOT / "Procfile", help="default: the project's")
    parser.add_argument(
        "--logins", action="store_true", help="print the demo's logins when the site is ready"
    )
    parser.add_argument("--check-ports", action="store_true", help="only say whether the ports can be used")
    options = parser.parse_args()
    programs = read_programs(options.procfile.read_text())
    try:
        port = environment.port("PORT", 8000)
        mail_port = environment.port("MAIL_PORT", port + 25)
        ports = {"web": ("PORT", port), "catcher": ("MAIL_PORT", mail_port)}
        if sentences := find_port_problems(
            dict(ports[program.name] for program in programs if program.name in ports)
        ):
            print("\n".join(sentences), file=sys.stderr)
            return 1
        if options.check_ports:
            return 0
        described = environment.database("DATABASE_URL")
        embedded = None if described else embedded_postgres.Server(VAR)
        described = described or embedded_postgres.ensure(VAR)
    except (environment.Unusable, embedded_postgres.Unavailable) as why:
        print(why, file=sys.stderr)
        return 1
    give_to_owner()  # what a run that was killed has left
    private_files.close_to_others(VAR)
    names = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    variables = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PORT": str(port),
        "MAIL_PORT": str(mail_port),
        "PUBLIC_URL": environment.url("PUBLIC_URL", f"http://127.0.0.1:{port}"),
        "VAR_DIR": str(VAR),
        "SOCKETS": str(make_socket_folder(VAR, port)),
        "PYTHONUNBUFFERED": "1",
    }
    Supervisor(
        programs,
        variables,
        database={key: str(described[name]) for name, key in names.items() if described.get(name)},
        embedded=embedded,
        port=port,
        greeting=[sys.executable, "manage.py", "demo", "--logins", "--skip-checks"] if options.logins else [],
    ).run()
    give_to_owner()
    if embedded:
        stopped = embedded.stop(if_idle=True)
        print("PostgreSQL is stopped." if stopped else "PostgreSQL keeps running: others use it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
