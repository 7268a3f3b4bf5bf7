"""The pages both kinds of campaign share."""

import sys
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, permission_required
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget, trigger_client_event

from campaigns import accounts, database_time, health, lifecycle, notices, waits
from campaigns.annotations import Columns, PageContext
from campaigns.forms import FilterForm, OwnPasswordForm, StepForm, UserSettingsForm, step_form
from campaigns.middleware import send_to_login
from campaigns.models import Campaign, Heartbeat
from campaigns.queue import QueueAway
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.verbs import VERBS
from campaigns.workspace import calendar, overview, search, trends

may_view = permission_required("campaigns.view_campaign", raise_exception=True)
PER_PAGE = 25
READYZ_WAIT_SECONDS = 2.0  # seconds for each statement: who watches over us asks again soon


@require_GET
def dashboard(request: Request) -> HttpResponse:
    """Show what needs attention, what is live, what comes next and the latest activity."""
    if not request.user.has_perm("campaigns.view_campaign"):
        return render(request, "campaigns/no_role.html")
    now = database_time.now()
    overview.write_all_owed_steps(now)
    context = {
        "now": now,
        "is_fresh": overview.has_no_campaigns(),
        "under_way": overview.live_campaigns(now),
        "coming": overview.scheduled_campaigns(),
        "drafts": overview.latest_drafts(),
        "attention": overview.campaigns_needing_attention(now)[: overview.DASHBOARD_ROWS],
        "recent": overview.recent_steps(),
        "notices": list(notices.list_notices(request.user, now)),
        "silent": Heartbeat.objects.silent() if request.user.is_staff else (),
    }
    return render(request, "campaigns/dashboard.html", context)


@require_GET
@may_view
def live_campaigns(request: Request) -> HttpResponse:
    """Return the live campaigns of the dashboard, which asks for this part again and again."""
    now = database_time.now()
    overview.write_all_owed_steps(now)
    return render(request, "campaigns/_under_way.html", {"under_way": overview.live_campaigns(now)})


@require_GET
@may_view
def show_trends(request: Request) -> HttpResponse:
    """Return the figures of the last 30 days for the dashboard."""
    assert isinstance(request.user, User)  # nobody else comes so far
    figures = list(trends.list_trends(request.user, database_time.now()))
    return render(request, "campaigns/_trends.html", {"trends": figures})


@require_GET
@may_view
def show_calendar(request: Request) -> HttpResponse:
    """Show the campaigns of a month in its weeks, and those of one day as a list."""
    now = database_time.now()
    overview.write_all_owed_steps(now)
    today = timezone.localdate(now)
    day = calendar.read_day(request.GET.get("day", ""), today)
    month = calendar.build_month(day, now)
    context = {
        "today": today,
        "day": day,
        "month": month,
        "periods": month.list_periods_on(day),
        "start": f"{day.isoformat()}T09:00",
    }
    return render(request, "campaigns/calendar.html", context)


@require_GET
@may_view
def campaign_list(request: Request) -> HttpResponse:
    """List the campaigns of both kinds that the filters choose."""
    overview.write_all_owed_steps(database_time.now())
    form = FilterForm(request.GET)
    form.is_valid()  # what is no choice is left out of cleaned_data
    chosen = form.cleaned_data
    campaigns = overview.list_campaigns(
        kind=chosen.get("kind", ""),
        status=chosen.get("status", ""),
        archived=chosen["archived"],
        words=chosen.get("q", ""),
        sort=chosen.get("sort", ""),
    )
    now = database_time.now()
    page = Paginator(campaigns, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "chosen": chosen,
        "page": page,
        "status_counts": overview.count_by_status(kind=chosen.get("kind", ""), words=chosen.get("q", "")),
        "rows": overview.build_rows(list(page), now),
        "is_filtered": any(chosen[name] for name in chosen if name != "sort"),
        "archived": chosen["archived"],
        "now": now,
    }
    return render(request, "campaigns/list.html", context)


@require_GET
def search_everywhere(request: Request) -> HttpResponse:
    """Show what the words find everywhere; a dialog asks for it too, and then for the hits alone as somebody types."""
    words = request.GET.get("q", "")
    context = {"words": words, "found": search.search(request.user, words)}
    if not request.htmx:
        return render(request, "campaigns/search.html", context)
    is_typing = request.htmx.target != "search"
    return render(request, f"campaigns/_{'found' if is_typing else 'search'}.html", context)


@require_GET
@may_view
def detail(request: Request, pk: int) -> HttpResponse:
    """Redirect to the page of the campaign's own kind."""
    return redirect(get_campaign(request, pk))


