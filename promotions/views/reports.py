"""The page of the reports, and the same as CSV."""

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from campaigns.requests import Request
from campaigns.responses import csv_file
from promotions import reports
from promotions.forms.report import ReportForm

PER_PAGE = 100

viewing = permission_required("promotions.view_redemption", raise_exception=True)


@require_GET
@viewing
def report(request: Request) -> HttpResponse:
    form = ReportForm(request.GET)
    context = {"form": form, "kinds": {key: title for key, (title, _) in reports.REPORTS.items()}}
    if not form.is_valid():
        return render(request, "promotions/reports.html", context, status=422)
    asked = form.asked()
    _, make = reports.REPORTS[form.cleaned_data["by"]]
    made = make(asked)
    drawn = list(zip(made.rows, reports.shares(made), strict=True))
    page = Paginator(drawn, PER_PAGE if made.drawn != "columns" else max(1, len(drawn))).get_page(
        request.GET.get("page")
    )
    context |= {"asked": asked, "report": made, "page": page}
    if made.drawn == "columns":
        context["plot"] = reports.drawing(made, asked.currency)
    return render(request, "promotions/reports.html", context)


@require_GET
@viewing
def export(request: Request) -> HttpResponse | StreamingHttpResponse:
    """The report as CSV, all its rows."""
    form = ReportForm(request.GET)
    if not form.is_valid():
        return render(request, "promotions/reports.html", {"form": form, "kinds": {}}, status=422)
    asked = form.asked()
    _, make = reports.REPORTS[form.cleaned_data["by"]]
    lines = reports.csv_lines(make(asked), asked.currency)
    return csv_file(lines, f"promotions-by-{form.cleaned_data['by']}-{asked.first}-{asked.last}.csv")
