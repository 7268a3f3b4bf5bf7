"""Opens an SMTP connection: greeting, EHLO, encryption, login. Each failure has a name and says what to do.

    connection = await connect(Server("smtp.example.com", 587, Tls.STARTTLS, "me", "secret"))
    result = await connection.send(sender, recipient, content, before_dot=mark)
    await connection.quit()

`send` takes one message from envelope to answer. A loop that keeps the line full uses `offer` and `deliver`:

    mail = take()
    while mail and connection.is_usable:
        result = await connection.offer(mail)       # envelope; None: 354, the recipient is accepted
        if result is None:
            if not await marked(mail):              # True: the delivery is committed as in_data; else do not send
                connection.withhold()
                break
            following = take()
            result = await connection.deliver(then=following)   # content, dot and the next envelope in one write
        else:
            following = take()
        record(mail, result)
        mail = following                            # one not offered goes back to the ledger

The answer to a chained message and the 354 for the next one arrive together. So one commit can hold the result of the
one and the mark of the other, and all connections that wait for a commit share it. If each result is committed before
or with the next mark, a connection never has more than two messages in doubt: one on the wire, and one answered and
not recorded yet.
"""

import asyncio
import base64
import socket
import ssl

from campaigns.sentences import keep, mark
from mailing.smtp.addresses import AddressRefused, encode_for_wire
from mailing.smtp.causes import ADVICE, CERTIFICATE_ADVICE, Cause
from mailing.smtp.connection import Connection
from mailing.smtp.envelope import Capabilities, Mail, Outcome, Result
from mailing.smtp.phrases import Meaning, find_meaning
from mailing.smtp.replies import RawReply, Reply, Stage
from mailing.smtp.server import Server, Timeouts, Tls, is_loopback, loop_factory
from mailing.smtp.verdicts import Verdict, classify

__all__ = [
    "ADVICE",
    "Cause",
    "ConnectFailed",
    "Connection",
    "Mail",
    "Outcome",
    "Result",
    "Server",
    "Timeouts",
    "Tls",
    "check",
    "connect",
    "loop_factory",
    "name_cause",
    "name_step",
]


SPEAKS_NO_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


class ConnectFailed(Exception):
    """No connection. `str()` is the sentence: what failed and what to do.

    stage: the step that failed. reply: the server's answer, None when it gave none. verdict: of that reply.
    """

    def __init__(
        self, cause: Cause, stage: Stage, reply: Reply | None, what: str, advice: str | None = None
    ) -> None:
        self.cause = cause
        self.stage = stage
        self.reply = reply
        self.verdict: Verdict | None = classify(stage, reply) if reply else None
        self.sentence = f"{what} {advice or ADVICE[cause]}"
        super().__init__(self.sentence)


async def connect(server: Server) -> Connection:
    """Open a connection ready for messages: greeted, encrypted as `server.tls` says, logged in with a user name.

    Raises:
        ConnectFailed: the server cannot be used.
    """
    connection = await _open(server)
    try:
        await _greet(connection)
        if server.tls is Tls.STARTTLS:
            await _encrypt(connection)
        if server.username:
            await _log_in(connection)
    except BaseException:
        connection.abort()
        raise
    return connection


async def check(server: Server, sender: str) -> None:
    """Try a connection: connect, log in, offer `sender`, quit. No mail is sent.

    Raises:
        ConnectFailed: the server cannot be used.
    """
    connection = await connect(server)
    try:
        wire = encode_for_wire(sender, smtputf8=connection.capabilities.smtputf8)
    except AddressRefused as error:
        raise ConnectFailed(Cause.SENDER, Stage.MAIL, None, str(error)) from error
    else:
        answer = await connection.ask(b"MAIL FROM:<%b>" % wire, server.timeouts.mail)
        _expect(connection, Stage.MAIL, answer, 250, Cause.SENDER)
        await connection.reset()
    finally:
        await connection.quit()


async def _open(server: Server) -> Connection:
    loop = asyncio.get_running_loop()
    implicit = server.tls is Tls.IMPLICIT

    def make_connection() -> Connection:
        connection = Connection(server)
        connection.expect_greeting()
        return connection

    try:
        async with asyncio.timeout(min(server.timeouts.connect, server.timeouts.total)):
            transport, connection = await loop.create_connection(
                make_connection,
                server.host,
                server.port,
                ssl=server.tls_context() if implicit else None,
                server_hostname=server.host if implicit else None,
            )
    # TimeoutError, SSLError are OSErrors; Unicode: the host's name
    except (
        OSError,
        UnicodeError,
    ) as error:
        raise _describe_opening_failure(
            server, Stage.STARTTLS if isinstance(error, ssl.SSLError) else Stage.CONNECT, error
        ) from error
    if server.username and server.tls is Tls.NONE:
        _refuse_open_login(server, transport)
    return connection


