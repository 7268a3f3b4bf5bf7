"""The page of an e-mail campaign: progress, readiness, preview."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET
from django_htmx.http import trigger_client_event

from campaigns import database_time, editions
from campaigns.annotations import Columns, PageContext
from campaigns.requests import Request, number_in_query
from campaigns.stored_sentences import translate_stored
from campaigns.workspace import overview
from mailing import (
    audience,
    campaign_hold_out,
    connections,
    content,
    launch,
    mail_tests,
    progress,
    recipient_reasons,
    renderer,
    reports,
    timeline,
)
from mailing.forms import PreviewForm, TestMailForm
from mailing.models import Contact, EmailCampaign, SplitTest
from mailing.variants import Variant, find_test, list_variants
from mailing.variants.report import read_test_report
from mailing.views.mail_frames import answer_frame
from mailing.views.revenue import revenue_context

viewing = permission_required("mailing.view_emailcampaign", raise_exception=True)
LATEST_TEST = "latest test mail"  # in the session
SECONDS_BETWEEN_POLLS = {  # two looks at the progress; see `seconds_between_polls` for one that is final
    EmailCampaign.Status.RUNNING: 2,
    EmailCampaign.Status.PAUSED: 5,
    EmailCampaign.Status.SCHEDULED: 10,
    EmailCampaign.Status.DRAFT: 10,  # somebody else may launch it
}
# opens, clicks and bounces come after the end, most of them soon
SECONDS_BETWEEN_LATE_POLLS, POLLED_FOR = 15, timedelta(days=14)
PEOPLE_SHOWN = 50
STAGES = {
    "named": gettext_lazy("In lists and segments"),
    "duplicates": gettext_lazy("Duplicates removed"),
    "unsubscribed": gettext_lazy("Unsubscribed from list"),
    "excluded": gettext_lazy("Excluded"),
    "suppressed": gettext_lazy("Suppressed"),
    "without_customer": gettext_lazy("No customer number"),
    "held_out_of_all": gettext_lazy("Held out of all mails"),
    "recipients": gettext_lazy("Recipients"),
}
REASON_HEADINGS = {  # what heads the reasons beside the people of a stage
    "named": pgettext_lazy("the lists and segments of a contact", "In"),
    "duplicates": pgettext_lazy("the lists and segments of a contact", "In"),
    "unsubscribed": pgettext_lazy("the lists and segments of a contact", "In"),
    "excluded": gettext_lazy("Excluded by"),
    "suppressed": gettext_lazy("Why"),
    "without_customer": pgettext_lazy("the lists and segments of a contact", "In"),
    "held_out_of_all": pgettext_lazy("the lists and segments of a contact", "In"),
    "recipients": pgettext_lazy("the lists and segments of a contact", "In"),
}


@require_GET
@viewing
def campaign(request: Request, pk: int) -> HttpResponse:
    """Show an e-mail campaign."""
    found = get_object_or_404(EmailCampaign.objects.select_related("connection"), pk=pk)
    test = find_test(found)
    test_form = TestMailForm(variants=list_variant_choices(found, test))
    return render(request, "mailing/campaign.html", page_context(request, found, test, test_form))


def list_variant_choices(campaign: EmailCampaign, test: SplitTest | None) -> list[tuple[int, str]]:
    """List the variants of a campaign's A/B test by their numbers, as a person chooses among them."""
    every = list_variants(campaign, test)
    return [(variant.number, f"{variant.letter}: {variant.subject}") for variant in every]


def page_context(
    request: Request, campaign: EmailCampaign, test: SplitTest | None, test_form: TestMailForm
) -> PageContext:
    """Return what mailing/campaign.html shows of a campaign and its A/B test."""
    counted = campaign.funnel.get("by_target", {})
    return {
        **overview.status_context(campaign, request.user, database_time.now()),
        **progress_context(campaign),
        **timeline_context(campaign),
        **(revenue_context(campaign) if campaign.launched_at else {}),
        **preview_context(request, campaign, test),
        "report": read_test_report(campaign, test, database_time.now()),
        "targets": [
            (
                target,
                counted.get(target.key),
            )
            for target in campaign.targets.select_related("list", "segment")
        ],
        "edits": editions.edits_of(campaign)[: editions.EDITS_SHOWN],
        "routes": campaign.routes.select_related("connection"),
        "test_form": test_form,
        "test": find_latest_test(request, campaign),
        "may_test": request.user.has_perm("mailing.change_emailcampaign"),
    }


def find_latest_test(request: Request, campaign: EmailCampaign) -> Columns | None:
    """Return the test mail of this campaign that this person sent last: to whom, and the answer once there is one."""
    sent = request.session.get(LATEST_TEST)
    if not sent or sent["campaign"] != campaign.pk:
        return None
    return {"to": sent["to"], "answer": mail_tests.read_result(campaign, sent["name"])}


