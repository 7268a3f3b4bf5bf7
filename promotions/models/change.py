from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from campaigns.fields import DatabaseTimeField


class Change(models.Model):
    """One edit of what applies at the till: who changed what, and when. The history has the steps of campaigns.

    Append-only. `detail`: {field: [before, after]}; of codes that were made or switched together, the name of their
    `batch` and how many `codes`; of one `code`, that and {field: [before, after]} as `changed`; of two that
    may not meet, their names. Of the stacking rules when it names neither campaign nor promotion.
    """

    class What(models.TextChoices):
        CREATED = "created", "Created"
        EDITED = "edited", "Edited"
        ACTIVATED = "activated", "Switched on"
        DEACTIVATED = "deactivated", "Switched off"
        LINKED = "linked", "Linked"
        UNLINKED = "unlinked", "Unlinked"
        ORDERED = "ordered", "Put in order"
        DELETED = "deleted", "Deleted"
        CODES_MADE = "codes_made", "Codes generated"
        CODES_ON = "codes_on", "Codes switched on"
        CODES_OFF = "codes_off", "Codes switched off"
        CODE_MADE = "code_made", "Code created"
        CODE_EDITED = "code_edited", "Code edited"
        CODE_ON = "code_on", "Code switched on"
        CODE_OFF = "code_off", "Code switched off"
        APART = "apart", "Never combined"
        TOGETHER = "together", "May combine again"

    campaign = models.ForeignKey(
        "promotions.PromotionCampaign", models.CASCADE, null=True, blank=True, related_name="changes"
    )
    promotion = models.ForeignKey(
        "promotions.Promotion", models.CASCADE, null=True, blank=True, related_name="changes"
    )
    what = models.CharField(max_length=20, choices=What)
    detail = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [models.Index(fields=["promotion", "-at"]), models.Index(fields=["campaign", "-at"])]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.get_what_display()}: {self.promotion or self.campaign or 'stacking rules'}"
