from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy

from campaigns.fields import DatabaseTimeField


class Change(models.Model):
    """One edit of what applies at the till: who changed what, and when. The history has the steps of campaigns.

    Append-only. `detail`: {field: [before, after]}; of codes that were made or switched together, the name of their
    `batch` and how many `codes`; of one `code`, that and {field: [before, after]} as `changed`; of two that
    may not meet, their names. Of the stacking rules when it names neither campaign nor promotion.
    """

    class What(models.TextChoices):
        CREATED = "created", gettext_lazy("Created")
        EDITED = "edited", gettext_lazy("Edited")
        ACTIVATED = "activated", gettext_lazy("Switched on")
        DEACTIVATED = "deactivated", gettext_lazy("Switched off")
        LINKED = "linked", gettext_lazy("Linked")
        UNLINKED = "unlinked", gettext_lazy("Unlinked")
        ORDERED = "ordered", gettext_lazy("Put in order")
        DELETED = "deleted", gettext_lazy("Deleted")
        CODES_MADE = "codes_made", gettext_lazy("Codes generated")
        CODES_ON = "codes_on", gettext_lazy("Codes switched on")
        CODES_OFF = "codes_off", gettext_lazy("Codes switched off")
        CODE_MADE = "code_made", gettext_lazy("Code created")
        CODE_EDITED = "code_edited", gettext_lazy("Code edited")
        CODE_ON = "code_on", gettext_lazy("Code switched on")
        CODE_OFF = "code_off", gettext_lazy("Code switched off")
        APART = "apart", gettext_lazy("Never combined")
        TOGETHER = "together", gettext_lazy("May combine again")

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
