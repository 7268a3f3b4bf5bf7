"""Connecting: to a real server (aiosmtpd), encrypted and logged in, and every way it fails, by name."""

import asyncio
import contextlib
import socket
import ssl
import time
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from mailing.smtp import client
from mailing.smtp.client import (
    ADVICE,
    Cause,
    ConnectFailed,
    Outcome,
    Server,
    Timeouts,
    Tls,
    check,
    connect,
)
from mailing.smtp.replies import Reply, Stage
from mailing.smtp.server import read_authorities
from mailing.smtp.verdicts import Kind
from tests.hostile_smtp import Settings, hostile_smtp
from tests.mailing.smtp.dialogue import limit_stage

CONTENT = b"Subject: to a real server\r\n\r\n.a dot\r\n..two\r\n.\r\nthe end\r\n"


class Inbox:
    """What aiosmtpd took."""

    def __init__(self):
        self.messages = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  aiosmtpd's name for it
        self.messages.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 2.0.0 taken"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def aiosmtpd(inbox, **options):
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def server_context(certificate) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate.chain, certificate.key)
    return context


def only_ada(server, session, envelope, mechanism, auth_data):
    right = isinstance(auth_data, LoginPassword) and (auth_data.login, auth_data.password) == (
        b"ada",
        "päss".encode(),
    )
    return AuthResult(success=right, handled=False)  # not handled: aiosmtpd answers 535


async def go() -> bool:
    return True


async def send_message(server: Server, content: bytes = CONTENT):
    connection = await connect(server)
    result = await connection.send("shop@a.example", "ada@b.example", content, before_dot=go)
    await connection.quit()
    return result


async def fail_to_connect(server: Server) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as failure:
        await connect(server)
    return failure.value


def test_a_real_server_gets_the_message_as_it_was_written(run):
    inbox = Inbox()
    with aiosmtpd(inbox) as port:
        result = run(send_message(Server("127.0.0.1", port)))
    assert (result.outcome, result.reply) == (Outcome.ACCEPTED, Reply(250, "2.0.0", "taken"))
    assert inbox.messages == [("shop@a.example", ["ada@b.example"], CONTENT)]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it does not count implicit TLS
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize("login", [("", ""), ("ada", "päss")])
@pytest.mark.parametrize("excluded", [[], ["PLAIN"]])
def test_an_encrypted_connection_delivers_with_and_without_login(run, certificate, tls, login, excluded):
    inbox, own = Inbox(), certificate()
    options = {"authenticator": only_ada, "auth_exclude_mechanism": excluded, "auth_required": bool(login[0])}
    if tls is Tls.STARTTLS:
        options |= {"tls_context": server_context(own), "require_starttls": True}
    else:
        options |= {"ssl_context": server_context(own), "auth_require_tls": False}
    with aiosmtpd(inbox, **options) as port:
        result = run(
            send_message(Server("127.0.0.1", port, tls, *login, ca_file=own.authority), CONTENT * 5000)
        )
    assert result.outcome is Outcome.ACCEPTED
    assert inbox.messages == [("shop@a.example", ["ada@b.example"], CONTENT * 5000)]


