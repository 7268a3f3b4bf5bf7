"""What of a promotion came through mails and what without, for its page, that of its campaign, and the report.

A sale came through a mail when it counts for its campaign by the rule of that campaign (docs/revenue.md): a code of it
was redeemed, or somebody followed a link in it. So the figures here are parts of those on the mail's own page.
"""

from collections import defaultdict

import msgspec
from django.db import connection
from django.db.models import Q

from mailing.models import EmailCampaign
from mailing.promotion_mails import PromotionMail, read_promotion_mails
from promotions.models import Promotion, PromotionCampaign

# Each sale that still has something of it, once: what it was given, and what it brought, less returns.
SALES = """
WITH given AS (
    SELECT sale_id, sum(amount)::bigint AS amount, sum(uses) AS uses FROM promotions_redemption
    WHERE {whose} = %s GROUP BY 1 HAVING sum(uses) > 0 OR sum(amount) > 0
)
SELECT known.campaign_id, sale.currency, count(*), sum(given.amount)::bigint,
       sum(sale.total - coalesce(sale.returned_total, 0))::bigint
FROM given JOIN pos_sale AS sale ON sale.id = given.sale_id
LEFT JOIN mailing_conversion AS known ON known.sale_id = given.sale_id
WHERE sale.state = 'committed' GROUP BY 1, 2
"""


class Share(msgspec.Struct):
    """Sales in one currency, what they were given and what they brought, in minor units."""

    currency: str
    sales: int = 0
    given: int = 0
    revenue: int = 0

    @property
    def per_unit(self) -> str:
        """Revenue for each unit of discount given: "12.40", or "" where nothing was given."""
        return f"{self.revenue / self.given:,.2f}" if self.given > 0 else ""


class MailShare(msgspec.Struct, frozen=True):
    """A mail with what came through it, the largest currency first."""

    mail: PromotionMail
    shares: list[Share]


class ThroughMails(msgspec.Struct, frozen=True):
    """The mails of a promotion or of its campaign, and what came without any of them."""

    mails: list[MailShare]
    without: list[Share]


def split_promotion(promotion: Promotion) -> ThroughMails:
    """Split what a promotion gave by the mails it came through: those that carry it, and others that led to a sale."""
    return _split_by_mail("promotion_id", promotion.pk, Q(offer=promotion))


def split_campaign(campaign: PromotionCampaign) -> ThroughMails:
    """Do the same for a promotion campaign, with the mails that carry its promotions or are linked to it."""
    return _split_by_mail(
        "campaign_id", campaign.pk, Q(offer__links__campaign=campaign) | Q(promotion_campaign=campaign)
    )


def _split_by_mail(whose: str, key: int, carrying: Q) -> ThroughMails:
    shares: defaultdict[int | None, list[Share]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(SALES.format(whose=whose), [key])
        for mail, *figures in sorted(cursor, key=lambda row: -row[-1]):
            shares[mail].append(Share(*figures))
    without = shares.pop(None, [])
    known = EmailCampaign.objects.filter(carrying | Q(pk__in=[pk for pk in shares if pk])).distinct()
    mails = read_promotion_mails(list(known.order_by("-pk")))
    return ThroughMails([MailShare(each, shares[each.campaign.pk]) for each in mails], without)
