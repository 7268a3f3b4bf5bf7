"""SMTP connections."""

from functools import partial

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.annotations import PageContext
from campaigns.requests import Request
from mailing import connections
from mailing.bounces import health
from mailing.forms import ConnectionForm, ConnectionTestForm, SenderDomainForm
from mailing.models import SmtpConnection
from mailing.senders import domains
from mailing.sending.servers import find_hello_name
from mailing.views.confirmations import act_when_confirmed
from mailing.views.row_forms import edit_row

viewing = permission_required("mailing.view_smtpconnection", raise_exception=True)
changing = permission_required("mailing.change_smtpconnection", raise_exception=True)


@require_GET
@viewing
def connection_list(request: Request) -> HttpResponse:
    """List the connections, and the reputation of each sender domain."""
    return show_connections(request, SenderDomainForm())


def show_connections(request: Request, form: SenderDomainForm, status: int = 200) -> HttpResponse:
    """Answer with the page of connections and sender domains."""
    context = {
        "connections": SmtpConnection.objects.select_related("pace", "oauth"),
        "domains": health.list_domains(),
        "health": health,
        "senders": domains.list_domain_states(),
        "sender_form": form,
        "menu_path": reverse("mailing:connections"),
    }
    return render(request, "mailing/connections.html", context, status=status)


@require_GET
@viewing
def connection(request: Request, pk: int) -> HttpResponse:
    """Show a connection."""
    return render(
        request, "mailing/connection.html", connection_context(find_connection(pk), ConnectionTestForm())
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_smtpconnection", raise_exception=True)
def connection_new(request: Request) -> HttpResponse:
    """Show and save the form of a new connection."""
    return edit_connection(request, SmtpConnection())


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def connection_edit(request: Request, pk: int) -> HttpResponse:
    """Show and save the form of a connection."""
    return edit_connection(request, find_connection(pk))


def edit_connection(request: Request, smtp: SmtpConnection) -> HttpResponse:
    """Show the form of a connection, new or stored, and save it."""
    form = ConnectionForm(request.POST or None, request.FILES or None, instance=smtp)
    said = gettext("“%(saved)s” is saved. Send a test mail to see whether it works.")
    return edit_row(request, form, "mailing/connection_form.html", said)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_smtpconnection", raise_exception=True)
def connection_delete(request: Request, pk: int) -> HttpResponse:
    """Delete a connection; a GET asks first."""
    smtp = find_connection(pk)
    return act_when_confirmed(
        request,
        partial(connections.delete_connection, smtp),
        done=gettext("The connection “%(smtp)s” is deleted.") % {"smtp": smtp},
        to="mailing:connections",
        title=gettext("Delete the connection “%(smtp)s”?") % {"smtp": smtp},
        sentence=gettext(
            "The connection and its password are deleted permanently. Switch it off to stop using it for a while."
        ),
        label=gettext("Delete"),
        back=smtp.get_absolute_url(),
    )


@require_POST
@changing
def connection_test(request: Request, pk: int) -> HttpResponse:
    """Send one mail through the server, and say how that went."""
    smtp = find_connection(pk)
    form = ConnectionTestForm(request.POST)
    if not form.is_valid():
        return render(request, "mailing/connection.html", connection_context(smtp, form), status=422)
    context = connection_context(smtp, form) | {
        "verdict": connections.check_connection(smtp, form.cleaned_data["to"])
    }
    return render(request, "mailing/connection.html", context)


def find_connection(pk: int) -> SmtpConnection:
    """Find a connection with its pace.

    Raises:
        Http404: there is none.
    """
    return get_object_or_404(SmtpConnection.objects.select_related("pace"), pk=pk)


def connection_context(smtp: SmtpConnection, form: ConnectionTestForm) -> PageContext:
    """Return what mailing/connection.html shows."""
    hello_name = smtp.hello_name or find_hello_name(settings.PUBLIC_URL)
    return {"smtp": smtp, "form": form, "hello_name": hello_name}
