"""The report of a launched e-mail campaign."""

from django.contrib.auth.decorators import permission_required
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from campaigns.requests import Request, number_in_query
from campaigns.workspace.responses import csv_response
from mailing import progress, reports
from mailing.models import Delivery, EmailCampaign
from mailing.views.campaigns import timeline_context

viewing = permission_required(["mailing.view_emailcampaign", "mailing.view_delivery"], raise_exception=True)
PER_PAGE = 50


@require_GET
@viewing
def report(request: Request, pk: int) -> HttpResponse:
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    after = number_in_query(request, "after")
    status, words = (request.GET.get(name, "") for name in ("status", "q"))
    found = reports.list_recipients(
        campaign,
        status=status if status in Delivery.Status.values else "",
        words=words,
        after=after,
    )
    rows = list(found[:PER_PAGE])
    context = {
        **timeline_context(campaign),
        "figures": progress.read_figures(campaign),
        "answers": reports.count_answers(campaign),
        "deliveries": rows,
        "is_full": len(rows) == PER_PAGE,
        "is_further": bool(request.GET.get("after")),
        "statuses": Delivery.Status.choices,
        "status": status,
        "words": words,
    }
    return render(request, "mailing/report.html", context)


@require_GET
@viewing
def report_csv(request: Request, pk: int) -> FileResponse:
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    return csv_response(reports.csv_lines(campaign), f"{slugify(campaign.name) or 'campaign'}-{pk}.csv")
