"""What the editor of an e-mail campaign saves while somebody types, and who else has it open."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from campaigns import database_time, editions
from campaigns.annotations import Argument, PageContext
from campaigns.formats import person
from campaigns.refusals import Refused
from campaigns.requests import Request, read_number
from campaigns.workspace import overview
from mailing import campaign_facts, drafting, presence
from mailing.forms import EmailCampaignForm, SplitTestForm
from mailing.models import EmailCampaign
from mailing.variants import find_test
from mailing.views.editor import changing, load_copy_for_form


@dataclass
class SaveState:
    """What became of what is typed. Without `saved_at` nothing was saved.

    Attributes:
        wrong: what could not be saved: the address of the field, its label and the sentence of each.
        refusal: why nothing was saved, where that belongs to no field.
        overtaken: the edition that somebody else saved meanwhile.
    """

    campaign: EmailCampaign | None
    saved_at: datetime | None = None
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    refusal: str = ""
    overtaken: str = ""


@require_POST
def autosave(request: Request) -> HttpResponse:
    """Save what can be saved of the form as it is typed, and say what became of it; a new campaign becomes a draft."""
    named = request.POST.get("campaign", "")
    pk = read_number(named)
    if named and not pk:  # else each saving would make a new draft
        raise Http404
    if not request.user.has_perm("mailing.change_emailcampaign" if pk else "mailing.add_emailcampaign"):
        raise PermissionDenied
    campaign = get_object_or_404(EmailCampaign, pk=pk) if pk else None
    return render_state(request, save_typed(request, campaign))


@require_POST
@changing
def note_presence(request: Request) -> HttpResponse:
    """Say who else has the editor open; the page says so of itself every few seconds."""
    pk = read_number(request.POST.get("campaign", ""))
    if not pk:  # it is not saved yet: nobody else can have it open
        return HttpResponse()
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    names = [person(user) for user in presence.note_visit(campaign, request.user)]
    return render(request, "mailing/editor/_presence.html", {"names": names})


def save_typed(request: Request, campaign: EmailCampaign | None) -> SaveState:
    """Save the typed fields that are right. A field that is wrong keeps what is stored."""
    form = EmailCampaignForm(request.POST, instance=load_copy_for_form(campaign))
    test_form = SplitTestForm(request.POST, instance=campaign and find_test(campaign))
    form.is_valid()
    is_test_right = test_form.is_valid()
    state = SaveState(campaign, wrong=[*list_wrong(form), *list_wrong(test_form)])
    if form.non_field_errors() or (campaign is None and "name" in form.errors):
        return state
    save_into_state(
        state,
        by=request.user,
        split_tests=test_form.split_tests() if is_test_right else None,
        seen=request.POST.get("seen"),
        **form.savable_parts(),
    )
    return state


def save_into_state(state: SaveState, **parts: Argument) -> None:
    """Save parts of a campaign as somebody types them, and note what became of it.

    `parts`: arguments of `drafting.save_campaign`.
    """
    try:
        state.campaign = drafting.save_campaign(state.campaign, is_automatic=True, **parts)
    except editions.EditConflict as overtaken:
        state.refusal, state.overtaken = str(overtaken), str(overtaken.latest)
    except Refused as refused:
        state.refusal = str(refused)
    else:
        state.saved_at = database_time.now()


def list_wrong(form: EmailCampaignForm | SplitTestForm) -> list[tuple[str, str, str]]:
    """List what is wrong in a form: the id, the label and the sentence of each field."""
    found = [("", "", str(sentence)) for sentence in form.non_field_errors()]
    for name, sentences in form.errors.items():
        if name in form.fields:
            bound = form[name]
            found.append((bound.id_for_label or bound.auto_id, str(bound.label), str(sentences[0])))
    return found


def render_state(request: Request, state: SaveState, address: str = "") -> HttpResponse:
    """Answer with the state, and with the parts of the page that follow from what is stored now.

    `address`: of the page that saves; "" is the editor.
    """
    context: PageContext = {"state": state, "campaign": state.campaign, "address": address}
    if state.campaign and state.saved_at:
        stored = EmailCampaign.objects.get(pk=state.campaign.pk)
        context |= {
            "campaign": stored,
            "seen": editions.edition_of(campaign_facts.describe_campaign(stored)),
        }
    response = render(request, "mailing/editor/_save_state.html", context)
    if state.campaign and state.saved_at:
        said = {"address": address or overview.edit_url(state.campaign), "isWhole": not state.wrong}
        response["HX-Trigger"] = json.dumps({"editor-saved": said})
    return response
