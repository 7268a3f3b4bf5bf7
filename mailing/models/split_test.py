from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy

from mailing.models.email import EmailCampaign, Part

LONGEST_WAIT = 1000  # of any unit


class SplitTest(Part):
    """The A/B test of a campaign: what its variants differ in, and how one of them is chosen.

    Its variants are all combinations of the campaign's own subject, content and sender name and of those that stand
    here beside them; see mailing.variants.
    """

    class Split(models.TextChoices):
        EVEN = "even", gettext_lazy("The same number to each")
        WEIGHTED = "weighted", gettext_lazy("By the weights below")
        THOMPSON = "thompson", gettext_lazy("In rounds, more to those that do well (Thompson sampling)")

    class Criterion(models.TextChoices):
        """How the winner is found."""

        CLICKS = "clicks", gettext_lazy("Most people clicked")
        OPENS = "opens", gettext_lazy("Most people opened")
        REDEEMED = "redeemed", gettext_lazy("Most people redeemed their code")
        REVENUE = "revenue", gettext_lazy("Most revenue for each recipient")
        HAND = "hand", gettext_lazy("I choose")

    class Undecided(models.TextChoices):
        BEST = "best", gettext_lazy("Send the best so far")
        ASK = "ask", gettext_lazy("Wait until I choose")

    class Unit(models.TextChoices):
        MINUTES = "minutes", gettext_lazy("minutes")
        HOURS = "hours", gettext_lazy("hours")
        DAYS = "days", gettext_lazy("days")

    campaign = models.OneToOneField(
        EmailCampaign, models.CASCADE, primary_key=True, related_name="split_test"
    )
    subjects = models.JSONField(gettext_lazy("other subjects"), default=list, blank=True)
    bodies = models.JSONField(gettext_lazy("other contents"), default=list, blank=True)
    from_names = models.JSONField(gettext_lazy("other sender names"), default=list, blank=True)
    share_percent = models.PositiveSmallIntegerField(
        gettext_lazy("test share in percent"),
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=gettext_lazy("Of the recipients. With 100 there is no rest, and nothing is chosen."),
    )
    share_number = models.PositiveIntegerField(
        gettext_lazy("or a number of recipients"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=gettext_lazy("Counts in place of the percentage."),
    )
    split = models.CharField(gettext_lazy("shared out"), max_length=10, choices=Split, default=Split.EVEN)
    weights = models.JSONField(gettext_lazy("weights"), default=list, blank=True)
    wait = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(1), MaxValueValidator(LONGEST_WAIT)]
    )
    wait_unit = models.CharField(gettext_lazy("unit"), max_length=10, choices=Unit, default=Unit.HOURS)
    winner_by = models.CharField(
        gettext_lazy("the winner is"), max_length=10, choices=Criterion, default=Criterion.CLICKS
    )
    when_undecided = models.CharField(
        gettext_lazy("too early to tell"), max_length=10, choices=Undecided, default=Undecided.BEST
    )

    class Meta:
        verbose_name = "A/B test"
        verbose_name_plural = "A/B test"
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"A/B test of {self.campaign}"


class VariantContent(models.Model):
    """The frozen content of a variant. The first variant has none: it uses the campaign's (a trigger holds both)."""

    campaign = models.ForeignKey(EmailCampaign, models.CASCADE, related_name="variant_contents")
    variant = models.PositiveSmallIntegerField()
    compiled = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "variant"], name="content_once_per_variant")
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return f"Content {self.variant} of {self.campaign}"
