"""The versions of an e-mail campaign: a list, the difference of one to what is stored now, and the way back to it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import dates, editions
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.views.answers import render_refusal
from campaigns.workspace import overview
from mailing import campaign_facts, drafting, versions
from mailing.models import CampaignVersion, EmailCampaign
from mailing.views.editor import changing


@require_GET
@changing
def version_list(request: Request, pk: int) -> HttpResponse:
    """List the versions of a campaign, the latest first."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    kept = campaign.versions.defer("values").select_related("by")
    context = {"campaign": campaign, "versions": kept, "most": versions.MOST_VERSIONS}
    return render(request, "mailing/versions.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def version(request: Request, pk: int, number: int) -> HttpResponse:
    """Show in what a version differs from the campaign now; a POST brings it back."""
    kept = get_object_or_404(CampaignVersion.objects.select_related("campaign", "by"), pk=number, campaign=pk)
    campaign = kept.campaign
    refused = None
    if request.method == "POST":
        if campaign.is_locked:
            return render_refusal(request, campaign, overview.locked_refusal(campaign, request.user))
        try:
            drafting.restore_version(kept, by=request.user, seen=request.POST.get("seen"))
        except Refused as problem:
            refused = problem
        else:
            said = _("“%(campaign)s” is again as it was on %(at)s.")
            messages.success(request, said % {"campaign": campaign, "at": dates.write_moment(kept.saved_at)})
            return redirect("mailing:versions", pk)
    context = {
        "campaign": campaign,
        "version": kept,
        "differences": versions.list_differences(kept, campaign),
        "gone": versions.read_version(kept).gone,
        "seen": editions.edition_of(campaign_facts.describe_campaign(campaign)),
        "refused": refused,
    }
    return render(request, "mailing/version.html", context, status=409 if refused else 200)
