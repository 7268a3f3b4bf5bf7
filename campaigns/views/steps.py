"""The steps of one campaign: each is asked for, taken or refused; and duplicate and delete."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import reswap, retarget, trigger_client_event

from campaigns import database_time, lifecycle
from campaigns.annotations import Columns, PageContext
from campaigns.formats import in_sentence
from campaigns.forms import StepForm, step_form
from campaigns.models import Campaign
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.verbs import VERBS
from campaigns.views.answers import find_way_back, go_to, may_view, refuse_confirmation, render_refusal
from campaigns.workspace import overview


@require_GET
@may_view
def detail(request: Request, pk: int) -> HttpResponse:
    """Redirect to the page of the campaign's own kind."""
    return redirect(get_campaign(request, pk))


@require_http_methods(["GET", "HEAD", "POST"])
def fire(request: Request, pk: int, verb: str) -> HttpResponse:
    """Take one step of the lifecycle; a GET asks first."""
    if not overview.is_step(verb):
        raise Http404(f"“{verb}” is not a step of a campaign.")
    campaign = get_campaign_for(request, pk, verb)
    if request.method != "POST":
        return render_confirmation(request, campaign, verb)
    form = step_form(campaign, verb, request.POST)
    try:
        campaign = lifecycle.fire(campaign, verb, by=request.user, **read_arguments(form))
    except Refused as refused:
        if request.htmx and any(field in form.fields for field, _ in refused.reasons):
            return render_confirmation_again(request, campaign, verb, form, refused)
        return answer_refusal(request, campaign, refused)
    said = gettext("“%(campaign)s” is %(status)s.") % {
        "campaign": campaign,
        "status": describe_outcome(campaign, verb),
    }
    if not request.htmx or find_way_back(request, ""):
        messages.success(request, said)
        return go_to(request, find_way_back(request, campaign.get_absolute_url()))
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
    messages.success(
        request,
        gettext("“%(copy)s” is a draft with everything of “%(campaign)s”.")
        % {"copy": copy, "campaign": campaign},
    )
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
        return answer_refusal(request, campaign, refused)
    messages.success(request, gettext("“%(campaign)s” is deleted.") % {"campaign": campaign})
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
    context |= confirmation_context(campaign, verb, step_form(campaign, verb), find_way_back(request, ""))
    return render(request, "campaigns/_ask.html" if request.htmx else "campaigns/ask.html", context)


def answer_refusal(request: Request, campaign: Campaign, refused: Refused) -> HttpResponse:
    """Answer 409 with the reason: in the dialog where another page than the campaign's asked, which has no status."""
    if request.htmx and find_way_back(request, ""):
        return reswap(retarget(refuse_confirmation(request, campaign, refused), "#ask"), "innerHTML")
    return render_refusal(request, campaign, refused)


def render_confirmation_again(
    request: Request, campaign: Campaign, verb: str, form: StepForm, refused: Refused
) -> HttpResponse:
    """Answer 409 with the question in the open dialog, what was typed, and why it was refused."""
    form.full_clean()
    for field, sentence in refused.reasons:
        if field in form.fields and not form.has_error(field):
            form.add_error(field, sentence)
    context = overview.status_context(campaign, request.user, database_time.now())
    context |= confirmation_context(campaign, verb, form, find_way_back(request, ""))
    response = render(request, "campaigns/_ask.html", context, status=409)
    return reswap(retarget(response, "#ask"), "innerHTML")


def confirmation_context(campaign: Campaign, verb: str, form: StepForm, way_back: str = "") -> PageContext:
    """Return what campaigns/_ask.html shows besides the status.

    `way_back` is the address of the page that asked, "" for that of the campaign.
    """
    now = database_time.now()
    kind = lifecycle.lifecycle_of(campaign)
    return {
        "verb": verb,
        "asked": overview.button_for(campaign, verb, now),
        "question": VERBS[verb].ask_about(campaign),
        "form": form,
        "way_back": way_back,
        "obstacles": overview.list_obstacles(campaign, verb, now),
        "warnings": kind.list_warnings(campaign, verb, now),
        "gentler": VERBS.get(kind.gentler_step(campaign, verb)),
    }


def describe_outcome(campaign: Campaign, verb: str) -> str:
    """Return the state of a campaign after the step, in a word or two."""
    return str(VERBS[verb].outcome or in_sentence(campaign.get_status_display()))
