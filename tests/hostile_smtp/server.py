"""The hostile server: what it is told, what it accepted, what it counted."""

import asyncio
import hashlib
import json
import random
import re
import ssl
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from tests.hostile_smtp.rules import Settings
from tests.hostile_smtp.session import Session

_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Accepted(NamedTuple):
    number: int
    connection: int
    recipient: str
    message_id: str
    sha256: str
    size: int
    acked: bool
    at: float  # when, in seconds of the monotonic clock, which all processes of a machine share


class HostileSmtp:
    """The server: its settings, what it accepted, what it counted. `settings` may be changed from any thread.

    With `tls` it offers STARTTLS, or when `is_implicit` speaks nothing but TLS.
    """

    def __init__(
        self,
        settings: Settings,
        record: Path | None = None,
        keep: Path | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        is_implicit: bool = False,
    ) -> None:
        self.settings = settings
        self.tls, self.is_implicit = tls, is_implicit
        self.accepted: list[Accepted] = []
        self.kept: dict[int, bytes] = {}
        self.counts: Counter[str] = Counter()
        self.open: set[Session] = set()
        self.chance = random.Random(settings.seed)
        self.port = self.control_port = 0
        self._record = record.open("a", buffering=1) if record else None
        self._keep = keep
        self._tokens, self._refilled = 1.0, time.monotonic()

    async def listen(self, host: str = "127.0.0.1", port: int = 0, control: int = 0) -> list[asyncio.Server]:
        self.loop = asyncio.get_running_loop()
        smtp = await self.loop.create_server(
            lambda: Session(self), host, port, backlog=1024, ssl=self.tls if self.is_implicit else None
        )
        control_server = await asyncio.start_server(self._obey, host, control)
        self.port = smtp.sockets[0].getsockname()[1]
        self.control_port = control_server.sockets[0].getsockname()[1]
        return [smtp, control_server]

    def stats(self) -> dict[str, Any]:
        """Counts: connections, peak, open, accepted, unacked, violations (of RFC 2920), and "stage action" of rules."""
        return {**self.counts, "open": len(self.open), "accepted": len(self.accepted)}

    def reset(self) -> None:
        self.accepted, self.kept, self.counts = [], {}, Counter()

    def accept(self, connection: int, recipient: str, content: bytes, acked: bool) -> None:
        head, _, body = content.partition(b"\r\n\r\n")
        message_id = _MESSAGE_ID.search(head)
        number = len(self.accepted) + 1
        message = Accepted(
            number,
            connection,
            recipient,
            message_id[1].decode("latin-1") if message_id else "",
            hashlib.sha256(body).hexdigest(),
            len(content),
            acked,
            time.monotonic(),
        )
        self.accepted.append(message)
        self.counts["unacked"] += not acked
        if self._record:
            fields_ = (*map(str, message[:-2]), "acked" if acked else "unacked")
            self._record.write("\t".join(fields_) + "\n")
        if self.settings.keep_every and number % self.settings.keep_every == 0:
            if self._keep:
                (self._keep / f"{number}.eml").write_bytes(content)
            else:
                self.kept[number] = content

    def release(self) -> None:
        """Give every answer that a rule `hold` keeps back, from any thread, and keep none back from here on."""
        self.settings.rules = [rule for rule in self.settings.rules if rule.action != "hold"]
        for session in list(self.open):
            self.loop.call_soon_threadsafe(session.release)

    def is_too_fast(self) -> bool:
        rate, now = self.settings.rate, time.monotonic()
        self._tokens = min(max(rate, 1.0), self._tokens + (now - self._refilled) * rate)
        self._refilled = now
        if rate and self._tokens < 1:
            return True
        self._tokens -= 1
        return False

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The control channel: a JSON object a line, `{"do": "stats" | "change" | "reset" | "accepted", …settings}`."""
        while line := await reader.readline():
            order = json.loads(line)
            answer: Any = None
            match order.pop("do"):
                case "stats":
                    answer = self.stats()
                case "change":
                    self.settings.change(**order)
                case "reset":
                    self.reset()
                case "accepted":
                    answer = [message._asdict() for message in self.accepted[order.get("since", 0) :]]
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()
