"""What an e-mail campaign asks of the promotion that it carries: whether a sale gets it, and until when.

Whether it does is judged in SQL, by the functions of promotions/migrations/0002_guards.py, because senders ask in the
statements in which they take and mark mails. Here stand the words.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from promotions.models import Promotion

HELD = "held"
"""The fault of an offer whose budget is only reserved, by sales that may still be released: wait, and stop nothing."""

OF_PROMOTION = {
    "off": gettext_noop("The promotion “%(name)s” is switched off."),
    "automatic": gettext_noop("The promotion “%(name)s” applies without a coupon."),
    "ended": gettext_noop("The promotion “%(name)s” is over."),
    "used_up": gettext_noop("The promotion “%(name)s” has reached its maximum of uses."),
    "unlinked": gettext_noop("The promotion “%(name)s” is in no campaign, so no sale gets it."),
}
OF_CAMPAIGN = {
    "draft": gettext_noop("“%(name)s” is a draft"),
    "paused": gettext_noop("“%(name)s” is paused"),
    "cancelled": gettext_noop("“%(name)s” was cancelled"),
    "expired": gettext_noop("“%(name)s” is over"),
    "budget": gettext_noop("the budget of “%(name)s” is spent"),
    "uses": gettext_noop("“%(name)s” has reached its maximum of uses"),
    HELD: gettext_noop("what is left of the budget of “%(name)s” is reserved by sales"),
}
CURES = {
    "off": gettext_noop("Switch the promotion on."),
    "automatic": gettext_noop("Make it apply with a coupon."),
    "ended": gettext_noop("Move the end of the promotion."),
    "used_up": gettext_noop("Raise the maximum of uses of the promotion."),
    "unlinked": gettext_noop("Put the promotion into a campaign."),
    "campaign": gettext_noop("Resume, start or extend it, or link the mail to another one."),
    "campaigns": gettext_noop(
        "Resume, start or extend one of its campaigns, or put the promotion into another."
    ),
    "deleted": gettext_noop("Nothing brings it back: duplicate the mail with another offer."),
}

FAULT = "SELECT promotions_find_offer_fault(%s, %s)"
FAULT_OF_CAMPAIGN = """
SELECT name, promotions_find_campaign_fault(id, %s) FROM campaigns_campaign WHERE id = %s
"""
FAULTS_OF_CAMPAIGNS = """
SELECT campaign.name, promotions_find_campaign_fault(campaign.id, %s)
FROM promotions_link AS link JOIN campaigns_campaign AS campaign ON campaign.id = link.campaign_id
WHERE link.promotion_id = %s ORDER BY link.id
"""

# When the last of its campaigns ends, or itself; the time zone of its locations, or of those of its codes, where they
# are in one. Parameters: codes of locations, twice, and the promotion.
TERMS = """
SELECT promotion.name, least(promotion.ends_at, CASE WHEN NOT promotion.standalone THEN (
           SELECT CASE WHEN bool_and(campaign.ends_at IS NOT NULL) THEN max(campaign.ends_at) END
           FROM promotions_link AS link JOIN campaigns_campaign AS campaign ON campaign.id = link.campaign_id
           WHERE link.promotion_id = promotion.id AND NOT campaigns_is_final(campaign.status)
       ) END), (
           SELECT min(location.time_zone) FROM pos_location AS location
           WHERE CASE WHEN cardinality(%s::text[]) > 0 THEN location.code = ANY(%s::text[]) ELSE location.id IN (
               SELECT location_id FROM promotions_promotion_locations WHERE promotion_id = promotion.id
           ) END HAVING count(DISTINCT location.time_zone) = 1
       )
FROM promotions_promotion AS promotion WHERE promotion.id = %s
"""


class Fault(NamedTuple):
    """Why no sale gets a promotion, and what would change that: sentences. field: of the mail, where to change it."""

    sentence: str
    cure: str
    field: str = "offer"


def find_fault(promotion: Promotion | int, at: datetime) -> Fault | None:
    """Return why no sale with a code gets a promotion at `at`; None when one does, or will once its campaign begins.

    A budget that is only reserved is none.
    """
    key = promotion if isinstance(promotion, int) else promotion.pk
    with connection.cursor() as cursor:
        cursor.execute(FAULT, [key, at])
        fault = cursor.fetchone()[0]
        if fault in ("", HELD):
            return None
        cursor.execute(FAULTS_OF_CAMPAIGNS, [at, key])
        campaigns = cursor.fetchall() if fault == "campaigns" else []
    name = Promotion.objects.filter(pk=key).values_list("name", flat=True).first()
    if fault == "deleted":
        said = (
            _("The promotion “%(name)s” was deleted.") % {"name": name}
            if name
            else _("Its promotion was deleted.")
        )
    elif fault == "campaigns":
        reasons = "; ".join(_(OF_CAMPAIGN[why]) % {"name": campaign} for campaign, why in campaigns)
        said = _("No sale gets “%(name)s”: %(reasons)s.") % {"name": name, "reasons": reasons}
    else:
        said = _(OF_PROMOTION[fault]) % {"name": name}
    return Fault(said, _(CURES[fault]))


def find_campaign_fault(campaign_id: int, at: datetime) -> Fault | None:
    """Return why a promotion campaign gives nothing at `at`, as `find_fault` does for a promotion."""
    with connection.cursor() as cursor:
        cursor.execute(FAULT_OF_CAMPAIGN, [at, campaign_id])
        name, fault = cursor.fetchone() or ("", "cancelled")
    if fault in ("", HELD):
        return None
    sentence = _(OF_CAMPAIGN[fault]) % {"name": name}
    return Fault(f"{sentence[0].upper()}{sentence[1:]}.", _(CURES["campaign"]), "promotion_campaign")


class Terms(NamedTuple):
    """What a mail says of the promotion: its name, when its last campaign ends, and the time zone of its locations.

    `zone` is None where they have several.
    """

    label: str = ""
    ends_at: datetime | None = None
    zone: str | None = None


def read_terms(promotion_id: int, locations: Sequence[str] = ()) -> Terms:
    """Read the terms of a promotion, whose codes are good at these `locations` (their codes); () for all of its own."""
    with connection.cursor() as cursor:
        cursor.execute(TERMS, [[*locations], [*locations], promotion_id])
        return Terms(*cursor.fetchone() or ())
