from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext, gettext_lazy

from campaigns.fields import DatabaseTimeField
from campaigns.models.campaign import Campaign


class Tag(models.Model):
    """A word that people put on campaigns to find them again, whatever their kind. No two differ by case alone."""

    name = models.CharField(max_length=40)
    campaigns = models.ManyToManyField(Campaign, related_name="tags", blank=True)

    class Meta:
        ordering = [Lower("name")]
        constraints = [models.UniqueConstraint(Lower("name"), name="tag_once_whatever_its_case")]

    def __str__(self) -> str:
        return self.name


class SavedView(models.Model):
    """Filters and order of the list of campaigns, under a name that one user gave them."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.TextField(
        blank=True, help_text=gettext_lazy("The filters as they stand in the address of the list.")
    )
    made_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user", Lower("name")]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="saved_view_once_for_a_user"),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class CalendarFeed(models.Model):
    """The secret address under which a calendar program reads the calendar of one user. It is kept as a keyed hash."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_feed")
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    made_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return gettext("Calendar feed of %(user)s") % {"user": self.user}
