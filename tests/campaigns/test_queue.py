"""What the queue runs: tasks of settings.TASKS, and nothing else however it got there."""

import ast
import base64
import os
import pickle
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import django_q.tasks
import pytest
from django.conf import settings
from django.core import serializers, signing
from django.db import connection
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import Failure, OrmQ, Schedule, Success, Task
from django_q.scheduler import scheduler
from django_q.signing import SignedPackage
from django_q.tasks import async_chain, async_iter, async_task

from campaigns import heartbeats
from campaigns.queue import DatabaseQueue
from campaigns.redis_queue import RedisQueue

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db
GOOD = "mailing.tasks.close"


def package(**changes):
    task = {
        "id": "a" * 32,
        "name": "good",
        "func": GOOD,
        "args": (1,),
        "kwargs": {},
        "started": timezone.now(),
    }
    return {name: value for name, value in (task | changes).items() if value is not ...}


class Opener:
    """A pickle that touches a file when it is read."""

    def __reduce__(self):
        return (os.system, ("touch /tmp/fanfare-was-taken-over",))


REFUSED = {
    "a command": package(func="os.system", args=("id",)),
    "our own function that is no task": package(func="campaigns.lifecycle.fire"),
    "another spelling": package(func=f" {GOOD}"),
    "a function": package(func=os.system),
    "a pickle that runs code": package(args=(Opener(),)),
    "a pickle that runs code as its function": package(func=Opener()),
    "a hook": package(hook="os.system"),
    "a chain": package(chain=[("os.system", ("id",))]),
    "in place": package(sync=True),
    "cached": package(cached=True),
    "an endless time": package(timeout=10**9),
    "no function": package(func=...),
    "no name": package(name=...),
    "no arguments": package(args=...),
    "arguments that are none": package(args=5),
    "no start": package(started=...),
    "a long id": package(id="a" * 33),
    "a NUL": package(func="os\0system"),
    "no task": ["os.system"],
}


@pytest.mark.parametrize("task", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_task_of_ours_is_a_failure_with_a_sentence_and_never_run(task):
    get_broker().enqueue(SignedPackage.dumps(task))
    async_task(GOOD, 7)
    taken = [get_broker().dequeue() for _ in range(2)]
    assert taken[0] == []
    ((_, payload),) = taken[1]
    assert SignedPackage.loads(payload)["args"] == (7,)
    assert not Path("/tmp/fanfare-was-taken-over").exists()
    failure = Failure.objects.get()
    assert failure.success is False
    assert re.search(r"was not run|cannot be read|holds no task", failure.result)
    assert OrmQ.objects.count() == 1  # the good one, until a worker acknowledges it


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "no signature",
        signing.dumps({"func": GOOD}, salt="another"),
        signing.dumps("not base64", key=Conf.SECRET_KEY, salt=Conf.PREFIX),
        SignedPackage.dumps(package())[:-1],
    ],
    ids=["empty", "no signature", "another salt", "no base64", "cut off"],  # a signature holds the time
)
def test_a_package_that_is_not_ours_is_put_aside(payload):
    get_broker().enqueue(payload)
    assert get_broker().dequeue() == []
    assert "cannot be read" in Failure.objects.get().result
    assert not OrmQ.objects.exists()


class Toucher:
    """A pickle that makes a file when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.fixture
def hostile_tasks(tmp_path):
    """A task that went well and one that failed, written by somebody who can write django-q2's table alone."""
    touched = tmp_path / "taken over"
    hostile = base64.b64encode(pickle.dumps((Toucher(touched),))).decode()
    now = timezone.now()
    for number, succeeded in enumerate([True, False]):
        Task.objects.create(
            id=f"{number:032}", name=f"task {number}", func=GOOD, started=now, stopped=now, success=succeeded
        )
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_q_task SET args = %s, kwargs = %s, result = %s", [hostile] * 3)
    return touched


def test_a_stored_pickle_runs_no_code_wherever_it_is_read(hostile_tasks, admin_client):
    for task in Task.objects.all():
        assert "which is not plain data" in task.args
    list(Task.objects.values_list("args", "kwargs", "result"))
    django_q.tasks.result("0" * 32)
    django_q.tasks.fetch("task 0")
    serializers.serialize("json", Task.objects.all())
    for kind, pk in {"success": f"{0:032}", "failure": f"{1:032}"}.items():
        assert admin_client.get(f"/admin/django_q/{kind}/").status_code == 200
        page = admin_client.get(f"/admin/django_q/{kind}/{pk}/change/").content.decode()
        assert "which is not plain data" in page
    retry = {"action": "retry", "_selected_action": [f"{1:032}"]}
    page = admin_client.post("/admin/django_q/failure/", retry, follow=True).content.decode()
    assert "cannot be read" in page
    assert not OrmQ.objects.exists()
    assert admin_client.get(f"/admin/django_q/failure/{1:032}/delete/").status_code == 200
    assert not hostile_tasks.exists()


@pytest.mark.parametrize("name", ["args", "kwargs", "result"])
def test_a_stored_pickle_that_is_none_is_shown_as_it_stands(name, admin_client):
    now = timezone.now()
    task = Task.objects.create(id="b" * 32, name="odd", func=GOOD, started=now, stopped=now, success=False)
    with connection.cursor() as cursor:
        for value in ("", "no base64 at all", base64.b64encode(b"\x80\x05cut off").decode(), "AAAA"):
            cursor.execute(f"UPDATE django_q_task SET {name} = %s", [value])
            assert admin_client.get(f"/admin/django_q/failure/{task.pk}/change/").status_code == 200
            assert admin_client.get("/admin/django_q/failure/").status_code == 200


