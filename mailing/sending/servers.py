"""The SMTP server that a stored connection describes."""

from mailing.models import SmtpConnection
from mailing.secrets import read_secret
from mailing.smtp.client import Cause, ConnectFailed, Server, Timeouts, Tls
from mailing.smtp.replies import Stage

TIMEOUTS = Timeouts(connect=10, greeting=20, ehlo=10, starttls=10, auth=10, mail=30, rcpt=30, data=30, quit=2)


def server_of(smtp: SmtpConnection, timeouts: Timeouts = TIMEOUTS) -> Server:
    """Return the server that a connection describes. Raises ConnectFailed: nobody can log in with what is stored."""
    if smtp.login_trouble:
        raise ConnectFailed(Cause.LOGIN, Stage.AUTH, None, smtp.login_trouble)
    password = read_secret(smtp, "password") if smtp.username else ""
    return Server(smtp.host, smtp.port, Tls(smtp.tls), smtp.username, password, timeouts)
