from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns.annotations import Argument
from campaigns.fields import DatabaseTimeField
from promotions.codes import code_key, is_short


class CouponQuerySet(models.QuerySet["Coupon"]):
    def with_state(self, now: datetime) -> models.QuerySet[Any]:  # Any: `state` is no field of the model
        """Annotate each coupon with its `state` at `now`, a `Coupon.State`, by the coupon's own columns."""
        used_up = Q(kind=Coupon.Kind.ONE_TIME, uses__gte=1) | Q(max_uses__lte=F("uses"))
        return self.annotate(
            state=Case(
                When(active=False, then=Value(Coupon.State.OFF)),
                When(ends_at__lte=now, then=Value(Coupon.State.ENDED)),
                When(used_up, then=Value(Coupon.State.USED_UP)),
                When(starts_at__gt=now, then=Value(Coupon.State.COMING)),
                default=Value(Coupon.State.USABLE),
            )
        )


class Coupon(models.Model):
    """A code that unlocks its promotion. Two codes with one `key` are the same code.

    The promotion carries no foreign key in the database: to check it took a third of the time in which a million codes
    are made. Whoever makes codes holds the promotion meanwhile (`promotions.coupons.hold_promotion`, or the mail that
    carries it), and who deletes a promotion deletes its codes first.
    """

    class Kind(models.TextChoices):
        ONE_TIME = "one_time", gettext_lazy("Once in all")
        MULTI_USE = "multi_use", gettext_lazy("Many times")

    class State(models.TextChoices):
        """The state of a coupon at an instant, by its own columns; not stored."""

        USABLE = "usable", gettext_lazy("Usable")
        COMING = "coming", gettext_lazy("Not yet")
        USED_UP = "used_up", gettext_lazy("Used up")
        ENDED = "ended", gettext_lazy("Ended")
        OFF = "off", pgettext_lazy("code", "Switched off")

    promotion = models.ForeignKey(
        "promotions.Promotion", models.PROTECT, related_name="coupons", db_constraint=False
    )
    code = models.CharField(max_length=40)
    # compared by its bytes, so that one index finds a code and those that begin like it
    key = models.TextField(
        editable=False, db_collation="C", help_text=gettext_lazy("promotions.codes.code_key of the code.")
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.MULTI_USE)
    benefit = models.JSONField(
        null=True, blank=True, help_text=gettext_lazy("Leave blank for its promotion's.")
    )
    active = models.BooleanField(default=True)
    starts_at = models.DateTimeField("starts", null=True, blank=True)
    ends_at = models.DateTimeField("ends", null=True, blank=True)
    min_subtotal = models.BigIntegerField(default=0, help_text=gettext_lazy("In minor units."))
    max_uses = models.BigIntegerField(gettext_lazy("maximum uses"), null=True, blank=True)
    max_uses_per_customer = models.IntegerField(
        gettext_lazy("maximum uses per customer"), null=True, blank=True
    )
    uses = models.BigIntegerField(
        default=0, editable=False, help_text=gettext_lazy("with those that are held")
    )
    overrun_uses = models.BigIntegerField(
        default=0, editable=False, help_text=gettext_lazy("taken offline beyond the limit")
    )
    customer = models.CharField(
        max_length=64, blank=True, help_text=gettext_lazy("Only for the customer with this id.")
    )
    made_for = models.BigIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text=gettext_lazy(
            "The contact for whom an e-mail campaign made it. No relation: contacts are known to mailing only."
        ),
    )
    locations = models.ManyToManyField(
        "pos.Location", blank=True, help_text=gettext_lazy("Choose none for everywhere.")
    )
    batch = models.CharField(
        max_length=100, blank=True, editable=False, help_text=gettext_lazy("Generated together.")
    )
    created_at = DatabaseTimeField(auto_now_add=True)

    objects = CouponQuerySet.as_manager()

    class Meta:
        ordering = ["key"]  # the code as tills read it, which has an index
        indexes = [
            models.Index(fields=["batch"], condition=~Q(batch=""), name="coupon_of_batch"),
            models.Index(fields=["made_for"], condition=Q(made_for__isnull=False), name="coupon_made_for"),
            models.Index(
                fields=["customer"],
                condition=~Q(customer="") & Q(made_for__isnull=True),
                name="coupon_of_customer",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["key"], name="coupon_code_once"),
            models.CheckConstraint(
                name="coupon_uses_within_limit",
                condition=(Q(kind="multi_use") | Q(uses__lte=1)) & (Q(uses__gte=0)),
            ),
            models.CheckConstraint(
                name="coupon_uses_positive", condition=Q(max_uses__isnull=True) | Q(max_uses__gt=0)
            ),
            models.CheckConstraint(
                name="coupon_customer_uses_positive",
                condition=Q(max_uses_per_customer__isnull=True) | Q(max_uses_per_customer__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.code

    def save(self, *args: Argument, **kwargs: Argument) -> None:
        self.key = code_key(self.code)
        if "code" in (kwargs.get("update_fields") or ()):
            kwargs["update_fields"] = {*kwargs["update_fields"], "key"}
        super().save(*args, **kwargs)

    @property
    def is_guessable(self) -> bool:
        """Whether it was made by hand, for everybody, and is so short that guessing finds it."""
        return not self.batch and not self.customer and is_short(self.code)

    @property
    def limit(self) -> int | None:
        """How often it may be used in all; None for no limit."""
        return 1 if self.kind == self.Kind.ONE_TIME else self.max_uses
