"""The mails that carry a promotion, and what became of their codes."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import msgspec
from django.db import connection
from django.db.models import Q

from campaigns.models import Campaign
from mailing import codes
from mailing.models import Delivery, EmailCampaign
from promotions.models import Coupon, PromotionCampaign

UNDER_WAY = (Campaign.Status.RUNNING, Campaign.Status.SCHEDULED)

# Of each mail: its codes by their batch, and the one code that all its recipients got. The batches stand there as
# values too: PostgreSQL knows then how many codes each has, and reads the index rather than all codes for each mail.
REDEEMED = """
WITH mail AS (SELECT id, batch FROM unnest(%s::bigint[], %s::text[]) AS mail (id, batch)),
coupon AS (
    SELECT mail.id AS mail_id, coupon.id FROM promotions_coupon AS coupon JOIN mail ON mail.batch = coupon.batch
    WHERE coupon.batch = ANY(%s::text[]) AND coupon.batch <> '' AND coupon.uses > 0
    UNION
    SELECT mail.id, one.coupon_id FROM mail
    CROSS JOIN LATERAL (SELECT coupon_id FROM mailing_delivery WHERE campaign_id = mail.id LIMIT 1) AS one
)
SELECT coupon.mail_id, sum(used.uses)
FROM coupon JOIN promotions_redemption AS used ON used.coupon_id = coupon.id GROUP BY 1
"""
SENT = """
SELECT campaign_id, measure, sum(amount) FROM mailing_tally WHERE campaign_id = ANY(%s) GROUP BY 1, 2
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


def read_promotion_mails(campaigns: Sequence[EmailCampaign]) -> list[PromotionMail]:
    """Read what became of the codes of some mails: two queries, however many there are."""
    keys = [campaign.pk for campaign in campaigns]
    if not keys:
        return []
    sums: defaultdict[int, Counter[str]] = defaultdict(Counter)
    with connection.cursor() as cursor:
        cursor.execute(SENT, [keys])
        for pk, measure, amount in cursor:
            sums[pk][measure] = int(amount)
        batches = [codes.name_batch(campaign) for campaign in campaigns]
        cursor.execute(REDEEMED, [keys, batches, batches])
        redeemed = {pk: int(uses) for pk, uses in cursor}
    return [_build_mail(campaign, sums[campaign.pk], redeemed.get(campaign.pk, 0)) for campaign in campaigns]


def _build_mail(campaign: EmailCampaign, sums: Counter[str], redeemed: int) -> PromotionMail:
    sent = sums[Delivery.Status.ACCEPTED] + sums[Delivery.Status.UNCERTAIN]
    return PromotionMail(campaign, sent, redeemed, sum(sums[status] for status in Delivery.UNFINISHED))


def read_promotion_mail(campaign: EmailCampaign) -> PromotionMail:
    """Read what became of the codes of a mail."""
    return read_promotion_mails([campaign])[0]


def list_mails_stopped_by(campaign: PromotionCampaign) -> Sequence[PromotionMail]:
    """List the mails under way or scheduled that a promotion campaign, were it to stop, would stop.

    Those whose offer another campaign keeps alive are not among them, unless they are linked to this one by hand.
    """
    tied = Q(promotion_campaign=campaign)
    by_offer = Q(offer__links__campaign=campaign, offer__standalone=False)
    alive = (Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED)
    kept = EmailCampaign.objects.filter(
        offer__links__campaign__in=PromotionCampaign.objects.filter(status__in=alive).exclude(pk=campaign.pk)
    )
    stopped = EmailCampaign.objects.filter(
        tied | (by_offer & ~Q(pk__in=kept.values("pk"))), status__in=UNDER_WAY
    )
    return read_promotion_mails(list(stopped.distinct().order_by("name", "pk")))


def find_delivery_of_code(coupon: Coupon) -> Delivery | None:
    """Find the mail that bore a personal code."""
    if coupon.made_for is None:
        return None
    return coupon.deliveries.select_related("campaign", "contact").first()