def _refuse_open_login(server: Server, transport: asyncio.BaseTransport) -> None:
    """Refuse to send a password in clear to another machine.

    Raises:
        ConnectFailed: the server cannot be used.
    """
    if not is_loopback(transport.get_extra_info("peername")[0]):
        transport.abort()  # type: ignore[attr-defined]
        what = keep(
            "%(server)s is another machine, and a login without encryption would show it the "
            "password on the way.",
            server=server,
        )
        raise ConnectFailed(Cause.ENCRYPTION, Stage.AUTH, None, what)


def _describe_opening_failure(server: Server, stage: Stage, error: Exception) -> ConnectFailed:
    match error:
        case ssl.SSLCertVerificationError():
            what = keep(
                "The certificate of %(server)s was not accepted: %(verify_message)s.",
                server=server,
                verify_message=error.verify_message,
            )
            advice = CERTIFICATE_ADVICE.get(error.verify_code)
            return ConnectFailed(Cause.CERTIFICATE, stage, None, what, advice)
        case ssl.SSLError() if error.reason in SPEAKS_NO_TLS:
            what = keep(
                "%(server)s answered the TLS handshake with something else: this port speaks without TLS "
                "at first.",
                server=server,
            )
            return ConnectFailed(Cause.ENCRYPTION, stage, None, what)
        case ssl.SSLError() | ConnectionError() if stage is Stage.STARTTLS:
            return ConnectFailed(
                Cause.ENCRYPTION,
                stage,
                None,
                keep("The TLS handshake with %(server)s failed: %(error)s.", server=server, error=error),
            )
        case TimeoutError():
            return ConnectFailed(
                Cause.TIMED_OUT, stage, None, keep("%(server)s did not answer in time.", server=server)
            )
        case socket.gaierror() | UnicodeError():
            return ConnectFailed(
                Cause.UNREACHABLE,
                stage,
                None,
                keep("There is no host named %(host)s.", host=repr(server.host)),
            )
        case _:
            return ConnectFailed(
                Cause.UNREACHABLE,
                stage,
                None,
                keep("%(server)s cannot be reached: %(error)s.", server=server, error=error),
            )


async def _greet(connection: Connection) -> None:
    server = connection.server
    _expect(connection, Stage.GREETING, await connection.answer(server.timeouts.greeting), 220, Cause.REFUSED)
    await _say_hello(connection)


async def _say_hello(connection: Connection) -> None:
    server = connection.server
    name = server.local_hostname.encode("ascii")
    answer = await connection.ask(b"EHLO " + name, server.timeouts.ehlo)
    if answer is not None and answer.code in (500, 502) and server.tls is not Tls.STARTTLS:
        # RFC 5321 §3.2: a server before 1995
        answer = await connection.ask(b"HELO " + name, server.timeouts.ehlo)
        _expect(connection, Stage.EHLO, answer, 250, Cause.REFUSED)
        return
    connection.capabilities = Capabilities.of(
        _expect(connection, Stage.EHLO, answer, 250, Cause.REFUSED).lines
    )


async def _encrypt(connection: Connection) -> None:
    server = connection.server
    if not connection.capabilities.starttls:
        raise ConnectFailed(
            Cause.ENCRYPTION, Stage.STARTTLS, None, keep("%(server)s does not offer STARTTLS.", server=server)
        )
    answer = await connection.ask(b"STARTTLS", server.timeouts.starttls)
    _expect(connection, Stage.STARTTLS, answer, 220, Cause.ENCRYPTION)
    try:
        await connection.start_tls(server.timeouts.starttls)
    except OSError as error:
        raise _describe_opening_failure(server, Stage.STARTTLS, error) from error
    await _say_hello(connection)


async def _log_in(connection: Connection) -> None:
    server = connection.server
    limit = server.timeouts.auth
    offered = connection.capabilities.logins
    user, password = server.username.encode(), server.password.encode()
    if server.has_token:
        await _log_in_with_token(connection)
        return
    if "PLAIN" in offered:
        token = base64.b64encode(b"\0%b\0%b" % (user, password))
        answer = await connection.ask(b"AUTH PLAIN " + token, limit)
    elif "LOGIN" in offered:
        answer = await connection.ask(b"AUTH LOGIN", limit)
        for secret in (user, password):
            _expect(connection, Stage.AUTH, answer, 334, Cause.LOGIN)
            answer = await connection.ask(base64.b64encode(secret), limit)
    else:
        ways = ", ".join(offered) or mark("no login at all")
        hint = mark(" before encryption") if server.tls is Tls.NONE else ""
        what = keep(
            "%(server)s offers %(ways)s%(hint)s, and a user name is set; PLAIN and LOGIN are what is "
            "spoken here.",
            server=server,
            ways=ways,
            hint=hint,
        )
        raise ConnectFailed(Cause.LOGIN, Stage.AUTH, None, what)
    _expect(connection, Stage.AUTH, answer, 235, Cause.LOGIN)


