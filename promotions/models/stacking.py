from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy


class StackingSettings(models.Model):
    """The site's stacking rules, in one row; without it nothing is restricted.

    promotions.engine.StackingRules describes the fields.
    """

    class Precedence(models.TextChoices):
        VALUE = "value", gettext_lazy("The better deal wins")
        PRIORITY = "priority", gettext_lazy("The first by priority wins")

    precedence = models.CharField(max_length=10, choices=Precedence, default=Precedence.VALUE)
    max_promotions = models.PositiveIntegerField(
        gettext_lazy("maximum promotions per sale"),
        null=True,
        blank=True,
        help_text=gettext_lazy("Leave blank for no limit."),
    )
    max_discount_percent = models.PositiveIntegerField(
        gettext_lazy("maximum discount, percent"),
        null=True,
        blank=True,
        help_text=gettext_lazy("In hundredths of a percent; leave blank for no limit."),
    )
    max_discount = models.BigIntegerField(
        gettext_lazy("maximum discount, amount"),
        null=True,
        blank=True,
        help_text=gettext_lazy("In minor units of the site's currency; leave blank for no limit."),
    )
    coupons_with_promotions = models.BooleanField(
        default=True, help_text=gettext_lazy("Coupons and automatic promotions may combine in one sale.")
    )
    item_with_order = models.BooleanField(
        default=True,
        help_text=gettext_lazy("Promotions on items and on the whole sale may combine in one sale."),
    )
    buy_get_replaces = models.BooleanField(
        default=False,
        help_text=gettext_lazy("Units that a buy-and-get promotion uses get no other discount on items."),
    )
    thresholds_on_original = models.BooleanField(
        default=False,
        help_text=gettext_lazy("Thresholds and tiers of sale discounts are measured before any discount."),
    )

    class Meta:
        verbose_name_plural = "stacking settings"
        constraints = [
            models.CheckConstraint(name="stacking_settings_one_row", condition=Q(id=1)),
            models.CheckConstraint(
                name="stacking_percent_up_to_100",
                condition=Q(max_discount_percent__isnull=True) | Q(max_discount_percent__lte=10_000),
            ),
            models.CheckConstraint(
                name="stacking_promotions_from_1",
                condition=Q(max_promotions__isnull=True) | Q(max_promotions__gte=1),
            ),
            models.CheckConstraint(
                name="stacking_discount_from_0",
                condition=Q(max_discount__isnull=True) | Q(max_discount__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return "stacking settings"


class ExcludedPair(models.Model):
    """Two promotions that never meet in one sale."""

    first = models.ForeignKey("promotions.Promotion", models.CASCADE, related_name="+")
    second = models.ForeignKey("promotions.Promotion", models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="excluded_pair_once"),
            models.CheckConstraint(name="excluded_pair_in_order", condition=Q(first__lt=F("second"))),
        ]

    def __str__(self) -> str:
        return f"{self.first} never with {self.second}"
