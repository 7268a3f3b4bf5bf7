"""How it is found out what a mail was worth: columns of EmailCampaign."""

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

LONGEST_ATTRIBUTION = 30  # days
MOST_HELD_OUT = 50  # percent of the recipients


class RevenueRule(models.Model):
    """Which sales count for the mail, and who is held out to show what it causes."""

    class AfterAcceptance(models.TextChoices):
        """Whether a sale counts without a click where nobody can know of clicks."""

        YES = "yes", gettext_lazy("Count them for the last mail accepted")
        NO = "no", gettext_lazy("Do not count them")

    attribution_days = models.PositiveSmallIntegerField(
        gettext_lazy("days a click counts"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(LONGEST_ATTRIBUTION)],
        help_text=format_lazy(
            gettext_lazy(
                "Sales within this many days after a click count as revenue of this campaign: 0 to {most}. Leave blank "
                "for the site’s setting."
            ),
            most=LONGEST_ATTRIBUTION,
        ),
    )
    after_acceptance = models.CharField(
        gettext_lazy("sales of those whose clicks are not known"),
        max_length=3,
        choices=AfterAcceptance,
        blank=True,
        help_text=gettext_lazy("Leave blank for the site’s setting."),
    )
    hold_out = models.PositiveSmallIntegerField(
        gettext_lazy("hold out, in percent"),
        blank=True,
        default=0,
        validators=[MaxValueValidator(MOST_HELD_OUT)],
        help_text=format_lazy(
            gettext_lazy(
                "This share of the recipients, chosen at random at the launch, does not get the mail, so that its "
                "effect can be measured. 0 to {most}."
            ),
            most=MOST_HELD_OUT,
        ),
    )
    attribution = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="The rule of its conversions, fixed at the launch; see mailing.attribution.",
    )

    class Meta:
        abstract = True
