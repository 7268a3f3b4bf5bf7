"""Stored secrets: encrypted with the first of ENCRYPTION_KEYS, readable with any of them.

A secret that no key can read counts as not set: its value on the instance is an empty `UnreadableSecret`, so that every
page still opens. Saving the row keeps the stored text, and with the right key it can be read again.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.utils.crypto import salted_hmac

from campaigns.annotations import Argument, ColumnValue
from campaigns.sentences import keep


class SecretUnreadable(Exception):
    """A stored secret cannot be decrypted with today's keys; `str()` is the sentence."""


class UnreadableSecret(str):
    """The value of a secret that no key can read: an empty text that remembers the stored one."""

    __slots__ = ("stored",)
    stored: str

    def __new__(cls, stored: str = "") -> "UnreadableSecret":
        secret = super().__new__(cls, "")
        secret.stored = stored
        return secret


if TYPE_CHECKING:  # generic in the stubs only
    TextField = models.TextField[str, str]
else:
    TextField = models.TextField


class EncryptedTextField(TextField):
    """Text that is encrypted in its column and clear on the instance."""

    def get_prep_value(self, value: ColumnValue) -> Argument:
        if isinstance(value, UnreadableSecret):
            return value.stored
        value = super().get_prep_value(value)
        return _build_cipher().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, expression: Argument, connection: Argument) -> str | None:
        return read_stored(value) if value else value

    def identify_secret(self, value: str) -> str:
        """Return a keyed digest that tells this secret from others, "" when none is stored."""
        stored = value.stored if isinstance(value, UnreadableSecret) else value
        return salted_hmac("mailing.secrets", stored, algorithm="sha256").hexdigest() if stored else ""


def read_stored(stored: str) -> str:
    """Decrypt what the column of a secret holds; return an UnreadableSecret when no key reads it."""
    try:
        return _build_cipher().decrypt(stored.encode()).decode()
    except (InvalidToken, UnicodeError):
        return UnreadableSecret(stored)


def is_stored(row: models.Model, name: str) -> bool:
    """Return whether a secret is stored in the field `name` of a row, readable or not."""
    value = getattr(row, name)
    return bool(value) or isinstance(value, UnreadableSecret)


def read_secret(row: models.Model, name: str) -> str:
    """Return the secret in the field `name` of a row, "" when none is set.

    Raises:
        SecretUnreadable: one is stored, but no key reads it; use it nowhere and say the sentence.
    """
    if sentence := describe_trouble(row, name):
        raise SecretUnreadable(sentence)
    return str(getattr(row, name))


def describe_trouble(row: models.Model, name: str) -> str:
    """Return why the secret in the field `name` of a row counts as not set; "" when it is readable or not there."""
    if not isinstance(getattr(row, name), UnreadableSecret):
        return ""
    label = row._meta.get_field(name).verbose_name  # type: ignore[union-attr]
    return keep(
        "The stored %(label)s of “%(row)s” cannot be read with today's ENCRYPTION_KEYS and "
        "counts as not set: enter it again, or give the lost key back.",
        label=label,
        row=row,
    )


def reencrypt_secrets() -> Iterator[str]:
    """Encrypt every stored secret with the first key.

    Yields a sentence for each secret that no key can read: it stays as it is.
    """
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, EncryptedTextField):
                keys = model._default_manager.exclude(**{field.name: ""}).order_by("pk")
                for pk in keys.values_list("pk", flat=True):
                    if sentence := _encrypt_one_anew(model, pk, field.name):
                        yield sentence


def _encrypt_one_anew(model: type[models.Model], pk: Argument, name: str) -> str:
    with transaction.atomic():
        row = model._default_manager.select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
        if row is None or not getattr(row, name):
            return describe_trouble(row, name) if row else ""
        model._default_manager.filter(pk=pk).update(**{name: getattr(row, name)})
    return ""


def _build_cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
