from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q

from campaigns import database_time


class RulesVersion(models.Model):
    """The version of the published rules, in one row. A till process loads a new snapshot when it has changed.

    Numbers come from a sequence and are never used again, so that a snapshot read in a transaction that was rolled back
    cannot pass for a later version. Without a row nothing was ever published.
    """

    version = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.version)


class Counter(models.Model):
    """The hot row of a campaign or promotion that has a limit: what is open, spent, held and used.

    It also says whether and when sales may take from it, because PostgreSQL checks a column of the updated row again
    after a lock wait, but not a state joined from another table. The limits are those of the campaign or promotion as
    published. Without a budget or a maximum of uses nothing is counted here, and no sale touches the row.
    """

    campaign = models.OneToOneField(
        "promotions.PromotionCampaign", models.CASCADE, null=True, blank=True, related_name="counter"
    )
    promotion = models.OneToOneField(
        "promotions.Promotion", models.CASCADE, null=True, blank=True, related_name="counter"
    )
    is_open = models.BooleanField(default=False)
    opens_at = models.DateTimeField(null=True, blank=True)
    closes_at = models.DateTimeField(null=True, blank=True)
    budget = models.BigIntegerField(null=True, blank=True)
    ceiling = models.BigIntegerField(
        null=True, blank=True, help_text="max(budget, spent + held) when it was set"
    )
    spent = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    max_uses = models.BigIntegerField(null=True, blank=True)
    uses_ceiling = models.BigIntegerField(null=True, blank=True)
    uses = models.BigIntegerField(default=0, help_text="with those that are held")
    max_uses_per_customer = models.IntegerField(null=True, blank=True)
    overrun = models.BigIntegerField(default=0, help_text="granted offline beyond the budget")
    overrun_uses = models.BigIntegerField(default=0)
    used_up_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="counter_of_one_thing",
                condition=Q(campaign__isnull=False, promotion__isnull=True)
                | Q(campaign__isnull=True, promotion__isnull=False),
            ),
            models.CheckConstraint(
                name="counter_not_below_zero", condition=Q(spent__gte=0, held__gte=0, uses__gte=0)
            ),
            models.CheckConstraint(
                name="counter_within_budget",
                condition=Q(ceiling__isnull=True) | Q(ceiling__gte=F("spent") + F("held")),
            ),
            models.CheckConstraint(
                name="counter_within_uses",
                condition=Q(uses_ceiling__isnull=True) | Q(uses_ceiling__gte=F("uses")),
            ),
        ]

    def __str__(self) -> str:
        return f"counter of {self.campaign or self.promotion}"

    @property
    def counts(self) -> bool:
        """Whether sales are counted here."""
        return self.budget is not None or self.max_uses is not None

    @property
    def is_used_up(self) -> bool:
        """Whether its campaign or promotion gives nothing until something comes back or a limit rises."""
        return (self.budget is not None and self.spent + self.held >= self.budget) or (
            self.max_uses is not None and self.uses >= self.max_uses
        )


class CustomerUse(models.Model):
    """How often one customer used a coupon, or a campaign or promotion that has a limit for each customer."""

    customer = models.CharField(max_length=64)
    campaign = models.ForeignKey("promotions.PromotionCampaign", models.CASCADE, null=True, blank=True)
    promotion = models.ForeignKey("promotions.Promotion", models.CASCADE, null=True, blank=True)
    coupon = models.ForeignKey("promotions.Coupon", models.CASCADE, null=True, blank=True)
    uses = models.IntegerField(default=0)

    class Meta:
        constraints = [
            # one index for every sale's look-up and upsert
            models.UniqueConstraint(
                fields=["customer", "campaign", "promotion", "coupon"],
                nulls_distinct=False,
                name="customer_use_once",
            ),
            models.CheckConstraint(
                name="customer_use_of_one_thing",
                condition=Q(campaign__isnull=False, promotion__isnull=True, coupon__isnull=True)
                | Q(campaign__isnull=True, promotion__isnull=False, coupon__isnull=True)
                | Q(campaign__isnull=True, promotion__isnull=True, coupon__isnull=False),
            ),
            models.CheckConstraint(name="customer_use_not_below_zero", condition=Q(uses__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.customer}: {self.uses}"


class Redemption(models.Model):
    """One line of the ledger of discounts: what a sale was granted, or what it gave back. Rows are only added.

    A held sale has none: its lines are written when it is confirmed. The lines of a promotion in a sale and those that
    reverse them sum to what the sale still has.
    """

    sale = models.ForeignKey("pos.Sale", models.PROTECT, related_name="redemptions")
    # the indexes below begin with these; every index costs each line that a sale writes
    campaign = models.ForeignKey(
        "promotions.PromotionCampaign",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="redemptions",
        db_index=False,
    )
    promotion = models.ForeignKey(
        "promotions.Promotion", models.PROTECT, related_name="redemptions", db_index=False
    )
    coupon = models.ForeignKey(
        "promotions.Coupon", models.PROTECT, null=True, blank=True, related_name="redemptions", db_index=False
    )
    amount = models.BigIntegerField(help_text="In minor units; negative where a discount is given back.")
    uses = models.IntegerField(help_text="1 where granted; −1 or 0 where given back.")
    runs = models.JSONField(
        default=dict,
        help_text='{"line id": [[units, minor units each], …]}, in the order in which they are returned.',
    )
    reverses = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="reversed_by", db_index=False
    )
    at = models.DateTimeField(default=database_time.now)

    class Meta:
        # Reports ask for a range of `at` alone, which the lines of a table that only grows are nearly in the order of.
        # With 1,000,000 lines and 400 campaigns PostgreSQL 18 was as quick by a skip through the first index.
        indexes = [
            models.Index(fields=["campaign", "at"]),
            models.Index(fields=["promotion", "at"]),
            models.Index(fields=["coupon"], condition=Q(coupon__isnull=False), name="redemption_of_coupon"),
            models.Index(
                fields=["reverses"], condition=Q(reverses__isnull=False), name="redemption_reversed"
            ),
            BrinIndex(
                fields=["at"],
                name="redemption_at",
                opclasses=["timestamptz_minmax_multi_ops"],  # a sale made offline may be days older
                pages_per_range=16,
                autosummarize=True,
            ),
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.promotion}: {self.amount}"


class Overrun(models.Model):
    """The part of a redemption beyond a limit, given by a till that was offline. It is listed for managers.

    Negative where it was given back.
    """

    redemption = models.OneToOneField(Redemption, models.PROTECT, related_name="overrun")
    amount = models.BigIntegerField(default=0, help_text="Beyond the campaign's budget, in minor units.")
    campaign_uses = models.IntegerField(default=0, help_text="Beyond the campaign's maximum uses.")
    promotion_uses = models.IntegerField(default=0, help_text="Beyond the promotion's maximum uses.")
    coupon_uses = models.IntegerField(default=0, help_text="Beyond the coupon's maximum uses.")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.redemption}: {self.amount} beyond the limit"
