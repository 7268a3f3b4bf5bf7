"""The server of the tills stops at once when it is told to, also while its workers load."""

import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def read_children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def has_begun_to_load(pid: int) -> bool:
    """Return whether a worker is past the first lines of config.wsgi: Django's libraries come after them."""
    return "psycopg" in Path(f"/proc/{pid}/maps").read_text()


def test_workers_that_are_still_loading_stop_at_once(tmp_path):
    """They were killed after ten seconds: the signal came before they listened to it."""
    granian = Path(sys.executable).with_name("granian")
    words = ["--interface", "wsgi", "--uds", str(tmp_path / "tills"), "--workers", "1", "--no-ws"]
    command = [str(granian), *words, "--workers-kill-timeout", "60", "config.wsgi:application"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        killer = threading.Timer(100, process.kill)
        killer.start()
        try:
            while not any(has_begun_to_load(child) for child in read_children(process.pid)):
                assert process.poll() is None
                time.sleep(0.005)
            told = time.monotonic()
            process.terminate()
            printed = process.communicate()[0]
        finally:
            killer.cancel()
    assert time.monotonic() - told < 30
    assert "refused to gracefully stop" not in printed
