"""How it is found out what a mail was worth: columns of EmailCampaign."""

from django.core.validators import MaxValueValidator
from django.db import models

LONGEST_ATTRIBUTION = 30  # days
MOST_HELD_OUT = 50  # percent of the recipients


class RevenueRule(models.Model):
    """Which sales count for the mail, and who is held out to show what it causes."""

    class AfterAcceptance(models.TextChoices):
        """Whether a sale counts without a click where nobody can know of clicks."""

        YES = "yes", "Count them for the last mail accepted"
        NO = "no", "Do not count them"

    attribution_days = models.PositiveSmallIntegerField(
        "days a click counts",
        null=True,
        blank=True,
        validators=[MaxValueValidator(LONGEST_ATTRIBUTION)],
        help_text="Sales within this many days after a click count as revenue of this campaign: 0 to "
        f"{LONGEST_ATTRIBUTION}. Leave blank for the site’s setting.",
    )
    after_acceptance = models.CharField(
        "sales of those whose clicks are not known",
        max_length=3,
        choices=AfterAcceptance,
        blank=True,
        help_text="Leave blank for the site’s setting.",
    )
    hold_out = models.PositiveSmallIntegerField(
        "hold out, in percent",
        blank=True,
        default=0,
        validators=[MaxValueValidator(MOST_HELD_OUT)],
        help_text="This share of the recipients, chosen at random at the launch, does not get the mail, so that its "
        f"effect can be measured. 0 to {MOST_HELD_OUT}.",
    )
    attribution = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="The rule of its conversions, fixed at the launch; see mailing.attribution.",
    )

    class Meta:
        abstract = True
