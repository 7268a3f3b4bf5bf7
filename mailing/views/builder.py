"""The visual builder of a draft in MJML: its page, and what it saves while somebody works in it."""

from collections.abc import Callable
from typing import TypeVar, cast

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns import editions
from campaigns.annotations import Argument, JsonObject, PageContext
from campaigns.models import Campaign
from campaigns.requests import Request
from campaigns.views.answers import render_refusal
from campaigns.workspace import overview
from mailing import campaign_facts
from mailing.library import insertions
from mailing.models import Block, EmailCampaign, Picture
from mailing.views.autosave import SaveState, render_state, save_into_state
from mailing.views.editor import changing
from mailing.views.pictures import CHOICES
from mailing.views.suggestions import list_attribute_names

MJML = EmailCampaign.Format.MJML
View = TypeVar("View", bound=Callable[..., HttpResponse])


def with_styles_of_builder(view: View) -> View:
    """Let the builder set styles on its elements, and on those of the mail that it draws; scripts stay forbidden.

    The frame that it draws in has no address of its own, so the policy of the page holds in it, too.
    """
    widened: Argument = csp_update({"style-src": [UNSAFE_INLINE]})
    return cast("View", widened(view))


@require_GET
@changing
@with_styles_of_builder
def show_builder(request: Request, pk: int) -> HttpResponse:
    """Show the builder on the content of a draft, or say why this mail cannot be built in it."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    if campaign.is_locked:
        return render_refusal(request, campaign, overview.locked_refusal(campaign, request.user))
    reason = find_obstacle(campaign)
    context: PageContext = {"campaign": campaign, "edit_url": overview.edit_url(campaign), "reason": reason}
    if not reason:
        context |= {
            "seen": editions.edition_of(campaign_facts.describe_campaign(campaign)),
            "save_url": reverse("mailing:builder_save", args=[pk]),
            "data": collect_data(request),
        }
    return render(request, "mailing/builder.html", context, status=409 if reason else 200)


def find_obstacle(campaign: EmailCampaign) -> str:
    """Say why the content of a campaign cannot be edited in the builder; "" where it can."""
    if campaign.status != Campaign.Status.DRAFT:
        return _("It is scheduled. Make it a draft again in the editor, by Save, before you build it.")
    if campaign.body.strip() and campaign.body_format != MJML:
        said = _("The builder works on MJML, and this mail is written in %(format)s.")
        return said % {"format": campaign.get_body_format_display()}
    return ""


def collect_data(request: Request) -> JsonObject:
    """Return what the builder offers: texts, merge variables, pictures and blocks."""
    may_see_pictures = request.user.has_perm("mailing.view_picture")
    pictures = Picture.objects.all()[:CHOICES] if may_see_pictures else []
    may_see_blocks = request.user.has_perm("mailing.view_block")
    blocks = (
        Block.objects.filter(archived_at=None, body_format=MJML).order_by("name") if may_see_blocks else []
    )
    return {
        "language": get_language(),
        "canvasStyles": [static("css/colours.css"), static("css/builder_canvas.css")],
        "placeholder": static("empty_picture.svg"),
        "texts": {
            "kept": _("Kept as it is written"),
            "insert": _("Insert"),
            "blocks": _("Your blocks"),
        },
        "variables": [
            [
                heading,
                [
                    {
                        "label": str(entry.label),
                        "before": entry.before,
                        "after": entry.after,
                        "html": entry.html,
                    }
                    for entry in entries
                ],
            ]
            for heading, entries in insertions.list_insertions(list_attribute_names())
        ],
        "pictures": [{"src": each.address, "name": each.name, "alt": each.alt} for each in pictures],
        "blocks": [{"key": block.pk, "name": block.name, "body": block.body} for block in blocks],
    }


@require_POST
@changing
def save_body(request: Request, pk: int) -> HttpResponse:
    """Save the content as it was built, and say what became of it; nothing else of the campaign is touched."""
    campaign = get_object_or_404(EmailCampaign, pk=pk)
    state = SaveState(campaign)
    state.refusal = find_obstacle(campaign)
    if not state.refusal:
        changes = {"body": request.POST.get("body", ""), "body_format": MJML}
        save_into_state(state, by=request.user, changes=changes, seen=request.POST.get("seen"))
    return render_state(request, state, reverse("mailing:builder", args=[pk]))
