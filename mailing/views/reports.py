"""The report of a launched e-mail campaign."""

from django.contrib.auth.decorators import permission_required
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from campaigns import database_time
from campaigns.annotations import PageContext
from campaigns.requests import Request, number_in_query
from campaigns.workspace.responses import csv_response
from mailing import audience, content, progress, reports
from mailing.models import Delivery, EmailCampaign
from mailing.variants import find_test
from mailing.variants.report import read_test_report
from mailing.views.campaigns import timeline_context
from mailing.views.mail_frames import answer_frame

viewing = permission_required(["mailing.view_emailcampaign", "mailing.view_delivery"], raise_exception=True)
exporting = permission_required(
    ["mailing.view_emailcampaign", "mailing.view_delivery", "mailing.export_contact"], raise_exception=True
)


@require_GET
@viewing
def report(request: Request, pk: int) -> HttpResponse:
    """Show the report of an e-mail campaign."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    if campaign.launched_at is None:
        return render(request, "mailing/report.html", {"campaign": campaign})
    if request.htmx.target == "report-figures":  # looks again while the campaign runs
        return render(
            request, "mailing/report/_figures.html", {"campaign": campaign, **describe_figures(campaign)}
        )
    recipients = describe_recipients(request, campaign)
    if request.htmx.target == "deliveries":  # while somebody types into the search
        return render(request, "mailing/report/_recipients.html", recipients)
    context = {
        **timeline_context(campaign),
        **describe_figures(campaign),
        **recipients,
        "report": read_test_report(
            campaign, find_test(campaign) if campaign.phase else None, database_time.now()
        ),
    }
    return render(request, "mailing/report.html", context)


def describe_recipients(request: Request, campaign: EmailCampaign) -> PageContext:
    """Return what the table of recipients shows."""
    search, after = read_filters(request), number_in_query(request, "after")
    return {
        "campaign": campaign,
        "page": reports.read_page(campaign, search, after),
        "search": search,
        "is_further": after > 0,
        "statuses": Delivery.Status.choices,
    }


def read_filters(request: Request) -> reports.Search:
    """Read the filters of the table of recipients."""
    return reports.read_search(*(request.GET.get(name, "") for name in ("status", "code", "q")))


def describe_figures(campaign: EmailCampaign) -> PageContext:
    """Return what the page shows besides the table of recipients and the timeline."""
    counted = progress.read_figures(campaign)
    context: PageContext = {"counted": counted}
    try:
        answers = reports.count_answers(campaign)
    except content.ContentError as error:
        return context | {
            "trouble": gettext("The links of this mail cannot be shown. %(error)s") % {"error": error}
        }
    mode = campaign.mode
    unnamed = reports.UnnamedEvents(answers.unnamed_opens, answers.unnamed_clicks)
    figures = reports.list_figures(campaign, counted, mode, unnamed)
    return context | {
        "answers": answers,
        "mode": mode,
        "figures": figures,
        "unknown": {figure.key for figure in figures if figure.amount is None},
        "clicks_to_opens": reports.rate_clicks_to_opens(figures),
        "funnel": reports.build_funnel(campaign, figures),
        "matrix": reports.build_matrix(answers.replies, answers.domains),
        "codes": reports.list_codes(answers.replies),
        "clickers": reports.list_top_clickers(campaign, answers.clickers, mode),
    }


@require_GET
@viewing
def click_map(request: Request, pk: int) -> HttpResponse:
    """Return the mail with the clicks of each link, for a frame on the report."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    try:
        answers = reports.count_answers(campaign)
        drawn = reports.draw_click_map(campaign, answers, audience.find_preview_reader())
    except (reports.NoMail, content.ContentError) as problem:
        return answer_frame(str(problem), "text/plain; charset=utf-8")
    return answer_frame(drawn)


@require_GET
@exporting
def report_csv(request: Request, pk: int) -> HttpResponse | FileResponse:
    """Return all recipients that match the filters as a CSV file."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    lines = reports.csv_lines(campaign, read_filters(request))
    return csv_response(lines, f"{slugify(campaign.name) or 'campaign'}-{pk}.csv")
