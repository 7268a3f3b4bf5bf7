"""Addresses that get no campaign."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.formats import in_sentence
from campaigns.requests import Request
from campaigns.workspace.responses import csv_response
from mailing import suppressions
from mailing.forms import SuppressionFilterForm, SuppressionForm
from mailing.models import Contact, Suppression
from mailing.views.confirmations import ask_for_confirmation

viewing = permission_required("mailing.view_suppression", raise_exception=True)
PER_PAGE = 50


@require_GET
@viewing
def suppression_list(request: Request) -> HttpResponse:
    """List the suppressed addresses that the filters choose."""
    form = SuppressionFilterForm(request.GET)
    page = Paginator(filter_suppressions(form), PER_PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "is_filtered": any(form.cleaned_data.values())}
    return render(request, "mailing/suppressions.html", context)


@require_GET
@viewing
@permission_required("mailing.export_contact", raise_exception=True)
def suppression_csv(request: Request) -> HttpResponse | FileResponse:
    """Return all suppressed addresses that the filters choose as a CSV file."""
    lines = suppressions.csv_lines(filter_suppressions(SuppressionFilterForm(request.GET)))
    return csv_response(lines, "suppressions.csv")


def filter_suppressions(form: SuppressionFilterForm) -> QuerySet[Suppression]:
    """Return the suppressions that the filters choose."""
    form.is_valid()  # what is no choice or no date narrows nothing
    chosen = form.cleaned_data
    return suppressions.find_suppressions(
        chosen.get("q", ""),
        reason=chosen.get("reason", ""),
        source=chosen.get("source", ""),
        since=chosen.get("since"),
        until=chosen.get("until"),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_suppression", raise_exception=True)
def suppression_new(request: Request) -> HttpResponse:
    """Show and save the form that suppresses an address."""
    form = SuppressionForm(request.POST or None, initial={"email": request.GET.get("email", "")})
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(
            request, gettext("“%(email)s” gets no campaign from now on.") % {"email": saved.email}
        )
        return redirect(Contact.objects.filter(email=saved.email).first() or "mailing:suppressions")
    return render(
        request, "mailing/suppression_form.html", {"form": form}, status=422 if form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_suppression", raise_exception=True)
def suppression_delete(request: Request, pk: int) -> HttpResponse:
    """Remove a suppression; a GET asks first."""
    row = get_object_or_404(Suppression, pk=pk)
    if request.method == "POST":
        row.delete()
        messages.success(request, gettext("“%(email)s” may get campaigns again.") % {"email": row.email})
        return redirect("mailing:suppressions")
    return ask_for_confirmation(
        request,
        title=gettext("Remove the suppression of “%(email)s”?") % {"email": row.email},
        sentence=gettext(
            "Reason: %(reason)s. The next campaign will write to this address again. Somebody who "
            "unsubscribed or complained must have asked for mail again; mail to an address that "
            "bounces harms your reputation with mailbox providers."
        )
        % {"reason": in_sentence(row.get_reason_display())},
        label=gettext("Remove"),
        back=reverse("mailing:suppressions"),
    )
