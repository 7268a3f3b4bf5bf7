from datetime import datetime, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from campaigns import database_time
from campaigns.fields import DatabaseTimeField
from mailing.secrets import EncryptedTextField, describe_trouble
from mailing.smtp.server import is_loopback

OPEN_LOGIN = gettext_lazy(
    "A password goes to another machine with encryption only: choose STARTTLS or TLS from the start, or leave the user "
    "name empty."
)


LEVEL_LASTS = timedelta(minutes=1)  # that a throttled connection stays at one level of slowness


class SmtpConnection(models.Model):
    """A server that takes our mail, and how fast it may be fed."""

    class Tls(models.TextChoices):
        NONE = "none", pgettext_lazy("encryption", "None")
        STARTTLS = "starttls", gettext_lazy("STARTTLS (usually port 587)")
        IMPLICIT = "implicit", gettext_lazy("TLS from the start (usually port 465)")

    name = models.CharField(max_length=100, unique=True)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(
        default=587, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    tls = models.CharField(gettext_lazy("encryption"), max_length=10, choices=Tls, default=Tls.STARTTLS)
    username = models.CharField(max_length=255, blank=True)
    password = EncryptedTextField(blank=True)
    hello_name = models.CharField(
        gettext_lazy("name in EHLO"),
        max_length=253,
        blank=True,
        help_text=gettext_lazy("Our name towards the server. Leave blank for this site's host."),
    )
    authority = models.TextField(
        gettext_lazy("certificate authority"),
        blank=True,
        help_text=gettext_lazy("Certificates (PEM) to trust instead of the system's."),
    )
    from_email = models.CharField(gettext_lazy("default sender address"), max_length=254, blank=True)
    from_name = models.CharField(gettext_lazy("default sender name"), max_length=100, blank=True)
    allowed_domains = models.JSONField(
        default=list,
        blank=True,
        help_text=gettext_lazy("Sender domains this server accepts. Leave blank for any."),
    )
    bounce_address = models.CharField(
        max_length=200,
        blank=True,
        help_text=gettext_lazy(
            "Where its bounces come back to. Leave blank for the bounce mailbox of the sender's domain."
        ),
    )
    max_connections = models.PositiveIntegerField(
        gettext_lazy("open connections"), default=5, validators=[MinValueValidator(1)]
    )
    messages_per_connection = models.PositiveIntegerField(default=1000, validators=[MinValueValidator(1)])
    # Limits: messages in any such stretch of time; leave blank for no limit.
    per_second = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    per_minute = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    per_hour = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    per_day = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    warm_up_from = models.DateField(
        gettext_lazy("warm-up from"),
        null=True,
        blank=True,
        help_text=gettext_lazy("The first day of a new sender. Leave blank for no warm-up."),
    )
    warm_up_first_day = models.PositiveIntegerField(
        gettext_lazy("messages on the first day"),
        default=200,
        help_text=gettext_lazy("The number grows by 50% each day after."),
    )
    is_enabled = models.BooleanField(gettext_lazy("enabled"), default=True)
    created_at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "SMTP connection"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("mailing:connection", args=[self.pk])

    @property
    def login_trouble(self) -> str:
        """Why nobody can log in with what is stored here; "" when it should work."""
        if not self.username:
            return ""
        if self.tls == self.Tls.NONE and not is_loopback(self.host):
            sentence = gettext("“%(connection)s” has a user name and no encryption.") % {"connection": self}
            return f"{sentence} {OPEN_LOGIN}"
        if grant := getattr(self, "oauth", None):
            return str(grant.login_trouble)
        return describe_trouble(self, "password")

    def takes_sender(self, address: str) -> bool:
        """Return whether this server sends mail from `address`, which is normalised."""
        return not self.allowed_domains or address.rpartition("@")[2] in self.allowed_domains


class Pace(models.Model):
    """How fast a connection may be fed now, and whether it works. All workers share this, and it survives a restart.

    `spent` holds the messages taken lately, by quota and slot of time; see mailing.sending.limits. `next_at` belongs to
    the limits by second and minute; see mailing.sending.turns. `failing_since`, `down_since` and `needs_person` belong
    to an outage; see mailing.sending.breaker.
    """

    connection = models.OneToOneField(SmtpConnection, models.CASCADE, primary_key=True, related_name="pace")
    spent = models.JSONField(default=dict, blank=True)
    quota_until = models.DateTimeField(
        null=True, blank=True, help_text="The quota of the hour or day is used up until then."
    )
    next_at = models.DateTimeField(null=True, blank=True, help_text="When the next message may leave.")
    level = models.PositiveSmallIntegerField(
        default=0, help_text="Open connections were halved this many times at `throttled_at`."
    )
    throttled_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Failures in a row to use the server.")
    failing_since = models.DateTimeField(null=True, blank=True, help_text="When the first of them was.")
    held_until = models.DateTimeField(null=True, blank=True, help_text="Nothing is sent before.")
    down_since = models.DateTimeField(
        null=True, blank=True, help_text="Other connections have sent its share since then."
    )
    needs_person = models.BooleanField(
        default=False,
        help_text="Waiting does not cure it: a refused login, a sender not accepted.",
    )
    trouble = models.TextField(blank=True, help_text="What went wrong last, in words.")

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.connection}: {'down' if self.down_since else 'working'}"

    def level_at(self, now: datetime) -> int:
        """Return how often the open connections are halved at `now`: once less for each minute without throttling."""
        if self.throttled_at is None:
            return self.level
        return max(0, self.level - int((now - self.throttled_at) / LEVEL_LASTS))

    @property
    def is_slowed_down(self) -> bool:
        return self.level_at(database_time.now()) > 0


class CampaignPace(models.Model):
    """When the next message of a campaign that has a limit of its own may leave; see mailing.sending.turns."""

    campaign = models.OneToOneField(
        "mailing.EmailCampaign", models.CASCADE, primary_key=True, related_name="pace"
    )
    next_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.campaign}: {self.next_at}"


class Lane(models.Model):
    """The right of one process to feed a connection: one of few lanes, leased to one run at a time.

    The holder renews the lease. When a lease runs out, the next holder or the clock gives back the deliveries that the
    run had claimed.
    """

    connection = models.ForeignKey(SmtpConnection, models.CASCADE, related_name="lanes")
    number = models.PositiveSmallIntegerField()
    run = models.BigIntegerField(null=True, blank=True, help_text="The run that holds it, unique for ever.")
    worker = models.CharField(max_length=100, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    woken_at = models.DateTimeField(null=True, blank=True, help_text="When a run was last queued for it.")
    waiting = models.PositiveSmallIntegerField(
        default=0, help_text="SMTP connections that a run which was set aside still has open."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "number"], name="lane_once_per_connection"),
            models.CheckConstraint(
                name="lane_leased_by_a_run",
                condition=Q(run__isnull=True, leased_until__isnull=True)
                | Q(run__isnull=False, leased_until__isnull=False),
            ),
        ]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.connection}, lane {self.number}"
