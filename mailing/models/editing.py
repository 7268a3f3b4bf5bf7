from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from mailing.models.email import EmailCampaign


class CampaignVersion(models.Model):
    """What people may change of a campaign, as it was saved once; see mailing.versions."""

    campaign = models.ForeignKey(EmailCampaign, models.CASCADE, related_name="versions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    begun_at = models.DateTimeField(help_text="When the first of the savings that it stands for was made.")
    saved_at = models.DateTimeField(help_text="When the last of them was made.")
    is_automatic = models.BooleanField(default=False, help_text="It was saved while somebody typed.")
    restored_from = models.DateTimeField(
        null=True, blank=True, help_text="The time of the version that it brought back."
    )
    values = models.JSONField(encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["campaign", "-id"], name="versions_of_a_campaign")]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.saved_at}"


class EditorVisit(models.Model):
    """Somebody who has the editor of a campaign open; see mailing.presence."""

    campaign = models.ForeignKey(EmailCampaign, models.CASCADE, related_name="visits")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "user"], name="visit_once_per_campaign_and_person")
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.user} at {self.campaign_id}"
