"""Sets counters: each has the limits of its campaign or promotion, and what is spent and held of them.

A counter is made from the ledger when the first limit is set, and deleted with the last one.

Called under the exclusive rules lock, when no sale is under way.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection, transaction

from campaigns import database_time
from campaigns.annotations import ColumnValue
from promotions import models
from promotions.publish.version import bump_version, lock_rules

# together with the window; a scheduled campaign is active from its start
OPEN_STATUSES = (
    "scheduled",
    "active",
)


def set_campaign_counter(campaign: "models.PromotionCampaign") -> None:
    """Write the limits and the window of a campaign, and whether it is open, into its counter."""
    _set_counter(
        {"campaign": campaign.pk},
        is_open=campaign.status in OPEN_STATUSES,
        opens_at=campaign.starts_at,
        closes_at=campaign.ends_at,
        budget=campaign.budget,
        max_uses=campaign.max_uses,
        max_uses_per_customer=campaign.max_uses_per_customer,
    )


def set_promotion_counter(promotion: "models.Promotion") -> None:
    """Write the limits and the window of a promotion, and whether it is open, into its counter."""
    _set_counter(
        {"promotion": promotion.pk},
        is_open=promotion.status == models.Promotion.Status.ACTIVE and promotion.deleted_at is None,
        opens_at=promotion.starts_at,
        closes_at=promotion.ends_at,
        budget=None,
        max_uses=promotion.max_uses,
        max_uses_per_customer=promotion.max_uses_per_customer,
    )


def _set_counter(of: dict[str, int], **terms: ColumnValue) -> None:
    """Make, change or delete the counter of one campaign or promotion, so that it has `terms`."""
    ((thing, pk),) = of.items()
    key = {f"{thing}_id": pk}
    counter = models.Counter.objects.select_for_update().filter(**key).first()
    limits = [terms["budget"], terms["max_uses"], terms["max_uses_per_customer"]]
    if limits == [None, None, None]:
        if counter:
            counter.delete()
            models.CustomerUse.objects.filter(**key).delete()
        return
    counted, by_customer = (
        (counter.counts, counter.max_uses_per_customer is not None) if counter else (False, False)
    )
    counter = counter or models.Counter(**key)
    for field, value in terms.items():
        setattr(counter, field, value)
    if not counted:
        for field, value in read_totals(thing, pk).items():
            setattr(counter, field, value)
    used = counter.spent + counter.held
    counter.ceiling = None if counter.budget is None else max(counter.budget, used)
    counter.uses_ceiling = None if counter.max_uses is None else max(counter.max_uses, counter.uses)
    counter.used_up_at = (counter.used_up_at or database_time.now()) if counter.is_used_up else None
    counter.save()
    if counter.max_uses_per_customer is None:
        models.CustomerUse.objects.filter(**key).delete()
    elif not by_customer:
        count_customers(thing, pk)


# What held sales reserve, for one campaign or promotion; {thing} names which.
RESERVED = """
    SELECT coalesce(sum((entry ->> 'amount')::bigint), 0) AS amount, count(*) AS uses
    FROM pos_sale, jsonb_array_elements(reserved) AS entry
    WHERE state = 'held' AND (entry ->> '{thing}')::bigint = %(pk)s
"""
# The same beside what sales were granted.
TOTALS = f"""
    WITH granted AS (
        SELECT coalesce(sum(r.amount), 0) AS amount, coalesce(sum(r.uses), 0) AS uses,
               coalesce(sum(o.amount), 0) AS overrun, coalesce(sum(o.{{thing}}_uses), 0) AS overrun_uses
        FROM promotions_redemption r LEFT JOIN promotions_overrun o ON o.redemption_id = r.id
        WHERE r.{{thing}}_id = %(pk)s
    ), reserved AS ({RESERVED})
    SELECT granted.amount - granted.overrun, reserved.amount, granted.uses - granted.overrun_uses + reserved.uses,
           granted.overrun, granted.overrun_uses
    FROM granted, reserved
"""


def read_totals(thing: str, pk: int) -> Mapping[str, int]:
    """Sum up the ledger and the held sales of a campaign or promotion (`thing`), as fields of its counter."""
    with connection.cursor() as cursor:
        cursor.execute(TOTALS.format(thing=thing), {"pk": pk})
        row = cursor.fetchone()
    return dict(zip(("spent", "held", "uses", "overrun", "overrun_uses"), map(int, row), strict=True))


def count_held_uses(thing: str, pk: int) -> int:
    """Return how many uses of a campaign or a promotion (`thing`) the held sales reserve."""
    with connection.cursor() as cursor:
        cursor.execute(RESERVED.format(thing=thing), {"pk": pk})
        uses: int = cursor.fetchone()[1]
    return uses


COUNT_CUSTOMERS = """
    INSERT INTO promotions_customeruse (customer, {thing}_id, uses)
    SELECT customer, %(pk)s, sum(uses) FROM (
        SELECT s.customer, r.uses FROM promotions_redemption r JOIN pos_sale s ON s.id = r.sale_id
        WHERE r.{thing}_id = %(pk)s AND s.customer <> ''
        UNION ALL
        SELECT customer, 1 FROM pos_sale, jsonb_array_elements(reserved) AS entry
        WHERE state = 'held' AND customer <> '' AND (entry ->> '{thing}')::bigint = %(pk)s
    ) AS used GROUP BY customer
