"""What the owner of a code sees: its picture in the mail, and a page that says what it is good for now.

No login, no cookie: a signed token of the delivery.
"""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from mailing import codes, offers
from mailing.models import Delivery, EmailCampaign
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from mailing.tracking import BadLink, MailGone, find_target, read_token
from promotions import current

WEB = ("http", "https")


class CodePage(msgspec.Struct, frozen=True):
    """A code as its owner sees it.

    ends_at: when it ends at the latest. is_good: a sale gets the offer now or later. min_spend: in minor units. places:
    names of the locations where it is good, where these are not all. instead: what is on for everybody once it is over.
    goes_to: where the link of the mail leads that was followed here.
    """

    code: str
    label: str
    sender: str
    language: str
    ends_at: datetime | None
    is_good: bool
    is_used: bool
    min_spend: int = 0
    places: Sequence[str] = ()
    instead: Sequence[current.CurrentPromotion] = ()
    goes_to: str = ""


def find_code(token: str) -> str:
    """Find the code that a token stands for; that of a test mail is a sample.

    Raises:
        BadLink: the link is not ours, or its mail or code is gone.
    """
    pk = read_token(token, Purpose.OFFER)
    if pk == tokens.TEST_DELIVERY_ID:
        return codes.write_sample_code(EmailCampaign())
    code = Delivery.objects.filter(pk=pk).values_list("coupon__code", flat=True).first()
    if not code:
        raise MailGone
    return code


def read_page(token: str, now: datetime, link: int | None = None) -> CodePage:
    """Read what the page of a code says at `now`, on the way to a link of its mail or by itself.

    Raises:
        BadLink: the link is not ours, or its mail or code is gone.
    """
    pk = read_token(token, Purpose.OFFER)
    if pk == tokens.TEST_DELIVERY_ID:
        return CodePage(codes.write_sample_code(EmailCampaign()), "", "", "", None, True, False)
    found = Delivery.objects.select_related("campaign", "coupon", "contact").filter(pk=pk).first()
    if found is None or found.coupon is None or found.campaign.offer is None:
        raise MailGone
    coupon, offer = found.coupon, offers.read_mail_offer(found.campaign)
    ends = [end for end in (coupon.ends_at, offer and offer.ends_at) if end]
    ends_at = min(ends, default=None)
    is_used = coupon.limit is not None and coupon.uses >= coupon.limit
    is_good = (
        coupon.active
        and not is_used
        and (ends_at is None or ends_at > now)
        and offers.find_fault(found.campaign, now) is None
    )
    places = codes.list_places(coupon)
    return CodePage(
        coupon.code,
        found.campaign.offer.name,
        "" if "{" in found.campaign.from_name else found.campaign.from_name,
        found.contact.language if found.contact else "",
        ends_at,
        is_good,
        is_used,
        coupon.min_subtotal,
        [place.name for place in places],
        () if is_good else current.describe_current_promotions([place.pk for place in places], now),
        "" if link is None else _find_target(pk, link),
    )


def _find_target(pk: int, link: int) -> str:
    """Return where a link of this mail leads; "" where that is nothing a browser should be led to."""
    try:
        target = find_target(pk, link)
    except BadLink:
        return ""
    return target if urlsplit(target).scheme in WEB else ""
