"""The product's web server as a process of its own, with two workers as `make run` has them."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def environment_of_test_database(**more: str) -> dict[str, str]:
    """The environment of a process that works on the database of the running test."""
    known = connection.settings_dict
    url = f"postgresql://{known['USER']}:{known['PASSWORD']}@/{known['NAME']}?host={known['HOST']}"
    if known["PORT"]:
        url += f"&port={known['PORT']}"
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"} | more


@contextmanager
def serve(environment: Mapping[str, str], *words: str) -> Iterator[int]:
    """The port of a granian that answers. `words`: more for its command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--workers", "2"]
    command += ["--blocking-threads", "2", "--no-ws", "--workers-kill-timeout", "5", *words]
    command += ["--port", f"{port}", "--log-level", "critical", "config.wsgi:application"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        while call(port, "GET", "/healthz") is None:
            assert server.poll() is None
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        try:
            server.wait(timeout=30)
        finally:
            server.kill()


def call(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str = "",
    client: http.client.HTTPConnection | None = None,
) -> tuple[int, Mapping[str, str], bytes] | None:
    """(status, headers, body) of one request, over a connection of its own or over `client`; None without an answer."""
    used = client or http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        used.request(method, path, None if body is None else json.dumps(body), headers)
        answer = used.getresponse()
        return answer.status, answer.headers, answer.read()
    except (ConnectionError, http.client.HTTPException):
        used.close()
        return None
    finally:
        if client is None:
            used.close()