"""


def count_customers(thing: str, pk: int) -> None:
    """Count from the ledger how often each customer used a campaign or promotion."""
    models.CustomerUse.objects.filter(**{f"{thing}_id": pk}).delete()
    with connection.cursor() as cursor:
        cursor.execute(COUNT_CUSTOMERS.format(thing=thing), {"pk": pk})


def was_granted(thing: str, pk: int) -> bool:
    """Return whether any sale was granted, or reserves, a discount of this campaign or promotion (`thing`)."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM promotions_redemption WHERE {thing}_id = %(pk)s) OR EXISTS "
            "(SELECT FROM pos_sale WHERE state = 'held' AND reserved @> "
            "jsonb_build_array(jsonb_build_object(%(thing)s::text, %(pk)s)))",
            {"thing": thing, "pk": pk},
        )
        is_used: bool = cursor.fetchone()[0]
    return is_used


WRONG_COUNTERS = """
    SELECT 'campaign', c.id FROM campaigns_campaign c
    JOIN promotions_promotioncampaign p ON p.campaign_ptr_id = c.id
    LEFT JOIN promotions_counter k ON k.campaign_id = c.id
    WHERE c.status IN ('scheduled', 'active', 'paused')
      AND ((k.id IS NULL) <> (coalesce(p.budget, p.max_uses, p.max_uses_per_customer) IS NULL)
        OR k.id IS NOT NULL
           AND (k.is_open, k.opens_at, k.closes_at, k.budget, k.max_uses, k.max_uses_per_customer) IS DISTINCT FROM
               (c.status <> 'paused', c.starts_at, c.ends_at, p.budget, p.max_uses, p.max_uses_per_customer))
    UNION ALL
    SELECT 'promotion', p.id FROM promotions_promotion p
    LEFT JOIN promotions_counter k ON k.promotion_id = p.id
    WHERE p.deleted_at IS NULL
      AND ((k.id IS NULL) <> (coalesce(p.max_uses, p.max_uses_per_customer) IS NULL)
        OR k.id IS NOT NULL
           AND (k.is_open, k.opens_at, k.closes_at, k.max_uses, k.max_uses_per_customer) IS DISTINCT FROM
               (p.status = 'active', p.starts_at, p.ends_at, p.max_uses, p.max_uses_per_customer))
"""


def find_wrong_counters() -> list[tuple[str, int]]:
    """List ("campaign" or "promotion", id) of those whose counter is missing or differs from their limits.

    That happens only after a write that bypassed this package, as by a script or SQL.
    """
    with connection.cursor() as cursor:
        cursor.execute(WRONG_COUNTERS)
        wrong: list[tuple[str, int]] = cursor.fetchall()
    return wrong


def correct_counters() -> None:
    """Correct every counter that differs from its campaign or promotion, in one transaction under the rules lock."""
    with transaction.atomic():
        lock_rules()
        wrong = find_wrong_counters()
        for thing, pk in wrong:
            if thing == "campaign":
                set_campaign_counter(models.PromotionCampaign.objects.get(pk=pk))
            else:
                set_promotion_counter(models.Promotion.objects.get(pk=pk))
        if wrong:
            bump_version()


def read_counter_figures(campaign: "models.PromotionCampaign") -> dict[str, int | datetime | None]:
    """Return the live figures of a campaign: spent, held, left (None: no budget), uses, uses_left, overrun, used_up_at.

    Amounts in minor units. From its counter, or from the ledger where it has none.
    """
    counter = models.Counter.objects.filter(campaign_id=campaign.pk).first()
    if counter is None or not counter.counts:
        found = read_totals("campaign", campaign.pk)
        counter = models.Counter(**found, budget=campaign.budget, max_uses=campaign.max_uses)
    left = None if counter.budget is None else max(0, counter.budget - counter.spent - counter.held)
    uses_left = None if counter.max_uses is None else max(0, counter.max_uses - counter.uses)
    return {
        "spent": counter.spent,
        "held": counter.held,
        "left": left,
        "uses": counter.uses,
        "uses_left": uses_left,
        "overrun": counter.overrun,
        "overrun_uses": counter.overrun_uses,
        "used_up_at": counter.used_up_at,
    }
