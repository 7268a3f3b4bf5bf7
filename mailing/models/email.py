from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.core.validators import MaxLengthValidator, MaxValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy
from django_fsm import transition

from campaigns.annotations import Argument
from campaigns.models import Campaign, by_system, may_operate
from campaigns.models.campaign import CampaignQuerySet
from campaigns.refusals import Locked
from mailing.models.connection import SmtpConnection
from mailing.models.offers import CarriedOffer
from mailing.models.revenue_rule import LONGEST_ATTRIBUTION, MOST_HELD_OUT, RevenueRule
from mailing.models.sending_times import SendingTimes
from mailing.models.tracking import Mode, TrackingPolicy, choose_stricter

Status = Campaign.Status


LONGEST_RETRY = 168  # hours: a week
# letters of a content or a plain text that are stored, versions too: twice as many as can be sent, so that a draft that
# grew too long is kept until it is cut
STORED_LETTERS = 1_000_000


class EmailCampaignQuerySet(CampaignQuerySet["EmailCampaign"]):
    def due(self, now: datetime) -> Self:
        """Return the scheduled campaigns whose time has come."""
        return self.filter(status=Status.SCHEDULED, starts_at__lte=now)


class EmailCampaign(Campaign, SendingTimes, CarriedOffer, RevenueRule):
    """One mail to the contacts of its targets."""

    KIND = Campaign.Kind.EMAIL
    STATES = (
        Status.DRAFT,
        Status.SCHEDULED,
        Status.RUNNING,
        Status.PAUSED,
        Status.COMPLETED,
        Status.FAILED,
        Status.CANCELLED,
    )
    WAY = (Status.DRAFT, Status.SCHEDULED, Status.RUNNING, Status.COMPLETED)
    LOCKED = frozenset({Status.RUNNING, Status.PAUSED, Status.COMPLETED, Status.FAILED, Status.CANCELLED})
    REOPENS = True
    VERBS = (
        "launch",
        "schedule",
        "unschedule",
        "resume",
        "pause",
        "cancel",
        "archive",
        "unarchive",
        "complete",
        "fail",
    )
    OPERATE = "mailing.operate_emailcampaign"
    RECORDS = Campaign.RECORDS | {
        "launched_at",
        "prepared_at",
        "finished_at",
        "total",
        "funnel",
        "planned",
        "content_hash",
        "attribution",
        "first_mail_at",
        "last_due_at",
        "phase",
        "phase_at",
        "winner",
        "released_upto",
        "unforeseen",
        "recent_results",
        "offer_stopped_at",
        "settled_at",
    }

    class Format(models.TextChoices):
        HTML = "html", "HTML"
        MARKDOWN = "markdown", "Markdown"
        MJML = "mjml", "MJML"

    class Phase(models.TextChoices):
        """Where a campaign with an A/B test stands within running; see mailing.variants."""

        TESTING = "testing", gettext_lazy("Testing")
        WAITING = "waiting", gettext_lazy("Waiting for the winner")
        REST = "rest", gettext_lazy("Sending the rest")

    class Sharing(models.TextChoices):
        """How several connections share the recipients."""

        SINGLE = "single", gettext_lazy("One connection")
        PERCENTAGE = "percentage", gettext_lazy("By percentage")
        ROUND_ROBIN = "round_robin", gettext_lazy("In turn, by weight")
        FAILOVER = "failover", gettext_lazy("The next when one fails")

    subject = models.CharField(max_length=250, blank=True)
    preheader = models.CharField(
        max_length=250, blank=True, help_text=gettext_lazy("Inboxes show it beside the subject.")
    )
    from_name = models.CharField(gettext_lazy("sender name"), max_length=100, blank=True)
    from_email = models.CharField(gettext_lazy("sender address"), max_length=254, blank=True)
    reply_to = models.CharField(
        gettext_lazy("reply to"),
        max_length=254,
        blank=True,
        help_text=gettext_lazy("Leave blank for the sender's address."),
    )
    language = models.CharField(
        max_length=35,
        blank=True,
        help_text=gettext_lazy(
            "Of the mail: screen readers read it so, and dates and amounts are written so. Leave blank for the "
            "site’s."
        ),
    )
    body = models.TextField(
        gettext_lazy("content"), blank=True, validators=[MaxLengthValidator(STORED_LETTERS)]
    )
    body_format = models.CharField(
        gettext_lazy("format"), max_length=10, choices=Format, default=Format.MARKDOWN
    )
    text = models.TextField(
        gettext_lazy("plain text"),
        blank=True,
        validators=[MaxLengthValidator(STORED_LETTERS)],
        help_text=gettext_lazy("Leave blank to generate it from the content."),
    )
    track_opens = models.BooleanField(default=True)
    track_clicks = models.BooleanField(default=True)
    tracking = models.CharField(
        gettext_lazy("what to record"),
        max_length=12,
        choices=Mode,
        blank=True,
        help_text=gettext_lazy(
            "Leave blank for the site’s setting. A campaign can only record less than that."
        ),
    )
    utm_source = models.CharField(
        gettext_lazy("UTM source"),
        max_length=100,
        blank=True,
        help_text=gettext_lazy("Leave blank for the site's name."),
    )
    utm_medium = models.CharField(gettext_lazy("UTM medium"), max_length=100, blank=True, default="email")
    utm_campaign = models.CharField(
        gettext_lazy("UTM campaign"),
        max_length=100,
        blank=True,
        help_text=gettext_lazy("Leave blank to use its name."),
    )
    utm_content = models.CharField(gettext_lazy("UTM content"), max_length=100, blank=True)
    sharing = models.CharField(
        gettext_lazy("connections"), max_length=12, choices=Sharing, default=Sharing.SINGLE
    )
    connection = models.ForeignKey(
        SmtpConnection,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=gettext_lazy("SMTP connection"),
        help_text=gettext_lazy("With one connection; otherwise they stand in the campaign's routes."),
    )
    retry_hours = models.PositiveSmallIntegerField(
        gettext_lazy("retry for"),
        default=48,
        validators=[MaxValueValidator(LONGEST_RETRY)],
        help_text=format_lazy(
            gettext_lazy(
                "Hours from its first try in which a mail is retried, at most {most}. Hours in which the campaign may "
                "not send do not count."
            ),
            most=LONGEST_RETRY,
        ),
    )

    launched_at = models.DateTimeField(null=True, blank=True, editable=False)
    prepared_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    settled_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When, after a cancel or a failure, its last recipient had a result and unsent codes were off.",
    )
    first_mail_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="No mail leaves before: so long a person who launched it can stop it without a trace.",
    )
    last_due_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its last recipient’s local time comes."
    )
    phase = models.CharField(max_length=10, choices=Phase, blank=True, editable=False)
    phase_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When it began, or its latest round."
    )
    winner = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    released_upto = models.BigIntegerField(
        null=True, blank=True, editable=False, help_text="The last delivery of the rest that was released."
    )
    total = models.PositiveIntegerField("recipients", default=0, editable=False)
    funnel = models.JSONField(
        default=dict, blank=True, editable=False, help_text="How the recipients came about."
    )
    planned = models.JSONField(
        default=dict, blank=True, editable=False, help_text="Recipients by the connection they were given to."
    )
    content_hash = models.CharField(max_length=64, blank=True, editable=False)
    unforeseen = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="The last unforeseen error, and how often it came.",
    )
    recent_results = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="What the last messages came to; see mailing.sending.breaker.",
    )

    objects = EmailCampaignQuerySet.as_manager()  # type: ignore[misc]  # stubs: the parent's is a ClassVar

    class Meta:
        verbose_name = "e-mail campaign"
        permissions = [("operate_emailcampaign", "Can schedule, launch, pause, resume and cancel")]
        constraints = [
            *CarriedOffer.Meta.constraints,
            models.CheckConstraint(
                name="attribution_within_days", condition=Q(attribution_days__lte=LONGEST_ATTRIBUTION)
            ),
            models.CheckConstraint(name="hold_out_half_at_most", condition=Q(hold_out__lte=MOST_HELD_OUT)),
            models.CheckConstraint(
                name="winner_once_the_rest_is_sent",
                condition=Q(phase="rest", winner__isnull=False)
                | (Q(phase__in=["", "testing", "waiting"]) & Q(winner=None)),
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("mailing:campaign", args=[self.pk])

    @transition("status", source=Status.DRAFT, target=Status.SCHEDULED, permission=may_operate)
    def schedule(self, now: datetime, at: datetime) -> None:
        """Launch by itself at `at`."""
        self.starts_at = at

    @transition("status", source=Status.SCHEDULED, target=Status.DRAFT, permission=may_operate)
    def unschedule(self, now: datetime) -> None:
        """Become a draft again; the chosen time stays as a proposal."""

    @transition(
        "status", source=[Status.DRAFT, Status.SCHEDULED], target=Status.RUNNING, permission=may_operate
    )
    def launch(self, now: datetime) -> None:
        """Send to everybody the targets name; `mailing.launch.prepare` fixes the recipients and the content."""
        self.launched_at = now
        is_early = self.starts_at is None or self.starts_at > now
        if settings.LAUNCH_GRACE_SECONDS and (is_early or self.status == Status.DRAFT):  # by a person
            self.first_mail_at = now + timedelta(seconds=settings.LAUNCH_GRACE_SECONDS)
        if is_early:
            self.starts_at = now

    @transition("status", source=Status.RUNNING, target=Status.PAUSED, permission=may_operate)
    def pause(self, now: datetime) -> None:
        """Send nothing more until it is resumed."""

    @transition("status", source=Status.PAUSED, target=Status.RUNNING, permission=may_operate)
    def resume(self, now: datetime) -> None:
        """Go on with exactly those not yet sent to."""

    @transition("status", source=Status.RUNNING, target=Status.COMPLETED, permission=by_system)
    def complete(self, now: datetime) -> None:
        """Nobody is left to send to."""
        self.finished_at = now

    @transition("status", source=Status.RUNNING, target=Status.FAILED, permission=by_system)
    def fail(self, now: datetime) -> None:
        """Stop because of a fault that neither waiting nor another connection can mend."""
        self.finished_at = now

    @transition(
        "status", source=[Status.RUNNING, Status.PAUSED], target=Status.CANCELLED, permission=may_operate
    )
    def cancel(self, now: datetime) -> None:
        """Stop for good; what was sent stays sent."""
        self.finished_at = now

    @property
    def mode(self) -> Mode:
        """What is recorded of its opens and clicks now: the stricter of its own and the site's setting."""
        return Mode(choose_stricter(TrackingPolicy.read_row().mode, self.tracking))

    @property
    def link_source(self) -> str:
        """The utm_source of its links: its own, or the site's name when only its utm_medium is given."""
        return self.utm_source or (settings.SITE_NAME if self.utm_medium else "")

    def shares(self) -> list[tuple[SmtpConnection, int]]:
        """Return the connections in their order, each with its share of the recipients."""
        if self.sharing == self.Sharing.SINGLE:
            return [(self.connection, 1)] if self.connection else []
        routes = [(route.connection, route.share) for route in self.routes.select_related("connection")]
        if self.sharing == self.Sharing.FAILOVER:
            return [(connection, int(place == 0)) for place, (connection, _) in enumerate(routes)]
        return routes


class Part(models.Model):
    """A row that belongs to a campaign and is locked with it."""

    campaign: models.ForeignKey[EmailCampaign, EmailCampaign]

    class Meta:
        abstract = True

    def save(self, *args: Argument, **kwargs: Argument) -> None:
        self._refuse_when_locked()
        super().save(*args, **kwargs)

    def delete(self, *args: Argument, **kwargs: Argument) -> tuple[int, dict[str, int]]:
        self._refuse_when_locked()
        return super().delete(*args, **kwargs)

    def _refuse_when_locked(self) -> None:
        if self.campaign.is_locked:
            what = self._meta.verbose_name_plural
            raise Locked(f"“{self.campaign}” is {self.campaign.status}: its {what} cannot be edited.")


class Target(Part):
    """A list or segment that a campaign includes or excludes."""

    class Mode(models.TextChoices):
        INCLUDE = "include", gettext_lazy("Include")
        EXCLUDE = "exclude", gettext_lazy("Exclude")

    campaign = models.ForeignKey(EmailCampaign, models.CASCADE, related_name="targets")
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.INCLUDE)
    list = models.ForeignKey(
        "mailing.ContactList", models.PROTECT, null=True, blank=True, related_name="targets"
    )
    segment = models.ForeignKey(
        "mailing.Segment", models.PROTECT, null=True, blank=True, related_name="targets"
    )

    gone = models.CharField(
        max_length=200,
        blank=True,
        editable=False,
        help_text="The name of the list or segment, once it is deleted.",
    )
    gone_key = models.CharField(max_length=40, blank=True, editable=False, help_text="Its key in the funnel.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="target_of_list_or_segment",
                condition=Q(list__isnull=False, segment__isnull=True, gone="")
                | Q(list__isnull=True, segment__isnull=False, gone="")
                | (Q(list__isnull=True, segment__isnull=True) & ~Q(gone="")),
            ),
            models.UniqueConstraint(fields=["campaign", "list"], name="list_once_per_campaign"),
            models.UniqueConstraint(fields=["campaign", "segment"], name="segment_once_per_campaign"),
        ]

    def __str__(self) -> str:
        return f"{self.get_mode_display()} {self.name}"

    @property
    def name(self) -> str:
        """The name of the list or segment; of a deleted one its last name."""
        return self.gone or str(self.list or self.segment)

    @property
    def key(self) -> str:
        """Its key in the funnel: "list 3" or "segment 5"."""
        return self.gone_key or (f"list {self.list_id}" if self.list_id else f"segment {self.segment_id}")


class Route(Part):
    """One of several connections of a campaign, with its share: percent, or a weight where they take turns."""

    campaign = models.ForeignKey(EmailCampaign, models.CASCADE, related_name="routes")
    connection = models.ForeignKey(SmtpConnection, models.PROTECT, related_name="routes")
    share = models.PositiveSmallIntegerField(default=1)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "connection"], name="connection_once_per_campaign")
        ]
        verbose_name_plural = "connections"

    def __str__(self) -> str:
        return f"{self.connection}: {self.share}"


class Content(models.Model):
    """The content of a launched campaign, compiled and frozen (a trigger holds it)."""

    campaign = models.OneToOneField(EmailCampaign, models.CASCADE, primary_key=True, related_name="content")
    compiled = models.BinaryField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Content of {self.campaign}"
