"""The pages of promotions: the list, the page of one, and the form that changes with the kind."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required, user_passes_test
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from campaigns.annotations import PageContext
from campaigns.formats import thousands
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.views.answers import go_to, say_undoable
from promotions import campaign_figures, coupons, edit_reviews, groups, publish, reading, sold_articles, types
from promotions.conflicts import conflicts_of
from promotions.forms import picker
from promotions.forms.filters import PromotionFilter, read_edition, read_key
from promotions.forms.promotion import PromotionForm
from promotions.models import Link, Promotion, PromotionCampaign
from promotions.views import previews
from promotions.views.kinds import list_kinds

PER_PAGE = 25
CAMPAIGNS_OFFERED = 5  # campaigns to put a promotion into, at once
PICKER_FIELDS = ("promotion", "one", "other", "offer")  # the fields that are drawn with a search

viewing = permission_required("promotions.view_promotion", raise_exception=True)
adding = permission_required("promotions.add_promotion", raise_exception=True)
changing = permission_required("promotions.change_promotion", raise_exception=True)
deleting = permission_required("promotions.delete_promotion", raise_exception=True)


def may_write(user: User | AnonymousUser) -> bool:
    """Return True if the user may use the form of a promotion, new or stored.

    Raises:
        PermissionDenied: the user may not.
    """
    if user.has_perm("promotions.add_promotion") or user.has_perm("promotions.change_promotion"):
        return True
    raise PermissionDenied


writing = user_passes_test(may_write)

LINKS = Prefetch("links", queryset=Link.objects.select_related("campaign").order_by("campaign__name"))


@require_GET
@viewing
def promotion_list(request: Request) -> HttpResponse:
    """List the promotions that match the filters."""
    form = PromotionFilter(request.GET)
    form.is_valid()  # what is no choice is left out of cleaned_data
    promotions = form.narrow(Promotion.objects.existing()).select_related("counter").prefetch_related(LINKS)
    page = Paginator(promotions, PER_PAGE).get_page(request.GET.get("page"))
    groups.attach_names(list(page))
    context = {"form": form, "page": page, "is_filtered": any(form.cleaned_data.values())}
    return render(request, "promotions/promotions.html", context)


@require_GET
@viewing
def promotion(request: Request, pk: int) -> HttpResponse:
    """Show a promotion."""
    promotion = get_promotion(pk)
    context = promotion_context(promotion) | campaigns_context(promotion, request.GET.get("find", "").strip())
    return render(request, "promotions/promotion.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@adding
def new(request: Request) -> HttpResponse:
    """Show the kinds, then the form of the chosen kind, and save it; `?campaign=` links the promotion there."""
    type_ = request.POST.get("type") or request.GET.get("type", "")
    campaign = campaign_to_link(request)
    if type_ not in types.KINDS:
        context = {"kinds": list_kinds(), "campaign": campaign}
        return render(request, "promotions/promotion_kinds.html", context)
    return edit_promotion(request, type_, None, campaign)


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def edit(request: Request, pk: int) -> HttpResponse:
    """Show and save the form of a promotion."""
    promotion = get_promotion(pk)
    type_ = request.POST.get("type", promotion.type)
    return edit_promotion(request, type_ if type_ in types.KINDS else promotion.type, promotion, None)


@require_POST
@writing
def show_fields(request: Request) -> HttpResponse:
    """Return the fields of the form for another kind or one more row, with what was typed so far."""
    type_ = request.POST.get("type", "")
    if type_ not in types.KINDS:
        raise Http404(_("There is no such kind of promotion."))
    form = PromotionForm.half_filled(type_, request.POST)
    response = render(request, "promotions/_promotion_fields.html", {"form": form, "kinds": list_kinds()})
    # not htmx:afterSettle, which the counts at the fields cause, too: each answer would ask for the next
    return trigger_client_event(response, "promotion-fields-changed", after="settle")


@require_POST
@writing
def show_sentence(request: Request) -> HttpResponse:
    """Return the typed promotion in words, and what is wrong with it."""
    form = read_typed_form(request)
    context = sentence_context(form, campaign_to_link(request)) | {"is_swapped": True}
    return render(request, "promotions/_preview.html", context)


def read_typed_form(request: Request) -> PromotionForm:
    """Return the form of a promotion, new or stored, as it is typed; a kind that is not there is 404."""
    type_ = request.POST.get("type", "")
    if type_ not in types.KINDS:
        raise Http404(_("There is no such kind of promotion."))
    stored = Promotion.objects.existing().filter(pk=read_key(request.POST.get("promotion"))).first()
    return PromotionForm(type_, request.POST, promotion=stored)


@require_GET
@viewing
def show_choices(request: Request) -> HttpResponse:
    """Return the promotions to choose in the field `of` of a form: those that its search finds, the chosen first."""
    name = request.GET.get("of", "")
    if name not in PICKER_FIELDS:
        raise Http404(_("There is no such field."))
    context = picker.find_promotions(
        name,
        with_coupon="with_coupon" in request.GET,
        find=request.GET.get(f"find_{name}", "").strip(),
        chosen=request.GET.get(name),
    )
    return render(request, "promotions/_offer.html", context)


@require_POST
@changing
def switch(request: Request, pk: int) -> HttpResponse:
    """Switch a promotion on (`on`) or off; with `back` go back to its form."""
    promotion = get_promotion(pk)
    was, on = promotion.status == Promotion.Status.ACTIVE, "on" in request.POST
    try:
        promotion = publish.switch_promotion(promotion, on, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        if was != on:
            said = _("“%(name)s” is switched on.") if on else _("“%(name)s” is switched off.")
            undo = {} if on else {"on": "1"}
            say_undoable(request, said % {"name": promotion}, request.path, **undo)
    if "back" in request.POST:
        return redirect("promotions:promotion_edit", pk)
    if not request.htmx:
        return redirect(promotion)
    return render(request, "promotions/_promotion_status.html", promotion_context(promotion))


@require_http_methods(["GET", "HEAD", "POST"])
@deleting
def delete(request: Request, pk: int) -> HttpResponse:
    """Delete a promotion; a GET asks first."""
    promotion = get_promotion(pk)
    if request.method != "POST":
        template = "promotions/_promotion_ask.html" if request.htmx else "promotions/promotion_ask.html"
        going_on = [link.campaign for link in promotion.links.all() if not link.campaign.is_final]
        context = {"promotion": promotion, "campaigns": going_on}
        return render(request, template, context)
    try:
        publish.delete_promotion(promotion, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return go_to(request, promotion.get_absolute_url())
    messages.success(request, _("“%(promotion)s” is deleted.") % {"promotion": promotion})
    return go_to(request, redirect("promotions:promotions").url)


# ── what the views above share ───────────────────────────────────────────────────────────────────────────────────────


def get_promotion(pk: int) -> Promotion:
    """Find a promotion that is not deleted.

    Raises:
        Http404: there is none.
    """
    linked = Promotion.objects.existing().prefetch_related(LINKS, "links__campaign__locations")
    return get_object_or_404(linked, pk=pk)


def campaign_to_link(request: Request) -> PromotionCampaign | None:
    """Return the campaign that a new promotion is made for."""
    pk = read_key(request.POST.get("campaign") or request.GET.get("campaign"))
    campaign = PromotionCampaign.objects.filter(pk=pk).first()
    return campaign if campaign and not campaign.is_locked else None


def edit_promotion(
    request: Request, type_: str, promotion: Promotion | None, campaign: PromotionCampaign | None
) -> HttpResponse:
    """Show the form of a new (None) or stored promotion, and save it."""
    context: PageContext = {"promotion": promotion, "campaign": campaign, "kinds": list_kinds()}
    context["sold"] = sold_articles.read_sold_articles().offers_by_kind()
    if promotion and promotion.status == Promotion.Status.ACTIVE:
        active = [link.campaign for link in promotion.links.all() if link.campaign.status == "active"]
        context |= {"active_campaigns": active, "applies_now": promotion.standalone or bool(active)}
    seen = read_edition(request.POST.get("seen"))
    if "more" in request.POST:  # without JavaScript: another kind or one more row, nothing saved
        form = PromotionForm.half_filled(type_, request.POST, promotion=promotion)
        context |= {"form": form, "seen": seen}
        return render(request, "promotions/promotion_form.html", context)
    form = PromotionForm(type_, request.POST or None, promotion=promotion)
    is_sent = request.method == "POST" and "preview" not in request.POST
    if is_sent and form.is_valid():
        if context.get("applies_now") and "confirmed" not in request.POST:
            assert promotion is not None  # only a stored one applies
            if edits := edit_reviews.list_promotion_edits(promotion, form.columns(), form.locations):
                return previews.ask_about_edits(request, promotion, edits)
        try:
            if campaign:
                saved = publish.create_promotion_in(
                    campaign, by=request.user, locations=form.locations, **form.columns()
                )
            else:
                saved = publish.save_promotion(
                    promotion,
                    by=request.user,
                    locations=form.locations,
                    seen=seen,
                    **form.columns(),
                )
        except publish.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            say_saved(request, saved, campaign, is_new=promotion is None)
            if promotion is None and form.number_of_codes:
                generate_codes(request, saved, form.number_of_codes)
            return redirect(campaign or saved)
    context |= {
        "form": form,
        "seen": edition_of(promotion) if seen is None else seen,
        **sentence_context(form, campaign),
    }
    return render(request, "promotions/promotion_form.html", context, status=422 if is_sent else 200)


def say_saved(
    request: Request, saved: Promotion, campaign: PromotionCampaign | None, *, is_new: bool
) -> None:
    """Say that a promotion is saved, and whether it applies; one that was switched on with it can be undone."""
    if is_new and campaign and saved.status == Promotion.Status.ACTIVE:
        said = _("“%(saved)s” is saved and switched on: it applies as soon as “%(campaign)s” is active.")
        to = reverse("promotions:campaign_switch", args=[campaign.pk, saved.pk])
        say_undoable(request, said % {"saved": saved, "campaign": campaign}, to)
        return
    said = (
        _("“%(saved)s” is saved. It is switched off until you switch it on.")
        if is_new
        else _("“%(saved)s” is saved.")
    )
    messages.success(request, said % {"saved": saved})


def generate_codes(request: Request, promotion: Promotion, number: int) -> None:
    """Make random codes for a promotion that has just been saved, and say so, or why not."""
    try:
        coupons.generate_codes(promotion, number, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        said = ngettext("%(number)s code is generated.", "%(number)s codes are generated.", number)
        messages.success(request, said % {"number": thousands(number)})


def edition_of(promotion: Promotion | None) -> int:
    """Return the number of the promotion's last edit; 0 for a new one."""
    return publish.last_edit(promotion.edits) if promotion else 0


