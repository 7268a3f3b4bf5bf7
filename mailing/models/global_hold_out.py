from django.db import models

from campaigns import dates
from mailing.models.report import CountedFigures


class GlobalHoldOut(models.Model):
    """A period, a quarter at most, in which a share of all contacts gets no mail of any campaign.

    mailing.global_hold_out makes them. What a period began with stays: a new share counts from the next quarter.
    """

    begins_at = models.DateTimeField(unique=True)
    ends_at = models.DateTimeField()
    percent = models.PositiveSmallIntegerField()
    seed = models.BigIntegerField(help_text="Of the draw: a keyed hash of the quarter.")

    class Meta:
        ordering = ["-begins_at"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.percent}% from {dates.write_day_of(self.begins_at)} until {dates.write_day_of(self.ends_at)}"


class GlobalHoldOutFigures(CountedFigures):
    """How many bought in a period, of those held out and of those who could be mailed; counted by the queue."""

    period = models.OneToOneField(
        GlobalHoldOut, models.CASCADE, primary_key=True, related_name="kept", db_constraint=False
    )
    figures = models.JSONField(null=True, blank=True)

    class Meta(CountedFigures.Meta):
        verbose_name = "global hold-out figures"
        verbose_name_plural = "global hold-out figures"

    def __str__(self) -> str:
        return f"Figures of {self.period}"
