from django.db import models
from django.utils import timezone


class Delivery(models.Model):
    """One recipient of one campaign: the ledger every figure is a sum over."""

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        CLAIMED = "claimed", "Being sent"
        IN_DATA = "in_data", "Being handed over"
        ACCEPTED = "accepted", "Accepted"
        DEFERRED = "deferred", "Will be tried again"
        BOUNCED = "bounced", "Bounced"
        FAILED = "failed", "Failed"
        UNCERTAIN = "uncertain", "Uncertain"
        SKIPPED = "skipped", "Skipped"

    UNFINISHED = (Status.PENDING, Status.CLAIMED, Status.IN_DATA, Status.DEFERRED)

    campaign = models.ForeignKey("mailing.EmailCampaign", models.PROTECT, related_name="deliveries")
    contact = models.ForeignKey("mailing.Contact", models.SET_NULL, null=True, related_name="deliveries")
    email = models.CharField(max_length=254)
    connection = models.ForeignKey("mailing.SmtpConnection", models.PROTECT, null=True, related_name="deliveries")
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    reason = models.CharField(max_length=20, blank=True, help_text="Why it was skipped.")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_by = models.CharField(max_length=40, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "email"], name="address_once_per_campaign")]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.email}: {self.get_status_display()}"


class Attempt(models.Model):
    """One try to hand a delivery to a server that did not end in acceptance, or did after others had failed."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries")
    at = models.DateTimeField(default=timezone.now)
    stage = models.CharField(max_length=10)
    code = models.PositiveSmallIntegerField(null=True, blank=True)
    enhanced_code = models.CharField(max_length=12, blank=True)
    text = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "pk"]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.stage}: {self.code} {self.text}"
