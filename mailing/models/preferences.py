from django.db import models
from django.utils.translation import gettext_lazy

from campaigns.fields import DatabaseTimeField


class PreferenceChange(models.Model):
    """One thing that a contact changed by themselves, through a link in a mail. Evidence: rows are only added."""

    class What(models.TextChoices):
        LIST = "list", gettext_lazy("List")
        EVERYTHING = "everything", gettext_lazy("All our mail")
        FREQUENCY = "frequency", gettext_lazy("E-mail frequency")
        TRACKING = "tracking", gettext_lazy("Tracking")
        LANGUAGE = "language", gettext_lazy("Language")
        TIME_ZONE = "time_zone", gettext_lazy("Time zone")
        ADDRESS = "address", gettext_lazy("Address")

    contact = models.ForeignKey("mailing.Contact", models.CASCADE, related_name="preference_changes")
    delivery = models.ForeignKey(
        "mailing.Delivery",
        models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="The mail whose link was used.",
    )
    what = models.CharField(max_length=12, choices=What)
    name = models.CharField(max_length=200, blank=True, help_text="Of the list.")
    was = models.CharField(max_length=254, blank=True)
    now = models.CharField(max_length=254, blank=True)
    at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        about = f"{self.get_what_display()} “{self.name}”" if self.name else self.get_what_display()
        return f"{about}: {self.was or '–'} → {self.now or '–'}"


class AddressChange(models.Model):
    """A new address that a contact asked for. It counts once they follow the link in the mail to it."""

    contact = models.ForeignKey("mailing.Contact", models.CASCADE, related_name="address_changes")
    was = models.CharField(max_length=254)
    email = models.CharField(max_length=254)
    delivery = models.ForeignKey(
        "mailing.Delivery",
        models.DO_NOTHING,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    asked_at = DatabaseTimeField(auto_now_add=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.was} → {self.email}"
