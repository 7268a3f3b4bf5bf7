from django.db import models
from django.utils.translation import gettext_lazy


class Conversion(models.Model):
    """A committed sale that is attributed to a campaign, with its amount as it is now: less what came back.

    A sale has one at most. `mailing.attribution` keeps them; the rule of a campaign is fixed at its launch and stands
    in `EmailCampaign.attribution`.
    """

    class How(models.TextChoices):
        """What ties the sale to the mail, the strongest first."""

        CODE = "code", gettext_lazy("Redeemed its code")
        CLICK = "click", gettext_lazy("Clicked")
        SENT = "sent", gettext_lazy("Was sent it")

    # no constraints: a foreign key would lock rows that tills write
    sale = models.OneToOneField(
        "pos.Sale", models.PROTECT, related_name="conversion", primary_key=True, db_constraint=False
    )
    campaign = models.ForeignKey(
        "mailing.EmailCampaign",
        models.PROTECT,
        related_name="conversions",
        db_constraint=False,
        db_index=False,
    )
    delivery = models.ForeignKey(
        "mailing.Delivery",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="conversions",
        db_constraint=False,
        help_text="Empty where a code that many have was used by nobody knows whom.",
    )
    how = models.CharField(max_length=5, choices=How)
    touched_at = models.DateTimeField(
        help_text="When the code took effect, the link was clicked or the mail was accepted."
    )
    at = models.DateTimeField(help_text="When it was sold.")
    location = models.ForeignKey(
        "pos.Location", models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    currency = models.CharField(max_length=3)
    net = models.BigIntegerField(help_text="Paid, less what was paid back; in minor units.")
    discount = models.BigIntegerField(help_text="Given, less what was given back; in minor units.")
    is_first = models.BooleanField(default=False, help_text="It is the first purchase of its customer.")
    waited = models.BigIntegerField(
        null=True, blank=True, help_text="Seconds from the acceptance of the mail to the sale."
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["campaign", "-at"], include=["waited", "sale"], name="conversion_of_campaign"
            )
        ]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.sale}: {self.get_how_display()}"


class ConversionTally(models.Model):
    """Sums over the conversions of a campaign in a quarter of an hour, at one location.

    A trigger on Conversion keeps them equal in the transaction of the change.
    """

    campaign = models.ForeignKey(
        "mailing.EmailCampaign", models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    at = models.DateTimeField(help_text="The beginning of the quarter of an hour.")
    how = models.CharField(max_length=5, choices=Conversion.How)
    location = models.ForeignKey(
        "pos.Location", models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    currency = models.CharField(max_length=3)
    orders = models.BigIntegerField()
    first_orders = models.BigIntegerField()
    net = models.BigIntegerField()
    discount = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "conversion tallies"
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "at", "how", "location", "currency"], name="conversion_tally_once"
            )
        ]
        indexes = [models.Index(fields=["at"], name="conversion_tally_at")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.orders} orders"


class DueAttribution(models.Model):
    """Sales that are to be attributed anew: those of a customer number, or those since a click.

    Triggers write the rows in the transaction of what changed; `mailing.attribution` deletes them when it has done so.
    """

    customer = models.CharField(max_length=64, blank=True, default="", db_default="")
    delivery = models.ForeignKey(
        "mailing.Delivery",
        models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    since = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"customer {self.customer}" if self.customer else f"delivery {self.delivery_id}"


class DepartedBuyer(models.Model):
    """Somebody who bought in the days of a campaign with a hold-out and was deleted since; nothing says who it was.

    A trigger on Delivery writes the row when its contact goes, so that both groups keep their buyers.
    """

    campaign = models.ForeignKey(
        "mailing.EmailCampaign", models.PROTECT, related_name="+", db_constraint=False
    )
    is_held_out = models.BooleanField()
    net = models.JSONField(help_text="What they paid and kept, in minor units by currency.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return "Held out" if self.is_held_out else "Mailed"
