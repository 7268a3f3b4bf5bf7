"""Tokens of OAuth 2 in place of passwords, got by the code flow with PKCE and refreshed before they end.

A stored token goes to the server that somebody consented to and to no other. Refreshing locks the token's row, so that
there is one refresh at a time: a provider that sees an old refresh token twice may take back all tokens.
"""

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from campaigns import database_time
from campaigns.annotations import Columns, Json, JsonObject
from campaigns.sentences import keep, mark
from campaigns.texts import make_storable
from mailing.models import BounceMailbox, OAuthGrant, SmtpConnection
from mailing.models.oauth import digest_place
from mailing.smtp.server import is_loopback

if TYPE_CHECKING:  # Authlib and requests take a while to import, and no till needs them
    from authlib.integrations.requests_client import OAuth2Session

logger = logging.getLogger(__name__)

REFRESH_BEFORE = timedelta(minutes=5)  # longer than a run
USUAL_LIFE_SECONDS = 3600  # of a token whose end is not told
LONGEST_LIFE_SECONDS = 30 * 86400
LONGEST_TOKEN = 16_384  # characters
# what the library and we raise for an answer that is no answer for a token
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
ANSWER_SECONDS = 10  # seconds for each read of an answer
WHOLE_ANSWER_SECONDS = 15  # seconds for all of it
LONGEST_ANSWER = 64 * 1024  # bytes of an answer
LONGEST_WORDS = 500  # characters of a refusal that are kept
VERIFIER_LETTERS = 64
# The owner has to consent anew; other errors of RFC 6749 are the client's registration, or pass.
LOST = frozenset({"invalid_grant", "interaction_required", "consent_required", "login_required"})
UNREGISTERED = frozenset({"invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type"})

Provider = OAuthGrant.Provider
ADDRESSES = {
    Provider.MICROSOFT: (
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
    ),
    Provider.GOOGLE: (
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
    ),
}
_MICROSOFT = "https://outlook.office.com"
MICROSOFT_SCOPES = {
    "smtp": f"offline_access {_MICROSOFT}/SMTP.Send",
    "imap": f"offline_access {_MICROSOFT}/IMAP.AccessAsUser.All",
    "pop3": f"offline_access {_MICROSOFT}/POP.AccessAsUser.All",
}
GOOGLE_SCOPE = "https://mail.google.com/"
# Google gives a refresh token with these only, and only after a question
EXTRA_QUESTIONS = {Provider.GOOGLE: {"access_type": "offline", "prompt": "consent"}}


class ConsentLost(Exception):
    """A person has to consent again; `str()` is the sentence."""


class TokenUnavailable(Exception):
    """The provider gives no token now, and may later; `str()` is the sentence."""


class ConsentRequest(msgspec.Struct, frozen=True):
    """The address that the browser is sent to, and what the session keeps until it comes back."""

    url: str
    state: str
    verifier: str