def promotion_context(promotion: Promotion) -> PageContext:
    """Return what the page of a promotion shows, with promotions/_promotion_status.html."""
    campaigns = [link.campaign for link in promotion.links.all()]
    places = list(promotion.locations.all())
    return {
        "promotion": promotion,
        "campaigns": campaigns,
        "places": places,
        "sentence": reading.write_sentence(promotion),
        "conflicts": conflicts_of(promotion, campaigns=campaigns, places=[place.pk for place in places]),
        "figures": campaign_figures.figures_of_promotion(promotion),
        "codes": coupons.count_codes(promotion),
        "changes": promotion.changes.select_related("by", "campaign")[:50],
    }


def campaigns_context(promotion: Promotion, find: str) -> PageContext:
    """Return the campaigns to link a promotion to: those that `find` finds, else the latest; none if standalone."""
    free = PromotionCampaign.objects.listed().exclude(status__in=PromotionCampaign.LOCKED)
    free = free.exclude(links__promotion=promotion).matching(find).order_by("-pk")
    offered = [] if promotion.standalone else list(free[: CAMPAIGNS_OFFERED + 1])
    return {"find": find, "offered": offered[:CAMPAIGNS_OFFERED], "is_more": len(offered) > CAMPAIGNS_OFFERED}


def sentence_context(form: PromotionForm, campaign: PromotionCampaign | None) -> PageContext:
    """Return what promotions/_says.html shows of a form: a sentence and conflicts, or what is still missing."""
    stored = form.promotion
    if not form.is_bound and not stored:
        return {"form": form, "sentence": "", "missing": []}
    sold = sold_articles.read_recent_sales(settings.CURRENCY)
    pickers = previews.count_at_pickers(form, sold)
    if stored and not form.is_bound:
        typed, places = stored, [place.pk for place in stored.locations.all()]
    elif form.is_valid():
        typed = Promotion(pk=stored.pk if stored else None, status=Promotion.Status.ACTIVE, **form.columns())
        places = [place.pk for place in form.locations]
    else:
        return {
            "form": form,
            "sentence": "",
            "missing": form.missing,
            "wrong": form.wrong,
            "pickers": pickers,
        }
    campaigns = [link.campaign for link in stored.links.all()] if stored else []
    campaigns += [campaign] if campaign else []
    return {
        "form": form,
        "sentence": reading.write_sentence(typed),
        "conflicts": conflicts_of(typed, campaigns=campaigns, places=places),
        "missing": [],
        "pickers": pickers,
        **previews.preview_context(typed, form.data, sold),
    }
