"""Checks whether this installation can do its work."""

from collections.abc import Iterator
from datetime import datetime

from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django_q.brokers import get_broker

from campaigns import database_time
from campaigns.notices import Notice


def list_problems() -> list[str]:
    """Return a sentence for each problem that keeps this process from serving."""
    return check_database() or check_queue()


def check_database() -> list[str]:
    """List what is wrong with the database, in sentences."""
    try:
        executor = MigrationExecutor(connection)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        return [f"The database does not answer: {error}".strip()]
    return [f"{missing} migrations are not applied: run manage.py migrate."] if missing else []


def check_queue() -> list[str]:
    """List what is wrong with the queue's broker, in sentences."""
    try:
        get_broker().queue_size()
    except Exception as error:  # noqa: BLE001  a broker is any class of django-q2's; each fails in its own way
        return [f"The queue cannot be reached: {error}"]
    return []


def list_clock_notices(user: User, now: datetime) -> Iterator[Notice]:
    """Tell administrators on the dashboard that this machine's clock is wrong."""
    if user.is_staff and (sentence := database_time.warning()):
        yield Notice(sentence)
