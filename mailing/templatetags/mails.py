"""Template tags for e-mail campaigns on the pages that both kinds share."""

from django import template
from django.conf import settings
from django.utils.translation import gettext as _

from campaigns import formats
from mailing import audience, content, launch, progress, promotion_mails
from mailing import through_mails as through
from mailing.models import Delivery, EmailCampaign, SmtpConnection
from promotions.models import Coupon, Promotion, PromotionCampaign

register = template.Library()


@register.simple_tag
def subject(campaign: EmailCampaign) -> str:
    """Return the subject as one of the contacts reads it. Its campaign must be ready to launch."""
    return content.render_preview(
        launch.build_source(campaign), launch.build_reader(campaign, audience.find_preview_reader())
    ).subject


@register.filter
def of_base(percent: str, base: str) -> str:
    """Say what a share is a share of: 12.5% of sent.

    Args:
        base: "recipients", "sent", "attempted" or "opened".
    """
    sentences = {
        "recipients": _("%(percent)s of recipients"),
        "sent": _("%(percent)s of sent"),
        "attempted": _("%(percent)s of attempted"),
        "opened": _("%(percent)s of opened"),
    }
    return sentences[base] % {"percent": percent or formats.write_percent(0)}


@register.filter
def rates(limited: EmailCampaign | SmtpConnection) -> str:
    """Write the most mails in each period that has a limit: 5 a second, 1,000 an hour."""
    limits = [
        (limited.per_second, _("%(number)s a second")),
        (limited.per_minute, _("%(number)s a minute")),
        (limited.per_hour, _("%(number)s an hour")),
        (getattr(limited, "per_day", None), _("%(number)s a day")),
    ]
    return ", ".join(text % {"number": formats.thousands(number)} for number, text in limits if number)


@register.simple_tag
def recipients(campaign: EmailCampaign) -> int:
    """Return how many recipients the campaign would have now. It must be ready to launch."""
    return audience.estimate(audience.read_selection_of(campaign)).recipients


@register.simple_tag
def shortest_seconds(campaign: EmailCampaign, recipients: int) -> int:
    """Return how long a launch now would take at least under the limits; 0 without limits."""
    return progress.estimate_shortest_seconds(campaign, recipients)


@register.simple_tag
def grace_seconds() -> int:
    """Return for how long a launch can be taken back before its first mail leaves."""
    return settings.LAUNCH_GRACE_SECONDS


@register.simple_tag
def through_mails(thing: Promotion | PromotionCampaign) -> through.ThroughMails:
    """Split what a promotion or its campaign gave by the mails that it came through."""
    if isinstance(thing, Promotion):
        return through.split_promotion(thing)
    return through.split_campaign(thing)


@register.simple_tag
def offer_figures(campaign: EmailCampaign) -> promotion_mails.PromotionMail:
    """Read what became of the codes of a mail."""
    return promotion_mails.read_promotion_mail(campaign)


@register.simple_tag
def mails_stopped_by(campaign: PromotionCampaign) -> list[promotion_mails.PromotionMail]:
    """List the mails that a pause or the end of this promotion campaign would stop."""
    return list(promotion_mails.list_mails_stopped_by(campaign))


@register.simple_tag
def mail_of_code(coupon: Coupon) -> Delivery | None:
    """Find the mail that bore a personal code."""
    return promotion_mails.find_delivery_of_code(coupon)
