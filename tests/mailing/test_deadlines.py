"""Nobody waits for ever for a server that drips, or that says nothing: each conversation ends at its deadline."""

import contextlib
import itertools
import socket
import threading
import time
from dataclasses import replace

import pytest

from campaigns import database_time
from mailing import connections, deadlines, oauth
from mailing.bounces import mailboxes, sources
from mailing.models import BounceMailbox, OAuthGrant
from mailing.preflight import links
from mailing.sending import servers
from mailing.webhooks import readers
from tests.factories import SmtpConnectionFactory
from tests.hostile_smtp import Settings, hostile_smtp

pytestmark = pytest.mark.django_db

LIMIT = 0.4  # seconds for a whole conversation
MOST = 2.0  # what it may take here
BEGINNINGS = {  # of answers that never end: a TLS record of 16 KB is announced, a line and a body go on
    "smtp": b"220-",
    "tls": b"\x16\x03\x03\x40\x00",
    "imap": b"* OK ",
    "pop3": b"+OK ",
    "http head": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "http body": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n",
    "silence": b"",
}


@contextlib.contextmanager
def serve(begins):
    """A server that sends the beginning of an answer, and then a byte now and then; return its port."""
    ended = threading.Event()

    def drip(talk):
        with talk, contextlib.suppress(OSError):
            talk.sendall(begins)
            while not ended.wait(0.05):
                if begins:
                    talk.sendall(b"x")

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=[listening.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listening.getsockname()[1]
        finally:
            ended.set()
            listening.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def taking_no_longer():
    began = time.monotonic()
    yield
    assert time.monotonic() - began < MOST


@pytest.mark.parametrize(
    ("begins", "tls", "at"),
    [
        ("smtp", "none", "at the greeting"),
        ("smtp", "starttls", "at the greeting"),
        ("silence", "none", "at the greeting"),
        ("tls", "implicit", "did not answer in time"),
        ("silence", "implicit", "did not answer in time"),
    ],
)
def test_the_test_of_a_connection_ends(monkeypatch, begins, tls, at):
    monkeypatch.setattr(connections, "TEST_TIMEOUTS", replace(connections.TEST_TIMEOUTS, total=LIMIT))
    with serve(BEGINNINGS[begins]) as port:
        smtp = SmtpConnectionFactory(host="127.0.0.1", port=port, tls=tls)
        for ask in (
            connections.reach_connection,
            lambda each: connections.check_connection(each, "a@x.test"),
        ):
            with taking_no_longer():
                verdict = ask(smtp)
            assert (verdict.works, verdict.name) == (False, "timed out")
            assert at in verdict.sentence


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("ehlo", "at EHLO"),
        ("mail", "at the sender's address"),
        ("rcpt", "at the recipient's address"),
        ("data", "when the message was to follow"),
        ("dot", "See if it arrives"),
    ],
)
def test_the_test_of_a_connection_says_which_step_was_not_answered(monkeypatch, stage, words):
    monkeypatch.setattr(connections, "TEST_TIMEOUTS", replace(connections.TEST_TIMEOUTS, total=LIMIT))
    with hostile_smtp(Settings(rules=[f"{stage} stall"])) as server, taking_no_longer():
        smtp = SmtpConnectionFactory(host="127.0.0.1", port=server.port, tls="none")
        verdict = connections.check_connection(smtp, "a@x.test")
    assert (verdict.works, verdict.name) == (False, "timed out")
    assert words in verdict.sentence


def test_a_slow_server_has_the_time_of_all_steps_together():
    """Each answer comes within the limit of its step, and all of them take longer than the test may."""
    assert connections.TEST_TIMEOUTS.total == 20
    assert servers.TIMEOUTS.total == float("inf"), "a campaign goes on over its connections"


