"""One open SMTP connection: envelopes and messages out, the fate of each message back (RFC 5321, RFC 2920).

What a caller may rely on, whatever the server does:

- Not one byte of a message leaves before the server has accepted its recipient and answered DATA with 354, and the
  caller has said go. A message the caller withholds was never sent; its connection is dropped, since DATA knows no
  way back.
- A Result is `uncertain` exactly when the final dot may have left and no answer to it came. Everything else is
  known: accepted by the server, or not.
- Replies are counted. A server that answers what was not asked is disconnected, so that no answer can be taken for
  that of another message.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import astuple

from mailing.smtp import sessions
from mailing.smtp.envelope import (
    Capabilities,
    Mail,
    Outcome,
    Result,
    Unsendable,
    write_envelope,
    write_wire_form,
)
from mailing.smtp.replies import NotSmtp, RawReply, ReplyParser, Stage
from mailing.smtp.server import Server
from mailing.smtp.verdicts import Kind, Verdict

_ENVELOPE = (Stage.MAIL, Stage.RCPT, Stage.DATA)
_RESET_ENVELOPE = (Stage.RSET, *_ENVELOPE)
_ACCEPTED = Verdict(Kind.ACCEPTED)


class Connection(asyncio.Protocol):
    """Made by `client.connect`; used by one task at a time.

    `accepted` counts the messages the server took; `capabilities` is what its last EHLO offered; `is_late` says that it
    ended because the server took too long to answer.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.accepted = 0
        self.capabilities = Capabilities()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = ReplyParser()
        self._inbox: list[RawReply] = []
        self._owed = 0  # replies still to come
        self._ended = ""  # why the connection is of no more use
        self.is_late = False
        self._is_backlogged = False  # more waits in the transport than any envelope has: the dot is among it
        self._waiter: asyncio.Future[None] | None = None
        self._limits: tuple[float, ...] = ()
        self._deadline = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._offered: Mail | None = None  # 354 given, content not sent
        self._chained: Mail | None = None  # its envelope went out behind the message before
        self._needs_reset = False
        limits = server.timeouts
        self._envelope_limits = (limits.mail, limits.rcpt, limits.data)
        self._dot_limit = (limits.dot,)
        self._tick = min(astuple(limits))  # no deadline can come sooner

    @property
    def is_usable(self) -> bool:
        """Another message may be offered: the connection lives, or ended owing the fate of the one chained last."""
        return not self._ended or self._chained is not None

    def has_room(self, most: int, *, besides: int = 0) -> bool:
        """Whether one message more may go over it: of `most`, or fewer where the server takes fewer."""
        return self.accepted + besides < sessions.find_size(self.server, most)

    @property
    def seconds_waited(self) -> float:
        """Seconds since the server was asked for what it has not answered yet; 0 when nobody waits."""
        if self._waiter is None:
            return 0.0
        return self._loop.time() - self._deadline + self._limits[len(self._inbox)]

    @property
    def ended_because(self) -> str:
        """Why the connection is of no more use, in words; "" while it is."""
        return self._ended

    # One message

    async def send(
        self,
        envelope_from: str,
        recipient: str,
        message: bytes,
        *,
        before_dot: Callable[[], Awaitable[bool]],
        ready: bool = False,
    ) -> Result:
        """Send one message and wait for its fate.

        before_dot: awaited once the server accepted the recipient and answered 354, before any byte of the message
        leaves. True: send it. Anything else, or an exception (which goes on to the caller): the message is never
        sent and the connection is closed. ready: as in Mail.
        """
        mail = Mail(envelope_from, recipient, message, ready)
        refused = await self.offer(mail)
        if refused is not None:
            return refused
        try:
            go = await before_dot()
        except BaseException:
            self.abort()
            raise
        return await self.deliver() if go is True else self.withhold()

    async def offer(self, mail: Mail) -> Result | None:
        """Offer the envelope. None: the recipient is accepted and the server waits for the content.

        The caller then calls `deliver` (the content goes out) or `withhold` (it never does). A Result: it ends here,
        and the connection may go on with another message while `is_usable`.
        """
        if self._offered is not None:
            raise RuntimeError("A message was offered and neither delivered nor withheld.")
        if mail is self._chained:
            stages: tuple[Stage, ...] = _ENVELOPE
            self._chained = None
        elif self._chained is not None:
            raise RuntimeError("The envelope of another message is on the wire already.")
        elif self._ended:
            return self._build_loss(Stage.MAIL)
        else:
            try:
                envelope = write_envelope(mail, self.capabilities)
            except Unsendable as unsendable:
                return unsendable.result
            if not self.capabilities.pipelining:
                return await self._offer_by_steps(mail, envelope)
            stages = _ENVELOPE
            if self._needs_reset:
                stages = _RESET_ENVELOPE
                envelope = b"RSET\r\n" + envelope
            self._write(envelope, replies=len(stages))
        limits = self._envelope_limits
        await self._replies(limits if stages is _ENVELOPE else (limits[0], *limits))
        replies = self._inbox[: len(stages)]
        del self._inbox[: len(stages)]
        return await self._judge(mail, stages, replies)

    async def deliver(self, then: Mail | None = None) -> Result:
        """Send the content offered last and wait for the answer to its dot.

        then: the message to be offered next. Its envelope goes out in the same write where the server takes
        pipelined commands, which saves a round trip; `offer` it next, or close the connection.
        """
        mail = self._offered
        if mail is None:
            raise RuntimeError("No message has been offered.")
        self._offered = None
        content = mail.content if mail.ready else write_wire_form(mail.content)
        envelope = b""
        if then is not None and self.capabilities.pipelining:
            try:
                envelope = write_envelope(then, self.capabilities)
                self._chained = then
            except Unsendable:
                pass  # nothing to chain: its own `offer` returns the refusal
        if not self._write(content, b".\r\n" + envelope, replies=4 if envelope else 1):
            return self._build_loss(Stage.DATA)
        await self._replies(self._dot_limit)
        if not self._inbox:
            return self._build_loss(Stage.DOT, uncertain=not self._is_backlogged)
        answer = self._inbox.pop(0)
        if answer.code >= 400:
            return self._build_refusal(Stage.DOT, answer)
        if answer.code >= 300:
            self._end(f"{self.server} answered the message with {answer.decode()}")
            return self._build_loss(Stage.DOT, uncertain=True)
        self.accepted += 1
        return Result(Outcome.ACCEPTED, Stage.DOT, answer.decode(), _ACCEPTED)

    def withhold(self) -> Result:
        """Do not send the content offered last: close the connection, as SMTP has no other way back from DATA."""
        self.abort()
        return Result(
            Outcome.WITHHELD, Stage.DATA, sentence="The message was held back before its content was sent."
        )

    # The connection

    async def reset(self) -> bool:
        """RSET: forget the transaction. False: the connection has ended."""
        answer = await self.ask(b"RSET", self.server.timeouts.mail)
        if answer is not None and answer.code >= 300:
            self._end(f"{self.server} refused RSET: {answer.decode()}")
        self._needs_reset = False
        return self.is_usable

    async def quit(self) -> None:
        """Say goodbye and close. Never raises for what the server does."""
        if not self._ended and self._owed == 0 and self._offered is None and self._chained is None:
            await self.ask(b"QUIT", self.server.timeouts.quit)
        self.abort()

    def abort(self, why: str = "The connection was closed on this side.") -> None:
        """Close at once; nothing still unsent goes out. why: in words, for what is under way."""
        self._offered = self._chained = None
        self._end(why)

    async def ask(self, command: bytes, seconds: float) -> RawReply | None:
        """Send one command line and wait for its answer; None when the connection has ended instead.

        For the handshake; messages go through `offer` and `deliver`.
        """
        if self._offered is not None or self._chained is not None:
            raise RuntimeError("The server waits for a message; a command would be taken for its first line.")
        self._write(command + b"\r\n", replies=1)
        return await self.answer(seconds)

    async def answer(self, seconds: float) -> RawReply | None:
        """Wait for the next answer; None when the connection has ended instead."""
        await self._replies((seconds,))
        return self._inbox.pop(0) if self._inbox else None

    def expect_greeting(self) -> None:
        """The server speaks first."""
        self._owed += 1

    async def start_tls(self, seconds: float) -> None:
        """Encrypt from here on. What was learnt in clear is forgotten.

        Raises ssl.SSLError, OSError, TimeoutError; ConnectionError when the server had sent bytes ahead of the
        encryption, which an attacker could have put there.
        """
        if self._transport is None or self._ended or self._inbox or not self._parser.is_idle:
            raise ConnectionError("The server sent data ahead of the encryption.")
        transport = await self._loop.start_tls(
            self._transport,
            self,
            self.server.tls_context(),
            server_hostname=self.server.host,
            ssl_handshake_timeout=seconds,
        )
        if transport is None:
            raise ConnectionError("The connection was closed during the TLS handshake.")
        self._transport = transport
        self._parser, self.capabilities = ReplyParser(), Capabilities()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        nonsense = ""
        try:
            replies = self._parser.feed(data)
        except NotSmtp as error:
            replies, nonsense = error.before, str(error)
        inbox = self._inbox
        inbox += replies
        self._owed -= len(replies)
        if self._owed < 0:
            self._end_on_unasked_reply()
        if nonsense:
            self._end(f"{self.server} does not answer as an SMTP server does: {nonsense}.")
        waiter = self._waiter
        if waiter is not None and replies:
            if len(inbox) >= len(self._limits):
                self._wake()
            else:
                self._deadline = self._loop.time() + self._limits[len(inbox)]

    def eof_received(self) -> None:
        self._end(
            f"{self.server} closed the connection."
        )  # at once: a write from here on would be lost unseen

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"{self.server} closed the connection{f' ({exc})' if exc else ''}.")

    def pause_writing(self) -> None:
        self._is_backlogged = True

    def resume_writing(self) -> None:
        if not self._ended:  # what is dropped with the connection did not leave
            self._is_backlogged = False

    # Inside

    def _write(self, *data: bytes, replies: int) -> bool:
        """False: the connection has ended, and not a byte of `data` left."""
        if self._ended or self._transport is None:
            return False
        self._owed += replies
        self._transport.writelines(data)
        return True

    async def _replies(self, limits: tuple[float, ...]) -> None:
        """Wait until one reply for each of `limits` (seconds) is in the inbox, or the connection has ended."""
        if len(self._inbox) >= len(limits) or self._ended:
            return
        if self._waiter is not None:
            raise RuntimeError("Two tasks use one connection.")
        self._limits = limits
        self._deadline = self._loop.time() + limits[len(self._inbox)]
        if self._watch is None:
            self._watch = self._loop.call_later(self._tick, self._look_at_the_clock)
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self._waiter = None
            self.abort()
            raise

    def _look_at_the_clock(self) -> None:
        """One timer for the whole connection: a timer for each wait costs more than the rest of the wait."""
        self._watch = None
        if self._waiter is None:
            return
        left = self._deadline - self._loop.time()
        if left <= 0:
            self.is_late = True
            self._end(f"{self.server} did not answer in time.")
        else:
            self._watch = self._loop.call_later(min(left, self._tick), self._look_at_the_clock)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _end(self, why: str) -> None:
        if self._ended:
            return
        self._ended = why
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _end_on_unasked_reply(self) -> None:
        """More answers than questions: a goodbye (421), or a server whose answers can no longer be told apart."""
        first = self._inbox[self._owed]
        del self._inbox[self._owed :]
        self._owed = 0
        if first.code == 421:
            self._end(f"{self.server} closed the connection: {first.decode()}")
        else:
            self._end(f"{self.server} answered what was not asked: {first.decode()}")

    async def _offer_by_steps(self, mail: Mail, envelope: bytes) -> Result | None:
        """The dialogue of a server without PIPELINING: each command waits for the answer before it."""
        if self._needs_reset and not await self.reset():
            return self._build_loss(Stage.RSET)
        replies: list[RawReply] = []
        for limit, command in zip(self._envelope_limits, envelope.split(b"\r\n"), strict=False):
            answer = await self.ask(command, limit)
            if answer is None:
                break
            replies.append(answer)
            if answer.code >= 400:
                break
        return await self._judge(mail, _ENVELOPE, replies)

    async def _judge(self, mail: Mail, stages: tuple[Stage, ...], replies: list[RawReply]) -> Result | None:
        """What the answers to an envelope say; the first that refuses decides."""
        self._needs_reset = False
        codes = [reply.code for reply in replies]
        if len(codes) == len(stages) and codes[-1] == 354 and max(codes[:-1]) < 300:
            self._offered = mail
            return None
        self._needs_reset = True
        for stage, reply in zip(stages, replies, strict=False):
            if reply.code >= 400:
                await self._leave_data(stages, codes)
                return self._build_refusal(stage, reply)
            if (reply.code == 354) is not (stage is Stage.DATA) or 300 <= reply.code != 354:
                self._end(f"{self.server} answered {stage.upper()} with {reply.decode()}")
                return self._build_loss(stage)
        return self._build_loss(stages[len(replies)])

    async def _leave_data(self, stages: tuple[Stage, ...], codes: list[int]) -> None:
        """Leave a DATA that was granted though the envelope was refused: an empty message to nobody (RFC 2920 §3.1).

        A recipient that the server took would get an empty message, so the connection goes.
        """
        if len(codes) < len(stages) or codes[-1] != 354:
            return
        if codes[stages.index(Stage.RCPT)] < 400:
            self._end(f"{self.server} answered DATA with 354 after refusing the envelope.")
            return
        await self.ask(b".", self._dot_limit[0])

    def _build_refusal(self, stage: Stage, raw: RawReply) -> Result:
        reply = raw.decode()
        if reply.code == 421:
            self._end(f"{self.server} closed the connection: {reply}")
        verdict = sessions.judge_session(self.server, self.accepted, stage, reply)
        return Result(Outcome.REFUSED, stage, reply, verdict)

    def _build_loss(self, stage: Stage, *, uncertain: bool = False) -> Result:
        outcome = Outcome.TIMED_OUT if self.is_late else Outcome.DROPPED
        return Result(outcome, stage, uncertain=uncertain, sentence=self._ended)
