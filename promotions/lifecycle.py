"""What promotion campaigns do around their steps. `promotions.models.PromotionCampaign` declares the steps."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import instants
from campaigns.annotations import Argument, RowFigures, RowOrKey
from campaigns.lifecycle import KindLifecycle
from campaigns.models import Campaign
from promotions import campaign_figures, publish
from promotions.models import Link, PromotionCampaign

Status = Campaign.Status


class PromotionLifecycle(KindLifecycle[PromotionCampaign]):
    """The class of promotion campaigns: takes the rules lock before a step, and publishes the campaign after it."""

    ICON = "promotion"
    TIME_LABELS = {"schedule": gettext_lazy("Starts")}
    SEES_REPORT = ("promotions.view_redemption",)

    def take_locks(self, campaign: PromotionCampaign, verb: str) -> None:
        if verb not in ("archive", "unarchive"):
            publish.lock_rules()

    def list_owed_steps(self, campaign: PromotionCampaign, now: datetime) -> list[str]:
        owed = []
        if campaign.status == Status.SCHEDULED and campaign.starts_at and campaign.starts_at <= now:
            owed.append("activate")
        if (campaign.status == Status.ACTIVE or owed) and campaign.ends_at and campaign.ends_at <= now:
            owed.append("expire")
        return owed

    def list_objections(
        self, campaign: PromotionCampaign, verb: str, now: datetime, **arguments: Argument
    ) -> list[tuple[str, str]]:
        reasons = super().list_objections(campaign, verb, now)
        if verb == "schedule":
            at = arguments.get("at")
            name, starts_at = ("starts_at", campaign.starts_at) if at is None else ("at", at)
            if starts_at is None:
                reasons.append((name, _("The start must be in the future to schedule this campaign.")))
            elif timezone.is_naive(starts_at):
                reasons.append((name, _("A time needs its time zone.")))
            elif not instants.is_possible(starts_at):
                reasons.append((name, str(instants.SENTENCE)))
            elif starts_at <= now:
                reasons.append((name, _("The start must be in the future to schedule this campaign.")))
            elif campaign.ends_at and campaign.ends_at <= starts_at:
                reasons.append(("ends_at", _("The end must be after the start.")))
        if verb == "activate" and campaign.ends_at and campaign.ends_at <= now:
            reasons.append(
                ("ends_at", _("The end has passed already: move it before you activate this campaign."))
            )
        return reasons

    def list_warnings(self, campaign: PromotionCampaign, verb: str, now: datetime) -> list[str]:
        if verb not in ("activate", "schedule") or campaign.ends_at:
            return []
        return [_("It has no end: it applies until somebody ends it.")]

    def gentler_step(self, campaign: PromotionCampaign, verb: str) -> str:
        return "end_early" if verb == "cancel" and campaign.status == Status.ACTIVE else ""

    def asks_for_time(self, campaign: PromotionCampaign, verb: str, now: datetime) -> bool:
        """Return whether the question must ask for a start: a campaign with a start in the future needs none."""
        return verb == "schedule" and (campaign.starts_at is None or campaign.starts_at <= now)

    def follow_up(self, campaign: PromotionCampaign, verb: str, was: str) -> None:
        if campaign.status != was:
            publish.publish_campaign(campaign)

    def find_linked(self, campaign: PromotionCampaign) -> Campaign | None:
        """Find a mail that stops with this campaign."""
        mail: Campaign | None = campaign.mails.first()
        return mail

    def copy_parts(self, campaign: PromotionCampaign, copy: PromotionCampaign) -> None:
        copy.locations.set(campaign.locations.all())
        Link.objects.bulk_create(
            Link(campaign=copy, promotion_id=link.promotion_id, position=link.position)
            for link in campaign.links.all()
        )

    def at_location(
        self, campaigns: QuerySet[PromotionCampaign], location: RowOrKey
    ) -> QuerySet[PromotionCampaign]:
        """Return those that name the location, and those that name none and so apply everywhere."""
        return campaigns.filter(Q(locations=None) | Q(locations=location))

    def find_report_path(self, pk: int) -> str:
        return f"{reverse('promotions:promotion_report')}?campaign={pk}"

    def read_row_figures(self, pks: Collection[int]) -> Mapping[int, RowFigures]:
        return campaign_figures.summarize_campaigns(PromotionCampaign.objects.filter(pk__in=pks))
