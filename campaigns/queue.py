"""Decides which tasks the queue may run, before a worker sees them.

django-q2 runs whatever function a package names, also the hook after it and the chain behind it. Here a package is read
when it leaves the queue, however it got there: one that names anything but a task of settings.TASKS is recorded as a
failure with the reason and is gone. (Its signal `pre_execute` is sent outside of the worker's try: raising there would
end the worker.) Packages are pickles: only plain data is taken from them, never a class or a function. So are the
arguments and results of tasks that have run, wherever they are read: who can write that table runs no code.
"""

import io
import logging
import pickle
import time
import uuid
from collections.abc import Mapping
from datetime import datetime

import picklefield.fields
from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.db.models.functions import Now
from django_q import core_signing
from django_q.brokers import Broker
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import Task

from campaigns import database_time
from campaigns.annotations import Argument, Columns, ColumnValue

logger = logging.getLogger(__name__)

PLAIN = {("datetime", name) for name in ("date", "datetime", "time", "timedelta", "timezone")}
OPTIONS = {"id", "name", "func", "args", "kwargs", "started", "group", "cluster", "save"}
Package = tuple[Argument, Argument]


class PackageRefused(Exception):
    """A package is not run; `str()` says why."""


class QueueAway(Exception):
    """The queue takes no task now; `str()` says why. The clock queues due work again later."""


def is_task(name: object) -> bool:
    """Return whether this is the name of a task that may run."""
    return isinstance(name, str) and name in settings.TASKS


def read_package(payload: Argument) -> Columns:
    """Return the task in a package from the queue.

    Raises:
        PackageRefused: it is not ours, or holds more than plain data.
    """
    try:
        task = core_signing.loads(payload, key=Conf.SECRET_KEY, salt=Conf.PREFIX, serializer=_PlainPickles)
    except Exception as error:  # a pickle of somebody else can raise anything
        raise PackageRefused(f"An entry of the queue cannot be read: {error}") from error
    if not isinstance(task, dict):
        raise PackageRefused("An entry of the queue holds no task.")
    return task


def check_task(task: Mapping[str, ColumnValue]) -> None:
    """Refuse a task that is none of ours, or is called in a way that can harm a worker.

    Raises:
        PackageRefused: it says why.
    """
    if not is_task(task.get("func")):
        raise PackageRefused(
            f"“{task.get('func')}” is not one of the tasks that may run here: it was not run."
        )
    if extra := sorted(str(name) for name in set(task) - OPTIONS):
        raise PackageRefused(f"A task may not be queued with {', '.join(extra)}: it was not run.")
    kinds: Columns = {"id": str, "name": str, "args": tuple, "kwargs": dict, "started": datetime}
    if wrong := [name for name, kind in kinds.items() if not isinstance(task.get(name), kind)]:
        raise PackageRefused(f"A task in the queue has no usable {', '.join(wrong)}: it was not run.")
    if len(task["id"]) > 32 or len(task["name"]) > 100 or len(str(task.get("group", ""))) > 100:
        raise PackageRefused(
            "A task in the queue has an id, a name or a group that is too long: it was not run."
        )


def never_run_in_place(sender: Argument, task: Columns, **kwargs: Argument) -> None:
    """Remove the option `sync`, with which django-q2 would run a task at once and outside of the queue."""
    task.pop("sync", None)


class CheckedQueue(Broker):  # type: ignore[misc]  # django-q2 is untyped
    """A broker of django-q2 that hands out only tasks that may run. It is mixed in before the broker's own class."""

    def dequeue(self) -> list[Package] | None:
        packages: list[Package] | None = super().dequeue()
        return packages and [package for package in packages if self._is_fit(*package)]

    def _is_fit(self, key: Argument, payload: Argument) -> bool:
        task: Columns = {}
        try:
            task = read_package(payload)
            check_task(task)
        except PackageRefused as refused:
            logger.error("%s", refused)
            record_refusal(task, str(refused))
            self.fail(key)  # takes it off the queue
            return False
        return True


