"""A real process that is killed, or loses the database, between a message's result and its removal."""

import mailbox as mailboxes
import os
import signal
import subprocess
import sys

import pytest
from django.db import OperationalError, connection

from benchmarks.mailing.rig import url
from mailing import tallies
from mailing.bounces import mailboxes as reading
from mailing.bounces import policy
from mailing.models import Attempt, BounceMailbox, Delivery, HeldReport, Suppression
from tests.factories import ContactFactory, DeliveryFactory
from tests.mailing.bounces import corpus
from tests.mailing.running import SEPARATE, wait_for_the_dead

pytestmark = SEPARATE

# Killed at the one point where the results are committed and both messages still lie there.
READER = """
import os, signal
import django; django.setup()
from mailing.bounces import mailboxes, sources
kept = []
def keep(source, key):
    kept.append(key)
    if len(kept) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
sources.MaildirSource.remove = keep
mailboxes.read_mailbox({})
"""


@pytest.fixture
def delivery():
    contact = ContactFactory(email="ada@example.org", soft_bounces=3)
    return DeliveryFactory(contact=contact, status="accepted", due_at=None)


@pytest.fixture
def folder(settings, tmp_path):
    settings.MAILDIRS = tmp_path
    return mailboxes.Maildir(tmp_path / "bounces")


@pytest.fixture
def row(folder):
    return BounceMailbox.objects.create(
        name="Bounces", address="b@shop.example", kind="maildir", folder="bounces"
    )


def find_raw(delivery, name):
    return next(case.raw for case in corpus.read_cases(delivery.pk) if case.name == name)


def run_until_killed(row, tmp_path):
    environment = os.environ | {
        "DATABASE_URL": url(connection.settings_dict),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "MAILDIRS": str(tmp_path),
    }
    command = [sys.executable, "-c", READER.format(row.pk)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    wait_for_the_dead()


def test_a_killed_reader_leaves_the_messages_and_counts_each_once(delivery, folder, row, tmp_path):
    folder.add(find_raw(delivery, "postfix mailbox full"))
    folder.add(b"From: Ada <ada@example.org>\nSubject: A question\n\nWhen do you open?")
    run_until_killed(row, tmp_path)
    delivery.contact.refresh_from_db()
    assert delivery.contact.soft_bounces == 4
    assert (len(folder), HeldReport.objects.count()) == (2, 1), "committed, and not removed"
    assert reading.read_mailbox(row.pk) == 2
    delivery.contact.refresh_from_db()
    assert delivery.contact.soft_bounces == 4
    assert (len(folder), HeldReport.objects.count()) == (0, 1)
    assert Attempt.objects.filter(delivery=delivery).count() == 1
    assert tallies.read_sums(delivery.campaign_id)["returned"] == 1
    assert not Suppression.objects.exists()


def test_a_message_stays_when_the_database_goes_while_it_is_read(delivery, folder, row, monkeypatch):
    """The session is ended by the server in the middle of the message, as in a restart."""
    folder.add(find_raw(delivery, "postfix unknown user"))
    as_always = policy.note_bounce

    def note_and_lose(*args):
        as_always(*args)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patched:
        patched.setattr(policy, "note_bounce", note_and_lose)
        with pytest.raises(OperationalError):
            reading.read_mailbox(row.pk)
    connection.close()
    assert len(folder) == 1
    assert not Suppression.objects.exists()
    assert Delivery.objects.get().status == "accepted"
    assert reading.read_mailbox(row.pk) == 1
    assert (len(folder), Delivery.objects.get().status) == (0, "bounced")
