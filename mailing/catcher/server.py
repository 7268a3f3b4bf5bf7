"""The SMTP server of the mail catcher."""

import asyncio
import logging

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailing.catcher import outbox

logger = logging.getLogger(__name__)

LARGEST_MESSAGE_BYTES = 30_000_000  # bytes of a message
PRUNE_EVERY = 1000  # messages


class MailHandler:
    """What aiosmtpd calls for each message."""

    def __init__(self) -> None:
        self._kept = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's
        content = envelope.original_content or b""
        try:
            name = outbox.store_message(envelope.mail_from or "", list(envelope.rcpt_tos), content)
        except OSError as error:
            logger.error("A mail could not be kept: %s", error)
            return "452 4.3.1 There is no room to keep this mail now"
        self._kept += 1
        if self._kept % PRUNE_EVERY == 0:
            outbox.delete_oldest()
        return f"250 2.0.0 Kept as {name}"


async def serve(port: int, host: str = "127.0.0.1") -> None:
    """Keep every message that comes to `port`, until it is cancelled.

    Raises:
        OSError: the port is taken.
    """
    handler = MailHandler()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(
            handler,
            hostname="fanfare.localhost",
            ident="Fanfare mail catcher",
            data_size_limit=LARGEST_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
        ),
        host,
        port,
    )
    async with server:
        await server.serve_forever()
