from django.db import models


class DiscountTally(models.Model):
    """What sales got in a stretch of time: a sum over the ledger, which `promotions.tallies` keeps and reports read.

    The rows of one kind together sum up to all that is tallied, so each kind answers another question. Amounts are in
    minor units. Keys are those of locations, campaigns and promotions, without constraints: whatever has lines in the
    ledger is never deleted. 0 stands for all locations where the kind has one row for all of them, for promotions
    without a campaign, and for what the kind does not tell apart.
    """

    class Kind(models.IntegerChoices):
        """What a row is of. Stretches of time are in UTC; every time zone begins its days on a quarter of an hour."""

        QUARTER = 1  # of an hour, of a location
        QUARTER_OF_ALL = 2  # of all locations
        DAY = 3  # of a location
        CAMPAIGN_DAY = 4  # of a location and a campaign
        CAMPAIGN_MONTH = 5  # of a campaign
        PROMOTION_DAY = 6  # of a location, a campaign and a promotion
        PROMOTION_MONTH = 7  # of a campaign and a promotion

    pk = models.CompositePrimaryKey(
        "kind", "location_id", "begins", "currency", "campaign_id", "promotion_id"
    )
    kind = models.SmallIntegerField(choices=Kind)
    location_id = models.BigIntegerField()
    begins = models.DateTimeField()
    currency = models.CharField(max_length=3)
    campaign_id = models.BigIntegerField()
    promotion_id = models.BigIntegerField()
    given = models.BigIntegerField(help_text="Less what came back.")
    uses = models.BigIntegerField(help_text="Less what came back.")
    sales = models.BigIntegerField(
        help_text="Each once, with a discount and not voided, at the time of that discount."
    )
    revenue = models.BigIntegerField(
        help_text="Of these sales, less what was returned of them since; 0 in the kinds of promotions."
    )

    class Meta:
        verbose_name_plural = "discount tallies"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.begins.isoformat()}: {self.given}"


class TalliedSale(models.Model):
    """What of a sale stands in the tallies: so the next change of the sale adds only the difference."""

    sale_id = models.BigIntegerField(primary_key=True)
    last_line = models.BigIntegerField(help_text="Its lines of the ledger up to this one are tallied.")
    is_counted = models.BooleanField(help_text="Whether it is tallied as a sale, which a voided one is not.")
    revenue = models.BigIntegerField(help_text="As it is tallied, in minor units.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"sale {self.sale_id}, up to line {self.last_line}"
