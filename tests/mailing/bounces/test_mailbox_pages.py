"""The pages of bounce mailboxes."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mailing.bounces import mailboxes as reading
from mailing.models import BounceMailbox
from tests.factories import HeldReportFactory
from tests.mailing.bounces.servers import PASSWORD, USER, serve_mailbox
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
FORM = {
    "name": "Bounces",
    "address": "bounces@shop.example",
    "kind": "imap",
    "host": "127.0.0.1",
    "port": "143",
    "tls": "none",
    "username": USER,
    "folder": "INBOX",
    "is_enabled": "on",
}
EDIT = "/mailboxes/{}/edit/"


@pytest.fixture
def mailbox(client, administrator):
    """A mailbox that was added on its page, with a password."""
    client.post("/mailboxes/new/", FORM | {"password": PASSWORD})
    return BounceMailbox.objects.get()


def test_a_mailbox_is_added_and_its_password_shown_nowhere(client, mailbox):
    assert mailbox.password == PASSWORD
    for path in ("/mailboxes/", mailbox.get_absolute_url(), EDIT.format(mailbox.pk)):
        text = page(client, path)
        assert PASSWORD not in text
        assert "bounces@shop.example" in text
    assert "/mailboxes/" in page(client, "/connections/")


@pytest.mark.parametrize(
    "change",
    [{"host": "localhost"}, {"port": "144"}, {"tls": "starttls"}, {"username": "x"}, {"kind": "pop3"}],
)
def test_the_password_is_asked_again_where_it_would_go_elsewhere(client, mailbox, change):
    answer = client.post(EDIT.format(mailbox.pk), FORM | change)
    assert (answer.status_code, "Enter the password again" in answer.content.decode()) == (422, True)
    client.post(EDIT.format(mailbox.pk), FORM | {"name": "Returns"})
    mailbox.refresh_from_db()
    assert (mailbox.name, mailbox.password) == ("Returns", PASSWORD)


# the library's socket, refused
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_private_authority_is_uploaded_trusted_and_forgotten(client, mailbox, certificate):
    made = certificate("127.0.0.1")
    with serve_mailbox("imap", [], tls="starttls", certificate=(made.chain, made.key)) as box:
        form = FORM | {"port": box.port, "tls": "starttls"}
        client.post(EDIT.format(mailbox.pk), form | {"password": PASSWORD})
        assert "certificate that is not trusted" in try_mailbox(client, mailbox)
        upload = {"authority_file": SimpleUploadedFile("ca.pem", Path(made.authority).read_bytes())}
        assert client.post(EDIT.format(mailbox.pk), form | upload).status_code == 422, "another vouches now"
        upload["authority_file"].seek(0)
        client.post(EDIT.format(mailbox.pk), form | upload | {"password": PASSWORD})
        assert "It works." in try_mailbox(client, mailbox)
    client.post(EDIT.format(mailbox.pk), form | {"forgets_authority": "on"})
    assert BounceMailbox.objects.get().authority == ""


def try_mailbox(client, mailbox):
    return client.post(f"/mailboxes/{mailbox.pk}/test/").content.decode()


@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_the_test_says_in_a_sentence_what_the_server_answered(client, mailbox, kind):
    with serve_mailbox(kind, [b"Subject: one\n\n", b"Subject: two\n\n"]) as box:
        BounceMailbox.objects.update(kind=kind, port=box.port)
        assert "127.0.0.1 answers and takes the login: 2 messages wait" in try_mailbox(client, mailbox)
        assert len(box.remaining) == 2
        BounceMailbox.objects.update(password="wrong")
        assert "It does not work." in try_mailbox(client, mailbox)


def test_the_last_check_and_the_messages_read_are_shown(client, mailbox):
    assert "never" in page(client, mailbox.get_absolute_url())
    with serve_mailbox("imap", [b"Subject: Out of office\n\nAway."] * 3) as box:
        BounceMailbox.objects.update(port=box.port)
        reading.read_mailbox(mailbox.pk)
    HeldReportFactory(mailbox=mailbox)
    text = page(client, mailbox.get_absolute_url())
    assert ("<dd>3</dd>" in text, "1 waiting" in text, "never" in text) == (True, True, False)
    reading.read_mailbox(mailbox.pk)
    assert "cannot be reached" in page(client, "/mailboxes/")


def test_a_mailbox_is_deleted_after_a_question(client, mailbox):
    assert "are no longer read" in page(client, f"/mailboxes/{mailbox.pk}/delete/")
    assert BounceMailbox.objects.exists()
    assert client.post(f"/mailboxes/{mailbox.pk}/delete/").url == "/mailboxes/"
    assert not BounceMailbox.objects.exists()


def test_a_marketer_looks_and_changes_nothing(client, mailbox, marketer):
    assert "Test now" not in page(client, mailbox.get_absolute_url())
    for path in (
        "/mailboxes/new/",
        *(f"/mailboxes/{mailbox.pk}/{act}/" for act in ("edit", "test", "delete")),
    ):
        assert client.post(path, FORM).status_code == 403, path
