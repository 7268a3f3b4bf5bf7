from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django_fsm import transition

from campaigns.models import Campaign, by_system, operators
from campaigns.models.campaign import CampaignQuerySet
from campaigns.refusals import Locked

Status = Campaign.Status


class EmailCampaignQuerySet(CampaignQuerySet):
    def due(self, now: datetime):
        """Those whose launch is due."""
        return self.filter(status=Status.SCHEDULED, starts_at__lte=now)


class EmailCampaign(Campaign):
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
    RECORDS = Campaign.RECORDS | {"prepared_at", "launched_at", "finished_at", "total", "compiled", "content_hash"}

    class Format(models.TextChoices):
        HTML = "html", "HTML"
        MARKDOWN = "markdown", "Markdown"
        MJML = "mjml", "MJML"

    subject = models.CharField(max_length=250, blank=True)
    preheader = models.CharField(max_length=250, blank=True, help_text="What an inbox shows beside the subject.")
    from_name = models.CharField("sender name", max_length=100, blank=True)
    from_email = models.CharField("sender address", max_length=254, blank=True)
    reply_to = models.CharField("reply to", max_length=254, blank=True, help_text="Empty: the sender's address.")
    body = models.TextField("content", blank=True)
    body_format = models.CharField("written in", max_length=10, choices=Format, default=Format.MARKDOWN)
    text = models.TextField("plain text", blank=True, help_text="Empty: made from the content.")
    track_opens = models.BooleanField(default=True)
    track_clicks = models.BooleanField(default=True)
    utm_source = models.CharField("UTM source", max_length=100, blank=True)
    utm_medium = models.CharField("UTM medium", max_length=100, blank=True, default="email")
    utm_campaign = models.CharField("UTM campaign", max_length=100, blank=True, help_text="Empty: from its name.")
    utm_content = models.CharField("UTM content", max_length=100, blank=True)
    connection = models.ForeignKey(
        "mailing.SmtpConnection", models.PROTECT, null=True, blank=True, verbose_name="SMTP connection"
    )

    launched_at = models.DateTimeField(null=True, blank=True, editable=False)
    prepared_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    total = models.PositiveIntegerField("recipients", default=0, editable=False)
    compiled = models.BinaryField(null=True, blank=True, editable=False)
    content_hash = models.CharField(max_length=64, blank=True, editable=False)

    objects = EmailCampaignQuerySet.as_manager()

    class Meta:
        permissions = [("operate_emailcampaign", "Can schedule, launch, pause, resume and cancel")]

    def get_absolute_url(self) -> str:
        return reverse("mailing:campaign", args=[self.pk])

    @transition("status", source=Status.DRAFT, target=Status.SCHEDULED, permission=operators)
    def schedule(self, now: datetime, at: datetime) -> None:
        """Launch by itself at `at`."""
        self.starts_at = at

    @transition("status", source=Status.SCHEDULED, target=Status.DRAFT, permission=operators)
    def unschedule(self, now: datetime) -> None:
        """Wait for a person again; the time chosen stays as a proposal."""

    @transition("status", source=[Status.DRAFT, Status.SCHEDULED], target=Status.RUNNING, permission=operators)
    def launch(self, now: datetime) -> None:
        """Send to everybody the targets name; recipients and content are fixed by mailing.launch.prepare."""
        self.launched_at = now
        if self.starts_at is None or self.starts_at > now:
            self.starts_at = now

    @transition("status", source=Status.RUNNING, target=Status.PAUSED, permission=operators)
    def pause(self, now: datetime) -> None:
        """Send nothing more until it is resumed."""

    @transition("status", source=Status.PAUSED, target=Status.RUNNING, permission=operators)
    def resume(self, now: datetime) -> None:
        """Go on with exactly those not yet sent to."""

    @transition("status", source=Status.RUNNING, target=Status.COMPLETED, permission=by_system)
    def complete(self, now: datetime) -> None:
        """Nobody is left to send to."""
        self.finished_at = now

    @transition("status", source=Status.RUNNING, target=Status.FAILED, permission=by_system)
    def fail(self, now: datetime) -> None:
        """Stop on what neither waiting nor another connection can cure."""
        self.finished_at = now

    @transition("status", source=[Status.RUNNING, Status.PAUSED], target=Status.CANCELLED, permission=operators)
    def cancel(self, now: datetime) -> None:
        """Stop for good; what was sent stays sent."""
        self.finished_at = now

    def objections(
        self, verb: str, now: datetime, at: datetime | None = None, **arguments: Any
    ) -> list[tuple[str, str]]:
        from mailing import launch  # the model is loaded before the modules that use it

        reasons = super().objections(verb, now)
        if verb == "schedule":
            if at is None:
                reasons.append(("at", "Say when it is to be sent."))
            elif timezone.is_naive(at):
                reasons.append(("at", "The time to send needs a time zone."))
            elif at <= now:
                reasons.append(("at", "The time to send must lie in the future."))
        if verb in ("schedule", "launch"):
            reasons += launch.problems(self)
        if verb == "complete":
            reasons += launch.unfinished(self)
        return reasons

    def after(self, verb: str, was: str) -> None:
        from mailing import launch

        launch.follow(self, verb)

    def copied_to(self, copy: Campaign) -> None:
        Target.objects.bulk_create(
            Target(campaign=copy, mode=target.mode, list_id=target.list_id, segment_id=target.segment_id)
            for target in self.targets.all()
        )


class Target(models.Model):
    """A list or segment that a campaign includes or excludes."""

    class Mode(models.TextChoices):
        INCLUDE = "include", "Include"
        EXCLUDE = "exclude", "Exclude"

    campaign = models.ForeignKey(EmailCampaign, models.CASCADE, related_name="targets")
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.INCLUDE)
    list = models.ForeignKey("mailing.ContactList", models.PROTECT, null=True, blank=True, related_name="targets")
    segment = models.ForeignKey("mailing.Segment", models.PROTECT, null=True, blank=True, related_name="targets")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="target_of_list_or_segment",
                condition=Q(list__isnull=False, segment__isnull=True) | Q(list__isnull=True, segment__isnull=False),
            ),
            models.UniqueConstraint(fields=["campaign", "list"], name="list_once_per_campaign"),
            models.UniqueConstraint(fields=["campaign", "segment"], name="segment_once_per_campaign"),
        ]

    def __str__(self) -> str:
        return f"{self.get_mode_display()} {self.list or self.segment}"

    def save(self, *args, **kwargs):
        self._refuse_when_locked()
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        self._refuse_when_locked()
        return super().delete(*args, **kwargs)

    def _refuse_when_locked(self) -> None:
        if self.campaign.is_locked:
            raise Locked(f"“{self.campaign}” is {self.campaign.status}: its targets cannot be edited.")
