from django.conf import settings
from django.db import models

from campaigns.models.campaign import Campaign


class Transition(models.Model):
    """One step of a campaign: who, when, from, to, why. Rows are only added (a trigger holds it)."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="history")
    verb = models.CharField(max_length=20)
    was = models.CharField(max_length=20, choices=Campaign.Status)
    now = models.CharField(max_length=20, choices=Campaign.Status)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    why = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["campaign", "-at", "-id"])]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.verb}: {self.was} → {self.now}"