@pytest.mark.parametrize(
    ("kind", "begins", "tls", "at"),
    [
        ("imap", "imap", "none", "at the greeting"),
        ("imap", "silence", "starttls", "at the greeting"),
        ("imap", "tls", "implicit", "while the encryption began"),
        ("pop3", "pop3", "none", "at the greeting"),
        ("pop3", "silence", "none", "at the greeting"),
        ("pop3", "tls", "implicit", "while the encryption began"),
    ],
)
def test_a_mailbox_is_read_and_tested_for_a_limited_time(monkeypatch, kind, begins, tls, at):
    monkeypatch.setattr(sources, "CHECK_SECONDS", LIMIT)
    with serve(BEGINNINGS[begins]) as port:
        row = BounceMailbox(
            kind=kind, host="127.0.0.1", port=port, tls=tls, username="me", address="b@x.test"
        )
        with taking_no_longer():
            verdict = mailboxes.check_mailbox(row)
    assert (verdict.works, verdict.sentence) == (False, f"127.0.0.1:{port} did not answer in time {at}.")


@pytest.mark.parametrize("begins", ["http head", "http body", "tls", "silence"])
def test_a_provider_of_tokens_is_asked_for_a_limited_time(monkeypatch, begins):
    monkeypatch.setattr(oauth, "WHOLE_ANSWER_SECONDS", LIMIT)
    with serve(BEGINNINGS[begins]) as port:
        scheme = "https" if begins == "tls" else "http"
        grant = OAuthGrant.objects.create(
            connection=SmtpConnectionFactory(username="me@x.test"),
            provider="other",
            client_id="fanfare",
            authorize_url=f"{scheme}://127.0.0.1:{port}/authorize",
            token_url=f"{scheme}://127.0.0.1:{port}/token",
            refresh_token="refresh",
            expires_at=database_time.now(),
        )
        OAuthGrant.objects.filter(pk=grant.pk).update(place=oauth.digest_place(grant.owner))
        with taking_no_longer(), pytest.raises(oauth.TokenUnavailable, match="gives no token now"):
            oauth.read_access_token(grant.pk)


@pytest.mark.parametrize("begins", ["http head", "tls", "silence"])
def test_a_link_is_asked_for_a_limited_time(monkeypatch, begins):
    monkeypatch.setattr(links, "SECONDS", LIMIT)
    with serve(BEGINNINGS[begins]) as port, taking_no_longer():
        scheme = "https" if begins == "tls" else "http"
        verdict = links.check_link(f"{scheme}://127.0.0.1:{port}/", may_ask=lambda address: True)
    assert verdict.said == "does not answer in time"


@pytest.mark.parametrize("begins", ["http head", "http body", "silence"])
def test_the_confirmation_of_a_subscription_takes_a_limited_time(monkeypatch, begins):
    monkeypatch.setattr(readers, "CONFIRM_SECONDS", LIMIT)
    monkeypatch.setattr(readers, "_is_host_of_sns", lambda link: True)
    with serve(BEGINNINGS[begins]) as port, taking_no_longer(), pytest.raises(readers.ConfirmationFailed):
        readers.AmazonSesView(webhook_secret=["fanfare:x"]).auto_confirm_sns_subscription(
            {"SubscribeURL": f"http://127.0.0.1:{port}/"}
        )


def test_a_name_that_dns_does_not_answer_for_keeps_nobody_waiting(monkeypatch):
    """The system asks each of its servers several times."""
    ended = threading.Event()
    monkeypatch.setattr(deadlines.socket, "getaddrinfo", lambda *args, **how: ended.wait(5) and [])
    monkeypatch.setattr(connections, "TEST_TIMEOUTS", replace(connections.TEST_TIMEOUTS, connect=LIMIT))
    monkeypatch.setattr(sources, "CHECK_SECONDS", LIMIT)
    monkeypatch.setattr(links, "SECONDS", LIMIT)
    with taking_no_longer():
        verdict = connections.reach_connection(SmtpConnectionFactory(host="mail.shop.example"))
    assert (verdict.name, "DNS did not answer" in verdict.sentence) == ("timed out", True)
    row = BounceMailbox(kind="imap", host="mail.shop.example", port=993, tls="implicit", username="me")
    with taking_no_longer():
        assert "did not answer in time when it was called" in mailboxes.check_mailbox(row).sentence
    with taking_no_longer():
        assert "DNS did not answer" in links.check_link("https://shop.example/").said.replace(
            "that DNS", "DNS"
        )
    ended.set()


def test_a_conversation_that_ends_in_time_is_left_alone():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with deadlines.end_after(0.05) as deadline:
            deadline.watch(ours)
        time.sleep(0.1)
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"
        assert list(itertools.islice(deadline._watched, 1)) == []
