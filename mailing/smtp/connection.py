"""One open SMTP connection: sends envelopes and messages, and returns the fate of each (RFC 5321, RFC 2920).

What a caller may rely on, whatever the server does:

- Not one byte of a message leaves before the server has accepted its recipient and answered DATA with 354, and the
  caller has agreed. A message that the caller withholds was never sent. Its connection is closed, since SMTP has no
  other way back from DATA.
- A Result is `uncertain` exactly when the final dot may have left and no answer to it came. Everything else is
  known: accepted by the server, or not.
- Replies are counted (`mailing.smtp.wire`), so that no answer can be taken for that of another message.
"""

from collections.abc import Awaitable, Callable

from campaigns.sentences import keep, mark
from mailing.smtp import sessions
from mailing.smtp.envelope import (
    Mail,
    Outcome,
    Result,
    Unsendable,
    write_envelope,
    write_wire_form,
)
from mailing.smtp.replies import RawReply, Stage
from mailing.smtp.server import Server
from mailing.smtp.verdicts import Kind, Verdict
from mailing.smtp.wire import Wire

_ENVELOPE = (Stage.MAIL, Stage.RCPT, Stage.DATA)
_RESET_ENVELOPE = (Stage.RSET, *_ENVELOPE)
_ACCEPTED = Verdict(Kind.ACCEPTED)


class Connection(Wire):
    """Made by `client.connect`; used by one task at a time.

    `accepted` counts the messages the server took.
    """

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.accepted = 0
        self._offered: Mail | None = None  # 354 given, content not sent
        self._chained: Mail | None = None  # its envelope went out behind the message before
        self._needs_reset = False
        limits = server.timeouts
        self._envelope_limits = (limits.mail, limits.rcpt, limits.data)
        self._dot_limit = (limits.dot,)

    @property
    def is_usable(self) -> bool:
        """Another message may be offered: the connection lives, or ended owing the fate of the one chained last."""
        return not self._ended or self._chained is not None

    def has_room(self, most: int, *, besides: int = 0) -> bool:
        """Return whether one more message may go over it: of `most`, or of fewer if the server takes fewer."""
        return self.accepted + besides < sessions.find_size(self.server, most)

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

        Args:
            before_dot: awaited once the server has accepted the recipient and answered 354, before any byte of the
                message leaves. True: send it. Any other value, or an exception (which goes on to the caller): the
                message is never sent and the connection is closed.
            ready: as in Mail.
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

        Args:
            then: the message to be offered next. Its envelope goes out in the same write if the server takes pipelined
                commands, which saves a round trip; `offer` it next, or close the connection.
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
            self._end(
                keep(
                    "%(server)s answered the message with %(decode)s",
                    server=self.server,
                    decode=answer.decode(),
                )
            )
            return self._build_loss(Stage.DOT, uncertain=True)
        self.accepted += 1
        return Result(Outcome.ACCEPTED, Stage.DOT, answer.decode(), _ACCEPTED)

    def withhold(self) -> Result:
        """Do not send the content offered last: close the connection, as SMTP has no other way back from DATA."""
        self.abort()
        return Result(
            Outcome.WITHHELD,
            Stage.DATA,
            sentence=mark("The message was held back before its content was sent."),
        )

    # The connection

    async def reset(self) -> bool:
        """Send RSET, which forgets the transaction; return False when the connection has ended."""
        answer = await self.ask(b"RSET", self.server.timeouts.mail)
        if answer is not None and answer.code >= 300:
            self._end(keep("%(server)s refused RSET: %(decode)s", server=self.server, decode=answer.decode()))
        self._needs_reset = False
        return self.is_usable

    async def quit(self) -> None:
        """Say goodbye and close. Never raises for what the server does."""
        if not self._ended and self._owed == 0 and self._offered is None and self._chained is None:
            await self.ask(b"QUIT", self.server.timeouts.quit)
        self.abort()

    def abort(self, why: str = mark("The connection was closed on this side.")) -> None:
        """Close at once, and send nothing more. `why` is the sentence for messages under way."""
        self._offered = self._chained = None
        super().abort(why)

    async def ask(self, command: bytes, seconds: float) -> RawReply | None:
        """Send one command line and wait for its answer; None when the connection has ended instead.

        For the handshake; messages go through `offer` and `deliver`.
        """
        if self._offered is not None or self._chained is not None:
            raise RuntimeError(
                mark("The server waits for a message; a command would be taken for its first line.")
            )
        self._write(command + b"\r\n", replies=1)
        return await self.answer(seconds)

    async def _offer_by_steps(self, mail: Mail, envelope: bytes) -> Result | None:
        """Offer an envelope to a server without PIPELINING: each command waits for the answer before it."""
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
        """Return the result of the answers to an envelope, of which the first refusal decides; None: all accept."""
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
                self._end(
                    keep(
                        "%(server)s answered %(upper)s with %(decode)s",
                        server=self.server,
                        upper=stage.upper(),
                        decode=reply.decode(),
                    )
                )
                return self._build_loss(stage)
        return self._build_loss(stages[len(replies)])

    async def _leave_data(self, stages: tuple[Stage, ...], codes: list[int]) -> None:
        """Leave a DATA that was granted although the envelope was refused, by an empty message (RFC 2920 §3.1).

        A recipient that the server took would get an empty message, so the connection goes.
        """
        if len(codes) < len(stages) or codes[-1] != 354:
            return
        if codes[stages.index(Stage.RCPT)] < 400:
            self._end(
                keep("%(server)s answered DATA with 354 after refusing the envelope.", server=self.server)
            )
            return
        await self.ask(b".", self._dot_limit[0])

    def _build_refusal(self, stage: Stage, raw: RawReply) -> Result:
        reply = raw.decode()
        if reply.code == 421:
            self._end(keep("%(server)s closed the connection: %(reply)s", server=self.server, reply=reply))
        verdict = sessions.judge_session(self.server, self.accepted, stage, reply)
        return Result(Outcome.REFUSED, stage, reply, verdict)

    def _build_loss(self, stage: Stage, *, uncertain: bool = False) -> Result:
        outcome = Outcome.TIMED_OUT if self.is_late else Outcome.DROPPED
        return Result(outcome, stage, uncertain=uncertain, sentence=self._ended)
