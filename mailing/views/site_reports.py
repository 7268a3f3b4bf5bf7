"""Reports of all e-mail campaigns: their figures by the week, and several of them side by side."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from campaigns import database_time
from campaigns.annotations import PageContext
from campaigns.refusals import Refused
from campaigns.requests import Request, number_in_query, read_number
from campaigns.workspace.responses import csv_response
from mailing import global_hold_out
from mailing.models import EmailCampaign
from mailing.reports import comparison, weeks

viewing = permission_required(["mailing.view_emailcampaign", "mailing.view_delivery"], raise_exception=True)
PER_PAGE = 20


@require_GET
@viewing
def site_report(request: Request) -> HttpResponse:
    """Show the figures of all mails, week by week."""
    span = choose_span(request)
    page = Paginator(comparison.list_campaigns_with_report(), PER_PAGE).get_page(request.GET.get("page"))
    now = database_time.now()
    context: PageContext = {
        "report": weeks.build_weeks(now, span),
        "span": span,
        "spans": weeks.SPANS.items(),
        "page": page,
        "rows": comparison.read_compared_campaigns(list(page)),
        "currency": settings.CURRENCY,
    }
    if request.user.has_perm("mailing.view_conversion"):
        context["hold_outs"] = global_hold_out.list_reports(now)
    return render(request, "mailing/site_report.html", context)


def choose_span(request: Request) -> int:
    """Return how many weeks are asked for."""
    span = number_in_query(request, "weeks")
    return span if span in weeks.SPANS else min(weeks.SPANS)


@require_GET
@viewing
def weeks_csv(request: Request) -> HttpResponse | FileResponse:
    """Send the weeks of all mails as CSV."""
    report = weeks.build_weeks(database_time.now(), choose_span(request))
    return csv_response(weeks.csv_lines(report), "mails-by-week.csv")


@require_GET
@viewing
def compare(request: Request) -> HttpResponse:
    """Show several campaigns side by side."""
    try:
        campaigns = choose_campaigns(request)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("mailing:site_report")
    context = {"comparison": comparison.compare_campaigns(campaigns), "campaigns": campaigns}
    return render(request, "mailing/comparison.html", context)


@require_GET
@viewing
def compare_csv(request: Request) -> HttpResponseBase:
    """Send several campaigns side by side as CSV."""
    try:
        campaigns = choose_campaigns(request)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("mailing:site_report")
    lines = comparison.csv_lines(comparison.compare_campaigns(campaigns))
    return csv_response(lines, "campaigns-compared.csv")


def choose_campaigns(request: Request) -> list[EmailCampaign]:
    """Return the campaigns that are asked for, in their order.

    Raises:
        Refused: there are too few or too many, or one that has no report.
    """
    asked = list(dict.fromkeys(read_number(text) for text in request.GET.getlist("campaign")))
    if len(asked) > comparison.MOST_COMPARED:
        raise Refused(
            gettext("Choose %(most)s campaigns at most: %(count)s are chosen.")
            % {"most": comparison.MOST_COMPARED, "count": len(asked)}
        )
    found = comparison.list_campaigns_with_report().in_bulk(asked)
    if len(found) < 2:
        raise Refused(gettext("Choose at least two launched campaigns to compare."))
    return [found[pk] for pk in asked if pk in found]
