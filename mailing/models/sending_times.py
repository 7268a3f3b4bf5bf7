"""When a campaign's mails may leave: columns of EmailCampaign."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy

from mailing.sending.windows import Window, read_window

FASTEST = 1_000_000  # of a limit: far above what any server takes


class SendingTimes(models.Model):
    """Limits, hours and days of a campaign, and the hour at which each recipient is to get it."""

    per_second = models.PositiveIntegerField(
        gettext_lazy("maximum per second"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(FASTEST)],
        help_text=gettext_lazy(
            "Mails of this campaign, evenly spread, over all its connections. Leave blank for no limit."
        ),
    )
    per_minute = models.PositiveIntegerField(
        gettext_lazy("maximum per minute"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(FASTEST)],
        help_text=gettext_lazy("The same by the minute; the tightest of the three counts."),
    )
    per_hour = models.PositiveIntegerField(
        gettext_lazy("maximum per hour"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(FASTEST)],
        help_text=gettext_lazy("The same by the hour."),
    )
    window_from = models.TimeField(gettext_lazy("send from"), null=True, blank=True)
    window_until = models.TimeField(
        gettext_lazy("send until"),
        null=True,
        blank=True,
        help_text=gettext_lazy(
            "Leave both blank for any hour. Before the start: until that time of the next day."
        ),
    )
    window_days = models.CharField(
        gettext_lazy("send on"), max_length=7, blank=True, validators=[RegexValidator(r"^1?2?3?4?5?6?7?$")]
    )
    window_zone = models.CharField(gettext_lazy("time zone of these hours"), max_length=40, blank=True)
    local_time = models.TimeField(
        gettext_lazy("at the recipient’s local time"),
        null=True,
        blank=True,
        help_text=gettext_lazy(
            "Each mail waits until clocks where its recipient lives show this time, within a day of the launch. "
            "Leave blank to send to everybody at once."
        ),
    )

    class Meta:
        abstract = True

    @property
    def window(self) -> Window | None:
        """The hours and days in which it may send; None when it may always."""
        return read_window(
            self.window_from, self.window_until, self.window_days, self.window_zone, settings.TIME_ZONE
        )
