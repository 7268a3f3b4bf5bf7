"""Which provider a connection's webhook is for, and its secret, which is shown once."""

import secrets
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec
from django.contrib.auth.models import User
from django.db import transaction

from campaigns import database_time, editions
from mailing.models import SmtpConnection, Webhook
from mailing.webhooks import readers, signatures

COLUMNS = ("provider", "secret", "signing_key")  # what people may change


class Address(msgspec.Struct, frozen=True):
    """What to enter at the provider. secret: to enter beside the address, "" when the address contains it."""

    url: str
    secret: str = ""


def find_edition(webhook: Webhook | None) -> str:
    """Return the edition of a connection's webhook, None when it has none."""
    return editions.edition_of(_list_facts(webhook))


def _list_facts(webhook: Webhook | None) -> editions.FormFacts:
    return editions.column_facts(webhook, COLUMNS) if webhook else {}


@transaction.atomic
def choose_provider(
    smtp: SmtpConnection,
    provider: str,
    signing_key: str = "",
    *,
    by: User | None = None,
    seen: str | None = None,
) -> tuple[Webhook | None, bool]:
    """Set the provider whose events a connection takes, "" for none; return the webhook, and whether its secret is new.

    Args:
        signing_key: of a provider that signs; "" keeps the stored one.
        seen: the edition that the form showed; None overwrites whatever there is.

    Raises:
        EditConflict: it was changed since.
    """
    SmtpConnection.objects.select_for_update(no_key=True).get(pk=smtp.pk)
    webhook = Webhook.objects.select_for_update().filter(pk=smtp.pk).first()
    before = _list_facts(webhook)
    editions.refuse_edit_conflict(webhook or Webhook(connection=smtp), before, seen)
    if not provider:
        Webhook.objects.filter(pk=smtp.pk).delete()
        return None, False
    is_new = webhook is None or webhook.provider != provider
    if webhook is None or is_new:
        webhook = Webhook(connection=smtp, provider=provider, made_at=database_time.now())
    if webhook.is_signed_by_provider:
        webhook.signing_key = signing_key or webhook.signing_key
    elif is_new:
        webhook.secret = make_secret(provider)
    webhook.save()
    editions.record_edit(webhook, before or None, _list_facts(webhook), by=by)
    return webhook, is_new and bool(webhook.secret)


@transaction.atomic
def rotate_secret(webhook_id: int, by: User | None = None) -> Webhook:
    """Give a webhook another secret. The old one is refused from now on."""
    webhook = Webhook.objects.select_for_update(no_key=True).select_related("connection").get(pk=webhook_id)
    before = _list_facts(webhook)
    webhook.secret, webhook.made_at = make_secret(webhook.provider), database_time.now()
    webhook.save(update_fields=["secret", "made_at"])
    editions.record_edit(webhook, before, _list_facts(webhook), by=by)
    return webhook


def make_secret(provider: str) -> str:
    """Make up a secret."""
    return signatures.make_secret() if provider == Webhook.Provider.STANDARD else secrets.token_urlsafe(24)


def write_address(webhook: Webhook) -> Address:
    """Return the address with its secret, for the one page that shows it."""
    if webhook.provider == Webhook.Provider.STANDARD:
        return Address(webhook.url, webhook.secret)
    parts = urlsplit(webhook.url)
    return Address(
        urlunsplit(parts._replace(netloc=f"{readers.USER}:{quote(webhook.secret, safe='')}@{parts.netloc}"))
    )
