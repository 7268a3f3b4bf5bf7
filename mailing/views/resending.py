"""Second chances: for recipients that a campaign has not reached, and for those who did not answer it."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.views.answers import go_to, refuse_confirmation, render_refusal
from mailing import drafting, follow_ups, progress
from mailing.follow_ups import MissingResponse
from mailing.models import EmailCampaign
from mailing.views.confirmations import ask_for_confirmation

SILENT_DRAFT = {
    MissingResponse.CLICKED: gettext_lazy(
        "“%(copy)s” is a draft for those who did not click “%(campaign)s”."
    ),
    MissingResponse.OPENED: gettext_lazy("“%(copy)s” is a draft for those who did not open “%(campaign)s”."),
}
operating = permission_required(EmailCampaign.OPERATE, raise_exception=True)


@require_POST
@operating
def retry_failed(request: Request, pk: int) -> HttpResponse:
    """Put the failed recipients of a running or paused campaign back in line."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    try:
        count = drafting.retry_failed(campaign, by=request.user)
    except Refused as refused:
        return render_refusal(request, campaign, refused)
    done = ngettext(
        "%(count)s failed recipient is in line again.",
        "%(count)s failed recipients are in line again.",
        count,
    )
    messages.success(request, done % {"count": count})
    return redirect(campaign)


@require_http_methods(["GET", "HEAD", "POST"])
@operating
def resend_uncertain(request: Request, pk: int) -> HttpResponse:
    """Put the uncertain recipients of a running or paused campaign back in line; a GET asks first."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    if request.method != "POST":
        count = progress.read_figures(campaign).uncertain
        return ask_for_confirmation(
            request,
            title=gettext("Resend to uncertain?"),
            sentence=gettext(
                "%(count)s mails were handed over, but the server never answered. Some of these "
                "people may have the mail already and would get it twice."
            )
            % {"count": count},
            label=gettext("Send again"),
            back=campaign.get_absolute_url(),
        )
    try:
        count = drafting.resend_uncertain(campaign, by=request.user)
    except Refused as refused:
        return render_refusal(request, campaign, refused)
    done = ngettext(
        "%(count)s uncertain recipient is in line again.",
        "%(count)s uncertain recipients are in line again.",
        count,
    )
    messages.success(request, done % {"count": count})
    return redirect(campaign)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_emailcampaign", raise_exception=True)
def duplicate_for_unreached(request: Request, pk: int) -> HttpResponse:
    """Make a draft of an ended campaign for those it did not reach; a GET asks whether the uncertain are meant."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    if request.method != "POST":
        context = {"campaign": campaign, "figures": progress.read_figures(campaign)}
        template = "mailing/_unreached.html" if request.htmx else "mailing/unreached.html"
        return render(request, template, context)
    try:
        copy = drafting.duplicate_for_unreached(
            campaign, with_uncertain="uncertain" in request.POST, by=request.user
        )
    except Refused as refused:
        return render_refusal(request, campaign, refused)
    messages.success(
        request,
        gettext("“%(copy)s” is a draft for those that “%(campaign)s” did not reach.")
        % {"copy": copy, "campaign": campaign},
    )
    return go_to(request, copy.get_absolute_url())


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_emailcampaign", raise_exception=True)
def resend_to_silent(request: Request, pk: int, asked: str) -> HttpResponse:
    """Make a draft of a campaign that has ended, for those who did not click or did not open it; a GET asks first."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    if asked not in list(MissingResponse):
        raise Http404(f"“{asked}” is no question about recipients.")
    measure = MissingResponse(asked)
    try:
        if request.method != "POST":
            context = {
                "campaign": campaign,
                "measure": measure,
                "silent": follow_ups.count_silent(campaign, measure),
            }
            template = "mailing/_silent.html" if request.htmx else "mailing/silent.html"
            return render(request, template, context)
        copy = follow_ups.resend_to_silent(campaign, measure, by=request.user)
    except Refused as refused:
        return refuse_confirmation(request, campaign, refused)
    messages.success(
        request,
        SILENT_DRAFT[measure] % {"copy": copy, "campaign": campaign},
    )
    return go_to(request, copy.get_absolute_url())
