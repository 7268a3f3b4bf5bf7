from django.db import models


class CountedFigures(models.Model):
    """Figures that take too long to count them at every visit. They are of one moment, `counted_at`.

    mailing.kept_figures says when they are counted anew.
    """

    asked_at = models.DateTimeField(null=True, blank=True, help_text="When somebody last asked to count.")
    counted_at = models.DateTimeField(null=True, blank=True, help_text="The moment that the figures are of.")
    seconds = models.FloatField(default=0, help_text="How long it took to count.")

    class Meta:
        abstract = True
        default_permissions = ()


class KeptFigures(CountedFigures):
    """Figures of a campaign that is too large to count them at every visit."""

    campaign = models.OneToOneField(
        "mailing.EmailCampaign",
        models.CASCADE,
        primary_key=True,
        related_name="%(class)s",
        db_constraint=False,
    )

    class Meta(CountedFigures.Meta):
        abstract = True


class ReportFigures(KeptFigures):
    """The figures of a report that need a whole ledger.

    See mailing.reports.counting. The totals of a report are sums over tallies instead.
    """

    counts = models.JSONField(null=True, blank=True)

    class Meta(KeptFigures.Meta):
        verbose_name = "report figures"
        verbose_name_plural = "report figures"

    def __str__(self) -> str:
        return f"Figures of {self.campaign}"


class RevenueFigures(KeptFigures):
    """What needs the sales of all recipients of a campaign: its two arms, top articles and the median wait.

    See mailing.stored_revenue.
    """

    figures = models.JSONField(null=True, blank=True)

    class Meta(KeptFigures.Meta):
        verbose_name = "revenue figures"
        verbose_name_plural = "revenue figures"

    def __str__(self) -> str:
        return f"What {self.campaign} was worth"
