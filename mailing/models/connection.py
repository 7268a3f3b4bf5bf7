from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from mailing.secrets import EncryptedTextField


class SmtpConnection(models.Model):
    """A server that takes our mail, and how fast it may be fed."""

    class Tls(models.TextChoices):
        NONE = "none", "None"
        STARTTLS = "starttls", "STARTTLS (usually port 587)"
        IMPLICIT = "implicit", "TLS from the start (usually port 465)"

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(default=587, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    tls = models.CharField("encryption", max_length=10, choices=Tls, default=Tls.STARTTLS)
    username = models.CharField(max_length=255, blank=True)
    password = EncryptedTextField(blank=True)
    from_email = models.CharField("default sender address", max_length=254, blank=True)
    from_name = models.CharField("default sender name", max_length=100, blank=True)
    allowed_domains = models.JSONField(
        default=list, blank=True, help_text="Sender domains this server accepts; empty: any."
    )
    max_connections = models.PositiveIntegerField("open connections", default=5, validators=[MinValueValidator(1)])
    messages_per_connection = models.PositiveIntegerField(default=1000, validators=[MinValueValidator(1)])
    is_enabled = models.BooleanField("enabled", default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("mailing:connection", args=[self.pk])
