"""The SMTP server that a stored connection describes."""

import ipaddress
import socket
from functools import lru_cache
from urllib.parse import urlsplit

import idna
from django.conf import settings

from campaigns.sentences import mark
from mailing import oauth
from mailing.models import OAuthGrant, SmtpConnection
from mailing.secrets import read_secret
from mailing.smtp.client import Cause, ConnectFailed, Server, Timeouts, Tls
from mailing.smtp.replies import Stage
from mailing.smtp.server import is_hello_name

NOTHING_MORE = mark("Until then nothing is sent through it.")
LATER = mark("It is asked again by itself.")
TIMEOUTS = Timeouts(connect=10, greeting=20, ehlo=10, starttls=10, auth=10, mail=30, rcpt=30, data=30, quit=2)


def server_of(smtp: SmtpConnection, timeouts: Timeouts = TIMEOUTS) -> Server:
    """Return the server that a connection describes, with a token where it logs in by OAuth 2.

    Raises:
        ConnectFailed: nobody can log in with what is stored, or no token can be had now.
    """
    if smtp.login_trouble:
        raise ConnectFailed(Cause.LOGIN, Stage.AUTH, None, smtp.login_trouble)
    grant = oauth.find_grant(smtp) if smtp.username else None
    password = _read_token(grant) if grant else read_secret(smtp, "password") if smtp.username else ""
    return Server(
        smtp.host,
        smtp.port,
        Tls(smtp.tls),
        smtp.username,
        password,
        timeouts,
        authority=smtp.authority,
        has_token=grant is not None,
        local_hostname=smtp.hello_name or find_hello_name(settings.PUBLIC_URL),
    )


def _read_token(grant: OAuthGrant) -> str:
    """Read a token that may be shown to the server.

    Raises:
        ConnectFailed: the server cannot be used.
    """
    try:
        return oauth.read_access_token(grant.pk)
    except oauth.ConsentLost as error:
        raise ConnectFailed(Cause.LOGIN, Stage.AUTH, None, str(error), NOTHING_MORE) from error
    except oauth.TokenUnavailable as error:
        raise ConnectFailed(Cause.TOKEN, Stage.AUTH, None, str(error), LATER) from error


@lru_cache(maxsize=4)
def find_hello_name(public_url: str) -> str:
    """Find the name to say in EHLO: the public host, else this machine's name where it has a domain, else an address.

    Servers refuse a name without a domain; where there is none RFC 5321 (§4.1.3) wants an address in brackets.
    """
    for name in (urlsplit(public_url).hostname or "", socket.getfqdn()):
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            try:
                full = idna.encode(name, uts46=True).decode("ascii")
            except idna.IDNAError:
                continue
            if is_hello_name(full):
                return full
        else:
            return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"
    return "[127.0.0.1]"
