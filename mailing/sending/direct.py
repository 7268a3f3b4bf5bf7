"""Mails that are sent at once and stand in no ledger: test mails, and mails of the site itself."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, quote
from typing import TypeVar

from campaigns import database_time
from mailing.content.mime import make_one_line
from mailing.deadlines import look_up
from mailing.smtp import client
from mailing.smtp.client import Cause, ConnectFailed, Result, Server
from mailing.smtp.replies import Stage

logger = logging.getLogger(__name__)
T = TypeVar("T")


def write_plain_mail(sender: str, recipient: str, subject: str, text: str, *, name: str = "") -> bytes:
    """Write a mail of plain text, whatever letters it and its addresses hold.

    Args:
        name: the sender's name, "" for the address alone.
    """
    mail = EmailMessage(policy=SMTP.clone(utf8=not (sender.isascii() and recipient.isascii())))
    name = make_one_line(name)
    mail["From"] = f'"{quote(name)}" <{sender}>' if name else sender
    mail["To"], mail["Subject"] = recipient, subject
    mail["Date"] = format_datetime(database_time.now_as_known())
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail.as_bytes()


def send_directly(
    server: Server, sender: str, mails: Sequence[tuple[str, bytes]], *, ready: bool = False
) -> list[Result]:
    """Send mails over one connection, one after the other, and return the server's answer to each.

    Args:
        mails: (recipient, message) each.
        ready: as in `mailing.smtp.envelope.Mail`.

    Raises:
        ConnectFailed: the server cannot be used.
    """
    return run_conversation(server, lambda: _send_one_by_one(server, sender, mails, ready=ready))


def run_conversation(server: Server, conversation: Callable[[], Coroutine[None, None, T]]) -> T:
    """Run a conversation with a server, and return what it returns.

    The host is looked up first: the look-up of an event loop cannot be ended.

    Raises:
        ConnectFailed: the server cannot be used.
    """
    try:
        look_up(server.host, server.port, server.timeouts.connect)
    except TimeoutError as error:
        raise ConnectFailed(Cause.TIMED_OUT, Stage.CONNECT, None, str(error)) from error
    except (OSError, ValueError) as error:
        # The conversation that follows says it in its own words.
        logger.info("%s cannot be looked up: %s", server.host, error)
    return asyncio.run(conversation())


async def _send_one_by_one(
    server: Server, sender: str, mails: Sequence[tuple[str, bytes]], *, ready: bool
) -> list[Result]:
    async def allow() -> bool:
        return True

    link = await client.connect(server)
    try:
        return [
            await link.send(sender, recipient, mail, before_dot=allow, ready=ready)
            for recipient, mail in mails
        ]
    finally:
        await link.quit()
