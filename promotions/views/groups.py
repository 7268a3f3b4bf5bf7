"""The pages of customer groups."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import editions
from campaigns.refusals import Refused
from campaigns.requests import Request
from promotions import groups
from promotions.forms.group import GroupForm
from promotions.models import CustomerGroup

PER_PAGE = 50

viewing = permission_required("promotions.view_customergroup", raise_exception=True)
adding = permission_required("promotions.add_customergroup", raise_exception=True)
changing = permission_required("promotions.change_customergroup", raise_exception=True)


@require_GET
@viewing
def group_list(request: Request) -> HttpResponse:
    """List the customer groups."""
    found = CustomerGroup.objects.annotate(count=Count("members")).order_by("name", "pk")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "promotions/groups.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@adding
@changing
def new(request: Request) -> HttpResponse:
    """Show and save the form of a new customer group."""
    return edit_group(request, CustomerGroup())


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def group(request: Request, pk: int) -> HttpResponse:
    """Show and save the form of a customer group."""
    return edit_group(request, get_object_or_404(CustomerGroup, pk=pk))


def edit_group(request: Request, group: CustomerGroup) -> HttpResponse:
    """Show the form of a customer group, new or stored, and save it."""
    seen = request.POST.get("seen") or (editions.edition_of(groups.describe_group(group)) if group.pk else "")
    form = GroupForm(request.POST or None, instance=group)
    if request.method == "POST" and form.is_valid():
        try:
            said = form.cleaned_data
            shown = said.get("shown") if "shown" in request.POST else None
            saved = groups.save_group(
                form.instance,
                said.get("customers", ()),
                shown=shown,
                by=request.user,
                seen=request.POST.get("seen"),
            )
        except editions.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(
                request, _("“%(saved)s” is saved. It counts from the very next sale.") % {"saved": saved}
            )
            return redirect("promotions:groups")
    status = 422 if request.method == "POST" else 200
    context = {
        "form": form,
        "group": group,
        "seen": seen,
        "edits": editions.edits_of(group)[: editions.EDITS_SHOWN] if group.pk else [],
    }
    return render(request, "promotions/group_form.html", context, status=status)
