"""The section Review of the editor, and what the sections Audience and Delivery say while somebody types."""

from dataclasses import dataclass

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.functional import Promise
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect

from campaigns import database_time, zones
from campaigns.annotations import PageContext
from campaigns.forms import MomentField
from campaigns.requests import Request, number_in_query, read_number
from campaigns.stored_sentences import translate_stored
from campaigns.workspace import overview
from mailing import audience, launch, offers
from mailing.forms import EmailCampaignForm, TestMailForm, sections
from mailing.models import EmailCampaign
from mailing.variants import find_test
from mailing.views.campaigns import estimate_audience, find_latest_test, list_variant_choices
from mailing.views.editor import changing, writing

STEPS = ("schedule", "launch")


@dataclass(frozen=True)
class CheckedSection:
    """What a launch still needs of one section: (field, sentence) each. `is_unused`: the mail does without it."""

    name: str
    label: str | Promise
    problems: list[tuple[str, str]]
    is_unused: bool = False


class StartForm(forms.Form):
    """When a campaign is planned to start, alone."""

    starts_at = MomentField(required=False)


@require_GET
@changing
def review(request: Request) -> HttpResponse:
    """Check the campaign as it is stored: one list for all sections, and what can be done next."""
    pk = number_in_query(request, "campaign")
    if not pk:
        return render(request, "mailing/editor/_review_checks.html", {})
    found = get_object_or_404(EmailCampaign.objects.select_related("connection", "offer"), pk=pk)
    if found.launched_at:  # somebody launched it meanwhile
        return HttpResponseClientRedirect(found.get_absolute_url())
    checked = check_sections(found)
    buttons = overview.list_buttons(found, request.user, database_time.now())
    test = find_test(found)
    context: PageContext = {
        "campaign": found,
        "checked": checked,
        "count": sum(len(section.problems) for section in checked),
        "buttons": [button for button in buttons if button.name in STEPS],
        "edit_url": overview.edit_url(found),
        "test_form": TestMailForm(variants=list_variant_choices(found, test)),
        "test": find_latest_test(request, found),
    }
    return render(request, "mailing/editor/_review_checks.html", context)


def check_sections(campaign: EmailCampaign) -> list[CheckedSection]:
    """Check what a launch needs of each section."""
    problems = launch.find_problems(campaign) + offers.find_problems(campaign, None)
    return [
        CheckedSection(
            name,
            label,
            [(field, sentence) for field, sentence in problems if sections.find_section(field) == name],
            is_unused=name == "offer" and not (campaign.offer_id or campaign.promotion_campaign_id),
        )
        for name, label in sections.SECTIONS.items()
        if name != sections.LAST
    ]


@require_GET
@changing
def review_figures(request: Request, pk: int) -> HttpResponse:
    """Count who would get the campaign as it is stored, and how long that takes. It is asked for when it is seen."""
    found = get_object_or_404(EmailCampaign.objects.select_related("connection", "offer"), pk=pk)
    context: PageContext = {"campaign": found, **estimate_audience(found)}
    return render(request, "mailing/editor/_review_figures.html", context)


@require_POST
@writing
def audience_funnel(request: Request) -> HttpResponse:
    """Count who would get the campaign with the lists and segments as they are chosen; nothing is saved."""
    form = EmailCampaignForm(request.POST, instance=EmailCampaign())
    form.is_valid()
    typed: EmailCampaign = form.instance
    pk = read_number(request.POST.get("campaign", ""))
    context: PageContext = {"campaign": EmailCampaign.objects.filter(pk=pk).first() if pk else None}
    try:
        chosen = audience.read_selection(
            form.targets(), needs_customer=typed.offer_id is not None and typed.code_is_bound
        )
        context["funnel"] = audience.estimate(chosen)
    except audience.SegmentError as error:
        context["trouble"] = translate_stored(str(error))
    return render(request, "mailing/editor/_audience_funnel.html", context)


@require_POST
@writing
def start_in_words(request: Request) -> HttpResponse:
    """Say in words when the typed start is, and whether clocks change before it or soon after."""
    form = StartForm(request.POST)
    if not form.is_valid():
        return render(request, "mailing/editor/_start.html", {"wrong": form.errors["starts_at"][0]})
    at, now = form.cleaned_data["starts_at"], database_time.now()
    context: PageContext = {"at": at, "is_past": at is not None and at <= now}
    if at is not None and at > now:
        zone = timezone.get_current_timezone()
        context["change"] = zones.find_clock_change(zone, now, at + zones.SOON)
        context["offset"] = zones.name_offset(zone, at)
    return render(request, "mailing/editor/_start.html", context)
