"""The queue in Redis: a cluster takes tasks from a real server, refuses others, and outlives a Redis that is away."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection
from django_q.conf import Conf
from django_q.models import Failure, Success
from django_q.tasks import async_task

from campaigns import health, heartbeats
from campaigns.models import Heartbeat
from campaigns.redis_queue import RedisQueue
from mailing import importing
from tests.config.fronts import find_free_port
from tests.config.test_cluster import PROCESSES, ROOT, eventually, family_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]


class RedisServer:
    """A Redis of the test's own, that can go and come back with what it held."""

    def __init__(self, folder):
        self.port = find_free_port()
        self.folder = folder
        self.process = None

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes",
             "--dir", str(self.folder), "--loglevel", "warning"],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        eventually(self.answers)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def answers(self):
        try:
            return RedisQueue("probe").ping()
        except Exception:  # noqa: BLE001  not up yet
            return False


@pytest.fixture
def redis(tmp_path, monkeypatch):
    pytest.importorskip("redis")
    server = RedisServer(tmp_path)
    monkeypatch.setattr(Conf, "REDIS", server.url)
    monkeypatch.setattr(Conf, "BROKER_CLASS", "campaigns.redis_queue.RedisQueue")
    server.start()
    yield server
    server.process.kill()
    server.process.wait()


@pytest.fixture
def cluster(redis):
    at = connection.settings_dict
    url = f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    if at["HOST"].startswith("/"):  # a socket's folder
        url = f"postgres://{at['USER']}@/{at['HOST']}/{at['NAME']}"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "cluster", "default"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "REDIS_URL": redis.url},
    )
    try:
        eventually(lambda: len(family_of(process.pid)) == PROCESSES or process.poll() is not None)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait()


def assert_page_says_so(client):
    """What a page does is written, and its answer tells that it waits for the queue."""
    upload = importing.receive_contacts(io.BytesIO(b"email\na@x.test\n"))
    started = time.monotonic()
    response = client.post(f"/imports/{upload.pk}/columns/", {"column_0": "email"})
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "The task queue is not available" in response.content.decode()
    assert time.monotonic() - started < 10
    upload.refresh_from_db()
    assert upload.status == "running"


def test_a_silent_redis_keeps_nobody_waiting(redis, client, marketer, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    client.raise_request_exception = False
    redis.process.send_signal(signal.SIGSTOP)
    try:
        assert_page_says_so(client)
    finally:
        redis.process.send_signal(signal.SIGCONT)


def test_a_cluster_works_from_redis_and_goes_on_when_redis_was_away(
    redis, cluster, client, marketer, settings, tmp_path
):
    settings.VAR_DIR = tmp_path
    client.raise_request_exception = False

    def has_run(task):
        return Success.objects.filter(pk=task).exists()

    def queue():
        return async_task("mailing.tasks.run_lane", 23, 0, cluster="default")  # of no connection

    first = queue()
    eventually(lambda: has_run(first))
    async_task("os.system", "exit 23", cluster="default")
    eventually(Failure.objects.exists)
    assert "not one of the tasks that may run here" in Failure.objects.get().result

    beat = Heartbeat.objects.get(cluster="default", host=heartbeats.HOST)
    heartbeats.ask_clusters(beat.asked_at + heartbeats.ASK)
    eventually(lambda: Heartbeat.objects.filter(at__gt=beat.at).exists())

    redis.stop()
    assert any("The queue cannot be reached" in said for said in health.list_problems())
    assert_page_says_so(client)
    time.sleep(1)
    redis.start()
    assert health.list_problems() == []
    second = queue()
    eventually(lambda: has_run(second))

    cluster.terminate()
    assert cluster.wait(20) == 0
    assert not Heartbeat.objects.exists()
