"""The editor of an e-mail campaign, and test mails."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import reswap, retarget

from campaigns import database_time, editions
from campaigns.annotations import Columns, PageContext
from campaigns.forms import read_proposed_start
from campaigns.refusals import Locked, Refused
from campaigns.requests import Request, number_in_query
from campaigns.stored_sentences import translate_stored
from campaigns.views.answers import render_refusal
from campaigns.workspace import overview
from mailing import campaign_facts, codes, content, drafting, launch, renderer
from mailing.forms import EmailCampaignForm, SplitTestForm, TestMailForm, sections
from mailing.models import EmailCampaign, SplitTest, Target
from mailing.sending import tokens
from mailing.variants import MOST_VARIANTS, find_test, find_test_problems, list_variants
from mailing.views.campaigns import (
    LATEST_TEST,
    find_latest_test,
    find_preview_contact,
    find_variant,
    list_variant_choices,
    page_context,
    render_mail_in_frame,
)
from mailing.views.reusable import read_template
from mailing.views.widened_styles import with_styles_of_source_editor

CONVERTED = ("subject", "preheader", "from_name", "body", "text")

writing = permission_required(["mailing.add_emailcampaign"], raise_exception=True)
changing = permission_required("mailing.change_emailcampaign", raise_exception=True)


@require_http_methods(["GET", "HEAD", "POST"])
@writing
@with_styles_of_source_editor
def campaign_new(request: Request) -> HttpResponse:
    """Show and save the form of a new e-mail campaign."""
    return edit_campaign(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@changing
@with_styles_of_source_editor
def campaign_edit(request: Request, pk: int) -> HttpResponse:
    """Show and save the form of an e-mail campaign."""
    found = get_object_or_404(EmailCampaign, pk=pk)
    if found.is_locked:
        return render_refusal(request, found, overview.locked_refusal(found, request.user))
    try:
        return edit_campaign(request, found)
    except Locked as locked:  # it was launched while the form was open
        return render_refusal(request, found, locked)


def edit_campaign(request: Request, campaign: EmailCampaign | None) -> HttpResponse:
    """Show the form of an e-mail campaign, new or stored, and save it.

    Raises:
        Locked: its state allows no edit.
    """
    initial = read_proposals(request) if campaign is None else {}
    form = EmailCampaignForm(request.POST or None, instance=load_copy_for_form(campaign), initial=initial)
    test_form = SplitTestForm(request.POST or None, instance=campaign and find_test(campaign))
    # a promotion is only looked for, without JavaScript
    if request.method != "POST" or "look" in request.POST:
        return render_editor(request, form, campaign, test_form)
    if all([form.is_valid(), test_form.is_valid()]):
        try:
            saved = drafting.save_campaign(
                campaign,
                by=request.user,
                changes=form.changes(),
                targets=form.targets(),
                routes=form.routes(),
                split_tests=test_form.split_tests(),
                # what somebody was told while they typed is no news to them
                seen=request.POST.get("overtaken") or request.POST.get("seen"),
            )
        except Locked:
            raise
        except editions.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            return render_editor(request, form, campaign, test_form, status=422, seen=overtaken.latest)
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, write_saved_message(saved, campaign))
            return redirect(find_next_page(saved, sections.read_section(request.POST.get("go_to", ""))))
    return render_editor(request, form, campaign, test_form, status=422)


def read_proposals(request: Request) -> Columns:
    """Return what the form of a new mail begins with: a start, a template, and whom the address names."""
    targets = {
        f"target_{what}_{key}": Target.Mode.INCLUDE
        for what in ("list", "segment")
        if (key := number_in_query(request, what))
    }
    return read_proposed_start(request.GET) | read_template(request) | targets


def find_next_page(saved: EmailCampaign, section: str) -> str:
    """Return the address that follows a save: the section that was asked for, else the campaign's page."""
    return f"{overview.edit_url(saved)}?section={section}" if section else saved.get_absolute_url()


