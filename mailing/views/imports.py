"""Files of contacts and of addresses to suppress: received, tried, then taken in by the queue; stopped and resumed."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import slugify
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.annotations import PageContext
from campaigns.formats import thousands
from campaigns.refusals import Refused
from campaigns.requests import Request, number_in_query
from campaigns.stored_sentences import translate_stored
from campaigns.workspace.responses import csv_response
from mailing import importing
from mailing.audience import list_recent_attribute_names
from mailing.forms import ColumnsForm, ContactFilterForm, EncodingForm, SuppressionImportForm, UploadForm
from mailing.importing.stored_verdicts import Verdict
from mailing.models import Upload
from mailing.views.confirmations import act_when_confirmed

Kind, Status = Upload.Kind, Upload.Status
BRINGING: Mapping[str, list[str]] = {
    Kind.CONTACTS: ["mailing.add_contact", "mailing.change_contact"],
    Kind.SUPPRESSIONS: ["mailing.add_suppression"],
}
VIEWING: Mapping[str, list[str]] = {
    Kind.CONTACTS: ["mailing.view_contact", "mailing.view_upload"],
    Kind.SUPPRESSIONS: ["mailing.view_suppression", "mailing.view_upload"],
}
PAGES: Mapping[str, str] = {
    Kind.CONTACTS: "mailing:contact_import",
    Kind.SUPPRESSIONS: "mailing:suppression_import",
}
LABELS: Mapping[str, Mapping[str, str | Promise]] = {
    Kind.CONTACTS: dict(Verdict.choices),
    Kind.SUPPRESSIONS: dict(Verdict.choices) | {Verdict.UPDATED: gettext_lazy("Suppressed already")},
}
ROWS_SHOWN = 50
LATEST = 10


# ── a file comes ─────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(BRINGING[Kind.CONTACTS], raise_exception=True)
def contact_import(request: Request) -> HttpResponse:
    """Take in a file of contacts; `?list=` is proposed as the list that everybody joins."""
    form = UploadForm(request.POST or None, request.FILES or None)
    proposed = ContactFilterForm(request.GET)
    proposed.is_valid()  # what is no list proposes none
    into = proposed.cleaned_data.get("list")
    if request.method == "POST" and form.is_valid():
        try:
            upload = importing.receive_contacts(
                form.cleaned_data["file"],
                list=into,
                by=request.user,
                encoding=form.cleaned_data["encoding"],
            )
        except importing.UnreadableFile as error:
            form.add_error("file", translate_stored(str(error)))
        else:
            return redirect("mailing:upload_columns", upload.pk)
    return render_upload_form(request, "mailing/contact_import.html", form, Kind.CONTACTS, into=into)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(BRINGING[Kind.SUPPRESSIONS], raise_exception=True)
def suppression_import(request: Request) -> HttpResponse:
    """Show and take in the form that uploads suppressions."""
    form = SuppressionImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            upload = importing.receive_suppressions(
                chosen["file"],
                reason=chosen["reason"],
                detail=chosen["detail"],
                by=request.user,
                encoding=chosen["encoding"],
            )
        except importing.UnreadableFile as error:
            form.add_error("file", translate_stored(str(error)))
        else:
            return redirect(upload)
    return render_upload_form(request, "mailing/suppression_import.html", form, Kind.SUPPRESSIONS)


def render_upload_form(
    request: Request, template: str, form: BaseForm, kind: str, **more: object
) -> HttpResponse:
    """Answer with a form that uploads a file, and the latest uploads of its kind."""
    latest = Upload.objects.filter(kind=kind).select_related("list", "by")[:LATEST]
    context = {"form": form, "latest": latest} | more
    return render(request, template, context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: Request, pk: int) -> HttpResponse:
    """Ask what each column of a file of contacts is; saving starts the check of the file."""
    upload = find_upload(request, pk, BRINGING)
    if upload.kind != Kind.CONTACTS or not Upload.objects.filter(Upload.OPEN, pk=pk).exists():
        return redirect(upload)
    try:
        examples = importing.read_examples(importing.path_of(pk), upload.encoding)
        encoding = EncodingForm(initial={"encoding": importing.find_encoding(upload)})
    except importing.UnreadableFile as error:
        messages.error(request, translate_stored(str(error)))
        return redirect(PAGES[Kind.CONTACTS])
    form = ColumnsForm(request.POST or None, upload=upload, examples=examples)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            importing.choose_columns(
                upload, form.column_meanings(), list=chosen["list"], new_list=chosen["new_list"]
            )
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect(upload)
    context = {
        "upload": upload,
        "form": form,
        "encoding": encoding,
        "attributes": list_recent_attribute_names(),
        "menu_path": reverse(PAGES[upload.kind]),
    }
    return render(request, "mailing/upload_columns.html", context, status=422 if form.errors else 200)


@require_POST
def encoding(request: Request, pk: int) -> HttpResponse:
    """Read the file in another encoding, and guess anew what its columns are."""
    upload = find_upload(request, pk, BRINGING)
    form = EncodingForm(request.POST)
    if upload.kind == Kind.CONTACTS and form.is_valid():
        try:
            importing.read_in_encoding(upload, form.cleaned_data["encoding"])
        except (importing.UnreadableFile, Refused) as error:
            messages.error(request, translate_stored(str(error)))
    return redirect("mailing:upload_columns", pk)


# ── how far it is, and what became of each row ───────────────────────────────────────────────────────────────────────


@require_GET
def upload(request: Request, pk: int) -> HttpResponse:
    """Show the progress of an import and the result of each row; for htmx only the part that changes."""
    found = find_upload(request, pk, VIEWING)
    if found.status == Status.CHOOSING:
        return redirect("mailing:upload_columns", pk)
    template = "mailing/_upload.html" if request.htmx else "mailing/upload.html"
    return render(request, template, upload_context(request, found))


def upload_context(request: Request, upload: Upload) -> PageContext:
    """Return what mailing/_upload.html shows."""
    context: PageContext = {
        "upload": upload,
        "is_running": upload.status == Status.RUNNING,
        "is_of_contacts": upload.kind == Kind.CONTACTS,
        "menu_path": reverse(PAGES[upload.kind]),
        "columns": [(name, importing.label_of(taken)) for name, taken in upload.columns],
        "may_bring": request.user.has_perms(BRINGING[upload.kind]),
    }
    if context["is_running"]:
        return context
    verdict = request.GET.get("verdict", "")
    verdict = verdict if verdict in Verdict.values else ""
    found = importing.stored_verdicts.read_verdicts(upload, verdict, after=number_in_query(request, "after"))
    rows = list(islice(found, ROWS_SHOWN))
    labels = LABELS[upload.kind]
    return context | {
        "rows": [(row, labels[row.verdict]) for row in rows],
        "after": rows[-1].line if len(rows) == ROWS_SHOWN else None,
        "verdicts": [(value, label, getattr(upload, value)) for value, label in labels.items()],
        "verdict": verdict,
    }


@require_GET
def rejected_csv(request: Request, pk: int) -> HttpResponse | FileResponse:
    """Return the rows that were not imported as a CSV file, each with its reason."""
    upload = find_upload(request, pk, VIEWING)
    name = slugify(upload.name.removesuffix(".csv")) or upload.kind
    return csv_response(importing.stored_verdicts.rejected_rows_csv(upload), f"{name}-not-taken.csv")


def find_upload(request: Request, pk: int, needed: Mapping[str, list[str]]) -> Upload:
    """Return the upload.

    Args:
        needed: the permissions that the page asks for, by the kind of upload.

    Raises:
        Http404: there is none.
        PermissionDenied: the user lacks them.
    """
    found = get_object_or_404(Upload.objects.select_related("list", "by"), pk=pk)
    if not request.user.has_perms(needed[found.kind]):
        raise PermissionDenied
    return found


# ── its steps ────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_POST
def start(request: Request, pk: int) -> HttpResponse:
    """Import what was checked."""
    return take_step(request, pk, importing.start)


@require_POST
def resume(request: Request, pk: int) -> HttpResponse:
    """Resume a stopped import."""
    return take_step(request, pk, importing.resume)


def take_step(request: Request, pk: int, step: Callable[[Upload], object]) -> HttpResponse:
    """Take a step of an import and go to its page, which shows a refusal as a message."""
    upload = find_upload(request, pk, BRINGING)
    try:
        step(upload)
    except Refused as refused:
        messages.error(request, str(refused))
    return redirect(upload)


@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: Request, pk: int) -> HttpResponse:
    """Stop an import; a GET asks first."""
    upload = find_upload(request, pk, BRINGING)
    return ask_before_step(
        request,
        upload,
        importing.stop,
        done=gettext("“%(upload)s” is stopped.") % {"upload": upload},
        to=upload.get_absolute_url(),
        title=gettext("Stop “%(upload)s”?") % {"upload": upload},
        sentence=gettext(
            "The file is only being checked: nothing has been imported. You can continue the check later."
        )
        if upload.is_trial
        else gettext("What has been imported is kept. You can continue from that row, or skip the rest."),
        label=gettext("Stop"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: Request, pk: int) -> HttpResponse:
    """End a stopped import for good; a GET asks first."""
    upload = find_upload(request, pk, BRINGING)
    return ask_before_step(
        request,
        upload,
        importing.end,
        done=gettext("“%(upload)s” ended early: what was imported is kept.") % {"upload": upload},
        to=upload.get_absolute_url(),
        title=gettext("Skip the rest of “%(upload)s”?") % {"upload": upload},
        sentence=gettext(
            "%(done)s of %(rows)s rows have been processed, and what was imported is kept. The "
            "file is deleted: to import the rest, upload it again."
        )
        % {"done": thousands(upload.done), "rows": thousands(upload.rows or 0)},
        label=gettext("Skip the rest"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: Request, pk: int) -> HttpResponse:
    """Delete an import that has imported nothing; a GET asks first."""
    upload = find_upload(request, pk, BRINGING)
    return ask_before_step(
        request,
        upload,
        importing.discard,
        done=gettext("“%(upload)s” is discarded.") % {"upload": upload},
        to=PAGES[upload.kind],
        title=gettext("Discard “%(upload)s”?") % {"upload": upload},
        sentence=gettext("The file and the result of its check are deleted. Nothing was imported from it."),
        label=gettext("Discard"),
    )


def ask_before_step(
    request: Request, upload: Upload, step: Callable[[Upload], object], **question: str
) -> HttpResponse:
    """Ask before a step of `upload`; `question` as for `act_when_confirmed`."""
    return act_when_confirmed(
        request,
        partial(step, upload),
        back=upload.get_absolute_url(),
        menu_path=reverse(PAGES[upload.kind]),
        **question,
    )
