"""Links for setting a new password, mailed through a connection of this site.

No link goes to somebody who may do more than one of those who may change the connection: they could have it come to a
server of their own, and take the account over.

The answer and its time are the same whether or not there is an account: each request is counted and queued, and only
the task looks for the account. The link leads to PUBLIC_URL, whatever host was asked.
"""

import logging
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from campaigns import accounts, database_time
from campaigns.languages import use_language_of
from campaigns.logins import Limit, TriesInAll, read_clock
from campaigns.sentences import mark
from mailing.models import SmtpConnection
from mailing.site_mails import require_connection, send_mail

logger = logging.getLogger(__name__)
CALLED = mark("A password reset")  # in refusals
INVITATION = mark("An invitation")

# each that is asked for may be a mail to somebody who did not ask
ACCOUNT_AT_ADDRESS = Limit(3, timedelta(minutes=5))
ADDRESS = Limit(20, timedelta(seconds=30))
ACCOUNT = Limit(5, timedelta(minutes=5))


class ResetTokens(PasswordResetTokenGenerator):
    """Django's own tokens. Their age is judged by the database's clock: another machine made them than reads them."""

    def _now(self) -> datetime:
        return database_time.now().replace(tzinfo=None)


reset_tokens = ResetTokens()


def request_reset(email: str, asker: str) -> timedelta:
    """Queue a mail to the accounts with this address and return zero; or queue nothing and return how long to wait.

    Args:
        email: a normalised address. Nobody looks here whether an account has it.
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


def send_reset_links(email: str) -> int:
    """Send a link to each account that has this address and a password; return to how many.

    Raises:
        Refused, ConnectFailed: a mail could not be sent.
    """
    users = list(PasswordResetForm().get_users(email))
    if not users:
        logger.info("A password reset was asked for an address that no account has.")
        return 0
    smtp = require_connection(CALLED)
    for user in users:
        with use_language_of(user):
            if weaker := accounts.find_weaker_postmaster(user):
                _send_way_without_link(smtp, user)
                logger.warning(
                    "Asked for a new password, user %s was mailed no link: user %s may change the connection, and "
                    "may do less.",
                    user.pk,
                    weaker.pk,
                )
                continue
            _send_reset_link(smtp, user)
        logger.info("A link to set a new password was mailed to user %s.", user.pk)
    return len(users)


def send_invitation(user_id: int) -> bool:
    """Mail an invited person the link with which they set their first password; return whether it was sent.

    Raises:
        Refused, ConnectFailed: the mail could not be sent.
    """
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or user.has_usable_password() or not user.email:  # switched off or done meanwhile
        return False
    smtp = require_connection(INVITATION)
    with use_language_of(user):
        _send_invitation(smtp, user)
    logger.info("An invitation was mailed to user %s.", user.pk)
    return True


def _send_invitation(smtp: SmtpConnection, user: User) -> None:
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    text = _(
        "You are invited to %(site)s. Your username is %(username)s.\n\n"
        "Set your password here within %(minutes)s minutes:\n\n%(link)s\n\n"
        "If the link has expired, ask the person who invited you to send it again.\n"
    ) % {
        "site": settings.PUBLIC_URL,
        "username": user.get_username(),
        "minutes": minutes,
        "link": make_reset_link(user),
    }
    send_mail(smtp, user.email, _("You are invited to Fanfare"), text, called=INVITATION)


def make_reset_link(user: User) -> str:
    """Return the link with which this user sets a new password, once."""
    key = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("mailing:password_reset_confirm", args=[key, reset_tokens.make_token(user)])
    return f"{settings.PUBLIC_URL}{path}"


def _send_way_without_link(smtp: SmtpConnection, user: User) -> None:
    """Tell somebody how to get a new password where a link would open the account to who may do less."""
    text = _(
        "Somebody, probably you, asked for a new password of %(username)s at %(site)s.\n\n"
        "No link is mailed for this account: people who may do less than it could read it on its way, as they may "
        "change the connection that sends it.\n\n"
        "Have a superuser set a new password in the administration, or set one on the server with "
        "“python manage.py changepassword %(username)s”.\n"
    ) % {"username": user.get_username(), "site": settings.PUBLIC_URL}
    send_mail(smtp, user.email, _("Set a new password"), text, called=CALLED)


def _send_reset_link(smtp: SmtpConnection, user: User) -> None:
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    text = _(
        "Somebody, probably you, asked for a new password of %(username)s at %(site)s.\n\n"
        "Set it here within %(minutes)s minutes:\n\n%(link)s\n\n"
        "If it was not you, you need not do anything: your password stays as it is.\n"
    ) % {
        "username": user.get_username(),
        "site": settings.PUBLIC_URL,
        "minutes": minutes,
        "link": make_reset_link(user),
    }
    send_mail(smtp, user.email, _("Set a new password"), text, called=CALLED)
