"""Mails that are sent at once and stand in no ledger: test mails, and mails of the site itself."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, quote

from mailing.content.mime import make_one_line
from mailing.smtp import client
from mailing.smtp.client import Result, Server


def write_plain_mail(sender: str, recipient: str, subject: str, text: str, *, name: str = "") -> bytes:
    """Write a mail of plain text, whatever letters it and its addresses hold.

    Args:
        name: the sender's name, "" for the address alone.
    """
    mail = EmailMessage(policy=SMTP.clone(utf8=not (sender.isascii() and recipient.isascii())))
    name = make_one_line(name)
    mail["From"] = f'"{quote(name)}" <{sender}>' if name else sender
    mail["To"], mail["Subject"] = recipient, subject
    mail["Date"] = format_datetime(datetime.now(UTC))
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
    return asyncio.run(_send_one_by_one(server, sender, mails, ready=ready))


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
