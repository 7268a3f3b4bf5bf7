"""What the shared pages ask of an e-mail campaign when they show one."""

from django import template

from mailing import audience, content, launch
from mailing.models import EmailCampaign

register = template.Library()


@register.simple_tag
def subject(campaign: EmailCampaign) -> str:
    """Return its subject as one of the contacts reads it. The campaign is fit to launch: its content renders."""
    return content.render_preview(
        launch.build_source(campaign), launch.build_recipient(audience.find_preview_reader())
    ).subject


@register.simple_tag
def recipients(campaign: EmailCampaign) -> int:
    """Return how many would get it now. The campaign is fit to launch: its segments can be used."""
    return audience.estimate(audience.read_selection(campaign.targets.select_related("segment"))).recipients