def load_copy_for_form(campaign: EmailCampaign | None) -> EmailCampaign:
    """Load a second instance for the form to write into, since the page still shows what is stored."""
    return EmailCampaign.objects.get(pk=campaign.pk) if campaign else EmailCampaign()


def write_saved_message(saved: EmailCampaign, before: EmailCampaign | None) -> str:
    """Return the sentence that tells what was saved."""
    if before and before.status == EmailCampaign.Status.SCHEDULED:
        return _("“%(campaign)s” is saved and a draft again: schedule it again.") % {"campaign": saved}
    return _("“%(campaign)s” is saved as a draft.") % {"campaign": saved}


def render_editor(
    request: Request,
    form: EmailCampaignForm,
    campaign: EmailCampaign | None,
    test_form: SplitTestForm,
    status: int = 200,
    seen: str = "",
) -> HttpResponse:
    """Answer with the form of an e-mail campaign."""
    renderer.start()  # the page asks for a preview next
    seen = seen or request.POST.get("seen", "")
    if campaign and not seen:
        seen = editions.edition_of(campaign_facts.describe_campaign(campaign))
    context: PageContext = {
        "form": form,
        "sections": sections.SECTIONS,
        # what is wrong may be in any section: without scripts all are shown then
        "section": ""
        if form.errors or test_form.errors
        else sections.read_section(request.GET.get("section", "")),
        "wrong_section": find_wrong_section(form, test_form),
        "seen": seen,
        "campaign": campaign,
        # a segment's page, say, leads here
        "proposed_targets": [form.fields[name].label for name in form.target_names if form.initial.get(name)],
        "now": database_time.now(),
        "reader": find_preview_contact(request.POST),
        "sample_code": codes.write_sample_code(form.instance),
        "sample_token": tokens.sign_token(tokens.TEST_DELIVERY_ID, tokens.Purpose.OFFER),
        **split_test_context(test_form, campaign or EmailCampaign()),
    }
    return render(request, "mailing/campaign_form.html", context, status=status)


def find_wrong_section(form: EmailCampaignForm, test_form: SplitTestForm) -> str:
    """Return the first section with something wrong; "" when nothing is."""
    wrong = {sections.find_section(name) for name in form.errors}
    wrong |= {sections.find_section("variants")} if test_form.errors else set()
    return next((name for name in sections.SECTIONS if name in wrong), "")


def split_test_context(form: SplitTestForm, campaign: EmailCampaign) -> PageContext:
    """Return what mailing/_split_test.html shows: the form, and the variants that it makes of the campaign."""
    test = form.read_typed_test() if form.is_bound else form.instance
    if test is None or not form["is_on"].value():
        return {"test_form": form}
    problems = find_test_problems(campaign, test) if form.is_bound else []
    return {
        "test_form": form,
        "variants": list_variants(campaign, test),
        "test_problems": [] if form.errors else problems,
    }


@require_POST
@writing
def preview_unsaved(request: Request) -> HttpResponse:
    """Return the editor's content as it is typed, for the frame beside it; nothing is saved."""
    test = SplitTestForm(request.POST).read_typed_test()
    return render_mail_in_frame(read_typed_campaign(request), request.POST, test)


@require_POST
@writing
def preview_head(request: Request) -> HttpResponse:
    """Return subject, sender and preheader as the chosen contact would read what is typed, or what is wrong with it."""
    campaign, contact = read_typed_campaign(request), find_preview_contact(request.POST)
    variants = list_variants(campaign, SplitTestForm(request.POST).read_typed_test())
    variant = find_variant(variants, request.POST)
    context = {
        "variants": variants[:MOST_VARIANTS],
        "variant": variant,
        "campaign": campaign,
        "reader": contact,
        "asked": request.POST.get("contact", "").strip().lower(),
        "foreign_tags": list_foreign_tags(campaign),
    }
    try:
        context["mail"] = renderer.render_preview(
            launch.build_source(campaign, variant), launch.build_reader(campaign, contact)
        )
    except content.ContentError as error:
        context |= {"trouble": translate_stored(str(error)), "field": error.field}
    return render(request, "mailing/_preview_head.html", context)


