"""The check of a campaign or a connection: a button asks for it, a task runs it, the page shows its progress."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from campaigns.annotations import PageContext
from campaigns.requests import Request
from mailing.models import EmailCampaign, Preflight, SmtpConnection
from mailing.preflight import runs
from mailing.preflight.lines import Line, State

ORDER = (State.FAIL, State.WARN, State.UNKNOWN, State.OK)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.view_emailcampaign", raise_exception=True)
def campaign_preflight(request: Request, pk: int) -> HttpResponse:
    """Show or ask for the check of a campaign."""
    return show_or_request_check(request, get_object_or_404(EmailCampaign, pk=pk))


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.view_smtpconnection", raise_exception=True)
def connection_preflight(request: Request, pk: int) -> HttpResponse:
    """Show or ask for the check of a connection."""
    return show_or_request_check(request, get_object_or_404(SmtpConnection, pk=pk))


def show_or_request_check(request: Request, subject: EmailCampaign | SmtpConnection) -> HttpResponse:
    """Show what the last check found; a POST asks for a new one."""
    if request.method == "POST":
        runs.request_check(subject)
        if not request.htmx:
            return redirect(request.path)
    template = "mailing/_preflight.html" if request.htmx else "mailing/preflight.html"
    return render(request, template, preflight_context(subject))


def preflight_context(subject: EmailCampaign | SmtpConnection) -> PageContext:
    """Return what mailing/_preflight.html shows."""
    is_campaign = isinstance(subject, EmailCampaign)
    row = Preflight.objects.filter(**{"campaign" if is_campaign else "connection": subject}).first()
    lines: list[Line] = sorted(runs.read_lines(row), key=lambda line: ORDER.index(line.state)) if row else []
    name = "mailing:campaign_preflight" if is_campaign else "mailing:connection_preflight"
    return {
        "subject": subject,
        "preflight": row,
        "is_under_way": row is not None and runs.is_under_way(row),
        "wrong": [line for line in lines if line.state is not State.OK],
        "fine": [line for line in lines if line.state is State.OK],
        "preflight_url": reverse(name, args=[subject.pk]),
    }
