"""A mail that carries an offer, in tests."""

from promotions.models import Link
from tests.factories import PromotionCampaignFactory, PromotionFactory
from tests.mailing.running import draft, launch_campaign

BODY = (
    "Hello {{ first_name }},\n\nyour code is {{ offer.code }}, good until {{ offer.ends_at }}.\n\n"
    "![Code {{ offer.code }}]({{ offer.qr }})\n\n[Unsubscribe]({{ unsubscribe_url }})"
)


def make_offer(stands="active", **fields):
    """A promotion with coupons in one campaign of this status; return both."""
    promotion = PromotionFactory(**{"name": "A tenth off", "trigger": "coupon"} | fields)
    return promotion, link(promotion, stands)


def link(promotion, status="active", **fields):
    """One more campaign of a promotion."""
    parts = [lambda key: Link.objects.bulk_create([Link(campaign_id=key, promotion=promotion)])]
    return PromotionCampaignFactory(
        **{"name": "Autumn at the till", "status": status, "parts": parts} | fields
    )


def draft_mail(recipients=3, **fields):
    """A draft that carries an offer; of a living one where none is given."""
    if "offer" not in fields:
        fields["offer"], _ = make_offer()
    return draft(recipients, **{"body": BODY} | fields)


def launch_mail(recipients=3, **fields):
    """The same, launched and prepared."""
    if "offer" not in fields:
        fields["offer"], _ = make_offer()
    return launch_campaign(recipients, **{"body": BODY} | fields)
