from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy

from campaigns.fields import DatabaseTimeField, hold_words

if TYPE_CHECKING:
    from promotions.models.change import Change


class PromotionQuerySet(models.QuerySet["Promotion"]):
    def existing(self) -> Self:
        """Return the promotions that are not deleted. A deleted one with redemptions is only hidden."""
        return self.filter(deleted_at__isnull=True)

    def matching(self, words: str) -> Self:
        """Return the promotions whose name holds each of the `words`; none holds a NUL."""
        return self.filter(hold_words(words, "name"))


class Promotion(models.Model):
    """One discount: conditions, a target and a benefit. Applies through active campaigns, or by itself."""

    class Status(models.TextChoices):
        ACTIVE = "active", gettext_lazy("Active")
        INACTIVE = "inactive", gettext_lazy("Inactive")

    class Trigger(models.TextChoices):
        AUTOMATIC = "automatic", gettext_lazy("Automatic")
        COUPON = "coupon", gettext_lazy("With a coupon")

    class Level(models.TextChoices):
        ITEM = "item", gettext_lazy("Items")
        ORDER = "order", gettext_lazy("Whole sale")

    class Type(models.TextChoices):
        """The ready-made kinds a marketer picks from; the engine knows only conditions and benefits."""

        SALE = "sale", gettext_lazy("Sale discount")
        ITEMS = "items", gettext_lazy("Category or item discount")
        BUY_GET = "buy_get", gettext_lazy("Buy one get one")
        BUNDLE = "bundle", gettext_lazy("Bundle")
        TIERED = "tiered", gettext_lazy("Tiered spend")
        HAPPY_HOUR = "happy_hour", gettext_lazy("Happy hour")
        FLASH = "flash", gettext_lazy("Flash sale")
        FIRST = "first", gettext_lazy("First-time customer")

    name = models.CharField(
        max_length=200, help_text=gettext_lazy("Printed on the receipt and used in reports.")
    )
    type = models.CharField(max_length=20, choices=Type, default=Type.ITEMS)
    status = models.CharField(max_length=10, choices=Status, default=Status.INACTIVE, editable=False)
    standalone = models.BooleanField(
        default=False, help_text=gettext_lazy("Applies by itself, without a campaign.")
    )
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.AUTOMATIC)
    level = models.CharField(max_length=10, choices=Level, default=Level.ITEM)
    priority = models.PositiveIntegerField(default=100, help_text=gettext_lazy("1 is applied first."))
    starts_at = models.DateTimeField("starts", null=True, blank=True)
    ends_at = models.DateTimeField("ends", null=True, blank=True)
    locations = models.ManyToManyField(
        "pos.Location", blank=True, help_text=gettext_lazy("Choose none for everywhere.")
    )
    max_uses = models.BigIntegerField(gettext_lazy("maximum uses"), null=True, blank=True)
    max_uses_per_customer = models.IntegerField(
        gettext_lazy("maximum uses per customer"), null=True, blank=True
    )
    # as the structs of promotions.engine.rules, which check them
    conditions = models.JSONField(default=list, blank=True)
    target = models.JSONField(default=dict, blank=True)
    benefit = models.JSONField(default=dict)
    stacking = models.JSONField(default=dict, blank=True)
    caps = models.JSONField(default=dict, blank=True)
    created_at = DatabaseTimeField(auto_now_add=True)
    updated_at = DatabaseTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    group_names: dict[str, str] | None = None
    """The names of its customer groups by code, when `promotions.groups.attach_names` has read them."""

    objects = PromotionQuerySet.as_manager()

    class Meta:
        ordering = ["priority", "pk"]
        constraints = [
            models.CheckConstraint(
                name="promotion_uses_positive", condition=Q(max_uses__isnull=True) | Q(max_uses__gt=0)
            ),
            models.CheckConstraint(
                name="promotion_customer_uses_positive",
                condition=Q(max_uses_per_customer__isnull=True) | Q(max_uses_per_customer__gt=0),
            ),
            models.CheckConstraint(name="promotion_priority_from_1", condition=Q(priority__gte=1)),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("promotions:promotion", args=[self.pk])

    @property
    def is_used_up(self) -> bool:
        """Whether it has reached its own maximum of uses. No sale gets it until a use comes back or the limit rises."""
        counter = getattr(self, "counter", None) if self.max_uses is not None else None
        return counter is not None and counter.is_used_up

    @property
    def edits(self) -> "models.QuerySet[Change]":
        """The edits of its own fields."""
        return self.changes.filter(what="edited")
