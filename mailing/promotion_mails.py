"""The mails that carry a promotion, and what became of their codes."""

from collections.abc import Sequence

import msgspec
from django.db import connection

from campaigns.models import Campaign
from mailing import codes, tallies
from mailing.models import Delivery, EmailCampaign
from promotions.models import Coupon, Promotion, PromotionCampaign

UNDER_WAY = (Campaign.Status.RUNNING, Campaign.Status.SCHEDULED)

REDEEMED = """
SELECT coalesce(sum(uses), 0) FROM promotions_redemption
WHERE coupon_id IN (
    SELECT id FROM promotions_coupon WHERE batch = %(batch)s AND batch <> '' AND uses > 0
    UNION SELECT coupon_id FROM (SELECT coupon_id FROM mailing_delivery WHERE campaign_id = %(campaign)s LIMIT 1) AS one
)
"""


class PromotionMail(msgspec.Struct, frozen=True):
    """A mail that carries an offer. sent: mails that bore a code; redeemed: uses of these codes, net of what came back.

    waiting: recipients whom it has not gone to yet.
    """

    campaign: EmailCampaign
    sent: int
    redeemed: int
    waiting: int

    @property
    def open_codes(self) -> int:
        """Codes that were sent and are not redeemed; of a shared code nobody can say."""
        is_shared = self.campaign.code_kind == EmailCampaign.CodeKind.SHARED
        return 0 if is_shared else max(0, self.sent - self.redeemed)


def list_promotion_mails(promotion: Promotion) -> list[PromotionMail]:
    """List the mails that carry a promotion, the latest first."""
    return [
        read_promotion_mail(campaign)
        for campaign in EmailCampaign.objects.filter(offer=promotion).order_by("-pk")
    ]


def read_promotion_mail(campaign: EmailCampaign) -> PromotionMail:
    """Read what became of the codes of a mail."""
    sums = tallies.read_sums(campaign.pk)
    sent = sums.get(Delivery.Status.ACCEPTED, 0) + sums.get(Delivery.Status.UNCERTAIN, 0)
    with connection.cursor() as cursor:
        cursor.execute(REDEEMED, {"batch": codes.name_batch(campaign), "campaign": campaign.pk})
        redeemed = int(cursor.fetchone()[0])
    waiting = sum(sums.get(status, 0) for status in Delivery.UNFINISHED)
    return PromotionMail(campaign, sent, redeemed, waiting)


def list_mails_stopped_by(campaign: PromotionCampaign) -> Sequence[PromotionMail]:
    """List the mails under way or scheduled that a promotion campaign, were it to stop, would stop.

    Those whose offer another campaign keeps alive are not among them.
    """
    carrying = EmailCampaign.objects.filter(
        status__in=UNDER_WAY, offer__links__campaign=campaign, offer__standalone=False
    )
    alive = (Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED)
    kept = carrying.filter(
        offer__links__campaign__in=PromotionCampaign.objects.filter(status__in=alive).exclude(pk=campaign.pk)
    )
    return [
        read_promotion_mail(mail)
        for mail in carrying.exclude(pk__in=kept.values("pk")).order_by("name", "pk")
    ]


def find_delivery_of_code(coupon: Coupon) -> Delivery | None:
    """Find the mail that bore a personal code."""
    if coupon.made_for is None:
        return None
    return coupon.deliveries.select_related("campaign", "contact").first()
