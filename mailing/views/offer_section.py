"""Parts of the editor beside an offer: what a hold-out could show, as it is typed."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from campaigns.annotations import PageContext
from campaigns.requests import Request
from mailing import audience, holdout
from mailing.forms import EmailCampaignForm
from mailing.models import EmailCampaign
from mailing.views.editor import writing


@require_POST
@writing
def hold_out(request: Request) -> HttpResponse:
    """Return what the typed share of held-out recipients could show, with the lists and segments as they are chosen."""
    form = EmailCampaignForm(request.POST, instance=EmailCampaign())
    form.is_valid()
    campaign: EmailCampaign = form.instance
    context: PageContext = {"wrong": form.errors.get("hold_out"), "percent": campaign.hold_out}
    if not context["wrong"] and campaign.hold_out:
        needs_customer = campaign.offer_id is not None and campaign.code_is_bound
        chosen = audience.read_selection(form.targets(), needs_customer=needs_customer)
        try:
            people = audience.estimate(chosen).recipients
            context |= {"people": people, "prospect": holdout.forecast_lift(campaign, chosen, people)}
        except audience.SegmentError as error:
            context["trouble"] = str(error)
    return render(request, "mailing/_hold_out.html", context)
