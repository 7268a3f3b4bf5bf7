"""The page of the reports, and their CSV files."""

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from campaigns.requests import Request
from campaigns.workspace.responses import csv_response
from promotions import reports
from promotions.forms.report import ReportForm

PER_PAGE = 50

viewing = permission_required("promotions.view_redemption", raise_exception=True)


@require_GET
@viewing
def report(request: Request) -> HttpResponse:
    """Show a report of promotions."""
    form = ReportForm(request.GET)
    if not form.is_valid():
        return render_refused_form(request, form)
    asked, made = make_report(form)
    is_whole = made.drawn == "columns"  # a column for every row
    size = max(1, len(made.rows)) if is_whole else PER_PAGE
    page = Paginator(made.rows, size).get_page(request.GET.get("page"))
    rows = list(page)
    context = {
        "form": form,
        "kinds": {key: title for key, (title, _) in reports.REPORTS.items()},
        "asked": asked,
        "report": made,
        "page": page,
        "rows": list(zip(rows, reports.list_shares(made, rows), strict=True)),
        "plot": reports.draw_report(made, asked.currency) if is_whole else None,
    }
    return render(request, "promotions/reports.html", context)


@require_GET
@viewing
def export(request: Request) -> HttpResponse | FileResponse:
    """Return the report as CSV, all its rows."""
    form = ReportForm(request.GET)
    if not form.is_valid():
        return render_refused_form(request, form)
    asked, made = make_report(form)
    zone = slugify(asked.zone_name)  # of its days and hours
    name = f"promotions-by-{made.key}-{asked.first}-{asked.last}-{zone}.csv"
    return csv_response(reports.csv_lines(made, asked.currency), name)


def make_report(form: ReportForm) -> tuple[reports.ReportQuery, reports.Report]:
    """Return the query of a valid form, and its report."""
    asked = form.read_query()
    _, make = reports.REPORTS[form.cleaned_data["by"]]
    return asked, make(asked)


def render_refused_form(request: Request, form: ReportForm) -> HttpResponse:
    """Return the page with the errors of the form."""
    return render(request, "promotions/reports.html", {"form": form}, status=422)
