"""Reading mailboxes: real conversations by IMAP and POP3, maildirs, and nothing lost or done twice."""

import mailbox as mailboxes
from pathlib import Path

import pytest
from django.db import OperationalError
from django.utils import translation

from campaigns import database_time
from campaigns.stored_sentences import translate_stored
from mailing.bounces import intake, sources
from mailing.bounces import mailboxes as reading
from mailing.models import BounceMailbox, HeldReport, Suppression
from tests.factories import ContactFactory, DeliveryFactory
from tests.mailing.bounces import corpus
from tests.mailing.bounces.servers import PASSWORD, TOKEN, USER, serve_mailbox

pytestmark = pytest.mark.django_db
KINDS = ["imap", "pop3"]


@pytest.fixture
def delivery():
    contact = ContactFactory(email="ada@example.org")
    return DeliveryFactory(contact=contact, status="accepted", due_at=None)


def make_mailbox(box=None, kind="imap", **fields):
    given = {"kind": kind, "host": "127.0.0.1", "tls": "none", "username": USER, "password": PASSWORD}
    port = {"port": box.port} if box else {}
    return BounceMailbox.objects.create(
        name="Bounces", address="bounces@shop.example", **given | port | fields
    )


def write_bounce(delivery):
    return next(case.raw for case in corpus.read_cases(delivery.pk) if case.name == "postfix unknown user")


UNKNOWN = b"From: Ada <ada@example.org>\nSubject: A question\n\nWhen do you open?"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_dealt_with_is_removed_and_what_is_not_understood_is_held(kind, delivery):
    vacation = b"From: a@b.example\nSubject: Out of office\n\n.\n.. away\n"
    with serve_mailbox(kind, [write_bounce(delivery), UNKNOWN, vacation]) as box:
        assert reading.read_mailbox(make_mailbox(box, kind).pk) == 3
        assert box.remaining == []
    delivery.refresh_from_db()
    assert (delivery.status, delivery.enhanced_code) == ("bounced", "5.1.1")
    assert Suppression.objects.get().reason == "hard_bounce"
    held = HeldReport.objects.get()
    assert (held.sender, held.subject, held.decision) == ("Ada <ada@example.org>", "A question", "waiting")