# ── progress ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
@viewing
def campaign_progress(request: Request, pk: int) -> HttpResponse:
    """Return the live figures. Once the campaign is in another state than the page showed, the page renews itself.

    Of a campaign that has ended the timeline comes with them, for what was opened and clicked since.
    """
    found = get_object_or_404(EmailCampaign, pk=pk)
    response = render(request, "mailing/_progress.html", progress_context(found))
    if request.htmx and found.is_final:
        beside = render(request, "mailing/_timeline.html", timeline_context(found) | {"is_beside": True})
        response.content += beside.content
    if request.GET.get("seen", found.status) != found.status:
        return trigger_client_event(response, "campaign-moved")
    return response


@require_GET
@viewing
def campaign_timeline(request: Request, pk: int) -> HttpResponse:
    """Return the timeline of a campaign. Its page asks for this part again and again."""
    found = get_object_or_404(EmailCampaign, pk=pk)
    return render(request, "mailing/_timeline.html", timeline_context(found))


def timeline_context(campaign: EmailCampaign) -> PageContext:
    """Return what mailing/_timeline.html shows."""
    return {"campaign": campaign, "timeline": timeline.build_timeline(campaign, database_time.now())}


def expects_responses(campaign: EmailCampaign) -> bool:
    """Return whether opens, clicks and bounces of a launched campaign are likely to come."""
    return campaign.finished_at is None or database_time.now() - campaign.finished_at < POLLED_FOR


def progress_context(campaign: EmailCampaign) -> PageContext:
    """Return what mailing/_progress.html shows."""
    figures = progress.read_figures(campaign) if campaign.launched_at else None
    return {
        "campaign": campaign,
        "figures": figures,
        "steps": list_funnel_steps(campaign, figures) if figures else [],
        "unreached": figures and figures.total - figures.delivered - figures.bounced,
        "seconds_between": seconds_between_polls(campaign, figures),
    }


def list_funnel_steps(campaign: EmailCampaign, figures: progress.Figures) -> list[tuple[progress.Step, str]]:
    """Return the steps from recipients to clicks, each with the reason why its number cannot be known, or ""."""
    mode = campaign.mode
    reasons = {
        gettext("Opened"): reports.explain_absence(campaign, mode, "opened", figures.opened),
        gettext("Clicked"): reports.explain_absence(campaign, mode, "clicked", figures.clicked),
    }
    return [(step, reasons.get(str(step.label), "")) for step in figures.steps]


def seconds_between_polls(campaign: EmailCampaign, figures: progress.Figures | None) -> int | None:
    """Return the seconds until the page asks for the progress again; None when it will not change any more."""
    if not campaign.is_final:
        return SECONDS_BETWEEN_POLLS.get(campaign.status)
    return SECONDS_BETWEEN_LATE_POLLS if figures and figures.sent and expects_responses(campaign) else None


# ── what stands in the way of a launch, and who would get it ─────────────────────────────────────────────────────────


@require_GET
@viewing
def readiness(request: Request, pk: int) -> HttpResponse:
    """Return what a launch still needs, and how many recipients the campaign would have now."""
    found = get_object_or_404(EmailCampaign, pk=pk)
    if found.launched_at:  # the page that asks was made before
        return trigger_client_event(HttpResponse(), "campaign-moved") if request.htmx else redirect(found)
    context = {
        "campaign": found,
        "edit_url": overview.edit_url(found),
        "problems": launch.find_problems(found),
        **estimate_audience(found),
    }
    template = "mailing/_readiness.html" if request.htmx else "mailing/readiness.html"
    return render(request, template, context)


def estimate_audience(campaign: EmailCampaign) -> PageContext:
    """Return who would get a campaign, how long that takes and what its hold-out could show; or what is in the way."""
    try:
        chosen = audience.read_selection_of(campaign)
        funnel = audience.estimate(chosen)
        return {
            "funnel": funnel,
            "lasts": progress.estimate_shortest_seconds(campaign, funnel.recipients),
            "prospect": campaign_hold_out.forecast_lift(campaign, chosen, funnel.recipients),
        }
    except audience.SegmentError as error:
        return {"trouble": translate_stored(str(error))}


@require_GET
@permission_required(EmailCampaign.OPERATE, raise_exception=True)
def check_connections(request: Request, pk: int) -> HttpResponse:
    """Log in to the connections of a campaign that is not launched yet. A failure is a warning and stops nothing."""
    found = get_object_or_404(EmailCampaign, pk=pk)
    context = {
        "campaign": found,
        "verdicts": [(smtp, connections.reach_connection(smtp)) for smtp, _ in found.shares()],
    }
    return render(request, "mailing/_reach.html" if request.htmx else "mailing/reach.html", context)


