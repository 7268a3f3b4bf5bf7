"""The import of contacts: a file is received, its columns are chosen, it is tried, then taken in by the queue."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.refusals import Refused
from campaigns.requests import Request
from mailing import importing
from mailing.forms import ColumnsForm, UploadForm
from mailing.models import ContactImport, ImportRow
from mailing.views.known import attribute_names
from mailing.views.sure import once_sure

bringing = permission_required(["mailing.add_contact", "mailing.change_contact"], raise_exception=True)
viewing = permission_required(["mailing.view_contact", "mailing.view_contactimport"], raise_exception=True)
ROWS_SHOWN = 50
LATEST = 10
Status = ContactImport.Status


@require_http_methods(["GET", "HEAD", "POST"])
@bringing
def contact_import(request: Request) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            upload = importing.receive(form.cleaned_data["file"], by=request.user)
        except importing.UnreadableFile as error:
            form.add_error("file", str(error))
        else:
            return redirect("mailing:import_columns", upload.pk)
    context = {"form": form, "latest": ContactImport.objects.select_related("list", "by")[:LATEST]}
    return render(request, "mailing/contact_import.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@bringing
def import_columns(request: Request, pk: int) -> HttpResponse:
    """What each column is; saying so tries the file."""
    upload = kept(pk)
    if upload.status not in (Status.CHOOSING, Status.TRIED):
        return redirect("mailing:import", pk)
    try:
        examples = importing.examples(importing.path_of(pk))
    except importing.UnreadableFile as error:
        messages.error(request, str(error))
        return redirect("mailing:contact_import")
    form = ColumnsForm(request.POST or None, upload=upload, examples=examples)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            importing.choose(upload, form.taken(), list=chosen["list"], new_list=chosen["new_list"])
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("mailing:import", pk)
    context = {"upload": upload, "form": form, "attributes": attribute_names()}
    return render(request, "mailing/import_columns.html", context, status=422 if form.errors else 200)


@require_GET
@viewing
def import_page(request: Request, pk: int) -> HttpResponse:
    """How far an import is, and what became of each row; for htmx the part that changes."""
    upload = kept(pk)
    if upload.status == Status.CHOOSING:
        return redirect("mailing:import_columns", pk)
    return render(
        request, "mailing/_import.html" if request.htmx else "mailing/import.html", shown(request, upload)
    )


def shown(request: Request, upload: ContactImport) -> dict[str, Any]:
    context: dict[str, Any] = {"upload": upload, "is_running": upload.status == Status.RUNNING}
    if context["is_running"]:
        return context
    after, verdict = request.GET.get("after", ""), request.GET.get("verdict", "")
    found = upload.verdicts.filter(line__gt=int(after) if after.isdecimal() else 0)
    if verdict in ImportRow.Verdict.values:
        found = found.filter(verdict=verdict)
    rows = list(found[:ROWS_SHOWN])
    counts = {value: (label, getattr(upload, value)) for value, label in ImportRow.Verdict.choices}
    return context | {
        "rows": rows,
        "is_full": len(rows) == ROWS_SHOWN,
        "verdicts": counts,
        "verdict": verdict,
    }


@require_POST
@bringing
def import_start(request: Request, pk: int) -> HttpResponse:
    """Take in for real what has been tried."""
    upload = kept(pk)
    try:
        importing.start(upload)
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect("mailing:import", pk)


@require_http_methods(["GET", "HEAD", "POST"])
@bringing
def import_discard(request: Request, pk: int) -> HttpResponse:
    upload = kept(pk)
    return once_sure(
        request,
        partial(importing.discard, upload),
        done=f"“{upload}” is discarded.",
        to="mailing:contact_import",
        title=f"Discard “{upload}”?",
        sentence="The file and what was found in it are forgotten. No contact was taken in from it.",
        label="Discard",
        back=reverse("mailing:import", args=[pk]),
    )


@require_GET
@viewing
def import_rejected(request: Request, pk: int) -> StreamingHttpResponse:
    """The rows that were not taken, as a CSV file with the reason beside each."""
    upload = kept(pk)
    response = StreamingHttpResponse(importing.rejected(upload), content_type="text/csv; charset=utf-8")
    name = slugify(upload.name.removesuffix(".csv")) or "contacts"
    response["Content-Disposition"] = f'attachment; filename="{name}-not-taken.csv"'
    return response


def kept(pk: int) -> ContactImport:
    return get_object_or_404(ContactImport.objects.select_related("list", "by"), pk=pk)
