"""Reads the formats and signatures of providers with the views of django-anymail.

Each request gets a new view, with the secret of its connection. The views check and read; acting on an event is ours.
"""

import json
import logging
import re
from types import SimpleNamespace
from typing import Any

import requests
from anymail.exceptions import AnymailError
from anymail.webhooks.amazon_ses import AmazonSESBaseWebhookView, AmazonSESTrackingWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView
from anymail.webhooks.mailgun import MailgunTrackingWebhookView
from anymail.webhooks.mailjet import MailjetTrackingWebhookView
from anymail.webhooks.postmark import PostmarkTrackingWebhookView
from anymail.webhooks.resend import ResendTrackingWebhookView, SvixWebhookValidationMixin
from anymail.webhooks.sendgrid import SendGridBaseWebhookView, SendGridTrackingWebhookView
from anymail.webhooks.sparkpost import SparkPostTrackingWebhookView
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from django.core.exceptions import ImproperlyConfigured, SuspiciousOperation
from django.http import HttpRequest
from django.http.request import RawPostDataException

from campaigns.annotations import Argument, Columns, Json, JsonObject
from mailing.bounded_http import bound_answers
from mailing.models import Webhook
from mailing.webhooks import signatures

logger = logging.getLogger(__name__)

USER = "fanfare"  # of the login in an address
CONFIRM_SECONDS = 10  # for all of the answer
LONGEST_CONFIRMATION = 64 * 1024  # bytes of it
# Mailgun and SendGrid send a request again for 8 and 24 hours, and do not say whether with a new signature
SIGNATURE_SECONDS = 26 * 3600
Provider = Webhook.Provider
_is_host_of_sns = re.compile(r"https://sns\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/").match

# What anymail's readers raise for a body that is none of their provider's.
MALFORMED = (
    ArithmeticError,
    AttributeError,
    AnymailError,
    ImproperlyConfigured,
    LookupError,
    OSError,
    RawPostDataException,
    RecursionError,
    TypeError,
    ValueError,
)


class SignatureRefused(Exception):
    """Nothing proves that the provider sent this."""


class BodyMalformed(Exception):
    """The provider proved itself, and what it sent cannot be read."""


class ConfirmationFailed(Exception):
    """The subscription could not be confirmed; the provider should try again."""


class AmazonSesView(AmazonSESTrackingWebhookView):  # type: ignore[misc]
    """Confirms a subscription by its link. The original needs Amazon's library of tens of megabytes for that."""

    def __init__(self, **kwargs: Argument) -> None:
        self.auto_confirm_enabled = True
        super(AmazonSESBaseWebhookView, self).__init__(**kwargs)

    def auto_confirm_sns_subscription(self, sns_message: Columns) -> None:
        link = str(sns_message["SubscribeURL"])
        if not _is_host_of_sns(link):
            raise ValueError("The link to confirm leads to no host of Amazon SNS.")
        try:
            with requests.Session() as session:
                bound_answers(session, most=LONGEST_CONFIRMATION, seconds=CONFIRM_SECONDS)
                session.get(link, timeout=CONFIRM_SECONDS, allow_redirects=False).raise_for_status()
        except requests.RequestException as error:
            raise ConfirmationFailed(str(error)) from error


class BrevoView(BrevoTrackingWebhookView):  # type: ignore[misc]
    """Also reads events of mails that another program sent with metadata of its own."""

    def esp_to_anymail_event(self, esp_event: JsonObject) -> Json:
        try:
            json.loads(esp_event.get("X-Mailin-custom", "{}"))
        except (TypeError, ValueError):
            esp_event = esp_event | {"X-Mailin-custom": "{}"}
        return super().esp_to_anymail_event(esp_event)


class MailgunView(MailgunTrackingWebhookView):  # type: ignore[misc]
    """Believes no old signature. `intake` takes each for one body: it is a signature of a time and a token alone."""

    def validate_request(self, request: HttpRequest) -> None:
        super().validate_request(request)
        signatures.check_moment(read_mailgun_proof(request)[0], "timestamp", SIGNATURE_SECONDS)


