"""The list of all campaigns, the buttons of a campaign, and the dashboard."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext

from campaigns import dates, formats, lifecycle
from campaigns.annotations import Argument, PageContext, RowFigures
from campaigns.clock import run_for_each
from campaigns.models import Campaign, Transition
from campaigns.notices import Notice
from campaigns.refusals import Locked, Refused
from campaigns.stored_sentences import translate_stored
from campaigns.verbs import VERBS, Verb
from campaigns.workspace import stages

Status = Campaign.Status

MAY_NEED_ATTENTION = (Status.FAILED, Status.PAUSED, Status.DRAFT)
NOT_BEGUN = (Status.DRAFT, Status.SCHEDULED)  # states without results
NEWS_PERIOD = timedelta(days=14)  # what failed, or was due, before that leaves the dashboard by itself
DASHBOARD_ROWS = 10  # rows of each part of the dashboard
STEPS_SHOWN = 6
DRAFTS_SHOWN = 5
DRAFT_IS_DUE = timedelta(days=1)  # a draft that is to start so soon needs a person


@dataclass(frozen=True)
class CampaignRow:
    """A campaign in the list, with its kind's figures and the sentence why it needs attention, or ""."""

    campaign: Campaign
    figures: RowFigures
    trouble: str


def build_rows(campaigns: Sequence[Campaign], now: datetime) -> list[CampaignRow]:
    """Return the rows of the list for these campaigns, in their order."""
    figures: dict[int, RowFigures] = {}
    for kind in lifecycle.kinds():
        if of_kind := [campaign for campaign in campaigns if campaign.kind == kind]:
            figures |= lifecycle.lifecycle_of(of_kind[0]).read_row_figures(
                [campaign.pk for campaign in of_kind]
            )
    doubtful = [campaign.pk for campaign in campaigns if campaign.status in MAY_NEED_ATTENTION]
    in_trouble = campaigns_needing_attention(now).filter(pk__in=doubtful)
    troubles = {campaign.pk: describe_trouble(campaign, now) for campaign in in_trouble}
    return [
        CampaignRow(campaign, figures.get(campaign.pk), troubles.get(campaign.pk, ""))
        for campaign in campaigns
    ]


def describe_trouble(campaign: Argument, now: datetime) -> str:
    """Return why a campaign of `campaigns_needing_attention` needs it."""
    if campaign.status == Status.PAUSED and campaign.ends_at and campaign.ends_at <= now:
        return gettext("Its end passed while it was paused.")
    return translate_stored(campaign.last_why)


def write_all_owed_steps(now: datetime) -> None:
    """Write all steps that are due, so that pages show what tills do already, even if no clock runs."""
    for model in lifecycle.kinds().values():
        due = model.objects.owing(now).order_by("pk").values_list("pk", flat=True)
        run_for_each(list(due), partial(lifecycle.write_owed_steps, now=now))


# ── one campaign ─────────────────────────────────────────────────────────────────────────────────────────────────────


def list_buttons(campaign: Campaign, user: User, now: datetime) -> list[Verb]:
    """List the buttons that the state and the user's rights allow, in the order of the page, dangerous ones last."""
    verbs = lifecycle.open_steps(campaign, user)
    verbs += [verb for verb in ("duplicate", "delete") if may_take_step(campaign, verb, user)]
    if not campaign.is_deletable and "delete" in verbs:
        verbs.remove("delete")
    return sorted((button_for(campaign, verb, now) for verb in verbs), key=lambda verb: verb.is_danger)


def button_for(campaign: Campaign, verb: str, now: datetime) -> Verb:
    """Return the button of `verb`. It asks first when the step takes an argument or leads to another step at once."""
    kind = lifecycle.lifecycle_of(campaign)
    ends_at_once = verb == "resume" and campaign.ends_at is not None and campaign.ends_at <= now
    asks = (
        kind.asks_for_time(campaign, verb, now)
        or ends_at_once
        or bool(kind.list_warnings(campaign, verb, now))
    )
    return replace(VERBS[verb], asks=True) if asks else VERBS[verb]


def may_take_step(campaign: Campaign, verb: str, user: User) -> bool:
    """Return whether the user has the right to `verb`, in whatever state the campaign is."""
    if verb == "duplicate":
        return bool(user.has_perm(lifecycle.permission_name(campaign, "add")))
    if verb == "delete":
        return lifecycle.may_delete(campaign, user)
    step = lifecycle.steps(campaign).get(verb)
    return step is None or any(
        transition.has_perm(campaign, user) for transition in step.transitions.values()
    )


def may_edit(campaign: Campaign, user: User) -> bool:
    """Return whether the user may edit the campaign in its present state."""
    return not campaign.is_locked and user.has_perm(lifecycle.permission_name(campaign, "change"))


def list_obstacles(campaign: Campaign, verb: str, now: datetime) -> list[tuple[str, str]]:
    """Return the objections to a step that the state allows, without those that its question asks about."""
    if verb not in lifecycle.steps(campaign):
        return []
    kind = lifecycle.lifecycle_of(campaign)
    asked = ("at", "starts_at") if verb in kind.TIME_LABELS else ()
    objections = kind.list_objections(campaign, verb, now)
    return [(field, sentence) for field, sentence in objections if field not in asked]


def not_open_refusal(campaign: Campaign, verb: str, user: User, now: datetime) -> Refused:
    """Return why the state does not allow `verb`."""
    if verb in lifecycle.steps(campaign):
        return Refused(lifecycle.list_refusals(campaign, verb, user, now))
    return Refused(
        gettext("“%(campaign)s” is %(status)s: you cannot %(verb)s it. %(advice)s")
        % {
            "campaign": campaign,
            "status": formats.in_sentence(campaign.get_status_display()),
            "verb": VERBS[verb].words,
            "advice": lifecycle.advice(campaign, user),
        }
    )


