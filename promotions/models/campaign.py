from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django_fsm import transition

from campaigns.models import Campaign, by_system, may_operate
from campaigns.models.campaign import CampaignQuerySet

if TYPE_CHECKING:
    from promotions.models.change import Change

Status = Campaign.Status


def site_currency() -> str:
    """Return the currency of new campaigns."""
    return settings.CURRENCY


class PromotionCampaignQuerySet(CampaignQuerySet["PromotionCampaign"]):
    def owing(self, now: datetime) -> Self:
        """Return the campaigns whose stored status is behind the clock at `now`."""
        return self.filter(
            Q(status=Status.SCHEDULED, starts_at__lte=now) | Q(status=Status.ACTIVE, ends_at__lte=now)
        )


class PromotionCampaign(Campaign):
    """A period in which linked promotions apply at the till, with a budget and limits of its own."""

    KIND = Campaign.Kind.PROMOTION
    STATES = (Status.DRAFT, Status.SCHEDULED, Status.ACTIVE, Status.PAUSED, Status.EXPIRED, Status.CANCELLED)
    WAY = (Status.DRAFT, Status.SCHEDULED, Status.ACTIVE, Status.EXPIRED)
    LOCKED = frozenset({Status.EXPIRED, Status.CANCELLED})
    DELETABLE = frozenset({Status.DRAFT, Status.SCHEDULED})  # a scheduled one has no way back to draft
    VERBS = (
        "schedule",
        "activate",
        "resume",
        "pause",
        "end_early",
        "cancel",
        "archive",
        "unarchive",
        "expire",
    )
    OPERATE = "promotions.operate_promotioncampaign"

    class OnBudgetEnd(models.TextChoices):
        PARTIAL = "partial", gettext_lazy("Grant what is left")
        REJECT = "reject", gettext_lazy("Give nothing unless the whole discount fits")

    currency = models.CharField(max_length=3, default=site_currency)
    budget = models.BigIntegerField(
        null=True, blank=True, help_text=gettext_lazy("In minor units; leave blank for no limit.")
    )
    on_budget_end = models.CharField(max_length=10, choices=OnBudgetEnd, default=OnBudgetEnd.PARTIAL)
    max_uses = models.BigIntegerField(gettext_lazy("maximum uses"), null=True, blank=True)
    max_uses_per_customer = models.IntegerField(
        gettext_lazy("maximum uses per customer"), null=True, blank=True
    )
    priority = models.PositiveIntegerField(default=100, help_text=gettext_lazy("1 is applied first."))
    exclusive = models.BooleanField(
        gettext_lazy("alone in a sale"),
        default=False,
        help_text=gettext_lazy("A promotion of this campaign applies alone in a sale, or not at all."),
    )
    locations = models.ManyToManyField(
        "pos.Location", blank=True, help_text=gettext_lazy("Choose none for everywhere.")
    )
    promotions = models.ManyToManyField("promotions.Promotion", through="promotions.Link", blank=True)

    objects = PromotionCampaignQuerySet.as_manager()  # type: ignore[misc]  # stubs: the parent's is a ClassVar

    class Meta:
        permissions = [
            ("operate_promotioncampaign", "Can schedule, activate, pause, resume, end and cancel"),
            ("change_stacking_rules", "Can change the stacking rules"),
        ]
        constraints = [
            models.CheckConstraint(
                name="campaign_budget_positive", condition=Q(budget__isnull=True) | Q(budget__gt=0)
            ),
            models.CheckConstraint(
                name="campaign_uses_positive", condition=Q(max_uses__isnull=True) | Q(max_uses__gt=0)
            ),
            models.CheckConstraint(
                name="campaign_customer_uses_positive",
                condition=Q(max_uses_per_customer__isnull=True) | Q(max_uses_per_customer__gt=0),
            ),
            models.CheckConstraint(name="campaign_priority_from_1", condition=Q(priority__gte=1)),
        ]

    def get_absolute_url(self) -> str:
        return reverse("promotions:campaign", args=[self.pk])

    @property
    def is_idle(self) -> bool:
        """Whether it does not run now, and may start or resume."""
        return self.status != Status.ACTIVE and not self.is_final

    @property
    def edits(self) -> "models.QuerySet[Change]":
        """The edits of its own fields."""
        return self.changes.filter(what="edited")

    @transition("status", source=Status.DRAFT, target=Status.SCHEDULED, permission=may_operate)
    def schedule(self, now: datetime, at: datetime | None = None) -> None:
        """Wait for `starts_at`, which becomes `at` where that is given."""
        if at is not None:
            self.starts_at = at

    @transition(
        "status", source=[Status.DRAFT, Status.SCHEDULED], target=Status.ACTIVE, permission=may_operate
    )
    def activate(self, now: datetime) -> None:
        """Apply from the very next sale."""
        if self.starts_at is None or self.starts_at > now:
            self.starts_at = now

    @transition("status", source=Status.ACTIVE, target=Status.PAUSED, permission=may_operate)
    def pause(self, now: datetime) -> None:
        """Stop from the very next sale; totals and uses stay."""

    @transition("status", source=Status.PAUSED, target=Status.ACTIVE, permission=may_operate)
    def resume(self, now: datetime) -> None:
        """Apply again from the very next sale; totals and uses go on."""

    @transition("status", source=Status.ACTIVE, target=Status.EXPIRED, permission=by_system)
    def expire(self, now: datetime) -> None:
        """`ends_at` is reached; the end of an expired campaign is never in the future."""
        if self.ends_at is None or self.ends_at > now:
            self.ends_at = now

    @transition("status", source=Status.ACTIVE, target=Status.EXPIRED, permission=may_operate)
    def end_early(self, now: datetime) -> None:
        """End now."""
        self.ends_at = max(now, self.starts_at) if self.starts_at else now

    @transition(
        "status", source=[Status.ACTIVE, Status.PAUSED], target=Status.CANCELLED, permission=may_operate
    )
    def cancel(self, now: datetime) -> None:
        """Stop for good, because it should not have run."""


class Link(models.Model):
    """A promotion's place in a campaign; one promotion may stand in several."""

    campaign = models.ForeignKey(PromotionCampaign, models.CASCADE, related_name="links")
    promotion = models.ForeignKey("promotions.Promotion", models.PROTECT, related_name="links")
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "promotion"], name="promotion_once_per_campaign")
        ]

    def __str__(self) -> str:
        return f"{self.promotion} in {self.campaign}"