class ResendView(ResendTrackingWebhookView):  # type: ignore[misc]
    """Checks the signature here. It is that of Standard Webhooks under another name; svix is a large library."""

    def __init__(self, *, signing_secret: str, **kwargs: Argument) -> None:
        self._svix_webhook = None
        self._key = signing_secret
        self.warn_if_no_basic_auth = False
        super(SvixWebhookValidationMixin, self).__init__(**kwargs)

    def validate_request(self, request: HttpRequest) -> None:
        signatures.check_signature(self._key, request.headers, request.body, prefix="svix")


class SendGridView(SendGridTrackingWebhookView):  # type: ignore[misc]
    """Believes no old signature, and does not warn at each request that its authors can no longer test it."""

    def __init__(self, *, verification_key: str, **kwargs: Argument) -> None:
        text = f"-----BEGIN PUBLIC KEY-----\n{verification_key}\n-----END PUBLIC KEY-----"
        self.webhook_verification_key = serialization.load_pem_public_key(text.encode())
        self.warn_if_no_basic_auth = False
        super(SendGridBaseWebhookView, self).__init__(**kwargs)

    def validate_request(self, request: HttpRequest) -> None:
        super().validate_request(request)
        name = "X-Twilio-Email-Event-Webhook-Timestamp"
        signatures.check_moment(request.headers[name], name, SIGNATURE_SECONDS)


BASIC_VIEWS = {
    Provider.AMAZON_SES: AmazonSesView,
    Provider.BREVO: BrevoView,
    Provider.MAILJET: MailjetTrackingWebhookView,
    Provider.POSTMARK: PostmarkTrackingWebhookView,
    Provider.SPARKPOST: SparkPostTrackingWebhookView,
}
SIGNED_VIEWS = {
    Provider.MAILGUN: (MailgunView, "webhook_signing_key"),
    Provider.RESEND: (ResendView, "signing_secret"),
    Provider.SENDGRID: (SendGridView, "verification_key"),
}


def read_events(request: HttpRequest, provider: str, secret: str) -> list[Json]:
    """Check a request and return its events, as anymail describes them.

    Args:
        secret: ours in the address, or the provider's key where it signs.

    Raises:
        SignatureRefused: nothing proves that the provider sent it.
        BodyMalformed: it did, and it cannot be read.
        ConfirmationFailed: a subscription could not be confirmed.
    """
    view = _make_view(Provider(provider), secret)
    try:
        view.run_validators(request)
    except (SuspiciousOperation, signatures.SignatureWrong, *MALFORMED) as error:
        raise SignatureRefused(str(error)) from error
    try:
        return list(view.parse_events(request))
    except MALFORMED as error:
        return _read_one_by_one(view, request, error)


# Any: one of anymail's classes, which has no types
def _read_one_by_one(view: Any, request: HttpRequest, error: Exception) -> list[Json]:
    """Read the events of one body one by one, and leave out those that cannot be read.

    Raises:
        BodyMalformed: none can be read.
    """
    try:
        said = json.loads(request.body)
    except MALFORMED:
        said = None
    found = []
    for each in said if isinstance(said, list) else ():
        try:
            found += view.parse_events(SimpleNamespace(body=json.dumps([each]).encode()))
        except MALFORMED as trouble:
            error = trouble
    if not found:
        raise BodyMalformed(f"{type(error).__name__}: {error}") from error
    logger.warning("Of %s events %s can be read: %s", len(said or ()), len(found), error)
    return found


# Any: one of anymail's classes, which has no types
def _make_view(provider: Webhook.Provider, secret: str) -> Any:
    if provider in BASIC_VIEWS:
        return BASIC_VIEWS[provider](webhook_secret=[f"{USER}:{secret}"])
    view, name = SIGNED_VIEWS[provider]
    try:
        return view(**{name: secret})
    except (ValueError, UnsupportedAlgorithm) as error:  # a key that is none believes nobody
        raise SignatureRefused("The stored key of the provider is none.") from error


def is_key(provider: str, key: str) -> bool:
    """Return whether a text is a key with which the provider can sign."""
    try:
        _make_view(Provider(provider), key)
        if provider == Provider.RESEND:
            signatures.sign_body(key, "", 0, b"")
    except (SignatureRefused, ValueError):
        return False
    return True


def read_mailgun_proof(request: HttpRequest) -> tuple[str, str]:
    """Return the time and the token that Mailgun has signed, of a request whose signature is right."""
    is_json = request.content_type == "application/json"
    proof = json.loads(request.body)["signature"] if is_json else request.POST
    return str(proof["timestamp"]), str(proof["token"])
