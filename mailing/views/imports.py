"""The import of contacts: the file is kept, the queue takes it in, a page shows how far it is."""

from functools import partial

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django_q.tasks import async_task

from campaigns.requests import Request
from mailing import contacts
from mailing.forms import ImportForm
from mailing.models import ContactImport, ImportRow

importing = permission_required(["mailing.add_contact", "mailing.change_contact"], raise_exception=True)
viewing = permission_required(["mailing.view_contact", "mailing.view_contactimport"], raise_exception=True)
PER_PAGE = 50
LATEST = 10


@require_http_methods(["GET", "HEAD", "POST"])
@importing
def contact_import(request: Request) -> HttpResponse:
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            upload = contacts.receive(
                chosen["file"],
                list=chosen["list"],
                new_list=chosen["new_list"],
                trial=chosen["trial"],
                by=request.user,
            )
        except contacts.ImportError as error:
            form.add_error("file", str(error))
        else:
            transaction.on_commit(partial(async_task, "mailing.tasks.import_contacts", upload.pk))
            return redirect("mailing:import", upload.pk)
    context = {"form": form, "latest": ContactImport.objects.select_related("list", "by")[:LATEST]}
    return render(request, "mailing/contact_import.html", context, status=422 if form.errors else 200)


@require_GET
@viewing
def import_page(request: Request, pk: int) -> HttpResponse:
    """How far an import is, and what became of each row."""
    upload = get_object_or_404(ContactImport.objects.select_related("list", "by"), pk=pk)
    verdict = request.GET.get("verdict", "")
    rows = upload.verdicts.all()
    if verdict in ImportRow.Verdict.values:
        rows = rows.filter(verdict=verdict)
    context = {
        "upload": upload,
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "verdicts": ImportRow.Verdict.choices,
        "verdict": verdict,
        "is_over": upload.status in (ContactImport.Status.DONE, ContactImport.Status.FAILED),
    }
    return render(request, "mailing/import.html", context)