@require_http_methods(["GET", "HEAD", "POST"])
def fire(request: Request, pk: int, verb: str) -> HttpResponse:
    """Take one step of the lifecycle; a GET asks first."""
    if not overview.is_step(verb):
        raise Http404(f"“{verb}” is no step of a campaign.")
    campaign = get_campaign_for(request, pk, verb)
    if request.method != "POST":
        return render_confirmation(request, campaign, verb)
    form = step_form(campaign, verb, request.POST)
    try:
        campaign = lifecycle.fire(campaign, verb, by=request.user, **read_arguments(form))
    except Refused as refused:
        if request.htmx and any(field in form.fields for field, _ in refused.reasons):
            return render_confirmation_again(request, campaign, verb, form, refused)
        return render_refusal(request, campaign, refused)
    said = f"“{campaign}” is {describe_outcome(campaign, verb)}."
    if not request.htmx:
        messages.success(request, said)
        return redirect(campaign)
    context = overview.status_context(campaign, request.user, database_time.now()) | {"said": said}
    response = render(request, "campaigns/_status.html", context)
    return trigger_client_event(response, "campaign-fired")


@require_http_methods(["GET", "HEAD", "POST"])
def duplicate(request: Request, pk: int) -> HttpResponse:
    """Make a draft with everything of a campaign; a GET asks first."""
    campaign = get_campaign_for(request, pk, "duplicate")
    if request.method != "POST":
        return render_confirmation(request, campaign, "duplicate")
    copy = lifecycle.duplicate(campaign, by=request.user)
    messages.success(request, f"“{copy}” is a draft with everything of “{campaign}”.")
    return go_to(request, copy.get_absolute_url())


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: Request, pk: int) -> HttpResponse:
    """Delete a draft; a GET asks first."""
    campaign = get_campaign_for(request, pk, "delete")
    if request.method != "POST":
        return render_confirmation(request, campaign, "delete")
    try:
        lifecycle.delete(campaign, by=request.user)
    except Refused as refused:
        return render_refusal(request, campaign, refused)
    messages.success(request, f"“{campaign}” is deleted.")
    return go_to(request, redirect("campaigns:list").url)


# ── what the views above share ───────────────────────────────────────────────────────────────────────────────────────


def get_campaign(request: Request, pk: int) -> Campaign:
    """Return the campaign of its own kind.

    Raises:
        Http404: there is none.
        PermissionDenied: the user may not look at it.
    """
    overview.write_all_owed_steps(database_time.now())
    try:
        campaign: Campaign = lifecycle.load_own_kind(pk)
    except Campaign.DoesNotExist as missing:
        raise Http404("There is no such campaign.") from missing
    if not request.user.has_perm(lifecycle.permission_name(campaign, "view")):
        raise PermissionDenied
    return campaign


def get_campaign_for(request: Request, pk: int, verb: str) -> Campaign:
    """Return the campaign, when the user has the right to `verb`.

    Raises:
        Http404: there is none.
        PermissionDenied: the user may not look at it.
    """
    campaign = get_campaign(request, pk)
    if not overview.may_take_step(campaign, verb, request.user):
        raise PermissionDenied
    return campaign


def read_arguments(form: StepForm) -> Columns:
    """Return the arguments that a step's form gives.

    Raises:
        Refused: a value cannot be read.
    """
    if not form.is_valid():
        raise Refused([(field, str(error)) for field, errors in form.errors.items() for error in errors])
    return form.arguments()


def render_confirmation(request: Request, campaign: Campaign, verb: str) -> HttpResponse:
    """Ask before a step: a page, or for htmx the content of the dialog. A step that is not open is refused here."""
    now = database_time.now()
    context = overview.status_context(campaign, request.user, now)
    if verb not in [button.name for button in context["buttons"]]:
        response = render_refusal(
            request, campaign, overview.not_open_refusal(campaign, verb, request.user, now)
        )
        # the page is out of date: its status is renewed, and the dialog stays shut
        return reswap(retarget(response, "#campaign-status"), "outerHTML") if request.htmx else response
    context |= confirmation_context(campaign, verb, step_form(campaign, verb))
    return render(request, "campaigns/_ask.html" if request.htmx else "campaigns/ask.html", context)


