"""Mails of the site itself, such as a link to set a password. They leave at once, through a connection of this site."""

import logging
from urllib.parse import urlsplit

from django.conf import settings

from campaigns.refusals import Refused
from campaigns.sentences import keep
from mailing.addresses import normalise_address
from mailing.models import SmtpConnection
from mailing.senders import domains
from mailing.sending.direct import send_directly, write_plain_mail
from mailing.sending.servers import server_of
from mailing.smtp.client import Outcome

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


def require_connection(called: str) -> SmtpConnection:
    """Find the connection of this site.

    Args:
        called: what the sentence about its absence calls the mail, as in “A password reset”.

    Raises:
        Refused: there is none.
    """
    smtp = find_connection()
    if smtp is None:
        raise Refused(
            keep("%(called)s cannot be mailed: no connection is named or the only one.", called=called)
        )
    return smtp


def send_mail(smtp: SmtpConnection, email: str, subject: str, text: str, *, called: str) -> None:
    """Send a mail of plain text.

    Args:
        called: what the sentence about a refusal calls the mail, as in “A password reset”.

    Raises:
        Refused, ConnectFailed: it could not be sent.
    """
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    sender, recipient = smtp.from_email or f"no-reply@{host}", normalise_address(email)
    mail = domains.sign_message(sender, write_plain_mail(sender, recipient, subject, text))
    [result] = send_directly(server_of(smtp), sender, [(recipient, mail)])
    if result.outcome is not Outcome.ACCEPTED:
        answer = result.reply or result.sentence
        raise Refused(
            keep(
                "%(called)s was not taken by “%(smtp)s”: %(answer)s", called=called, smtp=smtp, answer=answer
            )
        )
