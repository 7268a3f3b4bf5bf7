"""What e-mail campaigns do around their steps. `mailing.models.EmailCampaign` declares the steps."""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_q.tasks import async_task

from campaigns.annotations import Argument, RowFigures
from campaigns.lifecycle import KindLifecycle
from campaigns.periods import Period
from mailing import endings, launch, offers, progress, variants
from mailing.models import EmailCampaign, Route, Target
from mailing.sending import breaker


class EmailLifecycle(KindLifecycle[EmailCampaign]):
    """The class of e-mail campaigns: judges a launch, and queues what follows from a step."""

    ICON = "mail"
    TIME_LABELS = {"schedule": gettext_lazy("Send at")}
    NEEDS_TIME = frozenset({"schedule"})
    SEES_REPORT = ("mailing.view_emailcampaign", "mailing.view_delivery")

    def list_objections(
        self,
        campaign: EmailCampaign,
        verb: str,
        now: datetime,
        at: datetime | None = None,
        **arguments: Argument,
    ) -> list[tuple[str, str]]:
        reasons = super().list_objections(campaign, verb, now)
        if verb == "schedule":
            if at is None:
                reasons.append(("at", _("Choose when to send it.")))
            elif timezone.is_naive(at):
                reasons.append(("at", _("The time to send needs a time zone.")))
            elif at <= now:
                reasons.append(("at", _("The time to send must be in the future.")))
        if verb in ("schedule", "launch"):
            reasons += launch.find_problems(campaign) + offers.find_problems(campaign, at)
        if verb == "resume" and (fault := offers.find_fault(campaign, now)):
            reasons.append(("", f"{fault.sentence} {fault.cure}"))
        if verb == "complete":
            reasons += endings.find_unfinished(campaign)
        return reasons

    def follow_up(self, campaign: EmailCampaign, verb: str, was: str) -> None:
        if verb in ("launch", "resume"):
            breaker.reset_connections(campaign)
            breaker.forget_results(campaign)
            offers.forget_stop(campaign)
            transaction.on_commit(partial(async_task, "mailing.tasks.prepare", campaign.pk, cluster="mail"))
        elif verb in ("cancel", "fail"):
            transaction.on_commit(partial(async_task, "mailing.tasks.close", campaign.pk, cluster="mail"))

    def copy_parts(self, campaign: EmailCampaign, copy: EmailCampaign) -> None:
        Target.objects.bulk_create(
            Target(campaign=copy, mode=target.mode, list_id=target.list_id, segment_id=target.segment_id)
            for target in campaign.targets.filter(gone="")
        )
        Route.objects.bulk_create(
            Route(
                campaign=copy, connection_id=route.connection_id, share=route.share, position=route.position
            )
            for route in campaign.routes.all()
        )

        if test := variants.find_test(campaign):
            test.pk, test.campaign, test._state.adding = None, copy, True
            test.save(force_insert=True)

    def list_periods(
        self, campaigns: QuerySet[EmailCampaign], since: datetime, until: datetime, now: datetime
    ) -> list[Period]:
        """Return those that are being sent, or are to be: from the launch to the last mail."""
        launched = Q(launched_at__lt=until) & (Q(finished_at=None) | Q(finished_at__gte=since))
        planned = Q(launched_at=None, starts_at__gte=since, starts_at__lt=until)
        periods = []
        for campaign in campaigns.filter(launched | planned).defer("body", "text"):
            begins_at = campaign.launched_at or campaign.starts_at
            is_over = campaign.is_final or campaign.launched_at is None
            ends_at = (campaign.finished_at or begins_at) if is_over else now
            if begins_at and ends_at and ends_at >= since:
                periods.append(Period(campaign, begins_at, ends_at))
        return periods

    def find_report_path(self, pk: int) -> str:
        return reverse("mailing:report", args=[pk])

    def list_results(self, pk: int) -> list[tuple[str, str]]:
        return [*super().list_results(pk), (_("Revenue"), reverse("mailing:revenue", args=[pk]))]

    def read_row_figures(self, pks: Collection[int]) -> Mapping[int, RowFigures]:
        return progress.read_row_figures(pks)
