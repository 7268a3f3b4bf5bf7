"""Contacts."""

from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from campaigns.requests import Request
from mailing.forms import ContactFilterForm
from mailing.models import Contact, Suppression

viewing = permission_required("mailing.view_contact", raise_exception=True)
PER_PAGE = 50
MAILS_SHOWN = 50


@require_GET
@viewing
def contact_list(request: Request) -> HttpResponse:
    form = ContactFilterForm(request.GET)
    form.is_valid()  # what is no choice narrows nothing
    found = Contact.objects.all()
    for word in form.cleaned_data["q"].split():
        found = found.filter(
            Q(email__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word)
        )
    if chosen := form.cleaned_data.get("list"):
        found = found.filter(memberships__list=chosen)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    suppressions = Suppression.objects.filter(email__in=[contact.email for contact in page])
    suppressed = {suppression.email: suppression for suppression in suppressions}
    context = {
        "form": form,
        "page": page,
        "rows": [(row, suppressed.get(row.email)) for row in page],
        "is_filtered": any(form.cleaned_data.values()),
    }
    return render(request, "mailing/contacts.html", context)


@require_GET
@viewing
def contact(request: Request, pk: int) -> HttpResponse:
    found = get_object_or_404(Contact, pk=pk)
    context = {
        "contact": found,
        "suppression": Suppression.objects.filter(email=found.email).first(),
        "memberships": found.memberships.select_related("list").order_by("list__name"),
        "mails": found.deliveries.select_related("campaign").order_by("-pk")[:MAILS_SHOWN],
    }
    return render(request, "mailing/contact.html", context)
