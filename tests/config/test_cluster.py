"""`manage.py cluster`: what a kill of one of its processes leaves."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection
from django_q.models import Failure
from django_q.tasks import async_task, result

from campaigns import heartbeats
from campaigns.models import Heartbeat

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(90),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent"),
]
ROOT = Path(__file__).resolve().parent.parent.parent
PROCESSES = 1 + 2 + 1 + 1  # sentinel, workers, monitor, pusher


def children_of(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def family_of(pid: int) -> list[int]:
    """All living descendants of a process."""
    return [member for child in children_of(pid) for member in (child, *family_of(child))]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def cluster() -> Iterator[subprocess.Popen[bytes]]:
    at = connection.settings_dict
    url = f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    if at["HOST"].startswith("/"):  # a socket's folder
        url = f"postgres://{at['USER']}@/{at['HOST']}/{at['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "cluster", "default"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url},
    )
    try:
        eventually(lambda: len(family_of(process.pid)) == PROCESSES or process.poll() is not None)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_cluster_runs_the_tasks_of_its_queue_and_ends_in_order(cluster: subprocess.Popen[bytes]) -> None:
    family = family_of(cluster.pid)
    task = async_task("mailing.tasks.run_lane", 23, 0, cluster="default")  # of no connection
    assert result(task, wait=20_000) == 0
    refused = async_task("os.system", "exit 23", cluster="default")
    eventually(Failure.objects.exists)
    assert "not one of the tasks that may run here" in Failure.objects.get().result
    assert result(async_task("mailing.tasks.run_lane", 24, 0), wait=20_000) == 0, (
        f"{refused} ended the worker"
    )
    assert set(family) == set(family_of(cluster.pid))
    beat = Heartbeat.objects.get(cluster="default", host=heartbeats.HOST, process=cluster.pid)
    heartbeats.ask_clusters(beat.asked_at + heartbeats.ASK)
    eventually(lambda: Heartbeat.objects.filter(at__gt=beat.at).exists())
    cluster.terminate()
    assert cluster.wait(20) == 0
    assert not Heartbeat.objects.exists()
    assert not any(is_alive(pid) for pid in family)


@pytest.mark.parametrize("victim", ["main process", "sentinel"])
def test_a_killed_cluster_leaves_no_working_orphan(cluster: subprocess.Popen[bytes], victim: str) -> None:
    family = family_of(cluster.pid)
    os.kill(cluster.pid if victim == "main process" else children_of(cluster.pid)[0], signal.SIGKILL)
    eventually(lambda: not any(is_alive(pid) for pid in family), seconds=5)
    cluster.wait(10)
