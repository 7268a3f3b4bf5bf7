from django.conf import settings
from django.db import models
from django.utils.translation import gettext, gettext_lazy

from campaigns.fields import DatabaseTimeField
from mailing.models.delivery import Event


class Mode(models.TextChoices):
    """How much is recorded of opens and clicks; each mode records less than the next."""

    NONE = "none", gettext_lazy("Nothing")
    AGGREGATE = "aggregate", gettext_lazy("Totals only")
    HYGIENE = "hygiene", gettext_lazy("Totals, and the day of each contact’s last open or click")
    INDIVIDUAL = "individual", gettext_lazy("Who opened and clicked what")


def choose_stricter(one: str, other: str) -> str:
    """Return the one of two modes that records less; "" means no wish."""
    return min(filter(None, (one, other)), key=Mode.values.index)


class TrackingPolicy(models.Model):
    """What the site records of opens and clicks. One row, or none while nobody has changed anything."""

    mode = models.CharField(gettext_lazy("tracking"), max_length=12, choices=Mode, default=Mode.INDIVIDUAL)
    changed_at = DatabaseTimeField(auto_now=True)

    class Meta:
        verbose_name = "tracking policy"
        verbose_name_plural = "tracking policy"
        default_permissions = ("view", "change")
        constraints = [models.CheckConstraint(name="tracking_policy_once", condition=models.Q(pk=1))]

    def __str__(self) -> str:
        return self.get_mode_display()

    @classmethod
    def read_row(cls) -> "TrackingPolicy":
        return cls.objects.first() or cls(pk=1)


class TrackingConsent(models.Model):
    """A contact's decision about individual tracking; the latest counts. Evidence: rows are only added."""

    class How(models.TextChoices):
        HAND = "hand", gettext_lazy("Recorded by hand")
        PAGE = "page", gettext_lazy("On the preference page")

    contact = models.ForeignKey("mailing.Contact", models.CASCADE, related_name="tracking_consents")
    is_granted = models.BooleanField()
    how = models.CharField(max_length=8, choices=How)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    at = DatabaseTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return gettext("Consents to tracking") if self.is_granted else gettext("Refuses tracking")


class SpoolFile(models.Model):
    """How far a file of visits, kept on disk while the database was away, has been written."""

    name = models.CharField(max_length=80, unique=True)
    done = models.PositiveBigIntegerField(default=0, help_text="Lines.")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class RecentVisit(models.Model):
    """An open or click of the last hour that names nobody: bursts and repetitions are known by it in every process.

    The digest is of the delivery, keyed by SECRET_KEY: the database alone does not tell whose it was. The table is
    UNLOGGED, so that no archive of the log keeps what is forgotten here after an hour.
    """

    digest = models.CharField(max_length=32)
    kind = models.CharField(max_length=12, choices=Event.Kind)
    link = models.PositiveSmallIntegerField(null=True, blank=True)
    how = models.CharField(max_length=20, blank=True)
    origin = models.CharField(max_length=8, choices=Event.Origin)
    device = models.CharField(max_length=8, choices=Event.Device, blank=True)
    client = models.CharField(max_length=30, blank=True)
    system = models.CharField(max_length=20, blank=True)
    at = models.DateTimeField()
    noted_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["digest"], name="recent_visit_by_digest"),
            models.Index(fields=["noted_at"], name="recent_visit_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.digest}"


class EventCount(models.Model):
    """Opens and clicks that name nobody: how many there were in an hour, from one kind of device and program."""

    campaign = models.ForeignKey(
        "mailing.EmailCampaign", models.PROTECT, related_name="event_counts", db_constraint=False
    )
    kind = models.CharField(max_length=12, choices=Event.Kind)
    origin = models.CharField(max_length=8, choices=Event.Origin)
    variant = models.PositiveSmallIntegerField(null=True, blank=True)
    link = models.PositiveSmallIntegerField(null=True, blank=True)
    device = models.CharField(max_length=8, choices=Event.Device, blank=True)
    client = models.CharField(max_length=30, blank=True)
    system = models.CharField(max_length=20, blank=True)
    at = models.DateTimeField(help_text="The beginning of the hour.")
    amount = models.BigIntegerField()
    was_named = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Made of named events that had become too old.",
    )

    class Meta:
        indexes = [models.Index(fields=["at"], name="event_count_at")]
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.amount} {self.kind}"


class RetentionCount(models.Model):
    """What a campaign still counts after the rows that named people are gone. Rows are only added.

    `measure` is "events" for opens and clicks that became counts, "opened" or "clicked" for recipients whose first open
    or click was forgotten.
    """

    campaign = models.ForeignKey(
        "mailing.EmailCampaign", models.PROTECT, related_name="+", db_constraint=False
    )
    connection = models.ForeignKey(
        "mailing.SmtpConnection",
        models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    measure = models.CharField(max_length=12)
    amount = models.BigIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.measure} {self.amount}"
