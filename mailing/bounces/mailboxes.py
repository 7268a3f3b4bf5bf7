"""Reading the bounce mailboxes: a task for each, queued by the clock.

A message is removed only after its result is committed. A process that dies in between leaves the message where it is,
and reading it again changes nothing.
"""

import logging
import time
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django_q.tasks import async_task

from campaigns import database_time
from mailing.bounces import intake, sources
from mailing.bounces.reports import Kind, Report
from mailing.bounces.sources import Login, Place, Source, SourceFailed
from mailing.models import BounceMailbox
from mailing.secrets import read_secret

logger = logging.getLogger(__name__)

READ_EVERY = timedelta(minutes=1)
MESSAGES_AT_ONCE = 500  # read in one session
SECONDS_AT_ONCE = 30.0  # far below a task's time
LOCK = "mailing.bounces.mailbox"


def queue_due(now: datetime) -> None:
    """Queue the reading of each mailbox whose time has come."""
    due = BounceMailbox.objects.filter(is_enabled=True).exclude(read_at__gt=now - READ_EVERY)
    for pk in due.values_list("pk", flat=True):
        async_task("mailing.tasks.read_bounces", pk, save=False)


def read_mailbox(mailbox_id: int) -> int:
    """Read what waits in a mailbox; return how many messages were dealt with. One process reads it at a time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s), %s)", [LOCK, mailbox_id])
        if not cursor.fetchone()[0]:
            return 0
    try:
        return _read_alone(mailbox_id)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtext(%s), %s)", [LOCK, mailbox_id])


def _read_alone(mailbox_id: int) -> int:
    mailbox = BounceMailbox.objects.filter(pk=mailbox_id, is_enabled=True).first()
    if mailbox is None:
        return 0
    trouble, count = "", 0
    try:
        with open_source(mailbox) as source:
            count = take_messages(source, mailbox)
    except SourceFailed as error:
        trouble = str(error)
        logger.warning("The bounce mailbox “%s” cannot be read: %s", mailbox, trouble)
    BounceMailbox.objects.filter(pk=mailbox_id).update(read_at=database_time.now(), trouble=trouble)
    return count


def take_messages(source: Source, mailbox: BounceMailbox | None) -> int:
    """Deal with what waits, for a while; each message is removed once its result is committed."""
    until = time.monotonic() + SECONDS_AT_ONCE
    count = 0
    for key, raw in source.list_messages(MESSAGES_AT_ONCE):
        _take(raw, mailbox)
        source.remove(key)
        count += 1
        if time.monotonic() > until:
            break
    return count


def _take(raw: bytes, mailbox: BounceMailbox | None) -> None:
    """Deal with one message. An error that nobody foresaw leaves it to a person, and does not block the others."""
    try:
        intake.take_message(raw, mailbox)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("A message of “%s” could not be dealt with; it is held.", mailbox)
        intake.hold_message(raw, Report(Kind.UNKNOWN), mailbox)


def open_source(mailbox: BounceMailbox) -> AbstractContextManager[Any]:
    """Open what a mailbox is read by. Raises SourceFailed, also for a login that must not be tried."""
    if mailbox.login_trouble:
        raise SourceFailed(mailbox.login_trouble)
    if mailbox.kind == BounceMailbox.Kind.MAILDIR:
        folder = (settings.MAILDIRS / mailbox.folder).resolve()
        if folder.parent != settings.MAILDIRS.resolve():
            raise SourceFailed(f"“{mailbox.folder}” is no name of a folder.")
        return sources.open_maildir(folder)
    place = Place(mailbox.host, mailbox.port, mailbox.tls, mailbox.authority)
    login = Login(mailbox.username, read_secret(mailbox, "password"))
    if mailbox.kind == BounceMailbox.Kind.POP3:
        return sources.open_pop3(place, login)
    return sources.open_imap(place, login, mailbox.folder)


def check_mailbox(mailbox: BounceMailbox) -> str:
    """Log in and look; return what is wrong, "" when it can be read. Nothing is taken out."""
    try:
        with open_source(mailbox):
            return ""
    except SourceFailed as error:
        return str(error)