# What another cluster takes at this moment is passed over.
TAKE = """
    UPDATE django_q_ormq SET lock = clock_timestamp() + make_interval(secs => %s)
    WHERE id IN (
        SELECT id FROM django_q_ormq WHERE key = %s AND lock < clock_timestamp()
        ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
    )
    RETURNING id, payload
"""


class StatementQueue(ORM):  # type: ignore[misc]  # django-q2 is untyped
    """A queue in PostgreSQL, by its clock.

    A cluster asks several times a second whether there is a task. django-q2 does so by a model, and looks before each
    question whether its connection still stands: that took several times the CPU of this one statement.
    """

    def enqueue(self, task: str) -> int:
        row = self.get_connection().create(key=self.list_key or Conf.CLUSTER_NAME, payload=task, lock=Now())
        key: int = row.pk
        return key

    def queue_size(self) -> int:
        size: int = self.get_connection().filter(key=self.list_key, lock__lte=Now()).count()
        return size

    def lock_size(self) -> int:
        size: int = self.get_connection().filter(key=self.list_key, lock__gt=Now()).count()
        return size

    def dequeue(self) -> list[Package] | None:
        try:
            packages = self._take_packages()
        except (OperationalError, InterfaceError):
            connection = connections[Conf.ORM]
            if connection.in_atomic_block:
                raise
            connection.close()  # it was lost, as when the database was started anew
            packages = self._take_packages()
        if not packages:
            time.sleep(Conf.POLL)
        return packages or None

    def _take_packages(self) -> list[Package]:
        with connections[Conf.ORM].cursor() as cursor:
            cursor.execute(TAKE, [Conf.RETRY, self.list_key, Conf.BULK])
            packages: list[Package] = cursor.fetchall()
        return packages


class DatabaseQueue(CheckedQueue, StatementQueue):
    """The queue in PostgreSQL, which hands out only tasks that may run."""


def record_refusal(task: Mapping[str, ColumnValue], sentence: str) -> None:
    """Add a task that was not run to the failed ones, where administrators see it."""
    now = database_time.now()
    Task.objects.create(
        id=uuid.uuid4().hex,  # never that of another
        name=_clean(task.get("name", "refused"))[:100],
        func=_clean(task.get("func", ""))[:256],
        args=task.get("args"),
        kwargs=task.get("kwargs"),
        result=_clean(sentence),
        cluster=Conf.CLUSTER_NAME,
        started=now,
        stopped=now,
        success=False,
        attempt_count=1,
    )


def read_stored_pickle(data: bytes) -> Argument:
    """Return the value of a pickled column of django-q2; a sentence when it is more than plain data."""
    try:
        return PlainUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # noqa: BLE001  a pickle of somebody else can raise anything
        return f"The request cannot be read: {error}"


def schedule_by_database_time() -> None:
    """Make the scheduler of django-q2 judge by the database's clock what is due, and when it is due next.

    By a machine's own clock that is a year ahead, no schedule would be due for a year once that clock is set.
    """
    from django_q import scheduler  # not before the apps are loaded

    scheduler.timezone, scheduler.localtime = database_time, database_time.now


def guard_stored_pickles() -> None:
    """Make every pickled column of the database be read as plain data, wherever it is read."""
    picklefield.fields.loads = read_stored_pickle


def _clean(value: ColumnValue) -> str:
    return str(value).replace("\0", "").encode(errors="replace").decode()


class PlainUnpickler(pickle.Unpickler):
    """Reads pickles of plain data. `load` raises pickle.UnpicklingError, or other errors for a broken pickle."""

    def find_class(self, module: str, name: str) -> Argument:
        if (module, name) not in PLAIN:
            raise pickle.UnpicklingError(f"It holds {module}.{name}, which is not plain data.")
        return super().find_class(module, name)


class _PlainPickles:
    """The serializer that `loads` is given."""

    @staticmethod
    def loads(data: bytes) -> Argument:
        return PlainUnpickler(io.BytesIO(data)).load()