# the library's socket, refused
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("kind", KINDS)
def test_tls_is_spoken_with_an_authority_of_its_own_and_with_no_other(kind, tls, delivery, certificate):
    made = certificate("127.0.0.1")
    with serve_mailbox(kind, [write_bounce(delivery)], tls=tls, certificate=(made.chain, made.key)) as box:
        row = make_mailbox(box, kind, tls=tls, authority=Path(made.authority).read_text())
        assert reading.check_mailbox(row).works
        assert reading.read_mailbox(row.pk) == 1
        row.authority = ""
        assert "certificate that is not trusted" in reading.check_mailbox(row).sentence


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_logs_in_where_there_is_no_password(kind):
    with serve_mailbox(kind, []) as box:
        place, login = sources.Place("127.0.0.1", box.port, "none"), sources.Login(USER, TOKEN, is_token=True)
        opened = (
            sources.open_pop3(place, login) if kind == "pop3" else sources.open_imap(place, login, "INBOX")
        )
        with opened as source:
            assert list(source.list_messages(10)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_stays_until_its_result_is_committed(kind, delivery, monkeypatch):
    with serve_mailbox(kind, [write_bounce(delivery)]) as box:
        row = make_mailbox(box, kind)
        with monkeypatch.context() as patched:
            patched.setattr(intake, "take_message", raise_lost_database)
            with pytest.raises(OperationalError):
                reading.read_mailbox(row.pk)
        assert len(box.remaining) == 1
        assert reading.read_mailbox(row.pk) == 1
        assert box.remaining == []


def raise_lost_database(*args):
    raise OperationalError("gone")


@pytest.mark.parametrize(
    ("kind", "command"), [("imap", "STORE"), ("pop3", "QUIT"), ("pop3", "DELE"), ("imap", "EXPUNGE")]
)
def test_a_connection_that_ends_before_the_removal_has_it_read_again_and_counted_once(
    kind, command, delivery
):
    delivery.contact.soft_bounces = 3
    delivery.contact.save()
    soft = next(case.raw for case in corpus.read_cases(delivery.pk) if case.name == "postfix mailbox full")
    with serve_mailbox(kind, [soft]) as box:
        row = make_mailbox(box, kind)
        box.drops_at = command
        reading.read_mailbox(row.pk)
        row.refresh_from_db()
        assert "cannot be reached" in row.trouble or "refused" in row.trouble
        assert len(box.remaining) == 1
        box.drops_at = ""
        box.removed.clear()
        reading.read_mailbox(row.pk)
        row.refresh_from_db()
        assert (box.remaining, row.trouble) == ([], "")
    delivery.contact.refresh_from_db()
    assert delivery.contact.soft_bounces == 4
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password_is_said_in_the_server_s_words(kind):
    with serve_mailbox(kind, []) as box:
        row = make_mailbox(box, kind, password="wrong")
        reading.read_mailbox(row.pk)
        row.refresh_from_db()
        assert "refused: " in row.trouble
        assert "wrong password" in row.trouble or "Invalid credentials" in row.trouble


def test_letters_beyond_ascii_log_in_and_name_a_folder():
    with serve_mailbox("imap", [UNKNOWN]) as box:
        row = make_mailbox(box, username="jürgen", password="Grüße\\", folder="Zurück & mehr")
        assert reading.check_mailbox(row).sentence.startswith("127.0.0.1 answers")
        assert "\0jürgen\0Grüße\\" in box.lines
        row.folder = "Entwürfe"
        assert not reading.check_mailbox(row).works
        row.username, row.password = 'a "b" c', PASSWORD
        reading.check_mailbox(row)
        assert any(r'LOGIN "a \"b\" c" "a secret"' in line for line in box.lines)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("field", ["username", "password"])
def test_a_line_break_begins_no_command(kind, field):
    with serve_mailbox(kind, []) as box:
        verdict = reading.check_mailbox(make_mailbox(box, kind, **{field: "a\r\nx DELETE INBOX"}))
        assert "control character" in verdict.sentence
        assert box.lines == []


def test_a_server_that_says_no_is_not_taken_for_one_with_messages():
    with serve_mailbox("imap", [UNKNOWN]) as box:
        box.is_busy = True
        row = make_mailbox(box)
        assert "try again in 5 minutes" in reading.check_mailbox(row).sentence
        assert reading.read_mailbox(row.pk) == 0
        assert len(box.remaining) == 1


def test_a_listing_with_nonsense_in_it_is_read_for_what_it_names():
    with serve_mailbox("pop3", [UNKNOWN]) as box:
        box.is_busy = True
        row = make_mailbox(box, "pop3")
        sentence = reading.check_mailbox(row).sentence
        assert "1 message waits" in sentence
        with translation.override("de"):
            assert translate_stored(sentence) == (
                f"{row.host} antwortet und nimmt die Anmeldung an: 1 Nachricht wartet."
            )
        assert reading.read_mailbox(row.pk) == 1


def test_a_password_goes_to_no_other_machine_without_encryption():
    row = make_mailbox(host="mail.example.net", port=143)
    assert "has no encryption" in reading.check_mailbox(row).sentence


def test_a_maildir_is_read_and_emptied(delivery, tmp_path, settings):
    settings.MAILDIRS = tmp_path
    box = mailboxes.Maildir(tmp_path / "bounces")
    box.add(write_bounce(delivery))
    row = make_mailbox(kind="maildir", folder="bounces")
    assert reading.read_mailbox(row.pk) == 1
    assert list(box.keys()) == []
    assert Suppression.objects.get().email == "ada@example.org"


@pytest.mark.parametrize("folder", ["..", "../outbox", "/etc", "nowhere"])
def test_no_folder_outside_is_read(folder, tmp_path, settings):
    settings.MAILDIRS = tmp_path / "maildirs"
    (tmp_path / "outbox" / "new").mkdir(parents=True)
    assert not reading.check_mailbox(make_mailbox(kind="maildir", folder=folder)).works


def test_an_error_nobody_foresaw_holds_that_message_and_no_other(delivery, tmp_path, settings, monkeypatch):
    settings.MAILDIRS = tmp_path
    box = mailboxes.Maildir(tmp_path / "bounces")
    box.add(UNKNOWN)
    monkeypatch.setattr(intake, "take_message", lambda *args: 1 / 0)
    assert reading.read_mailbox(make_mailbox(kind="maildir", folder="bounces").pk) == 1
    assert HeldReport.objects.get().kind == "unknown"


def test_the_clock_has_each_mailbox_read_once_a_minute(monkeypatch):
    queued = []
    monkeypatch.setattr(reading, "async_task", lambda name, pk, **kwargs: queued.append((name, pk)))
    row = make_mailbox()
    BounceMailbox.objects.create(name="Off", address="b@x.example", is_enabled=False)
    now = database_time.now()
    reading.queue_due(now)
    BounceMailbox.objects.filter(pk=row.pk).update(read_at=now)
    reading.queue_due(now)
    assert queued == [("mailing.tasks.read_bounces", row.pk)]
