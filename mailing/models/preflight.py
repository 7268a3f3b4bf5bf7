from django.db import models
from django.db.models import Q


class Preflight(models.Model):
    """The last check of a campaign or of a connection: how far it is, and what it found."""

    campaign = models.OneToOneField(
        "mailing.EmailCampaign", models.CASCADE, null=True, blank=True, related_name="preflight"
    )
    connection = models.OneToOneField(
        "mailing.SmtpConnection", models.CASCADE, null=True, blank=True, related_name="preflight"
    )
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    step = models.CharField(max_length=100, blank=True, help_text="What is looked at now.")
    lines = models.JSONField(default=list, blank=True)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="preflight_of_one",
                condition=Q(campaign__isnull=True, connection__isnull=False)
                | Q(campaign__isnull=False, connection__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"Check of {self.subject}"

    @property
    def subject(self) -> models.Model | None:
        """The campaign or the connection."""
        return self.campaign or self.connection