def sees_results(campaign: Campaign, user: User) -> bool:
    """Return whether there are results of the campaign to look at, and the user may."""
    seen = lifecycle.lifecycle_of(campaign).SEES_REPORT
    return campaign.status not in NOT_BEGUN and user.has_perms(seen)


def list_places(campaign: Campaign, user: User) -> list[tuple[str, str]]:
    """Return the pages about a campaign that the user may open, its own first: (label, address) each."""
    own = [(gettext("Overview"), campaign.get_absolute_url())]
    if not sees_results(campaign, user):
        return own
    return own + lifecycle.lifecycle_of(campaign).list_results(campaign.pk)


def is_step(verb: str) -> bool:
    """Return whether `verb` is a step of any kind of campaign."""
    return any(verb in kind.VERBS for kind in lifecycle.kinds().values())


def status_context(
    campaign: Campaign, user: User, now: datetime, refused: Refused | None = None
) -> PageContext:
    """Return what campaigns/_status.html shows of a campaign.

    That is its stages, buttons, the last step's reason, why a step was refused, and its history, the latest step first.
    """
    history = list(campaign.history.select_related("by"))
    return {
        "campaign": campaign,
        "now": now,
        "buttons": list_buttons(campaign, user, now),
        "edit_url": edit_url(campaign),
        "may_edit": may_edit(campaign, user),
        "history": history,
        "last": history[0] if history else None,
        "stages": stages.list_stages(campaign, history),
        "elapsed": stages.measure_elapsed(campaign, now),
        "refused": refused,
    }


def locked_refusal(campaign: Campaign, user: User) -> Locked:
    """Return why a campaign that is locked cannot be edited."""
    return Locked(
        gettext("“%(campaign)s” is %(status)s: it cannot be edited. %(advice)s")
        % {
            "campaign": campaign,
            "status": formats.in_sentence(campaign.get_status_display()),
            "advice": lifecycle.advice(campaign, user),
        }
    )


def edit_url(campaign: Campaign) -> str:
    """Return the address where a campaign is edited: each kind's app names the page `campaign_edit`."""
    return reverse(f"{campaign._meta.app_label}:campaign_edit", args=[campaign.pk])


# ── dashboard ────────────────────────────────────────────────────────────────────────────────────────────────────────


def live_campaigns(now: datetime) -> list[CampaignRow]:
    """List the live campaigns, then the paused ones, each with the earliest start first."""
    states = (Status.RUNNING, Status.ACTIVE, Status.PAUSED)
    found = [
        campaign
        for kind in lifecycle.kinds().values()
        for campaign in kind.objects.filter(status__in=states).order_by("starts_at")[:DASHBOARD_ROWS]
    ]
    found.sort(
        key=lambda campaign: (campaign.status == Status.PAUSED, campaign.starts_at or campaign.created_at)
    )
    return build_rows(found, now)


def scheduled_campaigns() -> QuerySet[Campaign]:
    """Return the scheduled campaigns, the soonest first."""
    return Campaign.objects.filter(status=Status.SCHEDULED).order_by("starts_at", "pk")[:DASHBOARD_ROWS]


def latest_drafts() -> QuerySet[Campaign]:
    """Return the drafts that were edited last."""
    drafts = Campaign.objects.listed().filter(status=Status.DRAFT)
    return drafts.select_related("created_by").order_by("-updated_at", "-pk")[:DRAFTS_SHOWN]


def list_due_drafts(user: User, now: datetime) -> Iterator[Notice]:
    """Yield the drafts that were meant to start by tomorrow: nothing starts before somebody schedules it."""
    if not user.has_perm("campaigns.view_campaign"):
        return
    due = Campaign.objects.listed().filter(
        status=Status.DRAFT, starts_at__range=(now - NEWS_PERIOD, now + DRAFT_IS_DUE)
    )
    for draft in due.order_by("starts_at", "pk")[:DASHBOARD_ROWS]:
        assert draft.starts_at is not None  # it is in a range
        said = {"draft": draft, "at": dates.write_moment(draft.starts_at)}
        yield Notice(
            gettext("“%(draft)s” was to start on %(at)s and is still a draft.") % said
            if draft.starts_at <= now
            else gettext("“%(draft)s” is to start on %(at)s and is still a draft.") % said,
            draft.get_absolute_url(),
        )


def campaigns_needing_attention(now: datetime) -> QuerySet[Campaign]:
    """Return the campaigns that failed lately, were paused by the system, are past their end, or became drafts again.

    Each carries its last step: `last_verb`, `last_why`, `last_at`.
    """
    last = Transition.objects.filter(campaign=OuterRef("pk")).order_by("-at", "-pk")
    by_system = Q(last_by__isnull=True)
    return (
        Campaign.objects.listed()
        .filter(status__in=MAY_NEED_ATTENTION)
        .annotate(
            last_verb=Subquery(last.values("verb")[:1]),
            last_by=Subquery(last.values("by")[:1]),
            last_why=Subquery(last.values("why")[:1]),
            last_at=Subquery(last.values("at")[:1]),
        )
        .filter(
            Q(status=Status.FAILED, last_at__gt=now - NEWS_PERIOD)
            | Q(by_system, status=Status.PAUSED, last_verb="pause")
            | Q(status=Status.PAUSED, ends_at__lte=now)
            | Q(by_system, status=Status.DRAFT, last_verb="unschedule")
        )
        .order_by(F("last_at").desc(nulls_last=True), "-pk")
    )


def recent_steps() -> QuerySet[Transition]:
    """Return the latest steps of all campaigns."""
    return Transition.objects.select_related("campaign", "by").order_by("-at", "-pk")[:STEPS_SHOWN]
