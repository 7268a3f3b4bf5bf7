"""The pages of a promotion campaign: its form, its figures, the promotions linked to it."""

from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.forms import BaseForm
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from campaigns import database_time, dates
from campaigns.annotations import PageContext
from campaigns.formats import money, money_on_scale
from campaigns.forms import read_proposed_start
from campaigns.refusals import Locked, Refused
from campaigns.requests import Request
from campaigns.views.answers import render_refusal, say_undoable
from campaigns.workspace import overview
from campaigns.workspace.plots import Point, draw_plot
from promotions import campaign_figures, edit_reviews, groups, publish, readiness
from promotions.conflicts import conflicts_in_campaign
from promotions.forms.campaign import CampaignForm
from promotions.forms.filters import read_edition
from promotions.models import Promotion, PromotionCampaign
from promotions.views import previews
from promotions.views.kinds import list_kinds

Status = PromotionCampaign.Status

NEXT_STEPS = {
    Status.DRAFT: gettext_lazy("“{}” is a draft: link its promotions, then activate or schedule it."),
    Status.SCHEDULED: gettext_lazy("“{}” is scheduled: link its promotions before it starts."),
    Status.ACTIVE: gettext_lazy(
        "“{}” is active: each promotion that you link and switch on applies from the very next sale."
    ),
}
FOUND_AT_ONCE = 8  # promotions offered for linking at once
LINKED_PER_PAGE = 50  # linked promotions on a page

viewing = permission_required("promotions.view_promotioncampaign", raise_exception=True)
changing = permission_required("promotions.change_promotioncampaign", raise_exception=True)
adding = permission_required("promotions.add_promotioncampaign", raise_exception=True)


@require_GET
@viewing
def campaign(request: Request, pk: int) -> HttpResponse:
    """Show a promotion campaign."""
    now = database_time.now()
    overview.write_all_owed_steps(now)
    campaign = get_object_or_404(PromotionCampaign, pk=pk)
    context = overview.status_context(campaign, request.user, now)
    context |= counters_context(campaign, now) | linked_context(campaign, request)
    context |= {
        "locations": campaign.locations.all(),
        "changes": campaign.changes.select_related("by", "promotion"),
    }
    return render(request, "promotions/campaign.html", context)


@require_GET
@viewing
def show_counters(request: Request, pk: int) -> HttpResponse:
    """Return the live figures. The page stops asking for them when the campaign is not active."""
    overview.write_all_owed_steps(database_time.now())
    campaign = get_object_or_404(PromotionCampaign, pk=pk)
    return render(request, "promotions/_counters.html", counters_context(campaign, database_time.now()))


@require_GET
@viewing
def show_days(request: Request, pk: int) -> HttpResponse:
    """Return the drawing of what it gave by day. The page loads it later, since a large ledger takes some time."""
    campaign = get_object_or_404(PromotionCampaign, pk=pk)
    points = [
        Point(
            dates.write_weekday(day),
            dates.write_short_day(day),
            (given,),
            (money(given, campaign.currency), f"{uses:,}"),
        )
        for day, given, uses in campaign_figures.by_day(campaign, database_time.now())
    ]
    drawn = draw_plot(
        points,
        (_("Discounts given each day"),),
        lambda amount: money_on_scale(amount, campaign.currency),
        heads=(_("Discount"), _("Uses")),
    )
    template = "promotions/_days.html" if request.htmx else "promotions/days.html"
    return render(request, template, {"campaign": campaign, "plot": drawn})


@require_http_methods(["GET", "HEAD", "POST"])
@adding
def new(request: Request) -> HttpResponse:
    """Show and save the form of a new promotion campaign."""
    initial = read_proposed_start(request.GET)
    form = CampaignForm(request.POST or None, instance=PromotionCampaign(), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            campaign = publish.create_campaign(
                by=request.user,
                changes=form.changes(),
                locations=form.cleaned_data["locations"],
                then=request.POST.get("then", ""),
            )
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, NEXT_STEPS[campaign.status].format(campaign))
            return redirect(campaign)
    return render_form(request, "promotions/campaign_form.html", form, {})


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def edit(request: Request, pk: int) -> HttpResponse:
    """Show and save the form of a promotion campaign."""
    overview.write_all_owed_steps(database_time.now())
    campaign = get_object_or_404(PromotionCampaign, pk=pk)
    if campaign.is_locked:
        return render_refusal(
            request,
            campaign,
            Locked(
                _("“%(campaign)s” is %(status)s: it cannot be edited.")
                % {"campaign": campaign, "status": campaign.status}
            ),
        )
    form = CampaignForm(request.POST or None, instance=PromotionCampaign.objects.get(pk=pk))
    seen = read_edition(request.POST.get("seen"))
    is_sent = request.method == "POST" and "preview" not in request.POST
    if is_sent and form.is_valid():
        if campaign.status == Status.ACTIVE and "confirmed" not in request.POST:
            locations = form.cleaned_data["locations"]
            if edits := edit_reviews.list_campaign_edits(campaign, form.changes(), locations):
                return previews.ask_about_edits(request, campaign, edits)
        try:
            publish.edit_campaign(
                pk,
                by=request.user,
                changes=form.changes(),
                locations=form.cleaned_data["locations"],
                seen=seen,
            )
        except Locked as locked:  # it ended while the form was open
            return render_refusal(request, campaign, locked)
        except publish.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": form.cleaned_data["name"]})
            return redirect(campaign)
    context = overview.status_context(campaign, request.user, database_time.now())
    context["seen"] = publish.last_edit(campaign.edits) if seen is None else seen
    context["may_pause"] = "pause" in [button.name for button in context["buttons"]]
    return render(
        request, "promotions/campaign_form.html", context | {"form": form}, status=422 if is_sent else 200
    )