def test_arguments_and_results_of_our_tasks_are_read_as_they_were():
    now = timezone.now()
    values = {
        "args": (1, "a", [2.5, None]),
        "kwargs": {"at": now},
        "result": {"works": True, "sentence": "ß"},
    }
    Task.objects.create(id="c" * 32, name="ours", func=GOOD, started=now, stopped=now, **values)
    task = Task.objects.get()
    assert {name: getattr(task, name) for name in values} == values


def test_a_task_with_plain_arguments_of_every_kind_is_handed_out():
    arguments = (1, "a", [2.5, None, True], {"b": b"c"}, timezone.now())
    async_task(GOOD, *arguments, group="g", cluster="default", save=False)
    ((_, payload),) = get_broker().dequeue()
    assert SignedPackage.loads(payload)["args"] == arguments
    assert not Failure.objects.exists()


def test_the_line_of_a_host_is_no_way_around():
    async_task("os.system", "id", cluster="mail@one")
    broker = heartbeats.ClusterBroker(get_broker("mail"), get_broker("mail@one"))
    assert broker.dequeue() == []
    assert Failure.objects.get().func == "os.system"


@pytest.mark.parametrize(
    "fields",
    [
        {"func": "os.system", "args": "'id'"},
        {"func": GOOD, "args": "1", "hook": "os.system"},
        {"func": GOOD, "args": "1", "kwargs": "{'q_options': {'hook': 'os.system'}}"},
        {"func": "tests.campaigns.test_queue.take_over", "kwargs": "{'q_options': {'sync': True}}"},
        {"func": "os.system", "args": "'id'", "kwargs": "{'q_options': {'chain': [('os.system', ('id',))]}}"},
    ],
)
def test_a_schedule_runs_nothing_else_and_stops_no_other(fields, monkeypatch):
    # the test's own among them
    monkeypatch.setattr("django_q.scheduler.close_old_django_connections", lambda: None)
    Schedule.objects.all().delete()
    Schedule.objects.create(**fields, next_run=timezone.now() - timedelta(minutes=2))
    Schedule.objects.create(func="campaigns.clock.tick", next_run=timezone.now() - timedelta(minutes=1))
    scheduler(get_broker())
    handed_out = [task for _ in range(2) for task in get_broker().dequeue() or []]
    assert [SignedPackage.loads(payload)["func"] for _, payload in handed_out] == ["campaigns.clock.tick"]
    assert "was not run" in Failure.objects.get().result
    assert not Success.objects.exists()


def take_over():
    raise AssertionError("this ran")


def test_chains_and_groups_are_no_way_around():
    async_chain([("os.system", ("id",))])
    async_iter("os.system", [1])
    assert [get_broker().dequeue() for _ in range(2)] == [[], []]
    assert Task.objects.filter(success=False).count() == 2


def test_redis_and_postgresql_hand_out_by_the_same_rule():
    assert isinstance(get_broker(), DatabaseQueue)
    assert DatabaseQueue.dequeue is RedisQueue.dequeue


def test_every_task_that_the_product_queues_is_on_the_list_and_there():
    queued = set()
    for path in ROOT.glob("*/**/*.py"):
        if path.relative_to(ROOT).parts[0] in ("campaigns", "promotions", "pos", "mailing", "demo"):
            queued |= {
                node.value
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"\w+\.tasks\.\w+", node.value)
            }
    assert queued <= set(settings.TASKS)
    assert all(callable(import_string(name)) for name in settings.TASKS)


@pytest.mark.django_db(transaction=True)
def test_a_cluster_whose_connection_is_lost_takes_the_next_task():
    get_broker().enqueue(SignedPackage.dumps(package()))
    connection.connection.close()
    ((key, _),) = get_broker().dequeue()
    assert get_broker().dequeue() is None  # it is taken, and not before its time is over taken again
    get_broker().acknowledge(key)
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize("hours", [-1, 1], ids=["behind", "ahead"])
def test_a_cluster_on_a_machine_with_a_wrong_clock_sees_what_waits_for_its_host(hours, monkeypatch):
    """Else it answers no question of the clock, counts as silent, and is started anew for ever."""
    wrong = SimpleNamespace(now=lambda: timezone.now() + timedelta(hours=hours))
    monkeypatch.setattr("django_q.brokers.orm.timezone", wrong)
    async_task("campaigns.tasks.heartbeat", "mail", "one", cluster="mail@one")
    own = get_broker("mail@one")
    assert (own.queue_size(), own.lock_size()) == (1, 0)
    broker = heartbeats.ClusterBroker(get_broker("mail"), own)
    assert len(broker.dequeue()) == 1
    assert (own.queue_size(), own.lock_size()) == (0, 1)


@pytest.mark.parametrize("days", [-400, 400], ids=["behind", "ahead"])
def test_a_schedule_is_due_by_the_clock_of_the_database(days, monkeypatch):
    """By that of a machine a year ahead it would be due for nobody until the year is over."""
    right = timezone.now
    monkeypatch.setattr("django_q.scheduler.close_old_django_connections", lambda: None)
    monkeypatch.setattr("django.utils.timezone.now", lambda: right() + timedelta(days=days))
    Schedule.objects.update(next_run=right() - timedelta(seconds=5))
    scheduler(get_broker())
    assert [SignedPackage.loads(row.payload)["func"] for row in OrmQ.objects.all()] == [
        "campaigns.clock.tick"
    ]
    assert abs(Schedule.objects.get().next_run - right()) < timedelta(minutes=2)
