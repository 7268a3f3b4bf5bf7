"""Heartbeats: a task for each cluster of the queue shows whether it runs tasks.

Two hosts may run a cluster of the same name, and each takes the tasks of both. So the task of a heartbeat goes into a
queue of one host, so that a living cluster cannot answer for a dead one.
"""

import os
import socket
import time
from datetime import datetime, timedelta

from django_q.brokers import Broker, get_broker
from django_q.tasks import async_task

from campaigns import database_time
from campaigns.annotations import Argument
from campaigns.models import Heartbeat

HOST = socket.gethostname()
ASK = timedelta(seconds=10)
FORGET = timedelta(days=1)
LOOK = 2.0  # seconds between two looks at the line of this host


def queue_name(cluster: str, host: str) -> str:
    """Return the name of the queue for the cluster on one host."""
    return f"{cluster}@{host}"


def note_start(cluster: str) -> None:
    """Note that this process is the cluster on this host now, in place of an earlier process."""
    now = database_time.now()
    Heartbeat.objects.update_or_create(
        cluster=cluster, host=HOST, defaults={"process": os.getpid(), "at": now, "asked_at": now}
    )


def note_stop(cluster: str) -> None:
    """Note that this process stops on request."""
    Heartbeat.objects.filter(cluster=cluster, host=HOST, process=os.getpid()).delete()


def ask_clusters(now: datetime) -> None:
    """Ask every cluster, once in ten seconds however many clocks run; forget a cluster that is silent for a day."""
    for beat in Heartbeat.objects.filter(asked_at__lte=now - ASK):
        if not Heartbeat.objects.filter(pk=beat.pk, asked_at=beat.asked_at).update(asked_at=now):
            continue  # another clock was quicker
        waiting = get_broker(queue_name(beat.cluster, beat.host))
        waiting.purge_queue()  # of a dead one at most one question waits
        if beat.at < now - FORGET:
            beat.delete()
        else:
            async_task("campaigns.tasks.heartbeat", beat.cluster, beat.host, broker=waiting, save=False)


def note_answer(cluster: str, host: str) -> None:
    """Note that the cluster on this host runs tasks."""
    Heartbeat.objects.filter(cluster=cluster, host=host).update(at=database_time.now())


class ClusterBroker:
    """The broker of a cluster, which also takes tasks from the queue of its host."""

    def __init__(self, shared: Broker, own: Broker) -> None:
        self.shared = shared
        self.own = own
        self.look_at = 0.0

    def __getattr__(self, name: str) -> Argument:
        return getattr(self.shared, name)

    def dequeue(self) -> list[tuple[Argument, Argument]] | None:
        if time.monotonic() >= self.look_at:
            self.look_at = time.monotonic() + LOOK
            if self.own.queue_size():  # an empty line would keep it waiting
                waiting: list[tuple[Argument, Argument]] | None = self.own.dequeue()
                return waiting
        shared: list[tuple[Argument, Argument]] | None = self.shared.dequeue()
        return shared
