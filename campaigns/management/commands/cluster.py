import os
import sys
from importlib import import_module

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from campaigns.annotations import Argument
from campaigns.processes import announce_stop, die_with_parents


class Command(BaseCommand):
    help = "Run a cluster of the queue whose processes end with their parent, even when that is killed."
    requires_system_checks = []  # they would load every page; `migrate` has run them

    def add_arguments(self, parser: CommandParser) -> None:
        clusters = [settings.Q_CLUSTER["name"], *settings.Q_CLUSTER["ALT_CLUSTERS"]]
        parser.add_argument("name", choices=clusters, help="the cluster, as named in settings.Q_CLUSTER")

    def handle(self, *args: Argument, name: str, **options: Argument) -> None:
        if os.environ.get("Q_CLUSTER_NAME") != name:
            # django-q2 chose its settings by this variable when it was imported, before this command was known.
            os.environ["Q_CLUSTER_NAME"] = name
            os.execv(sys.executable, sys.orig_argv)
        die_with_parents()
        # not before its settings are chosen
        from django_q.brokers import get_broker
        from django_q.cluster import Cluster

        from campaigns import heartbeats

        for task in settings.TASKS:  # once, and not in each of the processes that are forked
            import_module(task.rpartition(".")[0])

        class Announced(Cluster):  # type: ignore[misc]  # django-q2 is untyped
            """A cluster whose workers can see that it stops. It waits for their tasks; a long one can end early."""

            def stop(self) -> bool:
                announce_stop()
                stopped: bool = super().stop()
                heartbeats.note_stop(name)
                return stopped

        heartbeats.note_start(name)
        connection.close()  # the processes of the cluster would share it
        own = get_broker(heartbeats.queue_name(name, heartbeats.HOST))
        Announced(heartbeats.ClusterBroker(get_broker(), own)).start()
