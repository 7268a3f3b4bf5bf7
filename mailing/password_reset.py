"""Passwords that are set anew through a link in a mail, sent by a connection of this site.

Whoever asks is told the same, and waits as long, whether or not there is an account: what is asked is counted and
queued in any case, and only the task looks for the account. The link leads to PUBLIC_URL, whatever host was asked.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django_q.tasks import async_task

from campaigns.logins import Limit, TriesInAll, read_clock
from campaigns.refusals import Refused
from mailing.addresses import normalise_address
from mailing.models import SmtpConnection
from mailing.senders import domains
from mailing.sending.servers import server_of
from mailing.smtp import client
from mailing.smtp.client import Server

logger = logging.getLogger(__name__)

# each that is asked for may be a mail to somebody who did not ask
ACCOUNT_AT_ADDRESS = Limit(3, timedelta(minutes=5))
ADDRESS = Limit(20, timedelta(seconds=30))
ACCOUNT = Limit(5, timedelta(minutes=5))


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


def ask(email: str, asker: str) -> timedelta:
    """Queue a mail to the accounts with an address and return zero; or queue nothing and return how long to wait.

    Args:
        email: a normalised address; whether an account has it is not looked at here.
        asker: the network address that asks.
    """
    tries = TriesInAll(
        "password reset", email, asker, at_address=ACCOUNT_AT_ADDRESS, address=ADDRESS, account_limit=ACCOUNT
    )
    if wait := tries.count(read_clock()):
        logger.warning("A password reset asked for from %s was put off.", asker or "an unknown address")
        return wait
    logger.info("A password reset was asked for from %s.", asker or "an unknown address")
    transaction.on_commit(
        partial(async_task, "mailing.tasks.send_password_reset", email, cluster="mail", save=False)
    )
    return timedelta(0)


def send(email: str) -> int:
    """Send a link to each account that has this address and a password; return to how many.

    Raises Refused, ConnectFailed: a mail could not be sent.
    """
    users = list(PasswordResetForm().get_users(email))
    if not users:
        logger.info("A password reset was asked for an address that no account has.")
        return 0
    smtp = find_connection()
    if smtp is None:
        raise Refused("A password reset cannot be mailed: no connection is named or the only one.")
    for user in users:
        asyncio.run(_send(smtp, server_of(smtp), *_write(smtp, user)))
        logger.info("A link to set a new password was mailed to user %s.", user.pk)
    return len(users)


def make_link(user: AbstractBaseUser) -> str:
    """Make the address at which this person sets a new password, once."""
    key = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("mailing:password_reset_confirm", args=[key, default_token_generator.make_token(user)])
    return f"{settings.PUBLIC_URL}{path}"


def _write(smtp: SmtpConnection, user: User) -> tuple[str, str, bytes]:
    """The sender, the recipient and the mail."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    sender, recipient = smtp.from_email or f"no-reply@{host}", normalise_address(user.email)
    mail = _mail(sender, recipient, make_link(user), user.get_username())
    return sender, recipient, domains.sign_message(sender, mail)


async def _send(smtp: SmtpConnection, place: Server, sender: str, recipient: str, mail: bytes) -> None:
    async def go() -> bool:
        return True

    server = await client.connect(place)
    try:
        result = await server.send(sender, recipient, mail, before_dot=go)
    finally:
        await server.quit()
    if result.outcome is not client.Outcome.ACCEPTED:
        raise Refused(f"A password reset was not taken by “{smtp}”: {result.reply or result.sentence}")


def _mail(sender: str, recipient: str, link: str, username: str) -> bytes:
    mail = EmailMessage(policy=SMTP.clone(utf8=not (sender.isascii() and recipient.isascii())))
    mail["From"], mail["To"], mail["Subject"] = sender, recipient, "Set a new password"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    mail.set_content(
        f"Somebody, probably you, asked for a new password of {username} at {settings.PUBLIC_URL}.\n\n"
        f"Set it here within {minutes} minutes:\n\n{link}\n\n"
        "If it was not you, you need not do anything: your password stays as it is.\n"
    )
    return mail.as_bytes()
