from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from mailing.models.email import EmailCampaign, Part

LONGEST_WAIT = 1000  # of any unit


class SplitTest(Part):
    """The A/B test of a campaign: what its variants differ in, and how one of them is chosen.

    Its variants are all combinations of the campaign's own subject, content and sender name and of those that stand
    here beside them; see mailing.variants.
    """

    class Split(models.TextChoices):
        EVEN = "even", "The same number to each"
        WEIGHTED = "weighted", "By the weights below"
        THOMPSON = "thompson", "In rounds, more to those that do well (Thompson sampling)"

    class Criterion(models.TextChoices):
        """How the winner is found."""

        CLICKS = "clicks", "Most people clicked"
        OPENS = "opens", "Most people opened"
        REDEEMED = "redeemed", "Most people redeemed their code"
        REVENUE = "revenue", "Most revenue for each recipient"
        HAND = "hand", "I choose"

    class Undecided(models.TextChoices):
        BEST = "best", "Send the best so far"
        ASK = "ask", "Wait until I choose"

    class Unit(models.TextChoices):
        MINUTES = "minutes", "minutes"
        HOURS = "hours", "hours"
        DAYS = "days", "days"

    campaign = models.OneToOneField(
        EmailCampaign, models.CASCADE, primary_key=True, related_name="split_test"
    )
    subjects = models.JSONField("other subjects", default=list, blank=True)
    bodies = models.JSONField("other contents", default=list, blank=True)
    from_names = models.JSONField("other sender names", default=list, blank=True)
    share_percent = models.PositiveSmallIntegerField(
        "test share in percent",
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Of the recipients. With 100 there is no rest, and nothing is chosen.",
    )
    share_number = models.PositiveIntegerField(
        "or a number of recipients",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Counts in place of the percentage.",
    )
    split = models.CharField("shared out", max_length=10, choices=Split, default=Split.EVEN)
    weights = models.JSONField("weights", default=list, blank=True)
    wait = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(1), MaxValueValidator(LONGEST_WAIT)]
    )
    wait_unit = models.CharField("unit", max_length=10, choices=Unit, default=Unit.HOURS)
    winner_by = models.CharField("the winner is", max_length=10, choices=Criterion, default=Criterion.CLICKS)
    when_undecided = models.CharField(
        "too early to tell", max_length=10, choices=Undecided, default=Undecided.BEST
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
