"""The wire of an SMTP connection: writes bytes, and waits for each reply for a limited time.

Replies are counted. A server that answers more than was asked is disconnected.
"""

import asyncio
from dataclasses import astuple

from campaigns.sentences import keep, mark
from mailing.smtp.envelope import Capabilities
from mailing.smtp.replies import NotSmtp, RawReply, ReplyParser
from mailing.smtp.server import Server


class Wire(asyncio.Protocol):
    """Carries commands and replies, for one task at a time. `mailing.smtp.connection` sends messages with them.

    `capabilities` is what the server's last EHLO offered; `is_late` says that the connection ended because the server
    took too long to answer.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
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
        self._until = self._loop.time() + server.timeouts.total
        self._watch: asyncio.TimerHandle | None = None
        self._tick = min(astuple(server.timeouts))  # no deadline can come sooner

    @property
    def seconds_waited(self) -> float:
        """Seconds since the server was asked for what it has not answered yet; 0 when nobody waits."""
        if self._waiter is None:
            return 0.0
        return self._loop.time() - self._deadline + self._limits[len(self._inbox)]

    @property
    def ended_because(self) -> str:
        """Why the connection cannot be used any more, in words; "" while it can."""
        return self._ended

    def abort(self, why: str = mark("The connection was closed on this side.")) -> None:
        """Close at once, and send nothing more. `why` is the sentence for messages under way."""
        self._end(why)

    async def answer(self, seconds: float) -> RawReply | None:
        """Wait for the next answer; None when the connection has ended instead."""
        await self._replies((seconds,))
        return self._inbox.pop(0) if self._inbox else None

    def expect_greeting(self) -> None:
        """Wait for the greeting: the server speaks first."""
        self._owed += 1

    async def start_tls(self, seconds: float) -> None:
        """Encrypt from here on, and forget what the server said before.

        Raises:
            ssl.SSLError, OSError, TimeoutError: there is no encryption.
            ConnectionError: the server had sent bytes before the encryption, which an attacker could have written.
        """
        if self._transport is None or self._ended or self._inbox or not self._parser.is_idle:
            raise ConnectionError(mark("The server sent data ahead of the encryption."))
        transport = await self._loop.start_tls(
            self._transport,
            self,
            self.server.tls_context(),
            server_hostname=self.server.host,
            ssl_handshake_timeout=min(seconds, max(0.001, self._until - self._loop.time())),
        )
        if transport is None:
            raise ConnectionError(mark("The connection was closed during the TLS handshake."))
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
            self._end(
                keep(
                    "%(server)s does not answer as an SMTP server does: %(nonsense)s.",
                    server=self.server,
                    nonsense=nonsense,
                )
            )
        waiter = self._waiter
        if waiter is not None and replies:
            if len(inbox) >= len(self._limits):
                self._wake()
            else:
                self._deadline = min(self._loop.time() + self._limits[len(inbox)], self._until)

    def eof_received(self) -> None:
        # at once: a write from here on would be lost unseen
        self._end(keep("%(server)s closed the connection.", server=self.server))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(
            keep(
                "%(server)s closed the connection%(value)s.",
                server=self.server,
                value=f" ({exc})" if exc else "",
            )
        )

    def pause_writing(self) -> None:
        self._is_backlogged = True

    def resume_writing(self) -> None:
        if not self._ended:  # what is dropped with the connection did not leave
            self._is_backlogged = False

    # Inside

    def _write(self, *data: bytes, replies: int) -> bool:
        """Write `data`; return False when the connection has ended and not a byte of it left."""
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
        self._deadline = min(self._loop.time() + limits[len(self._inbox)], self._until)
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
        """Check the time limit of the whole connection. A timer for each wait would cost more than the wait itself."""
        self._watch = None
        if self._waiter is None:
            return
        left = self._deadline - self._loop.time()
        if left <= 0:
            self.is_late = True
            self._end(keep("%(server)s did not answer in time.", server=self.server))
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
        """End the connection on more answers than questions: a goodbye (421), or answers in the wrong order."""
        first = self._inbox[self._owed]
        del self._inbox[self._owed :]
        self._owed = 0
        if first.code == 421:
            self._end(
                keep(
                    "%(server)s closed the connection: %(decode)s", server=self.server, decode=first.decode()
                )
            )
        else:
            self._end(
                keep(
                    "%(server)s answered what was not asked: %(decode)s",
                    server=self.server,
                    decode=first.decode(),
                )
            )
