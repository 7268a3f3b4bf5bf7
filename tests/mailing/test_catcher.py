"""The mail catcher keeps what it is sent and shows it."""

import asyncio
import resource
import smtplib
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from email.message import EmailMessage

import pytest

from mailing import catcher
from mailing.catcher import outbox
from mailing.sending.direct import send_directly, write_plain_mail
from mailing.smtp.client import Outcome, Server


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.fixture
def port(unused_tcp_port):
    """A catcher in a thread."""
    started = threading.Event()
    loop = asyncio.new_event_loop()

    def serve():
        async def until_stopped():
            nonlocal task
            task = asyncio.ensure_future(catcher.serve(unused_tcp_port))
            await asyncio.sleep(0.05)
            started.set()
            await asyncio.wait([task])

        task = None
        serving.append(lambda: loop.call_soon_threadsafe(task.cancel))
        loop.run_until_complete(until_stopped())
        loop.close()

    serving = []
    thread = threading.Thread(target=serve)
    thread.start()
    assert started.wait(5)
    yield unused_tcp_port
    serving[0]()
    thread.join(5)


@pytest.fixture
def unused_tcp_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.django_db
def test_an_address_with_umlauts_is_announced_taken_stored_and_shown(port, client, administrator):
    server, address = Server("127.0.0.1", port), "jürgen@müller.example"
    mail = write_plain_mail("grüße@shop.example", address, "Für Jürgen", "Grüß Gott", name="Grüße")
    [result] = send_directly(server, "grüße@shop.example", [(address, mail)])
    assert result.outcome is Outcome.ACCEPTED
    [caught] = catcher.list_messages()
    assert (caught.sender, caught.recipients) == ("grüße@shop.example", ["jürgen@xn--mller-kva.example"])
    assert (caught.from_header, caught.subject) == ('"Grüße" <grüße@shop.example>', "Für Jürgen")
    assert "jürgen@xn--mller-kva.example" in client.get("/outbox/").content.decode()
    assert address in client.get(f"/outbox/{caught.id}/").content.decode()


def mail(subject="Grüße", to="ada@example.com"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Shop <shop@example.com>", to, subject
    message.set_content("Hello Ada,\n.a line with a dot in front\n")
    message.add_alternative("<p>Hello <b>Ada</b></p>", subtype="html")
    return message


def test_what_is_sent_is_kept_and_opened(port):
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.send_message(
            mail(), from_addr="bounces@example.com", to_addrs=["ada@example.com", "bob@example.com"]
        )
    (caught,) = catcher.list_messages()
    assert (caught.subject, caught.from_header) == ("Grüße", "Shop <shop@example.com>")
    assert (caught.sender, caught.recipients) == (
        "bounces@example.com",
        ["ada@example.com", "bob@example.com"],
    )
    opened = catcher.read_message(caught.id)
    assert opened.caught == caught
    assert "<b>Ada</b>" in opened.html
    assert ".a line with a dot in front" in opened.text
    assert ("Subject", "Grüße") in opened.headers
    assert opened.raw.startswith(b"From: Shop")
    assert caught.size == len(opened.raw)


def test_pages_are_the_newest_first_and_can_be_searched():
    for n in range(5):
        outbox.store_message(
            "shop@example.com", [f"p{n}@example.com"], f"Subject: News {n}\r\n\r\nBody".encode()
        )
    assert [caught.subject for caught in catcher.list_messages(most=2)] == ["News 4", "News 3"]
    third = catcher.list_messages(most=3)[-1]
    assert [caught.subject for caught in catcher.list_messages(before=third.id)] == ["News 1", "News 0"]
    assert [caught.subject for caught in catcher.list_messages(words="news p3@")] == ["News 3"]
    assert catcher.count_messages() == 5
    catcher.delete_all()
    assert catcher.list_messages() == []


def test_only_the_newest_are_kept(monkeypatch):
    monkeypatch.setattr(outbox, "MOST_MESSAGES", 3)
    for n in range(5):
        outbox.store_message("", ["a@example.com"], f"Subject: {n}\r\n\r\n".encode())
    outbox.delete_oldest()
    assert [caught.subject for caught in catcher.list_messages()] == ["4", "3", "2"]


@pytest.mark.parametrize("name", ["", "../secret_key", "0" * 19 + "-" + "0" * 9, "x"])
def test_what_was_not_caught_cannot_be_opened(name):
    with pytest.raises(catcher.MailNotCaught):
        catcher.read_message(name)


def test_a_mail_that_is_broken_is_shown_all_the_same():
    name = outbox.store_message("a@example.com", ["b@example.com"], b"\xff\xfe no headers at all")
    assert catcher.read_message(name).raw == b"\xff\xfe no headers at all"
    assert catcher.list_messages()[0].subject == ""


def test_a_mail_to_very_many_is_kept_and_opened(port):
    people = [f"somebody-with-a-long-name-{number}@example.com" for number in range(900)]
    with smtplib.SMTP("127.0.0.1", port) as smtp:
        smtp.send_message(mail(), "shop@example.com", people)
    index_file().unlink()
    (caught,) = catcher.list_messages(words="name-899@")
    assert (caught.subject, caught.recipients) == ("Grüße", people)
    assert catcher.read_message(caught.id).caught == caught


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Content-Type: text/plain; charset=klingon\r\n\r\nGr\xc3\xbc\xc3\x9fe", "Grüße"),
        (b"Content-Type: text/plain; charset=hex\r\n\r\nHi", "Hi"),
        (b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!\xff", ""),
        (b"Content-Type: multipart/mixed; boundary=\r\n\r\nHi", ""),
        (b"Content-Type: text/plain; charset*=x'\xff\r\nTo: \xff <\r\nMessage-ID: <\r\n\r\nHi", "Hi"),
        (b"From: =?utf-8?q?=00=ff?= <@>\r\nDate: 99\r\nContent-Disposition: ;;=\r\n\r\nHi", "Hi"),
        (b"Content-Type: message/rfc822\r\n\r\n" * 20_000, None),
        (b"Subject: \xed\xa0\x80 \0\r\n\r\nHi \0", "Hi  "),
    ],
)
def test_a_mail_in_an_odd_shape_is_opened(raw, text):
    opened = catcher.read_message(outbox.store_message("a@b\nc@x.test", ["ü@x.test"], raw))
    assert text is None or opened.text == text
    assert opened.raw == raw
    assert opened.caught.recipients == ["ü@x.test"]


