"""Seeds: what an installation is given once, such as its roles with their permissions, and the demo.

Each seed is recorded under its own key. What somebody changes, renames or deletes afterwards stays so: a later start
makes only what was never made.
"""

from collections.abc import Callable
from typing import TypeVar

from django.db import models, transaction

from campaigns.models import Seed

T = TypeVar("T")

Row = TypeVar("Row", bound=models.Model)


def make_once(key: str, make: Callable[[], T]) -> T | None:
    """Call `make` only once ever for this key, and return its result; None when it was called before.

    It is one transaction: a start that is killed half-way leaves nothing, and the next one begins anew.
    """
    with transaction.atomic():
        seed, is_new = Seed.objects.get_or_create(key=key)  # another start that makes it now is waited for
        if not is_new:
            return None
        made = make()
        if isinstance(made, models.Model):
            Seed.objects.filter(key=seed.key).update(object_id=made.pk)
        return made


def find_row(key: str, rows: models.QuerySet[Row]) -> Row | None:
    """Return the row that was made for a key, also if it was renamed; None when it was deleted."""
    object_id = Seed.objects.filter(key=key).values_list("object_id", flat=True).first()
    return rows.filter(pk=object_id).first() if object_id else None
