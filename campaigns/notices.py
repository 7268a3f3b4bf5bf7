"""The notices of the dashboard. Each app names a function in settings.NOTICES."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Notice:
    """One or two sentences for the dashboard. `url`: of a page to see or do more; "" for none."""

    sentence: str
    url: str = ""


def list_notices(user: User, now: datetime) -> Iterator[Notice]:
    """Yield the notices for `user`. Each function takes the user and the time."""
    for name in settings.NOTICES:
        yield from import_string(name)(user, now)
