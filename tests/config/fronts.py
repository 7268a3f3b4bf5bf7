"""The product as strangers reach it: front, tills and page server of a Procfile, on the database of the test."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from config import programs
from tests.pos.servers import ROOT, call
from tests.waiting import wait_for

SERVERS = ("front", "tills", "web")
SECRET_KEY = "of-a-front-in-a-test-which-is-long-enough-for-django"


class Ports(dict[str, int]):
    """The ports by their names. `restart_front` kills the front and starts it anew, as the supervisor would."""

    restart_front: Callable[[], None]


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve_behind_front(
    environment: Mapping[str, str], procfile: str = "Procfile", deadlines: Mapping[str, str] | None = None
) -> Iterator[Ports]:
    """Run those programs; gives the ports: PORT, and TILL_PORT, HTTP_PORT and HTTPS_PORT of deploy/Procfile.

    Args:
        deadlines: what to put in the place of lines of deploy/limits.caddy.
    """
    ports = Ports({name: find_free_port() for name in ("PORT", "TILL_PORT", "HTTP_PORT", "HTTPS_PORT")})
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fanfare-front-", dir="/tmp"))
        public = f"https://localhost:{ports['HTTPS_PORT']}" if procfile != "Procfile" else ""
        variables = {name: str(port) for name, port in ports.items()} | {
            "SOCKETS": folder,
            "VAR_DIR": folder,
            "PUBLIC_URL": public or f"http://127.0.0.1:{ports['PORT']}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "SECRET_KEY": SECRET_KEY,
            "ENCRYPTION_KEYS": "m0t0h0a9zT2p8yqk1mYk3Y0cXn0oI6mJ0l0y3nHk5Ys=",
        }
        for program in programs.read_programs((ROOT / procfile).read_text()):
            command = program.command
            if program.name == "front" and deadlines:
                command = command.replace("--config ", f"--config {copy_front(Path(folder), deadlines)}/")
            if program.name in SERVERS:
                process = stack.enter_context(run_program(command, {**environment, **variables}))
            if program.name == "front":
                front, front_command = process, command

        def is_up() -> bool:
            return (answer := call(ports["PORT"], "GET", "/healthz")) is not None and answer[0] == 200

        def restart_front() -> None:
            front.kill()
            front.wait(timeout=20)
            stack.enter_context(run_program(front_command, {**environment, **variables}))
            wait_for(is_up)

        ports.restart_front = restart_front
        wait_for(is_up)
        if procfile == "Procfile":  # the tills come up by themselves
            wait_for(
                lambda: (
                    (answer := call(ports["PORT"], "GET", "/pos/v1/rules")) is not None and answer[0] == 401
                )
            )
        else:
            wait_for(lambda: call(ports["TILL_PORT"], "GET", "/healthz") is not None)
            wait_for(lambda: can_connect(ports["HTTPS_PORT"]))
        yield ports


def copy_front(folder: Path, deadlines: Mapping[str, str]) -> Path:
    """Copy the configuration of the front with other deadlines."""
    copy = folder / "front"
    shutil.copytree(ROOT / "deploy", copy / "deploy")
    shutil.copy(ROOT / "Caddyfile", copy)
    limits = copy / "deploy" / "limits.caddy"
    text = limits.read_text()
    for line, other in deadlines.items():
        assert text.count(line) == 1, line
        text = text.replace(line, other)
    limits.write_text(text)
    return copy


@contextmanager
def run_program(command: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True
