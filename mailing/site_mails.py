"""Mails of the site itself, as a link to set a password: sent at once, through a connection of this site."""

import asyncio
import logging
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from urllib.parse import urlsplit

from django.conf import settings

from campaigns.refusals import Refused
from mailing.addresses import normalise_address
from mailing.models import SmtpConnection
from mailing.senders import domains
from mailing.sending.servers import server_of
from mailing.smtp import client
from mailing.smtp.client import Server

logger = logging.getLogger(__name__)


def find_connection() -> SmtpConnection | None:
    """Find the connection of this site: the enabled one that SITE_CONNECTION names, else the only enabled one."""
    enabled = SmtpConnection.objects.filter(is_enabled=True)
    if name := settings.SITE_CONNECTION:
        named = enabled.filter(name=name).first()
        if named is None:
            logger.warning("SITE_CONNECTION names “%s”: there is no such connection, or it is off.", name)
        return named
    found = list(enabled[:2])
    return found[0] if len(found) == 1 else None


def send_mail(smtp: SmtpConnection, email: str, subject: str, text: str, *, called: str) -> None:
    """Send a mail of plain text.

    Args:
        called: what the sentence about a refusal calls the mail, as in “A password reset”.

    Raises:
        Refused, ConnectFailed: it could not be sent.
    """
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    sender, recipient = smtp.from_email or f"no-reply@{host}", normalise_address(email)
    mail = domains.sign_message(sender, _write_mail(sender, recipient, subject, text))
    result = asyncio.run(_send(server_of(smtp), sender, recipient, mail))
    if result.outcome is not client.Outcome.ACCEPTED:
        raise Refused(f"{called} was not taken by “{smtp}”: {result.reply or result.sentence}")


async def _send(place: Server, sender: str, recipient: str, mail: bytes) -> client.Result:
    async def go() -> bool:
        return True

    server = await client.connect(place)
    try:
        return await server.send(sender, recipient, mail, before_dot=go)
    finally:
        await server.quit()


def _write_mail(sender: str, recipient: str, subject: str, text: str) -> bytes:
    mail = EmailMessage(policy=SMTP.clone(utf8=not (sender.isascii() and recipient.isascii())))
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail.as_bytes()
