"""Bounce mailboxes: what comes back to them is read by a task of the clock."""

from functools import partial

from django.contrib.auth.decorators import permission_required
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.requests import Request
from mailing.bounces import mailboxes
from mailing.forms import BounceMailboxForm
from mailing.models import BounceMailbox, HeldReport
from mailing.views.confirmations import act_when_confirmed
from mailing.views.row_forms import edit_row

viewing = permission_required("mailing.view_bouncemailbox", raise_exception=True)
changing = permission_required("mailing.change_bouncemailbox", raise_exception=True)


@require_GET
@viewing
def mailbox_list(request: Request) -> HttpResponse:
    """List the bounce mailboxes."""
    context = {"mailboxes": list_mailboxes(), "menu_path": reverse("mailing:connections")}
    return render(request, "mailing/mailboxes.html", context)


@require_GET
@viewing
def mailbox(request: Request, pk: int) -> HttpResponse:
    """Show a bounce mailbox."""
    return show_mailbox(request, find_mailbox(pk))


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_bouncemailbox", raise_exception=True)
def mailbox_new(request: Request) -> HttpResponse:
    """Show and save the form of a new bounce mailbox."""
    return edit_mailbox(request, BounceMailbox())


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def mailbox_edit(request: Request, pk: int) -> HttpResponse:
    """Show and save the form of a bounce mailbox."""
    return edit_mailbox(request, find_mailbox(pk))


def edit_mailbox(request: Request, row: BounceMailbox) -> HttpResponse:
    """Show the form of a bounce mailbox, new or stored, and save it."""
    form = BounceMailboxForm(request.POST or None, request.FILES or None, instance=row)
    said = gettext("“%(saved)s” is saved. Test it to see whether it can be read.")
    return edit_row(
        request, form, "mailing/mailbox_form.html", said, menu_path=reverse("mailing:connections")
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_bouncemailbox", raise_exception=True)
def mailbox_delete(request: Request, pk: int) -> HttpResponse:
    """Delete a bounce mailbox; a GET asks first."""
    row = find_mailbox(pk)
    return act_when_confirmed(
        request,
        partial(BounceMailbox.objects.filter(pk=pk).delete),
        done=gettext("The bounce mailbox “%(row)s” is deleted.") % {"row": row},
        to="mailing:mailboxes",
        title=gettext("Delete the bounce mailbox “%(row)s”?") % {"row": row},
        sentence=gettext(
            "Messages that come back to %(address)s are no longer read, not even those about "
            "mails already sent. The messages stay where they are. To stop reading for a while, "
            "switch it off."
        )
        % {"address": row.address},
        label=gettext("Delete"),
        back=row.get_absolute_url(),
        menu_path=reverse("mailing:connections"),
    )


@require_POST
@changing
def mailbox_test(request: Request, pk: int) -> HttpResponse:
    """Log in to the mailbox, and say what its server answered."""
    row = find_mailbox(pk)
    return show_mailbox(request, row, verdict=mailboxes.check_mailbox(row))


def show_mailbox(request: Request, row: BounceMailbox, **more: object) -> HttpResponse:
    """Answer with the page of a bounce mailbox."""
    context = {"mailbox": row, "menu_path": reverse("mailing:connections")} | more
    return render(request, "mailing/mailbox.html", context)


def list_mailboxes() -> QuerySet[BounceMailbox]:
    """Return all mailboxes, each with how many of its messages wait for a person."""
    waiting = Q(held__decision=HeldReport.Decision.WAITING)
    return BounceMailbox.objects.annotate(waiting=Count("held", filter=waiting))


def find_mailbox(pk: int) -> BounceMailbox:
    """Find a bounce mailbox, or answer 404."""
    return get_object_or_404(list_mailboxes(), pk=pk)