def list_foreign_tags(campaign: EmailCampaign) -> list[content.ForeignTag]:
    """Return the merge tags of other programs in what was typed, each once."""
    every = [tag for field in CONVERTED for tag in content.find_foreign_tags(getattr(campaign, field))]
    return list({tag.old: tag for tag in every}.values())


@require_POST
@writing
def convert_tags(request: Request) -> HttpResponse:
    """Answer with the fields as typed, their merge tags of other programs turned into Liquid; save nothing."""
    campaign = read_typed_campaign(request)
    written = {field: content.convert_foreign_tags(getattr(campaign, field)) for field in CONVERTED}
    form = EmailCampaignForm(instance=EmailCampaign(**written))
    fields = [form[field] for field in CONVERTED if written[field] != getattr(campaign, field)]
    for field in fields:
        field.field.widget.attrs["hx-swap-oob"] = "true"
    response = render(request, "mailing/_converted.html", {"fields": fields})
    response["HX-Trigger-After-Settle"] = "converted"
    return response


def read_typed_campaign(request: Request) -> EmailCampaign:
    """Return an unsaved campaign with the fields of the form that can be read; the others keep their defaults."""
    form = EmailCampaignForm(request.POST, instance=EmailCampaign())
    form.is_valid()
    campaign: EmailCampaign = form.instance
    return campaign


@require_POST
@changing
def test_mail(request: Request, pk: int) -> HttpResponse:
    """Send the mail to up to ten addresses, marked [TEST]."""
    found = get_object_or_404(EmailCampaign.objects.select_related("connection"), pk=pk)
    test = find_test(found)
    form = TestMailForm(request.POST, variants=list_variant_choices(found, test))
    if not form.is_valid():
        return render_test_card(request, found, test, form, status=422)
    try:
        chosen = int(form.cleaned_data.get("variant") or 0)
        name = drafting.send_test(found, form.cleaned_data["to"], by=request.user, variant=chosen)
    except Refused as refused:
        if found.status == EmailCampaign.Status.DRAFT:
            return render_test_card(request, found, test, form, status=409, refused=refused)
        response = render_refusal(request, found, refused)  # the page is out of date: its status is renewed
        return reswap(retarget(response, "#campaign-status"), "outerHTML") if request.htmx else response
    request.session[LATEST_TEST] = {
        "campaign": found.pk,
        "name": name,
        "to": ", ".join(form.cleaned_data["to"]),
    }
    return render_test_card(request, found, test, form, status=200) if request.htmx else redirect(found)


def render_test_card(
    request: Request,
    campaign: EmailCampaign,
    test: SplitTest | None,
    form: TestMailForm,
    *,
    status: int,
    refused: Refused | None = None,
) -> HttpResponse:
    """Show the card of test mails with what was typed, and why nothing was sent; without htmx, the whole page."""
    more = {"test_refused": refused}
    if request.htmx:
        context = {
            "campaign": campaign,
            "edit_url": overview.edit_url(campaign),
            "test_form": form,
            "test": find_latest_test(request, campaign),
        }
        return render(request, "mailing/_test_mail.html", context | more, status=status)
    return render(
        request, "mailing/campaign.html", page_context(request, campaign, test, form) | more, status=status
    )


@require_GET
@changing
def test_result(request: Request, pk: int) -> HttpResponse:
    """Return what the server said to the test mail sent last; the page asks again until it is known."""
    found = get_object_or_404(EmailCampaign, pk=pk)
    return render(
        request, "mailing/_test_answer.html", {"campaign": found, "test": find_latest_test(request, found)}
    )
