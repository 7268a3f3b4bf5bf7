"""Reads the bounce mailboxes, each in a task that the clock queues.

A message is removed only after its result is committed. A process that dies in between leaves the message where it is,
and reading it again changes nothing.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import connection
from django.db.models import F
from django_q.tasks import async_task

from campaigns import database_time
from campaigns.annotations import Argument
from campaigns.sentences import keep, keep_plural
from campaigns.waits import DATABASE_AWAY
from mailing import oauth
from mailing.bounces import intake, sources
from mailing.bounces.reports import Kind, Report
from mailing.bounces.sources import Login, Place, Source, SourceFailed, SourceRefused
from mailing.models import BounceMailbox
from mailing.secrets import read_secret

logger = logging.getLogger(__name__)

READ_EVERY = timedelta(minutes=1)
MESSAGES_AT_ONCE = 500  # read in one session
SECONDS_AT_ONCE = 30.0  # until no further message is begun
LOCK = "mailing.bounces.mailbox"


class MailboxTest(msgspec.Struct, frozen=True):
    """The result of a test; `sentence` says what the server answered."""

    works: bool
    sentence: str


def queue_due(now: datetime) -> None:
    """Queue the reading of each mailbox that is due."""
    due = BounceMailbox.objects.filter(is_enabled=True).exclude(read_at__gt=now - READ_EVERY)
    for pk in due.values_list("pk", flat=True):
        async_task("mailing.tasks.read_bounces", pk, save=False)


def read_mailbox(mailbox_id: int) -> int:
    """Read the messages of a mailbox; return how many were handled. One process reads a mailbox at a time."""
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
            for _ in take_messages(source, mailbox):
                count += 1
    except SourceFailed as error:
        trouble = str(error)
        if isinstance(error, SourceRefused) and (grant := oauth.find_grant(mailbox)):
            oauth.forget_access_token(grant)
        logger.warning("The bounce mailbox “%s” cannot be read: %s", mailbox, trouble)
    BounceMailbox.objects.filter(pk=mailbox_id).update(
        read_at=database_time.now(), trouble=trouble, messages_read=F("messages_read") + count
    )
    return count


def take_messages(source: Source, mailbox: BounceMailbox | None) -> Iterator[str]:
    """Handle waiting messages for some seconds, and remove each once its result is committed.

    Yields the key of each message that is gone.
    """
    until = time.monotonic() + SECONDS_AT_ONCE
    for key, raw in source.list_messages(MESSAGES_AT_ONCE):
        _take(raw, mailbox)
        source.remove(key)
        yield key
        if time.monotonic() > until:
            break


def _take(raw: bytes, mailbox: BounceMailbox | None) -> None:
    """Handle one message. An unforeseen error leaves it to a person, and does not block the others."""
    try:
        intake.take_message(raw, mailbox)
    except DATABASE_AWAY:
        raise
    except Exception:
        logger.exception("A message of “%s” could not be dealt with; it is held.", mailbox)
        intake.hold_message(raw, Report(Kind.UNKNOWN), mailbox)


def open_source(
    mailbox: BounceMailbox, seconds: float = sources.CONVERSATION_SECONDS
) -> AbstractContextManager[Argument]:
    """Open the mailbox's source: IMAP, POP3 or a maildir. A conversation with a server lasts so many seconds at most.

    Raises:
        SourceFailed: it cannot be read, or its login must not be tried.
    """
    if mailbox.login_trouble:
        raise SourceFailed(mailbox.login_trouble)
    if mailbox.kind == BounceMailbox.Kind.MAILDIR:
        folder = (settings.MAILDIRS / mailbox.folder).resolve()
        if folder.parent != settings.MAILDIRS.resolve():
            raise SourceFailed(keep("“%(folder)s” is not the name of a folder.", folder=mailbox.folder))
        return sources.open_maildir(folder)
    place = Place(mailbox.host, mailbox.port, mailbox.tls, mailbox.authority)
    login = find_login(mailbox)
    if mailbox.kind == BounceMailbox.Kind.POP3:
        return sources.open_pop3(place, login, seconds)
    return sources.open_imap(place, login, mailbox.folder, seconds)


def find_login(mailbox: BounceMailbox) -> Login:
    """Return the login of a mailbox, with a token if it has an OAuth login.

    Raises:
        SourceFailed: no token can be had.
    """
    grant = oauth.find_grant(mailbox)
    if grant is None:
        return Login(mailbox.username, read_secret(mailbox, "password"))
    try:
        return Login(mailbox.username, oauth.read_access_token(grant.pk), is_token=True)
    except (oauth.ConsentLost, oauth.TokenUnavailable) as error:
        raise SourceFailed(str(error)) from error


def check_mailbox(mailbox: BounceMailbox) -> MailboxTest:
    """Log in and count the waiting messages, or say what is wrong. No message is removed."""
    try:
        with open_source(mailbox, sources.CHECK_SECONDS) as source:
            count = source.count_messages()
    except SourceFailed as error:
        return MailboxTest(False, str(error))
    waiting = keep_plural("%(count)s message waits", "%(count)s messages wait", count)
    if mailbox.kind == BounceMailbox.Kind.MAILDIR:
        return MailboxTest(
            True,
            keep(
                "The maildir “%(folder)s” can be read: %(waiting)s in it.",
                folder=mailbox.folder,
                waiting=waiting,
            ),
        )
    if mailbox.kind == BounceMailbox.Kind.IMAP:
        return MailboxTest(
            True,
            keep(
                "%(host)s answers and takes the login: %(waiting)s in %(folder)s.",
                host=mailbox.host,
                waiting=waiting,
                folder=mailbox.folder,
            ),
        )
    return MailboxTest(
        True, keep("%(host)s answers and takes the login: %(waiting)s.", host=mailbox.host, waiting=waiting)
    )
