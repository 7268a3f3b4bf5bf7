"""Secrets at rest: encrypted with the first of ENCRYPTION_KEYS, readable with any of them."""

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


def keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


class EncryptedTextField(models.TextField):
    """Text that is encrypted in its column and clear on the instance."""

    def get_prep_value(self, value):
        value = super().get_prep_value(value)
        return keys().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value, expression, connection):
        return keys().decrypt(value.encode()).decode() if value else value
