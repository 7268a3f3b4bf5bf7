"""Answers that views of every app give: refusals and redirects; and the right that most pages of campaigns ask for."""

import json

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

from campaigns import database_time, lifecycle
from campaigns.annotations import Argument
from campaigns.models import Campaign
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.workspace import overview

may_view = permission_required("campaigns.view_campaign", raise_exception=True)


def render_refusal(request: Request, campaign: Campaign, refused: Refused) -> HttpResponse:
    """Answer 409 with the campaign as it is and the reason."""
    campaign = lifecycle.load_own_kind(campaign.pk)
    context = overview.status_context(campaign, request.user, database_time.now(), refused)
    template = "campaigns/_status.html" if request.htmx else "campaigns/refused.html"
    return render(request, template, context, status=409)


def refuse_confirmation(request: Request, campaign: Campaign, refused: Refused) -> HttpResponse:
    """Answer 409 with the reason: in the dialog that was to ask, else as `render_refusal` does."""
    if not request.htmx:
        return render_refusal(request, campaign, refused)
    context = {"campaign": campaign, "refused": refused}
    return render(request, "campaigns/_refused_ask.html", context, status=409)


def render_dashboard_part(
    request: Request, title: str, template: str, context: dict[str, Argument]
) -> HttpResponse:
    """Show a part of the dashboard: to htmx as it is, else on a page of its own, since a link leads to it."""
    if request.htmx:
        return render(request, template, context)
    page = "campaigns/dashboard_part.html"
    return render(request, page, {**context, "title": title, "part": template})


def say_undoable(request: Request, sentence: str, to: str, **fields: str) -> None:
    """Say what was done, with a button that undoes it: it posts `fields` to the address `to`."""
    undo = json.dumps({"to": to, "fields": fields})
    messages.success(request, sentence, extra_tags=f"undo {undo}")


def go_to(request: Request, url: str) -> HttpResponse:
    """Redirect; htmx gets a header that makes the browser load the page."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def find_way_back(request: Request, otherwise: str) -> str:
    """Return the address of ours that a form or a link names as `next`: where somebody came from; else another one."""
    path = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    return path if is_ours else otherwise