@pytest.mark.parametrize("excluded", [[], ["PLAIN"]])
def test_a_wrong_password_is_a_refused_login_that_never_shows_the_password(run, certificate, excluded):
    own = certificate()
    options = {
        "authenticator": only_ada,
        "auth_exclude_mechanism": excluded,
        "ssl_context": server_context(own),
    }
    with aiosmtpd(Inbox(), **options, auth_require_tls=False) as port:
        server = Server("127.0.0.1", port, Tls.IMPLICIT, "ada", "hunter2", ca_file=own.authority)
        failure = run(fail_to_connect(server))
    assert (failure.cause, failure.stage, failure.reply.code) == (Cause.LOGIN, Stage.AUTH, 535)
    assert failure.verdict.kind is Kind.CONNECTION
    assert ADVICE[Cause.LOGIN] in failure.sentence
    assert "hunter2" not in f"{failure.sentence} {server!r}"


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize(
    ("name", "expired", "trusted", "words"),
    [
        ("other.example", False, True, "IP address mismatch"),
        ("127.0.0.1", True, True, "certificate has expired"),
        ("127.0.0.1", False, False, "unable to get local issuer certificate"),
    ],
)
def test_a_certificate_that_proves_nothing_is_not_accepted(
    run, certificate, tls, name, expired, trusted, words
):
    own = certificate(name, expired=expired)
    options = {"tls_context" if tls is Tls.STARTTLS else "ssl_context": server_context(own)}
    with aiosmtpd(Inbox(), **options) as port:
        server = Server("127.0.0.1", port, tls, ca_file=own.authority if trusted else None)
        failure = run(fail_to_connect(server))
        assert (failure.cause, failure.stage) == (Cause.CERTIFICATE, Stage.STARTTLS)
        assert words in failure.sentence
        unchecked = Server("127.0.0.1", port, tls, verify=False)
        assert run(send_message(unchecked)).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("name", "expired", "words"),
    [
        ("127.0.0.1", False, "For a private authority, add its certificate"),
        ("127.0.0.1", True, "It has run out"),
        ("other.example", False, "made for another host"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_said_in_plain_words(run, certificate, name, expired, words):
    own = certificate(name, expired=expired)
    trusted = words.startswith("It") or "host" in words
    with aiosmtpd(Inbox(), ssl_context=server_context(own)) as port:
        server = Server("127.0.0.1", port, Tls.IMPLICIT, ca_file=own.authority if trusted else None)
        assert words in run(fail_to_connect(server)).sentence


@pytest.mark.parametrize("uploaded", ["authority", "chain"])
def test_an_uploaded_authority_is_trusted_for_its_server(run, certificate, uploaded):
    own, other = certificate(), certificate("other.example")
    text = read_authorities(b"notes\n" + Path(getattr(own, uploaded)).read_bytes())
    with aiosmtpd(Inbox(), ssl_context=server_context(own)) as port:
        assert (
            run(send_message(Server("127.0.0.1", port, Tls.IMPLICIT, authority=text))).outcome
            is Outcome.ACCEPTED
        )
        unrelated = Server("127.0.0.1", port, Tls.IMPLICIT, authority=Path(other.chain).read_text())
        assert run(fail_to_connect(unrelated)).cause is Cause.CERTIFICATE


def test_a_server_without_starttls_is_never_spoken_to_in_clear(run):
    with hostile_smtp(Settings(login="ada:secret")) as server:
        failure = run(fail_to_connect(Server("127.0.0.1", server.port, Tls.STARTTLS, "ada", "secret")))
        assert (failure.cause, failure.stage) == (Cause.ENCRYPTION, Stage.STARTTLS)
        assert "does not offer STARTTLS" in failure.sentence


@pytest.mark.parametrize(
    "raw",
    [r"220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n", r"220 go\r\n250 injected\r\n", r"220 go\r\n250 inj"],
)
def test_answers_put_ahead_of_the_encryption_end_the_connection(run, raw):
    with hostile_smtp(Settings(extensions="STARTTLS", rules=[f"starttls raw {raw}"])) as server:
        failure = run(fail_to_connect(Server("127.0.0.1", server.port, Tls.STARTTLS)))
        assert failure.stage is Stage.STARTTLS
        assert failure.cause in (Cause.NOT_SMTP, Cause.ENCRYPTION)
        assert "ahead of the encryption" in failure.sentence or "what was not asked" in failure.sentence


def test_implicit_tls_to_a_port_that_speaks_plain_says_so(run):
    with hostile_smtp() as server:
        failure = run(fail_to_connect(Server("127.0.0.1", server.port, Tls.IMPLICIT)))
        assert (failure.cause, failure.stage) == (Cause.ENCRYPTION, Stage.STARTTLS)


def test_plain_to_a_port_that_speaks_tls_times_out_with_the_ports_named(run, certificate):
    with aiosmtpd(Inbox(), ssl_context=server_context(certificate())) as port:
        failure = run(fail_to_connect(Server("127.0.0.1", port, timeouts=limit_stage(Stage.GREETING))))
    assert (failure.cause, failure.stage) == (Cause.TIMED_OUT, Stage.GREETING)
    assert "465" in failure.sentence


def test_a_port_where_nobody_listens_and_a_name_that_is_none_are_not_reached(run):
    refused = run(fail_to_connect(Server("127.0.0.1", free_port())))
    assert (refused.cause, refused.stage) == (Cause.UNREACHABLE, Stage.CONNECT)
    assert "Check the host name and the port" in refused.sentence
    unknown = run(fail_to_connect(Server("no-such-host.invalid", 25)))
    assert (unknown.cause, unknown.stage) == (Cause.UNREACHABLE, Stage.CONNECT)
    assert "'no-such-host.invalid'" in unknown.sentence
    assert run(fail_to_connect(Server("a" * 70 + ".example", 25))).cause is Cause.UNREACHABLE


def test_a_host_that_swallows_every_packet_times_out(run):
    # a backlog of one, and it is taken: the kernel leaves further ones unanswered
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            failure = run(fail_to_connect(Server("127.0.0.1", port, timeouts=Timeouts(connect=0.3))))
    assert (failure.cause, failure.stage) == (Cause.TIMED_OUT, Stage.CONNECT)


@pytest.mark.parametrize(
    ("rule", "cause", "stage", "code"),
    [
        ("connect 554 5.7.1 your address is listed", Cause.REFUSED, Stage.GREETING, 554),
        ("connect 421 4.7.0 too many connections", Cause.THROTTLED, Stage.GREETING, 421),
        ("connect 250 odd", Cause.NOT_SMTP, Stage.GREETING, 250),
        (r"connect raw HTTP/1.1 400 Bad Request\r\n\r\n", Cause.NOT_SMTP, Stage.GREETING, None),
        (r"connect raw 220 a\r\n220 b\r\n", Cause.NOT_SMTP, Stage.EHLO, None),
        ("connect flood", Cause.NOT_SMTP, Stage.GREETING, None),
        ("connect drop", Cause.REFUSED, Stage.GREETING, None),
        ("connect stall", Cause.TIMED_OUT, Stage.GREETING, None),
        ("ehlo 550 5.7.1 not from there", Cause.REFUSED, Stage.EHLO, 550),
        ("ehlo 451 4.3.0 later", Cause.THROTTLED, Stage.EHLO, 451),
        ("ehlo flood", Cause.NOT_SMTP, Stage.EHLO, None),
        ("ehlo drop", Cause.REFUSED, Stage.EHLO, None),
        ("ehlo stall", Cause.TIMED_OUT, Stage.EHLO, None),
        ("auth 535 5.7.8 no", Cause.LOGIN, Stage.AUTH, 535),
        ("auth 534 5.7.9 use an app password", Cause.LOGIN, Stage.AUTH, 534),
        ("auth 454 4.7.0 try again in 30 seconds", Cause.THROTTLED, Stage.AUTH, 454),
        ("auth drop", Cause.REFUSED, Stage.AUTH, None),
        ("auth stall", Cause.TIMED_OUT, Stage.AUTH, None),
        ("auth raw what?\\r\\n", Cause.NOT_SMTP, Stage.AUTH, None),
        ("mail 550 5.7.1 not your address", Cause.SENDER, Stage.MAIL, 550),
        ("mail 553 5.1.8 no such domain", Cause.SENDER, Stage.MAIL, 553),
        ("mail 450 4.1.8 domain not found", Cause.SENDER, Stage.MAIL, 450),
        ("mail 454 4.7.0 too fast", Cause.THROTTLED, Stage.MAIL, 454),
        ("mail drop", Cause.REFUSED, Stage.MAIL, None),
        ("mail stall", Cause.TIMED_OUT, Stage.MAIL, None),
    ],
)
def test_the_check_of_a_connection_names_what_failed_and_what_to_do(run, rule, cause, stage, code):
    async def fail_the_check(server: Server) -> ConnectFailed:
        with pytest.raises(ConnectFailed) as failure:
            await check(server, "shop@a.example")
        return failure.value

    with hostile_smtp(Settings(login="ada:secret", rules=[rule])) as server:
        start = time.monotonic()
        timeouts = limit_stage(stage) if cause is Cause.TIMED_OUT else Timeouts()
        failure = run(
            fail_the_check(
                Server("127.0.0.1", server.port, username="ada", password="secret", timeouts=timeouts)
            )
        )
        assert time.monotonic() - start < 20, "no other deadline was waited for"
        assert (failure.cause, failure.stage) == (cause, stage)
        assert (failure.reply and failure.reply.code) == code
        assert ADVICE[cause] in failure.sentence
        assert f"127.0.0.1:{server.port}" in failure.sentence


def test_a_throttled_login_tells_how_long_to_wait(run):
    with hostile_smtp(Settings(login="a:b", rules=["auth 454 4.7.0 try again in 30 seconds"])) as server:
        failure = run(fail_to_connect(Server("127.0.0.1", server.port, username="a", password="b")))
    assert failure.verdict.retry_after == 30


def test_a_connection_that_works_passes_its_check_and_nothing_is_sent(run):
    with hostile_smtp(Settings(login="ada:secret")) as server:
        run(check(Server("127.0.0.1", server.port, username="ada", password="secret"), "shop@a.example"))
        assert server.stats()["accepted"] == 0


def test_a_sender_that_is_no_address_fails_the_check_by_name(run):
    async def fail_the_check(server: Server) -> None:
        with pytest.raises(ConnectFailed, match="'shop' is not an e-mail address") as failure:
            await check(server, "shop")
        assert failure.value.cause is Cause.SENDER

    with hostile_smtp() as server:
        run(fail_the_check(Server("127.0.0.1", server.port)))


def test_a_server_that_offers_no_login_we_speak_is_named(run):
    with hostile_smtp(Settings(login="a:b", logins_offered="CRAM-MD5 XOAUTH2")) as server:
        failure = run(fail_to_connect(Server("127.0.0.1", server.port, username="a", password="b")))
    assert (failure.cause, failure.reply) == (Cause.LOGIN, None)
    assert "CRAM-MD5, XOAUTH2" in failure.sentence


def test_a_server_that_knows_only_helo_is_spoken_to(run):
    with hostile_smtp(Settings(rules=["ehlo times=1 502 5.5.1 not implemented"])) as server:
        assert run(send_message(Server("127.0.0.1", server.port))).outcome is Outcome.ACCEPTED
        assert len(server.accepted) == 1


def test_a_connection_cancelled_while_it_opens_is_closed(run):
    async def main(server: Server) -> None:
        task = asyncio.ensure_future(connect(server))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with hostile_smtp(Settings(rules=["ehlo stall"])) as server:
        run(main(Server("127.0.0.1", server.port)))
        deadline = time.monotonic() + 5
        while server.stats()["open"] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert server.stats()["open"] == 0


def test_a_password_is_not_shown_to_another_machine_without_encryption(run, monkeypatch):
    """Whatever is stored: decided by the address that answers, before a byte is said."""
    with hostile_smtp() as server:
        monkeypatch.setattr(client, "is_loopback", lambda address: False)
        failure = run(fail_to_connect(Server("127.0.0.1", server.port, Tls.NONE, "ada", "s3cret")))
        result = run(send_message(Server("127.0.0.1", server.port)))  # without a login nothing is shown
    assert result.outcome is Outcome.ACCEPTED
    assert (failure.cause, failure.stage) == (Cause.ENCRYPTION, Stage.AUTH)
    assert "would show it the password" in failure.sentence
