"""The visual builder of a draft in MJML: its page, and what it saves while somebody works in it."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns import editions
from campaigns.annotations import PageContext
from campaigns.models import Campaign
from campaigns.requests import Request
from campaigns.views.answers import render_refusal
from campaigns.workspace import overview
from mailing import campaign_facts
from mailing.audience import list_recent_attribute_names
from mailing.library import builder_data
from mailing.models import EmailCampaign
from mailing.views.autosave import SaveState, render_state, save_into_state
from mailing.views.editor import changing
from mailing.views.widened_styles import with_styles_of_builder

MJML = EmailCampaign.Format.MJML


@require_GET
@changing
@with_styles_of_builder
def show_builder(request: Request, pk: int) -> HttpResponse:
    """Show the builder on the content of a draft, or say why this mail cannot be built in it."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    if campaign.is_locked:
        return render_refusal(request, campaign, overview.locked_refusal(campaign, request.user))
    reason = find_obstacle(campaign)
    context: PageContext = {"campaign": campaign, "edit_url": overview.edit_url(campaign), "reason": reason}
    if not reason:
        context |= {
            "seen": editions.edition_of(campaign_facts.describe_campaign(campaign)),
            "save_url": reverse("mailing:builder_save", args=[pk]),
            "data": builder_data.collect_data(request.user, list_recent_attribute_names()),
        }
    return render(request, "mailing/builder.html", context, status=409 if reason else 200)


def find_obstacle(campaign: EmailCampaign) -> str:
    """Say why the content of a campaign cannot be edited in the builder; "" where it can."""
    if campaign.status != Campaign.Status.DRAFT:
        return _("It is scheduled. Make it a draft again in the editor, by Save, before you build it.")
    if campaign.body.strip() and campaign.body_format != MJML:
        said = _("The builder works on MJML, and this mail is written in %(format)s.")
        return said % {"format": campaign.get_body_format_display()}
    return ""


@require_POST
@changing
def save_body(request: Request, pk: int) -> HttpResponse:
    """Save the content as it was built, and say what became of it; nothing else of the campaign is touched."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    state = SaveState(campaign)
    state.refusal = find_obstacle(campaign)
    if not state.refusal:
        changes = {"body": request.POST.get("body", ""), "body_format": MJML}
        save_into_state(state, by=request.user, changes=changes, seen=request.POST.get("seen"))
    return render_state(request, state, reverse("mailing:builder", args=[pk]))
