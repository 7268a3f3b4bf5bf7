"""Addresses that get no campaign."""

from datetime import date, datetime, time, timedelta

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.requests import Request
from mailing.forms import SuppressionFilterForm, SuppressionForm
from mailing.models import Contact, Suppression
from mailing.views.sure import sure

PER_PAGE = 50


@require_GET
@permission_required("mailing.view_suppression", raise_exception=True)
def suppressions(request: Request) -> HttpResponse:
    form = SuppressionFilterForm(request.GET)
    form.is_valid()  # what is no choice or no date narrows nothing
    chosen = form.cleaned_data
    found = Suppression.objects.order_by("-created_at", "-pk")
    if chosen["q"]:
        found = found.filter(email__contains=chosen["q"].strip().lower())
    for name in ("reason", "source"):
        if chosen.get(name):
            found = found.filter(**{name: chosen[name]})
    if chosen.get("since"):
        found = found.filter(created_at__gte=midnight(chosen["since"]))
    if chosen.get("until"):
        found = found.filter(created_at__lt=midnight(chosen["until"] + timedelta(days=1)))
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "mailing/suppressions.html",
        {"form": form, "page": page, "is_filtered": any(chosen.values())},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_suppression", raise_exception=True)
def suppression_new(request: Request) -> HttpResponse:
    form = SuppressionForm(request.POST or None, initial={"email": request.GET.get("email", "")})
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, f"“{saved.email}” gets no campaign from now on.")
        return redirect(Contact.objects.filter(email=saved.email).first() or "mailing:suppressions")
    return render(
        request, "mailing/suppression_form.html", {"form": form}, status=422 if form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_suppression", raise_exception=True)
def suppression_delete(request: Request, pk: int) -> HttpResponse:
    row = get_object_or_404(Suppression, pk=pk)
    if request.method == "POST":
        row.delete()
        messages.success(request, f"“{row.email}” may get campaigns again.")
        return redirect("mailing:suppressions")
    return sure(
        request,
        title=f"Lift the suppression of “{row.email}”?",
        sentence=f"It stands because of: {row.get_reason_display().lower()}. The next campaign will write to this "
        "address again. Who left or complained must have asked for it anew; an address that bounced harms your name "
        "with mail providers.",
        label="Lift it",
        back=reverse("mailing:suppressions"),
    )


def midnight(day: date) -> datetime:
    """The first instant of a day in the site's zone."""
    return timezone.make_aware(datetime.combine(day, time.min))