def is_safe_address(url: str) -> bool:
    """Return whether a secret may go to an address: over TLS, or on this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def find_defaults(provider: str, kind: str) -> tuple[str, str, str]:
    """Return the addresses for consent and tokens, and the scope; kind: "smtp", "imap" or "pop3"."""
    if provider == Provider.MICROSOFT:
        return *ADDRESSES[Provider.MICROSOFT], MICROSOFT_SCOPES[kind]
    if provider == Provider.GOOGLE:
        return *ADDRESSES[Provider.GOOGLE], GOOGLE_SCOPE
    return "", "", ""


def find_grant(owner: SmtpConnection | BounceMailbox) -> OAuthGrant | None:
    """Find the OAuth login of a connection or a bounce mailbox; None when there is none."""
    return getattr(owner, "oauth", None)


def lock_grant(owner: SmtpConnection | BounceMailbox) -> OAuthGrant | None:
    """Find the OAuth login as `find_grant` does, and lock it until the transaction ends."""
    grants = OAuthGrant.objects.select_for_update(no_key=True)
    its = (
        grants.filter(connection=owner) if isinstance(owner, SmtpConnection) else grants.filter(mailbox=owner)
    )
    return its.first()


def write_callback_address() -> str:
    """Return the address to which the provider sends the browser back. It is registered there."""
    return settings.PUBLIC_URL + reverse("mailing:oauth_callback")


# ── the consent ──────────────────────────────────────────────────────────────────────────────────────────────────────


def begin_consent(grant: OAuthGrant) -> ConsentRequest:
    """Make the question that the provider is to ask in the browser."""
    from authlib.common.security import generate_token

    verifier = generate_token(VERIFIER_LETTERS)
    more = EXTRA_QUESTIONS.get(Provider(grant.provider), {}) | {"login_hint": grant.owner.username}
    url, state = _make_session(grant).create_authorization_url(
        grant.authorize_url, code_verifier=verifier, **more
    )
    return ConsentRequest(url, state, verifier)


@transaction.atomic
def complete_consent(grant_id: int, code: str, verifier: str) -> OAuthGrant:
    """Exchange the code that a consent brought for tokens.

    Raises:
        ConsentLost, TokenUnavailable: the provider gives none.
    """
    grant = _lock_grant(grant_id)
    session = _make_session(grant)
    answer = _ask(
        grant,
        lambda: session.fetch_token(
            grant.token_url,
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            timeout=ANSWER_SECONDS,
            allow_redirects=False,
        ),
    )
    grant.refresh_token = ""
    _store_answer(grant, answer)
    if not grant.refresh_token:
        logger.warning("%s gave no refresh token: somebody has to consent again when the token ends.", grant)
    return grant


# ── the token ────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_access_token(grant_id: int) -> str:
    """Return a token that lasts for some minutes; refresh it first when that is due.

    Raises:
        ConsentLost, TokenUnavailable: the provider gives none.
    """
    with transaction.atomic():
        grant = _lock_grant(grant_id)
        sentence = grant.login_trouble
        if not sentence and not _lasts(grant):
            try:
                _refresh(grant)
            except ConsentLost as error:
                grant.trouble = str(error)
                grant.save(update_fields=["trouble"])
                sentence = grant.login_trouble
    if sentence:
        raise ConsentLost(sentence)
    return grant.access_token


def forget_access_token(grant: OAuthGrant, token: str = "") -> None:
    """Forget a token that a server refused, so that the next caller refreshes it.

    Args:
        token: the refused one; a newer token stays.
    """
    with transaction.atomic():
        row = _lock_grant(grant.pk)
        if token in ("", row.access_token):
            row.expires_at = database_time.now()
            row.save(update_fields=["expires_at"])


def _lasts(grant: OAuthGrant) -> bool:
    until = grant.expires_at
    return bool(grant.access_token) and until is not None and until - database_time.now() > REFRESH_BEFORE


def _refresh(grant: OAuthGrant) -> None:
    if not grant.refresh_token:
        raise ConsentLost(mark("The token has ended, and none to refresh it with was given."))
    session = _make_session(grant)
    answer = _ask(
        grant,
        lambda: session.refresh_token(
            grant.token_url,
            refresh_token=grant.refresh_token,
            timeout=ANSWER_SECONDS,
            allow_redirects=False,
        ),
    )
    _store_answer(grant, answer)


# Any: a call of the library, which has no types
def _ask(grant: OAuthGrant, ask: Any) -> Columns:
    """Ask the provider for tokens.

    Raises:
        ConsentLost, TokenUnavailable: it gives none.
    """
    import requests
    from authlib.integrations.base_client import OAuthError

    host = urlsplit(grant.token_url).hostname
    if not is_safe_address(grant.token_url):
        raise TokenUnavailable(
            keep("The address for tokens, %(token_url)s, is not encrypted.", token_url=grant.token_url)
        )
    try:
        answer = dict(ask())
    except OAuthError as error:
        said = make_storable(str(error.description or error.error))[:LONGEST_WORDS].strip().rstrip(".")
        words = keep("%(host)s answered “%(said)s”.", host=host, said=said)
        if str(error.error) in LOST | UNREGISTERED:
            raise ConsentLost(words) from error
        raise TokenUnavailable(words) from error
    except (requests.RequestException, *MALFORMED) as error:
        raise TokenUnavailable(
            keep("%(host)s gives no token now: %(name)s.", host=host, name=type(error).__name__)
        ) from error
    if not _is_token(answer.get("access_token")):
        raise TokenUnavailable(keep("%(host)s answered without a token.", host=host))
    return answer


def _is_token(value: Json) -> bool:
    """Return whether a value is a token of RFC 6749 (A.12): printable ASCII, and no longer than a login may be."""
    return (
        isinstance(value, str) and 0 < len(value) <= LONGEST_TOKEN and value.isascii() and value.isprintable()
    )


def _store_answer(grant: OAuthGrant, answer: JsonObject) -> None:
    try:
        seconds = min(max(int(float(answer.get("expires_in", USUAL_LIFE_SECONDS))), 0), LONGEST_LIFE_SECONDS)
    except MALFORMED:
        seconds = USUAL_LIFE_SECONDS
    grant.access_token = answer["access_token"]
    # a provider that gives a new refresh token takes the old one back
    if _is_token(answer.get("refresh_token")):
        grant.refresh_token = answer["refresh_token"]
    grant.expires_at = database_time.now() + timedelta(seconds=seconds)
    grant.place, grant.trouble = digest_place(grant.owner), ""
    grant.save()


def _lock_grant(grant_id: int) -> OAuthGrant:
    return (
        OAuthGrant.objects.select_for_update(of=("self",), no_key=True)
        .select_related("connection", "mailbox")
        .get(pk=grant_id)
    )


def _make_session(grant: OAuthGrant) -> "OAuth2Session":
    from authlib.integrations.requests_client import OAuth2Session

    from mailing.bounded_http import bound_answers

    session = OAuth2Session(
        grant.client_id,
        grant.client_secret or None,
        scope=grant.scope,
        redirect_uri=write_callback_address(),
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_post" if grant.client_secret else "none",
    )
    bound_answers(session, most=LONGEST_ANSWER, seconds=WHOLE_ANSWER_SECONDS)
    return session
