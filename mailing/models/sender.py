from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy

from campaigns.fields import DatabaseTimeField
from mailing.secrets import EncryptedTextField

# Of keys: those that sign, and those that were never switched on.
SIGNING = Q(switched_on_at__isnull=False, replaced_at__isnull=True)
WAITING = Q(switched_on_at__isnull=True)


class SenderDomain(models.Model):
    """A domain that mails come from, as it stands behind the @ of the sender address."""

    name = models.CharField(max_length=253, unique=True)
    created_at = DatabaseTimeField(auto_now_add=True)
    records = models.JSONField(
        "SPF and DMARC",
        default=list,
        blank=True,
        help_text="What DNS said of them, and what to set; see mailing.preflight.records.",
    )
    records_at = models.DateTimeField(null=True, blank=True, help_text="When that was last looked for.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("mailing:sender_domain", args=[self.name])


class DkimKey(models.Model):
    """A key that signs the mails of a domain, from when it is switched on until another replaces it."""

    class Algorithm(models.TextChoices):
        ED25519 = "ed25519", "Ed25519"
        RSA = "rsa", gettext_lazy("RSA, 2,048 bits")

    domain = models.ForeignKey(SenderDomain, models.CASCADE, related_name="keys")
    algorithm = models.CharField(max_length=10, choices=Algorithm)
    selector = models.CharField(max_length=63, help_text="Its record stands at selector._domainkey.domain.")
    private_key = EncryptedTextField()
    public_key = models.TextField(help_text="What the record says after p=.")
    created_at = DatabaseTimeField(auto_now_add=True)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When its record was last looked for.")
    is_found = models.BooleanField(
        null=True, blank=True, help_text="Whether it was there; unknown without an answer."
    )
    finding = models.TextField(blank=True, help_text="What was wrong with it, in words.")
    switched_on_at = models.DateTimeField(null=True, blank=True, help_text="Signs since then.")
    replaced_at = models.DateTimeField(null=True, blank=True, help_text="Signs no more since then.")

    class Meta:
        verbose_name = "DKIM key"
        verbose_name_plural = "DKIM keys"
        ordering = ["domain", "-pk"]
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["domain", "selector"], name="dkim_selector_once"),
            models.UniqueConstraint(
                fields=["domain", "algorithm"],
                condition=SIGNING,
                name="dkim_one_key_signs",
            ),
            models.UniqueConstraint(
                fields=["domain", "algorithm"],
                condition=WAITING,
                name="dkim_one_key_waits",
            ),
            models.CheckConstraint(
                condition=Q(replaced_at__isnull=True) | Q(switched_on_at__isnull=False),
                name="dkim_replaced_after_it_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def signs(self) -> bool:
        return self.switched_on_at is not None and self.replaced_at is None

    @property
    def waits(self) -> bool:
        """Whether it was never switched on."""
        return self.switched_on_at is None
