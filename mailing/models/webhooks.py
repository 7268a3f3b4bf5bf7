from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from campaigns.fields import DatabaseTimeField
from mailing.models.connection import SmtpConnection
from mailing.secrets import EncryptedTextField, describe_trouble, is_stored


class Webhook(models.Model):
    """Where a provider reports on the mails of a connection, and the secret that proves the provider."""

    class Provider(models.TextChoices):
        AMAZON_SES = "amazon_ses", "Amazon SES"
        BREVO = "brevo", "Brevo"
        MAILGUN = "mailgun", "Mailgun"
        MAILJET = "mailjet", "Mailjet"
        POSTMARK = "postmark", "Postmark"
        RESEND = "resend", "Resend"
        SENDGRID = "sendgrid", "SendGrid"
        SPARKPOST = "sparkpost", "SparkPost"
        STANDARD = "standard", gettext_lazy("Another program, by Standard Webhooks")

    # these sign with a key that they give out
    SIGNING = (
        Provider.MAILGUN,
        Provider.RESEND,
        Provider.SENDGRID,
    )

    connection = models.OneToOneField(
        SmtpConnection, models.CASCADE, primary_key=True, related_name="webhook"
    )
    provider = models.CharField(max_length=12, choices=Provider)
    secret = EncryptedTextField(blank=True, help_text="What the others prove themselves with; made here.")
    signing_key = EncryptedTextField(
        blank=True, help_text="What the provider signs with, as its page of webhooks shows it."
    )
    made_at = DatabaseTimeField(auto_now_add=True)
    last_event_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.get_provider_display()} of {self.connection}"

    @property
    def url(self) -> str:
        """The address that the provider calls, without a secret."""
        return settings.PUBLIC_URL + reverse("mailing:receive_events", args=[self.provider, self.pk])

    @property
    def is_signed_by_provider(self) -> bool:
        return self.provider in self.SIGNING

    @property
    def trouble(self) -> str:
        """Why no event can be believed; "" when nothing prevents it."""
        name = "signing_key" if self.is_signed_by_provider else "secret"
        if is_stored(self, name):
            return describe_trouble(self, name)
        if self.is_signed_by_provider:
            sentence = gettext("Enter the key that %(provider)s signs with: without it no event is believed.")
            return sentence % {"provider": self.get_provider_display()}
        return gettext("Make a secret: without it no event is believed.")


class ReceivedEvent(models.Model):
    """The digest of an open, a click or a proof that a provider sent, kept for some days so that it counts once."""

    digest = models.CharField(max_length=32, primary_key=True)
    at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["at"], name="received_event_by_time")]

    def __str__(self) -> str:
        return self.digest
