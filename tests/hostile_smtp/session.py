"""One client's dialogue with the hostile server."""

import asyncio
import base64
import re
import ssl
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.hostile_smtp.server import HostileSmtp

_ADDRESS = re.compile(rb"<([^>]*)>")
# RFC 2920 §3.1: nothing may follow unanswered
_ENDS_A_GROUP = (
    b"DATA",
    b"EHLO",
    b"AUTH",
    b"STARTTLS",
    b"QUIT",
)


class Session(asyncio.Protocol):
    """One client's dialogue. Commands are judged as they arrive; answers leave in order, after the latency."""

    def __init__(self, server: "HostileSmtp") -> None:
        self.server = server
        self.buffer = b""
        self.scanned = 0
        self.is_body_judged = self.can_write = True
        self.in_data = self.in_login = self.is_over = self.is_deaf = self.is_flooding = self.is_held = False
        self.is_encrypted = server.tls is not None and server.is_implicit
        self.encrypting: asyncio.Task[None] | None = None
        self.steps: list[bytes] = []  # of a login
        self.is_logged_in = False
        self.has_sender = False
        self.recipient = ""
        self.messages = 0
        self.delay = 0.0
        self.answers: list[bytes] = []
        self.outgoing: deque[tuple[float, bytes]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        server = self.server
        server.open.add(self)
        server.counts["connections"] += 1
        server.counts["peak"] = max(server.counts["peak"], len(server.open))
        self.number = server.counts["connections"]
        limit = server.settings.max_connections
        if limit and len(server.open) > limit:
            self.act("connect", "421 4.7.0 too many connections")
        else:
            self.meet("connect", "220 hostile.test ESMTP")
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.open.discard(self)
        self.is_over = True

    def data_received(self, data: bytes) -> None:
        if self.is_deaf:
            self.server.counts["unheard"] += len(data)
            return
        self.buffer = self.buffer + data if self.buffer else data
        while not (self.is_over or self.is_deaf) and (self._content() if self.in_data else self._command()):
            pass
        self.flush()

    def meet(self, stage: str, otherwise: str) -> bool:
        """Let the first rule of `stage` that matches act; else answer `otherwise`. True: no rule changed the course."""
        for rule in self.server.settings.rules:
            if rule.stage == stage and rule.matches(self.recipient, self.messages, self.server.chance):
                return self.act(stage, rule.action, otherwise)
        if otherwise:
            self.answers.append(otherwise.encode() + b"\r\n")
        return True

    def act(self, stage: str, action: str, otherwise: str = "") -> bool:
        word, _, rest = action.partition(" ")
        self.server.counts[f"{stage} {word}"] += 1
        match word:
            case "drop":
                self.is_over = True
            case "stall":
                self.is_deaf = True
            case "freeze":
                self.is_deaf = True
                self.transport.pause_reading()
            case "flood":
                self.is_deaf = self.is_flooding = True
            case "delay":
                self.delay = float(rest)
                if otherwise:
                    self.answers.append(otherwise.encode() + b"\r\n")
                return True
            case "hold":
                self.is_held = True
                if otherwise:
                    self.answers.append(otherwise.encode() + b"\r\n")
                return True
            case "raw" | "half":
                self.answers.append(rest.encode("latin-1").decode("unicode_escape").encode("latin-1"))
                self.is_deaf = word == "half"
                return rest[0] in "23" and not self.is_deaf and stage != "dot"
            case _:
                self.answers.append("\r\n".join(action.split("\\n")).encode() + b"\r\n")
                self.is_over = word == "421"
                return word[0] in "23" and stage != "dot"
        return False

    def flush(self) -> None:
        """Write what was answered, now or after the latency, and close when the dialogue is over."""
        wait = self.server.settings.latency + self.delay
        self.delay = 0.0
        if self.is_held:
            return
        data, self.answers = b"".join(self.answers), []
        if wait or self.outgoing:
            loop = asyncio.get_running_loop()
            due = max(loop.time() + wait, self.outgoing[-1][0] if self.outgoing else 0.0)
            self.outgoing.append((due, data))
            loop.call_at(due, self._write_due)
            return
        self._write(data)

    def release(self) -> None:
        """Give the answers that were held back."""
        self.is_held = False
        self.flush()

    def _write_due(self) -> None:
        _, data = self.outgoing.popleft()
        self._write(data)

    def _write(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if data:
            self.transport.write(data)
        if self.is_over and not self.outgoing:
            self.transport.close()
        if self.is_flooding:
            self.resume_writing()

    def pause_writing(self) -> None:
        self.can_write = False

    def resume_writing(self) -> None:
        self.can_write = True
        while self.is_flooding and self.can_write and not self.transport.is_closing():
            self.transport.write(b"250-and another thing\r\n" * 100)

    def _content(self) -> bool:
        """Take the content up to its dot. False: more must come."""
        if self.buffer and not self.is_body_judged:
            self.is_body_judged = True
            if not self.meet("body", ""):
                self.is_over = not self.is_deaf
                return False
        end = (
            0
            if self.buffer.startswith(b".\r\n")
            else self.buffer.find(b"\r\n.\r\n", max(0, self.scanned - 4))
        )
        if end < 0 or (end == 0 and not self.buffer.startswith(b".\r\n")):
            self.scanned = len(self.buffer)
            return False
        cut = 3 if end == 0 else end + 5
        content, self.buffer, self.scanned = self.buffer[: cut - 3], self.buffer[cut:], 0
        self.in_data = False
        if content.startswith(b"."):
            content = content[1:]
        if b"\r\n.." in content:
            content = content.replace(b"\r\n..", b"\r\n.")
        if not self.recipient:
            self.answers.append(b"554 5.5.1 no valid recipients\r\n")
        elif self.meet("dot", ""):
            self._accept(content)
        self.recipient, self.has_sender = "", False
        return True

    def _accept(self, content: bytes) -> None:
        self.messages += 1
        before = len(self.answers)
        self.meet("ack", f"250 2.0.0 Ok: queued as {len(self.server.accepted) + 1}")
        acked = any(answer.startswith(b"250 ") for answer in self.answers[before:])
        self.server.accept(self.number, self.recipient, content, acked)

    def _command(self) -> bool:
        """Take one command. False: more must come."""
        line, newline, rest = self.buffer.partition(b"\n")
        if not newline:
            return False
        self.buffer = rest
        line = line.rstrip(b"\r")
        if self.in_login:
            self._login_step(line)
            return True
        verb, _, argument = line.partition(b" ")
        verb = verb.upper()
        if rest and (verb in _ENDS_A_GROUP or "PIPELINING" not in self.server.settings.extensions):
            self._count_violation()
        settings = self.server.settings
        match verb:
            case b"EHLO" | b"HELO":
                offers = [*filter(None, settings.extensions.split(","))]
                if self.server.tls and not self.is_encrypted:
                    offers.append("STARTTLS")
                if settings.login:
                    offers.append(f"AUTH {settings.logins_offered}")
                elif settings.tokens:
                    offers.append("AUTH XOAUTH2")
                names = ["hostile.test", *(offers if verb == b"EHLO" else [])]
                self.meet("ehlo", "\r\n".join(f"250{' ' if n is names[-1] else '-'}{n}" for n in names))
            case b"MAIL":
                self._mail()
            case b"RCPT":
                self._rcpt(argument)
            case b"DATA":
                if not self.recipient and not self.server.settings.lax:
                    self.answers.append(b"554 5.5.1 no valid recipients\r\n")
                elif self.meet("data", "354 go ahead"):
                    self.in_data, self.is_body_judged = True, False
            case b"RSET":
                self.recipient, self.has_sender = "", False
                self.meet("rset", "250 2.0.0 Ok")
            case b"QUIT":
                self.meet("quit", "221 2.0.0 bye")
                self.is_over = True
            case b"AUTH":
                self._login(argument)
            case b"STARTTLS" if self.server.tls and not self.is_encrypted:
                if self.meet("starttls", "220 2.0.0 go ahead"):
                    self.transport.pause_reading()  # what comes now is of the handshake
                    self.encrypting = asyncio.get_running_loop().create_task(self._encrypt(self.server.tls))
            case b"STARTTLS":
                self.meet("starttls", "454 4.7.0 TLS not available")
            case b"NOOP":
                self.answers.append(b"250 2.0.0 Ok\r\n")
            case _:
                self.answers.append(b"500 5.5.2 no such command\r\n")
        return True

    async def _encrypt(self, tls: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        self.transport = await loop.start_tls(self.transport, self, tls, server_side=True)
        self.is_encrypted, self.buffer, self.is_logged_in = True, b"", False

    def _count_violation(self) -> None:
        """The client sent ahead what it must not (RFC 2920)."""
        self.server.counts["violations"] += 1
        self.act("mail", "421 4.5.0 you sent ahead of my answer")

    def _mail(self) -> None:
        settings = self.server.settings
        if (settings.login or settings.tokens) and not self.is_logged_in:
            self.answers.append(b"530 5.7.0 Authentication required\r\n")
        elif settings.messages_per_connection and self.messages >= settings.messages_per_connection:
            self.act("mail", "421 4.7.0 enough messages on this connection")
        elif self.server.is_too_fast():
            self.act("mail", "454 4.7.0 too fast, try again in 1 seconds")
        elif self.has_sender:
            self.answers.append(b"503 5.5.1 nested MAIL\r\n")
        elif self.meet("mail", "250 2.1.0 Ok"):
            self.has_sender = True

    def _rcpt(self, argument: bytes) -> None:
        if not self.has_sender and not self.server.settings.lax:
            self.answers.append(b"503 5.5.1 MAIL first\r\n")
            return
        found = _ADDRESS.search(argument)
        self.recipient = found[1].decode("utf-8") if found else ""
        if not self.meet("rcpt", "250 2.1.5 Ok"):
            self.recipient = ""

    def _login(self, argument: bytes) -> None:
        way, _, token = argument.partition(b" ")
        if way.upper() == b"XOAUTH2":
            self._judge_token(base64.b64decode(token).decode())
        elif way.upper() == b"PLAIN":
            self._judge_login(base64.b64decode(token).split(b"\0")[1:])
        else:
            self.in_login, self.steps = True, []
            self.answers.append(b"334 VXNlcm5hbWU6\r\n")

    def _judge_token(self, said: str) -> None:
        """As Gmail and Microsoft: a refusal tells in detail first, and waits for an empty line."""
        known = [
            f"user={user}\1auth=Bearer {token}\1\1" for user, token in self.server.settings.tokens.items()
        ]
        if said not in known:
            self.in_login, self.steps = True, [b"", b""]
            detail = b'{"status":"401","schemes":"Bearer","scope":"https://mail.example/"}'
            self.answers.append(b"334 " + base64.b64encode(detail) + b"\r\n")
        elif self.meet("auth", "235 2.7.0 welcome"):
            self.is_logged_in = True

    def _login_step(self, line: bytes) -> None:
        if len(self.steps) == 2:  # a token was refused in detail
            self.in_login = False
            self.answers.append(b"535 5.7.3 Authentication unsuccessful\r\n")
            return
        self.steps.append(base64.b64decode(line))
        if len(self.steps) == 2:
            self.in_login = False
            self._judge_login(self.steps)
        else:
            self.answers.append(b"334 UGFzc3dvcmQ6\r\n")

    def _judge_login(self, login: list[bytes]) -> None:
        if b":".join(login).decode() != self.server.settings.login:
            self.answers.append(b"535 5.7.8 wrong user name or password\r\n")
        elif self.meet("auth", "235 2.7.0 welcome"):
            self.is_logged_in = True
