"""Stored secrets: where they may go, and what happens when no key reads them."""

import copy
import pickle

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from campaigns.lifecycle import fire
from mailing import connections, launch
from mailing.models import SmtpConnection
from mailing.secrets import SecretUnreadable, UnreadableSecret, read_secret
from tests.factories import EmailCampaignFactory, SmtpConnectionFactory
from tests.mailing.pages import page
from tests.mailing.running import SEPARATE, counts, fresh, launch_campaign, send, to
from tests.mailing.test_sending_pages import SERVER

SENTENCE = "cannot be read with today&#x27;s ENCRYPTION_KEYS and counts as not set"
OPEN = "A password goes to another machine with encryption only"


@pytest.fixture
def smtp(db):
    return SmtpConnectionFactory(
        name="Relay <i>", host="relay.example", port=587, tls="starttls", username="shop", password="s3cret"
    )


def read_stored_password(smtp):
    """The column as it is in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM mailing_smtpconnection WHERE id = %s", [smtp.pk])
        return cursor.fetchone()[0]


def fresh_connection(smtp):
    return SmtpConnection.objects.get(pk=smtp.pk)


def form_address(door, smtp):
    return (
        f"/connections/{smtp.pk}/edit/"
        if door == "page"
        else reverse("admin:mailing_smtpconnection_change", args=[smtp.pk])
    )


# ── a stored password goes nowhere else ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("door", ["page", "admin"])
@pytest.mark.parametrize(
    "change",
    [
        {"host": "thief.example"},
        {"host": "127.0.0.1"},
        {"port": "2525"},
        {"tls": "implicit"},
        {"username": "another"},
        {"host": "127.0.0.1", "tls": "none"},
    ],
)
def test_a_stored_password_is_asked_for_again_when_it_would_go_elsewhere(
    client, smtp, admin_user, door, change
):
    client.force_login(admin_user)
    answer = client.post(form_address(door, smtp), SERVER | change)
    assert "Enter the password again" in answer.content.decode()
    kept = fresh_connection(smtp)
    assert (kept.host, kept.port, kept.tls, kept.username, kept.password) == (
        "relay.example", 587, "starttls", "shop", "s3cret",
    )  # fmt: skip
    client.post(form_address(door, smtp), SERVER | change | {"password": "anew"})
    assert fresh_connection(smtp).password == "anew"


@pytest.mark.parametrize("door", ["page", "admin"])
def test_whoever_takes_the_user_name_away_takes_the_password_away(client, smtp, admin_user, door):
    client.force_login(admin_user)
    client.post(form_address(door, smtp), SERVER | {"username": "", "host": "thief.example"})
    kept = fresh_connection(smtp)
    assert (kept.host, kept.username, kept.password, read_stored_password(kept)) == (
        "thief.example",
        "",
        "",
        "",
    )


@pytest.mark.parametrize("door", ["page", "admin"])
@pytest.mark.parametrize(
    ("host", "is_taken"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("LocalHost", True),
        ("::1", True),
        ("127.3.2.1", True),
        ("relay.example", False),
        ("localhost.thief.example", False),
        ("127.0.0.1.thief.example", False),
        ("2130706433", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:127.0.0.1", True),
    ],
)
def test_a_login_without_encryption_is_for_this_machine_only(client, smtp, admin_user, door, host, is_taken):
    client.force_login(admin_user)
    values = SERVER | {"host": host, "tls": "none", "password": "anew"}
    answer = client.post(form_address(door, smtp), values)
    assert (OPEN in answer.content.decode()) is not is_taken
    assert (fresh_connection(smtp).password == "anew") is is_taken
    client.post(form_address(door, smtp), values | {"username": "", "password": ""})
    assert fresh_connection(smtp).host == host


def test_a_login_without_encryption_that_was_stored_before_is_refused_everywhere(client, smtp, administrator):
    SmtpConnection.objects.update(tls="none")
    assert OPEN in page(client, f"/connections/{smtp.pk}/")
    assert OPEN in client.post(f"/connections/{smtp.pk}/test/", {"to": "me@shop.example"}).content.decode()
    assert OPEN in connections.reach_connection(fresh_connection(smtp)).sentence


# ── a password that no key reads ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def lost_keys(settings):
    """Lose every key; returns those that were."""
    keys = settings.ENCRYPTION_KEYS

    def lose():
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        return keys

    return lose


def test_an_unreadable_password_counts_as_not_set_with_a_sentence_on_every_page(
    client, smtp, admin_user, lost_keys, settings
):
    before, keys = read_stored_password(smtp), lost_keys()
    client.force_login(admin_user)
    campaign = EmailCampaignFactory(launchable=True, connection=smtp)
    for path in (
        "/connections/",
        f"/connections/{smtp.pk}/",
        f"/connections/{smtp.pk}/edit/",
        f"/campaigns/email/{campaign.pk}/readiness/",
        reverse("admin:mailing_smtpconnection_change", args=[smtp.pk]),
    ):
        text = page(client, path)
        assert SENTENCE in text, path
        assert before not in text
        assert "<i>" not in text
    for path in (
        "/",
        "/campaigns/",
        "/campaigns/email/new/",
        f"/campaigns/email/{campaign.pk}/",
        f"/campaigns/email/{campaign.pk}/edit/",
        f"/campaigns/{campaign.pk}/launch/",
        f"/campaigns/email/{campaign.pk}/reach/",
        reverse("admin:mailing_smtpconnection_changelist"),
    ):
        assert client.get(path).status_code in (200, 409), path
    answer = client.post(f"/campaigns/{campaign.pk}/launch/")
    assert (answer.status_code, SENTENCE in answer.content.decode()) == (409, True)
    assert (
        SENTENCE in client.post(f"/connections/{smtp.pk}/test/", {"to": "me@shop.example"}).content.decode()
    )

    client.post(f"/connections/{smtp.pk}/edit/", SERVER | {"name": "Renamed"})
    assert (fresh_connection(smtp).name, read_stored_password(smtp)) == ("Renamed", before)
    answer = client.post(f"/connections/{smtp.pk}/edit/", SERVER | {"host": "thief.example"})
    assert "Enter the password again" in answer.content.decode()
    settings.ENCRYPTION_KEYS = keys
    assert fresh_connection(smtp).password == "s3cret"
    lost_keys()
    client.post(f"/connections/{smtp.pk}/edit/", SERVER | {"password": "anew"})
    assert fresh_connection(smtp).password == "anew"


@pytest.mark.parametrize("column", ["plain text", "gAAAAA", "ü" * 100, "\n"])
def test_whatever_stands_in_the_column_the_row_can_be_read(smtp, column):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE mailing_smtpconnection SET password = %s", [column])
    read = fresh_connection(smtp)
    assert (read.password, read.password.stored) == ("", column)
    with pytest.raises(SecretUnreadable, match="enter it again"):
        read_secret(read, "password")
    for twin in (copy.deepcopy(read), pickle.loads(pickle.dumps(read))):
        assert isinstance(twin.password, UnreadableSecret)
        twin.save()
        assert read_stored_password(smtp) == column


@SEPARATE
def test_a_running_campaign_pauses_with_the_reason_and_goes_on_with_the_key(server, lost_keys, settings):
    campaign = launch_campaign(2, connection=to(server, username="shop", password="s3cret"))
    keys = lost_keys()
    campaign = send(campaign)
    assert campaign.status == "paused"
    assert "ENCRYPTION_KEYS" in campaign.history.latest("pk").why
    assert counts(campaign) == {"pending": 2}
    assert [field for field, _ in launch.find_problems(campaign)] == ["connection"]
    settings.ENCRYPTION_KEYS = keys
    assert launch.find_problems(fresh(campaign)) == []
    fire(fresh(campaign), "resume")


@SEPARATE
def test_of_two_connections_the_one_whose_password_can_be_read_sends_everything(server, lost_keys):
    lost, kept = (to(server, name=name, username="", password="s3cret") for name in ("Lost", "Kept"))
    SmtpConnection.objects.filter(pk=lost.pk).update(username="shop")
    campaign = launch_campaign(6, sharing="round_robin", routes=[(lost, 1), (kept, 1)])
    lost_keys()
    kept.save()  # encrypted anew with the key there is now
    campaign = send(campaign)
    assert (campaign.status, counts(campaign)) == ("completed", {"accepted": 6})
    assert "ENCRYPTION_KEYS" in fresh_connection(lost).login_trouble


def test_a_rotation_encrypts_every_secret_anew_and_names_what_it_cannot_read(smtp, settings, capsys):
    first, second = settings.ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    SmtpConnectionFactory(name="No password")
    unreadable = SmtpConnectionFactory(name="Lost", username="shop")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE mailing_smtpconnection SET password = 'x' WHERE id = %s", [unreadable.pk])
    settings.ENCRYPTION_KEYS = [second, first]
    with pytest.raises(SystemExit):
        call_command("encrypt_secrets")
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "The stored password of “Lost” cannot be read" in said.err
    assert read_stored_password(unreadable) == "x"
    settings.ENCRYPTION_KEYS = [second]
    assert fresh_connection(smtp).password == "s3cret"
    unreadable.delete()
    call_command("encrypt_secrets")
    assert "the others may go" in capsys.readouterr().out
