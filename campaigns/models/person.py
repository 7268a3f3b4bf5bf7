from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext, gettext_lazy

from campaigns import zones


def check_time_zone(name: str) -> None:
    """Refuse a text that is not a time zone.

    Raises:
        ValidationError: it is none.
    """
    if zones.find_zone(name) is None:
        raise ValidationError(
            gettext("“%(name)s” is not a time zone: write one such as Europe/Berlin.") % {"name": name}
        )


class Theme(models.TextChoices):
    """The colours of the pages. Without a choice they follow the device."""

    LIGHT = "light", gettext_lazy("Light")
    DARK = "dark", gettext_lazy("Dark")
    __empty__ = gettext_lazy("Same as my device")


class UserSettings(models.Model):
    """The settings of one user for the pages. A user without a row has chosen nothing."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="settings")
    time_zone = models.CharField(
        max_length=64,
        blank=True,
        validators=[check_time_zone],
        help_text=gettext_lazy("Leave blank for the site's."),
    )

    theme = models.CharField(max_length=5, blank=True, choices=Theme)
    # of settings.LANGUAGES, which is no list of the model: a new language needs no migration
    language = models.CharField(max_length=10, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = gettext_lazy("settings of users")
        ordering = ["user__username"]

    def __str__(self) -> str:
        return gettext("Settings of %(user)s") % {"user": self.user}
