from django.db import models


class ReportFigures(models.Model):
    """The figures of a report that need a whole ledger. They are kept for campaigns too large to count at every visit.

    `counts` are of one moment; see mailing.reports.counting. The totals of a report are sums over tallies instead.
    """

    campaign = models.OneToOneField(
        "mailing.EmailCampaign",
        models.CASCADE,
        primary_key=True,
        related_name="report_figures",
        db_constraint=False,
    )
    asked_at = models.DateTimeField(null=True, blank=True, help_text="When somebody last asked to count.")
    counted_at = models.DateTimeField(null=True, blank=True, help_text="The moment that the figures are of.")
    seconds = models.FloatField(default=0, help_text="How long it took to count.")
    counts = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = "report figures"
        verbose_name_plural = "report figures"
        default_permissions = ()

    def __str__(self) -> str:
        return f"Figures of {self.campaign}"


class WorthFigures(models.Model):
    """What needs the sales of all recipients of a large campaign: its two arms, top articles and the median wait.

    They are of one moment and kept, since no page can wait for them; see mailing.stored_worth.
    """

    campaign = models.OneToOneField(
        "mailing.EmailCampaign",
        models.CASCADE,
        primary_key=True,
        related_name="worth_figures",
        db_constraint=False,
    )
    asked_at = models.DateTimeField(null=True, blank=True, help_text="When somebody last asked to measure.")
    measured_at = models.DateTimeField(null=True, blank=True, help_text="The moment that the figures are of.")
    seconds = models.FloatField(default=0, help_text="How long it took to measure.")
    figures = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = "worth figures"
        verbose_name_plural = "worth figures"
        default_permissions = ()

    def __str__(self) -> str:
        return f"What {self.campaign} was worth"