def test_a_full_disk_is_answered_for_now_and_keeps_no_half_mail(port):
    """A limit on the size of files is the disk that is full: the write ends in the middle."""
    mail = EmailMessage()
    mail["Subject"] = "Long"
    mail.set_content("word " * 20_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with smtplib.SMTP("127.0.0.1", port) as client:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        try:
            with pytest.raises(smtplib.SMTPDataError) as refused:
                client.send_message(mail, "shop@example.com", "ada@example.com")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (refused.value.smtp_code, refused.value.smtp_error[:5]) == (452, b"4.3.1")
        assert list(outbox.folder().iterdir()) == []
        client.send_message(mail, "shop@example.com", "ada@example.com")
    assert catcher.count_messages() == 1


# ── the index ────────────────────────────────────────────────────────────────────────────────────────────────────────


def index_file():
    return outbox.folder().parent / "outbox.sqlite3"


def keep_some(count, start=0):
    for n in range(start, start + count):
        outbox.store_message(
            "shop@example.com", [f"p{n}@example.com"], f"Subject: Grüße {n}\r\n\r\nBody".encode()
        )


def test_a_search_opens_no_mail_that_was_looked_at_before(monkeypatch):
    keep_some(30)
    monkeypatch.setattr(outbox, "_read_entry", lambda name: pytest.fail("a mail was opened"))
    assert [caught.recipients for caught in catcher.list_messages(words="P7@")] == [["p7@example.com"]]
    assert len(catcher.list_messages(most=50)) == 30


@pytest.mark.parametrize("harm", ["gone", "no database", "of another version", "cannot be written"])
def test_an_index_that_is_harmed_is_made_anew(harm):
    keep_some(3)
    if harm == "gone":
        index_file().unlink()
    elif harm == "no database":
        index_file().write_bytes(b"this is no database" * 400)
    elif harm == "of another version":
        with closing(sqlite3.connect(index_file())) as index:
            index.executescript("PRAGMA user_version = 99; DROP TABLE line; CREATE TABLE line (id TEXT);")
    else:
        index_file().unlink()
        index_file().mkdir()
    assert [caught.recipients[0][:2] for caught in catcher.list_messages(words="example.com")] == [
        "p2",
        "p1",
        "p0",
    ]


def test_mails_that_another_process_kept_or_threw_away_are_noticed():
    keep_some(4)
    first = catcher.list_messages()[-1]
    (outbox.folder() / f"{first.id}.eml").unlink()
    (outbox.folder() / f"{time.time_ns()}-{0:09}.eml").write_bytes(
        outbox.FROM + b"a@b.example\r\n" + outbox.TO + b"new@b.example\r\nSubject: Fresh\r\n\r\n"
    )
    assert [caught.subject for caught in catcher.list_messages(words="b.example")] == ["Fresh"]
    assert len(catcher.list_messages()) == 4


def test_two_processes_keep_and_search_at_once(tmp_path):
    script = (
        "import sys; from pathlib import Path; import django.conf\n"
        "django.conf.settings.configure(VAR_DIR=Path(sys.argv[1]))\n"
        "from mailing.catcher import outbox\n"
        "for n in range(40): outbox.store_message('', [sys.argv[2]], b'Subject: Hi\\r\\n\\r\\n');"
        " outbox.list_messages(words='hi')\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, tmp_path, name], stderr=subprocess.PIPE)
        for name in ("one@example.com", "two@example.com")
    ]
    for writer in writers:
        _, said = writer.communicate(timeout=100)
        assert (writer.returncode, said) == (0, b"")
    assert [len(catcher.list_messages(most=99, words=word)) for word in ("one@", "two@", "")] == [40, 40, 80]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n =?utf-8?q?_an_alle?=", "Grüße an alle"),
        ("Subject: =?utf-8?b?broken=?= x", "=?utf-8?b?broken=?= x"),
        ("Subject: =?no-such-charset?q?x?=", "=?no-such-charset?q?x?="),
        ("Subject: two\r\n lines", "two lines"),
    ],
)
def test_a_subject_is_read_however_it_is_written(head, said):
    outbox.store_message("", ["a@example.com"], f"{head}\r\n\r\n".encode())
    assert catcher.list_messages()[0].subject == said
