"""The A/B test of a campaign: its section of the editor, its figures, and the choice of the winner."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import database_time
from campaigns.formats import thousands
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.views.answers import refuse_confirmation
from mailing.forms import SplitTestForm
from mailing.models import EmailCampaign
from mailing.variants import find_test, judging, list_variants, phases, report
from mailing.views.campaigns import viewing
from mailing.views.confirmations import ask_for_confirmation
from mailing.views.editor import read_typed_campaign, split_test_context, writing
from mailing.views.resending import operating


@require_POST
@writing
def split_test(request: Request) -> HttpResponse:
    """Show the section with what is typed, and the variants that makes; nothing is saved."""
    context = split_test_context(SplitTestForm(request.POST), read_typed_campaign(request))
    return render(request, "mailing/_split_test.html", context)


@require_GET
@viewing
def test_figures(request: Request, pk: int) -> HttpResponse:
    """Show the figures of each variant, which the page asks for again while it runs."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    test_report = report.read_test_report(campaign, find_test(campaign), database_time.now())
    context = {"campaign": campaign, "report": test_report}
    return render(request, "mailing/_variants.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operating
def choose_winner(request: Request, pk: int, number: int) -> HttpResponse:
    """Send one variant to the rest; a GET asks first."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    test = find_test(campaign)
    try:
        if request.method == "POST":
            campaign = phases.choose_winner(campaign, number, by=request.user)
            letter = list_variants(campaign, test)[number].letter
            messages.success(
                request,
                gettext("Variant %(letter)s of “%(campaign)s” goes to the rest.")
                % {"letter": letter, "campaign": campaign},
            )
            return redirect(campaign)
        counted = phases.refuse_choice(campaign, test, number)
    except Refused as refused:
        return refuse_confirmation(request, campaign, refused)
    letter = counted.variants[number].variant.letter
    verdict = judging.judge_variants(counted.variants, test.winner_by if test else "")
    return ask_for_confirmation(
        request,
        title=gettext("Send variant %(letter)s to the rest?") % {"letter": letter},
        sentence=gettext(
            "%(sentence)s The rest, %(held)s recipients, gets variant %(letter)s. That cannot be undone."
        )
        % {"sentence": verdict.sentence, "held": thousands(counted.held), "letter": letter},
        label=gettext("Send variant %(letter)s") % {"letter": letter},
        back=campaign.get_absolute_url(),
    )