def render_confirmation_again(
    request: Request, campaign: Campaign, verb: str, form: StepForm, refused: Refused
) -> HttpResponse:
    """Answer 409 with the question in the open dialog, what was typed, and why it was refused."""
    form.full_clean()
    for field, sentence in refused.reasons:
        if field in form.fields and not form.has_error(field):
            form.add_error(field, sentence)
    context = overview.status_context(campaign, request.user, database_time.now())
    context |= confirmation_context(campaign, verb, form)
    response = render(request, "campaigns/_ask.html", context, status=409)
    return reswap(retarget(response, "#ask"), "innerHTML")


def confirmation_context(campaign: Campaign, verb: str, form: StepForm) -> PageContext:
    """Return what campaigns/_ask.html shows besides the status."""
    now = database_time.now()
    kind = lifecycle.lifecycle_of(campaign)
    return {
        "verb": verb,
        "asked": overview.button_for(campaign, verb, now),
        "question": VERBS[verb].ask_about(campaign),
        "form": form,
        "obstacles": overview.list_obstacles(campaign, verb, now),
        "warnings": kind.list_warnings(campaign, verb, now),
        "gentler": VERBS.get(kind.gentler_step(campaign, verb)),
    }


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


def go_to(request: Request, url: str) -> HttpResponse:
    """Redirect; htmx gets a header that makes the browser load the page."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)


def describe_outcome(campaign: Campaign, verb: str) -> str:
    """Return the state of a campaign after the step, in a word or two."""
    return VERBS[verb].outcome or campaign.get_status_display().lower()


# ── the account of who is signed in ──────────────────────────────────────────────────────────────────────────────────


@require_GET
def account(request: Request) -> HttpResponse:
    """Show the account of the signed-in user."""
    roles = request.user.groups.values_list("name", flat=True)
    return render(request, "campaigns/account.html", {"roles": roles})


@require_http_methods(["GET", "HEAD", "POST"])
def user_settings(request: Request) -> HttpResponse:
    """Show and save the settings of the signed-in user."""
    assert isinstance(request.user, User)  # nobody else comes so far
    form = UserSettingsForm(request.POST or None, instance=accounts.settings_of(request.user))
    if request.method == "POST" and form.is_valid():
        accounts.save_settings(form.instance)
        messages.success(request, "Your settings are saved.")
        return redirect("campaigns:settings")
    return render(request, "campaigns/settings.html", {"form": form})


if TYPE_CHECKING:  # generic in the stubs only
    SuccessMessage = SuccessMessageMixin[OwnPasswordForm]
else:
    SuccessMessage = SuccessMessageMixin


class PasswordChange(SuccessMessage, PasswordChangeView):
    """Django's own view, which keeps this session and ends the user's other sessions."""

    form_class = OwnPasswordForm
    template_name = "campaigns/password.html"
    success_url = reverse_lazy("campaigns:account")
    success_message = "Your password is changed. Elsewhere you are signed out."


# ── what went wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def server_error(request: Request) -> HttpResponse:
    """Return an error page that needs no database: 503 while the database or the queue is away, else 500."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return render_alone("503.html", 503, {"Retry-After": "5"})
    if isinstance(sys.exception(), QueueAway):
        return render_alone("503_queue.html", 503, {"Retry-After": "5"})
    return render_alone("500.html", 500, {})


def render_alone(template: str, status: int, headers: dict[str, str]) -> HttpResponse:
    """Render a template without the request and its user."""
    return HttpResponse(get_template(template).render(), status=status, headers=headers)


# ── health ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@login_not_required
@require_GET
def check_signed_in(request: HttpRequest) -> HttpResponse:
    """Answer 204 to the front if a request is from a signed-in user, else redirect to the login.

    The front asks before it receives something long. With `?plain` the answer is 401, since nginx follows no redirect.
    """
    if request.user.is_authenticated:
        return HttpResponse(status=204)
    return HttpResponse(status=401) if "plain" in request.GET else send_to_login(request)


@login_not_required
@require_GET
def healthz(request: Request) -> JsonResponse:
    """Answer that this process is alive."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_GET
def readyz(request: Request) -> JsonResponse:
    """Answer 200 if database, migrations and queue work, else 503, with the problems for callers with the token."""
    with waits.limit_waits(each=READYZ_WAIT_SECONDS):
        problems = health.list_problems()
    if not problems:
        return JsonResponse({"status": "ok"})
    told = {"problems": problems} if may_read_problems(request) else {}
    return JsonResponse({"status": "not ready"} | told, status=503, headers={"Retry-After": "5"})


def may_read_problems(request: Request) -> bool:
    """Return whether the request has settings.READYZ_TOKEN. The address proves nothing: the front is this machine."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = settings.READYZ_TOKEN
    return bool(known) and scheme.lower() == "bearer" and constant_time_compare(token.strip(), known)
