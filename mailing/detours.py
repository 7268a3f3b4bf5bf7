"""The page between a link of a mail and its target once the mail's offer is over, where the site asks for one.

It says that the offer is over and what is on instead, and leads on. A mail without an offer costs nothing: each process
asks once for each campaign whether it carries one, and nothing at all while the setting is off.
"""

from functools import lru_cache

from django.conf import settings

from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from promotions.database import statements

LINK = "link"  # the parameter of the page that says which link of the mail goes on

_CARRIES_OFFER = (
    "SELECT offer_id IS NOT NULL FROM mailing_emailcampaign WHERE campaign_ptr_id = %(pk)s::bigint"
)
# Who has used their code needs no page that calls it over.
_IS_OVER = """
SELECT NOT coupon.active OR coalesce(coupon.ends_at <= now(), false)
    OR mailing_find_offer_fault(delivery.campaign_id, now()) NOT IN ('', 'held')
FROM mailing_delivery AS delivery JOIN promotions_coupon AS coupon ON coupon.id = delivery.coupon_id
WHERE delivery.id = %(pk)s::bigint
  AND coupon.uses < CASE coupon.kind WHEN 'one_time' THEN 1 ELSE coalesce(coupon.max_uses, coupon.uses + 1) END
"""


def find_page(delivery: int, campaign: int | None, link: int) -> str | None:
    """Return the address of the page that stands before a link of this mail; None where the link leads straight on."""
    if not settings.OFFER_OVER_PAGE or campaign is None or delivery == tokens.TEST_DELIVERY_ID:
        return None
    if not _carries_offer(campaign):
        return None
    rows = statements.retry_on_lost_connection(lambda: statements.run(_IS_OVER, {"pk": str(delivery)}))
    row = rows.one()
    if not (row and row[0]):
        return None
    token = tokens.sign_token(delivery, Purpose.OFFER)
    return f"{settings.PUBLIC_URL}/o/{token}?{LINK}={link}"


@lru_cache(maxsize=4096)
def _carries_offer(campaign: int) -> bool:
    """Return whether a launched campaign carries an offer: that never changes."""
    rows = statements.retry_on_lost_connection(lambda: statements.run(_CARRIES_OFFER, {"pk": str(campaign)}))
    row = rows.one()
    return bool(row and row[0])