async def _log_in_with_token(connection: Connection) -> None:
    """Log in with a token by XOAUTH2.

    Raises:
        ConnectFailed: the server cannot be used.
    """
    server = connection.server
    offered = connection.capabilities.logins
    if "XOAUTH2" not in offered:
        what = keep(
            "%(server)s offers %(offered)s, and this connection logs in by XOAUTH2.",
            server=server,
            offered=", ".join(offered) or mark("no login at all"),
        )
        raise ConnectFailed(Cause.LOGIN, Stage.AUTH, None, what)
    said = f"user={server.username}\1auth=Bearer {server.password}\1\1".encode()
    answer = await connection.ask(b"AUTH XOAUTH2 " + base64.b64encode(said), server.timeouts.auth)
    if answer is not None and answer.code == 334:  # the refusal in detail, which is to be acknowledged
        answer = await connection.ask(b"", server.timeouts.auth)
    try:
        _expect(connection, Stage.AUTH, answer, 235, Cause.TOKEN)
    except ConnectFailed as error:
        if error.cause is not Cause.LOGIN:
            raise
        raise ConnectFailed(
            Cause.TOKEN,
            Stage.AUTH,
            error.reply,
            keep("%(server)s refused the token: %(reply)s.", server=server, reply=error.reply),
        ) from error


_AT_STAGE = {
    Stage.GREETING: mark("at the greeting"),
    Stage.EHLO: mark("at EHLO"),
    Stage.STARTTLS: mark("at STARTTLS"),
    Stage.AUTH: mark("at the login"),
    Stage.MAIL: mark("at the sender's address"),
    Stage.RCPT: mark("at the recipient's address"),
    Stage.DATA: mark("when the message was to follow"),
    Stage.DOT: mark("after the message"),
}


def name_step(stage: Stage) -> str:
    """Say at which step of a conversation something happened, as “at the login”."""
    return _AT_STAGE.get(stage, "")


_CAUSE_OF_MEANING = {
    Meaning.HELLO: Cause.HELLO,
    Meaning.QUOTA: Cause.QUOTA,
    Meaning.SENDER_RIGHT: Cause.SENDER,
    Meaning.SENDER_DOMAIN: Cause.SENDER,
}
_CAUSE_OF_PERMANENT_MEANING = {Meaning.LOGIN: Cause.LOGIN, Meaning.SENDER: Cause.SENDER}


def name_cause(stage: Stage, reply: Reply) -> Cause | None:
    """Name the cause of a refusal by its words; None when they say no more than the stage does."""
    if stage is Stage.EHLO and reply.code in (501, 504):
        return Cause.HELLO
    if reply.code == 530 and "starttls" in reply.text.lower():
        return Cause.ENCRYPTION
    meaning = find_meaning(f"{reply.enhanced} {reply.text}")
    if meaning is None:
        return None
    return _CAUSE_OF_MEANING.get(meaning) or (
        _CAUSE_OF_PERMANENT_MEANING.get(meaning) if reply.code >= 500 else None
    )


def _expect(
    connection: Connection, stage: Stage, answer: RawReply | None, code: int, cause: Cause
) -> RawReply:
    """Return `answer`, when it has `code`.

    Raises:
        ConnectFailed: it has another code or there is none; with `cause` when it is a permanent refusal.
    """
    server = connection.server
    if answer is None:
        ended = connection.ended_because
        if connection.is_late:
            what = keep(
                "%(server)s did not answer in time %(at_stage)s.", server=server, at_stage=_AT_STAGE[stage]
            )
            if stage is Stage.GREETING and server.tls is not Tls.IMPLICIT:
                what += mark(" A server that does not greet often waits for TLS from the start.")
            raise ConnectFailed(Cause.TIMED_OUT, stage, None, what)
        how = Cause.NOT_SMTP if "closed the connection" not in ended else Cause.REFUSED
        raise ConnectFailed(
            how,
            stage,
            None,
            keep("%(value)s %(at_stage)s.", value=ended.rstrip("."), at_stage=_AT_STAGE[stage]),
        )
    if answer.code == code:
        return answer
    reply = answer.decode()
    named = name_cause(stage, reply)
    is_about_sender = reply.enhanced in ("4.1.7", "4.1.8")
    if 400 <= reply.code < 500 and not named and not is_about_sender:
        raise ConnectFailed(
            Cause.THROTTLED,
            stage,
            reply,
            keep(
                "%(server)s wants us to wait %(at_stage)s: %(reply)s.",
                server=server,
                at_stage=_AT_STAGE[stage],
                reply=reply,
            ),
        )
    if reply.code >= 400:
        raise ConnectFailed(
            named or cause,
            stage,
            reply,
            keep(
                "%(server)s refused %(at_stage)s: %(reply)s.",
                server=server,
                at_stage=_AT_STAGE[stage],
                reply=reply,
            ),
        )
    raise ConnectFailed(
        Cause.NOT_SMTP,
        stage,
        reply,
        keep(
            "%(server)s gave an unexpected answer %(at_stage)s: %(reply)s.",
            server=server,
            at_stage=_AT_STAGE[stage],
            reply=reply,
        ),
    )
