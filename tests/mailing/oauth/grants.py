"""OAuth logins of connections and mailboxes, in tests."""

from datetime import timedelta

from campaigns import database_time
from mailing import oauth
from mailing.models import OAuthGrant
from tests.factories import SmtpConnectionFactory
from tests.mailing.oauth.provider import CLIENT, SECRET

USER = "news@shop.example"


def write_form(provider, **more):
    return {
        "provider": "other",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "authorize_url": f"{provider.base}/authorize",
        "token_url": f"{provider.base}/token",
        "scope": "mail offline_access",
    } | more


def make_grant(provider, owner, **fields):
    """A grant that somebody has consented to."""
    provider.refresh_tokens = ["refresh-0"]
    name = "connection" if hasattr(owner, "max_connections") else "mailbox"
    given = {
        "access_token": "access-0",
        "refresh_token": "refresh-0",
        "expires_at": database_time.now() + timedelta(hours=1),
        "place": oauth.digest_place(owner),
    }
    return OAuthGrant.objects.create(**{name: owner} | write_form(provider) | given | fields)


def make_connection(server=None, **fields):
    return SmtpConnectionFactory(username=USER, **({"port": server.port} if server else {}) | fields)
