"""Batches: counts and switches the coupons that were generated together."""

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Count, Min, Q, QuerySet
from django.utils.translation import gettext as _

from campaigns import refusals
from campaigns.annotations import Columns
from campaigns.refusals import Refused
from promotions.models import Change, Coupon, Promotion

OF_BATCH = ("promotion", "promotion__name", "promotion__deleted_at", "batch")


def list_batches() -> QuerySet[Coupon, Columns]:
    """Return the batches, the latest first.

    Returns:
        for each `promotion` (its key), `promotion__name`, `promotion__deleted_at`, `batch` (the name), `codes`, `used`
        (of them at least once), `active` (switched on) and `made_at`.
    """
    batches: QuerySet[Coupon, Columns] = (
        Coupon.objects.exclude(batch="")
        .order_by()
        .values(*OF_BATCH)
        .annotate(
            codes=Count("pk"),
            used=Count("pk", filter=Q(uses__gt=0)),
            active=Count("pk", filter=Q(active=True)),
            made_at=Min("created_at"),
        )
        .order_by("-made_at", "batch")
    )
    return batches


# Locked in the order in which sales lock coupons, so that neither waits for the other for ever.
SWITCH = """
    UPDATE promotions_coupon SET active = %(on)s WHERE id IN (
        SELECT id FROM promotions_coupon WHERE promotion_id = %(promotion)s AND batch = %(batch)s AND active <> %(on)s
        ORDER BY id FOR NO KEY UPDATE
    )
"""


def switch_batch(promotion: Promotion | int, batch: str, on: bool, *, by: User | None = None) -> int:
    """Switch all codes of a batch of `promotion` on or off; it counts from the very next sale.

    Returns:
        how many were switched; coupons that are in this state already stay as they are.

    Raises:
        Refused: there is no such batch, its promotion was deleted, or `by` may not.
    """
    refusals.require(by, "promotions.change_coupon", _("change coupons"))
    key = promotion if isinstance(promotion, int) else promotion.pk
    with transaction.atomic(), connection.cursor() as cursor:
        if not batch or not Coupon.objects.filter(promotion=key, batch=batch).exists():
            raise Refused(_("There is no batch “%(batch)s” any more.") % {"batch": batch})
        if not Promotion.objects.existing().filter(pk=key).exists():
            raise Refused(_("The promotion of these codes was deleted: they are not valid."))
        cursor.execute(SWITCH, {"promotion": key, "batch": batch, "on": on})
        switched: int = cursor.rowcount
        if switched:
            what = Change.What.CODES_ON if on else Change.What.CODES_OFF
            Change.objects.create(
                promotion_id=key, what=what, by=by, detail={"batch": batch, "codes": switched}
            )
    return switched
