"""The header by which a provider's events name their delivery. Each provider has its own header.

Its value is the token of the Message-ID, which every mail carries anyway. This token cannot unsubscribe anybody.
"""

from collections.abc import Callable

from mailing.models import Webhook

NAME = "delivery"  # of the token among a provider's metadata

Provider = Webhook.Provider
_HEADERS = {
    # the header for its API's library, and the tag that SES itself returns
    Provider.AMAZON_SES: 'X-Metadata: {"delivery": "*"}\r\nX-SES-MESSAGE-TAGS: delivery=*',
    Provider.BREVO: 'X-Mailin-custom: {"delivery": "*"}',
    Provider.MAILGUN: 'X-Mailgun-Variables: {"delivery": "*"}',
    Provider.MAILJET: 'X-MJ-EventPayload: {"delivery": "*"}',
    Provider.POSTMARK: "X-PM-Metadata-delivery: *",
    Provider.RESEND: 'X-Metadata: {"delivery": "*"}',
    Provider.SENDGRID: 'X-SMTPAPI: {"unique_args": {"delivery": "*"}}',
    Provider.SPARKPOST: 'X-MSYS-API: {"metadata": {"delivery": "*"}}',
    Provider.STANDARD: 'X-Metadata: {"delivery": "*"}',
}


def make_writer(provider: str) -> Callable[[str], bytes]:
    """Return a function that writes the header for a delivery's token, with its end of line."""
    parts = (_HEADERS[Provider(provider)] + "\r\n").encode().split(b"*")

    def write_metadata(token: str) -> bytes:
        return token.encode().join(parts)

    return write_metadata
