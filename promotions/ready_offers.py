"""Makes an offer for a mail in one step: a promotion with coupon codes, switched on, in a campaign of its own."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from django.contrib.auth.models import User
from django.db import transaction

from campaigns import database_time
from campaigns.annotations import Columns, RowOrKey
from promotions import publish, types
from promotions.models import Promotion, PromotionCampaign


class ReadyOffer(msgspec.Struct, frozen=True):
    """The promotion and its campaign."""

    promotion: Promotion
    campaign: PromotionCampaign


def make_ready_offer(
    *,
    by: User | None,
    name: str,
    answers: Columns,
    starts_at: datetime | None,
    ends_at: datetime | None,
    locations: Iterable[RowOrKey],
) -> ReadyOffer:
    """Make a discount on the whole sale that applies with a code. It waits for its start, or begins at once.

    Args:
        name: of the promotion and of its campaign.
        answers: what it gives and from which spend on, as `promotions.types` has them for a discount on the sale.
        locations: where it applies; none: everywhere.

    Raises:
        Refused: a value is wrong, or `by` may not make, switch on or start promotions; nothing was made then.
    """
    is_later = starts_at is not None and starts_at > database_time.now()
    with transaction.atomic():
        terms = types.make_terms(Promotion.Type.SALE, answers)
        promotion = publish.save_promotion(
            None,
            by=by,
            locations=locations,
            name=name,
            type=Promotion.Type.SALE,
            trigger=Promotion.Trigger.COUPON,
            **terms,
        )
        promotion = publish.switch_promotion(promotion, True, by=by)
        campaign = publish.create_campaign(
            by=by,
            changes={"name": name, "starts_at": starts_at, "ends_at": ends_at},
            locations=locations,
            promotions=[promotion],
            then="schedule" if is_later else "activate",
        )
    return ReadyOffer(promotion, campaign)
