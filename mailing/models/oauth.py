from hashlib import sha256

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, gettext_lazy

from mailing.models.bounces import BounceMailbox
from mailing.models.connection import SmtpConnection
from mailing.secrets import EncryptedTextField, describe_trouble


class OAuthGrant(models.Model):
    """A login by OAuth 2 in place of a password: who gives tokens, and those that somebody's consent has brought."""

    class Provider(models.TextChoices):
        MICROSOFT = "microsoft", "Microsoft 365"
        GOOGLE = "google", "Gmail"
        OTHER = "other", gettext_lazy("Another")

    connection = models.OneToOneField(SmtpConnection, models.CASCADE, null=True, related_name="oauth")
    mailbox = models.OneToOneField(BounceMailbox, models.CASCADE, null=True, related_name="oauth")
    provider = models.CharField(max_length=10, choices=Provider, default=Provider.MICROSOFT)
    client_id = models.CharField(gettext_lazy("client ID"), max_length=255)
    client_secret = EncryptedTextField(blank=True)
    authorize_url = models.CharField(gettext_lazy("address of the consent page"), max_length=500)
    token_url = models.CharField(gettext_lazy("address for tokens"), max_length=500)
    scope = models.CharField(max_length=500)
    access_token = EncryptedTextField(blank=True)
    refresh_token = EncryptedTextField(blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When the access token ends.")
    place = models.CharField(
        max_length=64, blank=True, help_text="A digest of the server that was consented to."
    )
    trouble = models.TextField(blank=True, help_text="Why the consent is lost; empty while it holds.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="oauth_grant_of_one",
                condition=Q(connection__isnull=False, mailbox__isnull=True)
                | Q(connection__isnull=True, mailbox__isnull=False),
            )
        ]
        default_permissions = ()
        verbose_name = "OAuth login"

    def __str__(self) -> str:
        return f"{self.get_provider_display()} of {self.owner}"

    @property
    def owner(self) -> SmtpConnection | BounceMailbox:
        """Whose login it is."""
        owner = self.connection or self.mailbox
        assert owner is not None  # the constraint holds it
        return owner

    @property
    def is_connected(self) -> bool:
        return bool(self.access_token or self.refresh_token)

    @property
    def login_trouble(self) -> str:
        """Why no token can be had; "" when nothing prevents it."""
        again = gettext("Connect it again on its page.")
        words = {"owner": self.owner, "provider": self.get_provider_display(), "trouble": self.trouble}
        for name in ("client_secret", "access_token", "refresh_token"):
            if sentence := describe_trouble(self, name):
                return sentence
        if self.trouble:
            return gettext("“%(owner)s” lost the consent of %(provider)s: %(trouble)s") % words + f" {again}"
        if not self.is_connected:
            return (
                gettext("“%(owner)s” waits for a consent: connect it with %(provider)s on its page.") % words
            )
        if self.place != digest_place(self.owner):
            return (
                gettext("The server or the user of “%(owner)s” has changed since somebody consented.") % words
                + f" {again}"
            )
        return ""


def digest_place(owner: SmtpConnection | BounceMailbox) -> str:
    """Return a digest of the server and the user that get to know the token."""
    place = (owner.host.lower(), owner.port, owner.tls, owner.username, owner.authority)
    return sha256("\n".join(str(part) for part in place).encode()).hexdigest()
