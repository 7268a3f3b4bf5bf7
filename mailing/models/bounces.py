from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from campaigns.fields import DatabaseTimeField
from mailing.models.connection import OPEN_LOGIN
from mailing.secrets import EncryptedTextField, describe_trouble
from mailing.smtp.server import is_loopback


class BounceMailbox(models.Model):
    """A mailbox that gets bounces, complaints and requests to unsubscribe, and how it is read."""

    class Kind(models.TextChoices):
        IMAP = "imap", "IMAP"
        POP3 = "pop3", "POP3"
        MAILDIR = "maildir", gettext_lazy("Maildir on this machine")

    class Tls(models.TextChoices):
        NONE = "none", pgettext_lazy("encryption", "None")
        STARTTLS = "starttls", "STARTTLS"
        IMPLICIT = "implicit", gettext_lazy("TLS from the start (usually port 993 or 995)")

    name = models.CharField(max_length=100, unique=True)
    address = models.CharField(
        gettext_lazy("bounce address"),
        max_length=200,
        help_text=gettext_lazy(
            "Each mail gets an address of its own: +token is put before the @, or the token where a * stands."
        ),
    )
    sender_domains = models.JSONField(
        default=list,
        blank=True,
        help_text=gettext_lazy("Domains of senders whose mails come back here. Leave blank for all."),
    )
    kind = models.CharField(gettext_lazy("read by"), max_length=10, choices=Kind, default=Kind.IMAP)
    host = models.CharField(max_length=255, blank=True)
    port = models.PositiveIntegerField(
        default=993, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    tls = models.CharField(gettext_lazy("encryption"), max_length=10, choices=Tls, default=Tls.IMPLICIT)
    username = models.CharField(max_length=255, blank=True)
    password = EncryptedTextField(blank=True)
    authority = models.TextField(
        gettext_lazy("certificate authority"),
        blank=True,
        help_text=gettext_lazy("Certificates (PEM) to trust instead of the system's."),
    )
    folder = models.CharField(
        max_length=200,
        default="INBOX",
        help_text=gettext_lazy("For a maildir, its name in the folder MAILDIRS."),
    )
    is_enabled = models.BooleanField(gettext_lazy("enabled"), default=True)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)
    trouble = models.TextField(blank=True, editable=False, help_text="Why it could not be read last.")
    messages_read = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "bounce mailboxes"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("mailing:mailbox", args=[self.pk])

    @property
    def login_trouble(self) -> str:
        """Why nobody can log in with what is stored here; "" when it should work."""
        if self.kind == self.Kind.MAILDIR:
            return ""
        if self.tls == self.Tls.NONE and not is_loopback(self.host):
            return gettext("“%(mailbox)s” has no encryption.") % {"mailbox": self} + f" {OPEN_LOGIN}"
        if grant := getattr(self, "oauth", None):
            return str(grant.login_trouble)
        return describe_trouble(self, "password")


class HeldReport(models.Model):
    """A message of a bounce mailbox, as it came, that only a person understands."""

    class Decision(models.TextChoices):
        WAITING = "waiting", gettext_lazy("Waiting")
        BOUNCE = "bounce", gettext_lazy("Bounce")
        UNSUBSCRIBED = "unsubscribed", gettext_lazy("Unsubscribed")
        IGNORED = "ignored", gettext_lazy("Ignored")

    mailbox = models.ForeignKey(BounceMailbox, models.SET_NULL, null=True, related_name="held")
    digest = models.CharField(
        max_length=64, unique=True, help_text=gettext_lazy("Of its bytes: it is held once.")
    )
    kind = models.CharField(max_length=20, help_text=gettext_lazy("What it looks like."))
    sender = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=300, blank=True)
    address = models.CharField(
        max_length=254, blank=True, help_text=gettext_lazy("Whom it seems to be about.")
    )
    reason = models.TextField(blank=True, help_text=gettext_lazy("What it says of them."))
    content = models.BinaryField()
    received_at = DatabaseTimeField(auto_now_add=True)
    decision = models.CharField(max_length=15, choices=Decision, default=Decision.WAITING)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-received_at", "-pk"]
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return self.subject or gettext("(no subject)")
