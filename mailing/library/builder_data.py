"""What the visual builder offers, as its page hands it to the script."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.templatetags.static import static
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from campaigns.annotations import JsonObject
from mailing.library import insertions, pictures
from mailing.library.reusable import choose_offered
from mailing.models import Block, EmailCampaign, Picture


def collect_data(user: User, attributes: Iterable[str]) -> JsonObject:
    """Return texts, merge variables with these `attributes`, and the pictures and blocks that the user may see."""
    shown = Picture.objects.all()[: pictures.MOST_OFFERED] if user.has_perm("mailing.view_picture") else []
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
            [heading, [describe_insertion(entry) for entry in entries]]
            for heading, entries in insertions.list_insertions(attributes)
        ],
        "pictures": [{"src": each.address, "name": each.name, "alt": each.alt} for each in shown],
        "blocks": list_blocks() if user.has_perm("mailing.view_block") else [],
    }


def describe_insertion(entry: insertions.Insertion) -> JsonObject:
    """Return what is put into a text, and its label."""
    return {"label": str(entry.label), "before": entry.before, "after": entry.after, "html": entry.html}


def list_blocks() -> list[JsonObject]:
    """List the blocks in MJML that are not archived, as far as they are offered in the language of the page."""
    offered = choose_offered(
        Block.objects.filter(archived_at=None, body_format=EmailCampaign.Format.MJML).order_by("name")
    )
    return [{"key": block.pk, "name": block.name, "body": block.body} for block in offered]
