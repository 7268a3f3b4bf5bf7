"""Lists of contacts."""

from functools import partial

from django.contrib.auth.decorators import permission_required
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods

from campaigns.requests import Request
from mailing.deletion import delete_list
from mailing.forms import ListForm
from mailing.models import ContactList, Membership
from mailing.views.confirmations import delete_when_confirmed
from mailing.views.row_forms import edit_row


@require_GET
@permission_required("mailing.view_contactlist", raise_exception=True)
def contact_lists(request: Request) -> HttpResponse:
    """List the lists of contacts."""
    counted = {
        pk: (members, left)
        for pk, members, left in Membership.objects.order_by()
        .values_list("list")
        .annotate(members=Count("pk") - Count("unsubscribed_at"), left=Count("unsubscribed_at"))
    }
    rows = [(each, *counted.get(each.pk, (0, 0))) for each in ContactList.objects.order_by("name")]
    return render(request, "mailing/lists.html", {"lists": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_contactlist", raise_exception=True)
def list_new(request: Request) -> HttpResponse:
    """Show and save the form of a new list."""
    return edit_list(request, ContactList())


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.change_contactlist", raise_exception=True)
def list_edit(request: Request, pk: int) -> HttpResponse:
    """Show and save the form of a list."""
    return edit_list(request, get_object_or_404(ContactList, pk=pk))


def edit_list(request: Request, row: ContactList) -> HttpResponse:
    """Show the form of a list, new or stored, and save it."""
    form = ListForm(request.POST or None, instance=row)
    said = gettext("“%(saved)s” is saved.")
    return edit_row(request, form, "mailing/list_form.html", said, to="mailing:lists")


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_contactlist", raise_exception=True)
def list_delete(request: Request, pk: int) -> HttpResponse:
    """Delete a list; a GET asks first."""
    row = get_object_or_404(ContactList, pk=pk)
    return delete_when_confirmed(
        request,
        row,
        done=gettext("The list “%(list)s” is deleted.") % {"list": row},
        title=gettext("Delete the list “%(list)s”?") % {"list": row},
        sentence=gettext(
            "The list is deleted permanently. Its contacts are kept; finished campaigns keep its name."
        ),
        back="mailing:lists",
        delete=partial(delete_list, row),
    )