# ── the promotions linked to it ──────────────────────────────────────────────────────────────────────────────────────


@require_GET
@viewing
def show_linked(request: Request, pk: int) -> HttpResponse:
    """Return the linked promotions, and those that `?find=` finds to link."""
    campaign = get_object_or_404(PromotionCampaign, pk=pk)
    return render(request, "promotions/_linked.html", linked_context(campaign, request))


@require_POST
@changing
def link(request: Request, pk: int, promotion: int) -> HttpResponse:
    """Link a promotion to the campaign."""
    return arrange_promotions(request, pk, lambda: publish.link(pk, promotion, by=request.user), promotion)


@require_POST
@changing
def unlink(request: Request, pk: int, promotion: int) -> HttpResponse:
    """Take a promotion out of the campaign."""
    row = get_object_or_404(Promotion, pk=promotion)

    def take_out() -> None:
        publish.unlink(pk, promotion, by=request.user)
        said = _("“%(name)s” is taken out of this campaign.") % {"name": row}
        say_undoable(request, said, reverse("promotions:campaign_link", args=[pk, promotion]))

    return arrange_promotions(request, pk, take_out, promotion)


@require_POST
@changing
def move(request: Request, pk: int, promotion: int) -> HttpResponse:
    """Put a promotion one place higher, or with `down` one lower."""
    campaign = get_object_or_404(PromotionCampaign, pk=pk)
    places = list(campaign.links.values_list("promotion_id", flat=True))
    here = places.index(promotion) if promotion in places else 0
    there = here + (1 if "down" in request.POST else -1)
    if promotion in places and 0 <= there < len(places):
        places[here], places[there] = places[there], places[here]
    return arrange_promotions(request, pk, lambda: publish.order_promotions(pk, places, by=request.user))


@require_POST
@permission_required("promotions.change_promotion", raise_exception=True)
def switch(request: Request, pk: int, promotion: int) -> HttpResponse:
    """Switch one linked promotion on (`on`) or off; the campaign and its other promotions stay as they are."""
    row = get_object_or_404(Promotion, pk=promotion, links__campaign=pk)
    on = "on" in request.POST

    def turn() -> None:
        publish.switch_promotion(promotion, on, by=request.user)
        said = _("“%(name)s” is switched on.") if on else _("“%(name)s” is switched off.")
        undo = {} if on else {"on": "1"}
        say_undoable(request, said % {"name": row}, request.path, **undo)

    return arrange_promotions(request, pk, turn)


# ── what the views above share ───────────────────────────────────────────────────────────────────────────────────────


def arrange_promotions(
    request: Request, pk: int, arrange: Callable[[], object], promotion: int | None = None
) -> HttpResponse:
    """Call `arrange`, and show the linked promotions, with the reason if it is refused.

    `promotion`: its page is shown instead when the form stands there (`back`).
    """
    campaign = get_object_or_404(PromotionCampaign, pk=pk)
    reasons = []
    try:
        arrange()
    except Refused as refused:
        reasons = [sentence for _, sentence in refused.reasons]
    if not request.htmx:
        for sentence in reasons:
            messages.error(request, sentence)
        if promotion and "back" in request.POST:
            return redirect(f"{reverse('promotions:promotion', args=[promotion])}#promotion-campaigns")
        return redirect(f"{campaign.get_absolute_url()}#campaign-promotions")
    context = linked_context(campaign, request) | {"reasons": reasons}
    response = render(request, "promotions/_linked.html", context, status=409 if reasons else 200)
    return trigger_client_event(response, "promotions-arranged")


def linked_context(campaign: PromotionCampaign, request: Request) -> PageContext:
    """Return what promotions/_linked.html shows."""
    prefetch_related_objects([campaign], "locations")
    linked = campaign.links.select_related("promotion__counter").prefetch_related("promotion__locations")
    said = request.POST if request.method == "POST" else request.GET
    page = Paginator(linked, LINKED_PER_PAGE).get_page(said.get("links"))
    find = request.GET.get("find", "").strip()
    free = Promotion.objects.existing().filter(standalone=False).exclude(links__campaign=campaign)
    found = list(free.matching(find)[:FOUND_AT_ONCE]) if find else []
    groups.attach_names([*[link.promotion for link in page], *found])
    links = [  # only a campaign that is over keeps deleted promotions
        {"promotion": link.promotion, "conflicts": conflicts_in_campaign(link.promotion, campaign)}
        for link in page
    ]
    is_on = campaign.links.filter(promotion__status=Promotion.Status.ACTIVE).exists()
    return {
        "campaign": campaign,
        "links": links,
        "is_idle": bool(links) and not campaign.is_final and not is_on,
        "links_page": page,
        "find": find,
        "found": found,
        "may_arrange": overview.may_edit(campaign, request.user),
        "kinds": list_kinds(),
    }


def counters_context(campaign: PromotionCampaign, now: datetime) -> PageContext:
    """Return what promotions/_counters.html shows: the live figures, or the checklist before the start."""
    if campaign.status in (Status.DRAFT, Status.SCHEDULED):
        return {
            "campaign": campaign,
            "edit_url": overview.edit_url(campaign),
            "checks": readiness.list_checks(campaign),
        }
    return {"campaign": campaign, "figures": campaign_figures.figures_of_campaign(campaign, now)}


def render_form(request: Request, template: str, form: BaseForm, context: PageContext) -> HttpResponse:
    """Return the page of a form, with 422 when its values are refused."""
    status = 422 if request.method == "POST" else 200
    return render(request, template, context | {"form": form}, status=status)