@require_GET
@permission_required(["mailing.view_emailcampaign", "mailing.view_contact"], raise_exception=True)
def stage_contacts(request: Request, pk: int, stage: str) -> HttpResponse:
    """Show the contacts in one stage of the funnel: why each is there now, and what a launched campaign sent them.

    The report of a launched campaign lists its recipients as they were then.
    """
    if stage not in STAGES:
        raise Http404(f"“{stage}” is no stage of the funnel.")
    found = get_object_or_404(EmailCampaign, pk=pk)
    after = number_in_query(request, "after")
    context = {
        "campaign": found,
        "stage": stage,
        "title": STAGES[stage],
        "because": REASON_HEADINGS[stage],
        "then": found.funnel.get(stage) if found.prepared_at else None,
        "is_further": bool(request.GET.get("after")),
    }
    try:
        chosen = audience.read_selection_of(found)
        contacts = audience.list_stage_contacts(chosen, stage, after=after, most=PEOPLE_SHOWN)
        reasons = recipient_reasons.explain_stage(found, stage, contacts)
    except audience.SegmentError as error:
        return render(request, "mailing/people.html", context | {"trouble": translate_stored(str(error))})
    deliveries = {row.contact_id: row for row in found.deliveries.filter(contact__in=contacts)}
    context["rows"] = [(row, reasons[row.pk], deliveries.get(row.pk)) for row in contacts]
    context["after"] = contacts[-1].pk if len(contacts) == PEOPLE_SHOWN else None
    return render(request, "mailing/people.html", context)


# ── preview ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_GET
@viewing
def preview(request: Request, pk: int) -> HttpResponse:
    """Return the mail itself, for the frame on the campaign's page.

    `?contact=` is an address, `?part=text` shows its text part, `?pictures=on` loads the pictures of other servers.
    """
    found = get_object_or_404(EmailCampaign, pk=pk)
    return render_mail_in_frame(found, request.GET)


def render_mail_in_frame(
    campaign: EmailCampaign, asked: Mapping[str, str], test: SplitTest | None = None
) -> HttpResponse:
    """Return the mail as the address asks for it: which contact reads it, which part and variant, with which pictures.

    Args:
        asked: the query of the address.
        test: the A/B test as it is typed; None: the campaign's own.
    """
    contact, part = find_preview_contact(asked), asked.get("part", "html")
    variant = find_variant(list_variants(campaign, test or find_test(campaign)), asked)
    try:
        shown = renderer.render_preview(
            launch.build_source(campaign, variant), launch.build_reader(campaign, contact)
        )
    except content.ContentError as error:
        return answer_frame(
            gettext("It cannot be shown. %(error)s") % {"error": error}, "text/plain; charset=utf-8"
        )
    if part == "text":
        return answer_frame(shown.text, "text/plain; charset=utf-8")
    return answer_frame(shown.html, with_pictures="pictures" in asked)


def find_variant(variants: Sequence[Variant], asked: Mapping[str, str]) -> Variant:
    """Find the variant `asked` for, or the first."""
    number = asked.get("variant", "")
    return next((variant for variant in variants if str(variant.number) == number), variants[0])


def preview_context(request: Request, campaign: EmailCampaign, test: SplitTest | None) -> PageContext:
    """Return what the preview shows around the mail: its subject, sender and reader. The mail itself is in a frame."""
    contact = find_preview_contact(request.GET)
    variants = list_variants(campaign, test)
    variant = find_variant(variants, request.GET)
    context: PageContext = {
        "variants": variants,
        "variant": variant,
        "reader": contact,
        "preview_form": PreviewForm(request.GET if "contact" in request.GET else None),
        "part": "text" if request.GET.get("part") == "text" else "html",
        "pictures": "pictures" in request.GET,
    }
    try:
        context["mail"] = renderer.render_preview(
            launch.build_source(campaign, variant), launch.build_reader(campaign, contact)
        )
    except content.ContentError as error:
        context["preview_trouble"] = translate_stored(str(error))
    if "contact" in request.GET and contact.pk:
        context |= explain_recipient(contact, campaign)
    return context


def explain_recipient(contact: Contact, campaign: EmailCampaign) -> PageContext:
    """Return whether the contact gets, or got, the campaign, and why."""
    try:
        gets_it, reasons = recipient_reasons.explain_delivery(contact, campaign)
    except audience.SegmentError as error:
        return {"reasons": [translate_stored(str(error))]}
    return {"gets_it": gets_it, "reasons": reasons}


def find_preview_contact(asked: Mapping[str, str]) -> Contact:
    """Return the contact `asked` for, else some contact, else an invented one."""
    form = PreviewForm(asked)
    address = form.cleaned_data["contact"] if form.is_valid() else ""
    named = Contact.objects.filter(email=address).first() if address else None
    return named or audience.find_preview_reader()
