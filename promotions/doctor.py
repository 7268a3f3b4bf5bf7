"""Proves what must hold in this app: every counter equals its ledger."""

from collections.abc import Iterator

import msgspec
from django.db import connection

from promotions.codes import code_key
from promotions.models import Coupon
from promotions.publish.counters import find_wrong_counters
from promotions.published_promotions import PROMOTIONS, Parts
from promotions.tallies import find_wrong_tallies, list_untallied_sales

# What was granted and what held sales reserve, by campaign or by promotion ({thing}); beside what the counter says.
COUNTERS = """
    WITH granted AS (
        SELECT line.{thing}_id AS thing, sum(line.amount) AS amount, sum(line.uses) AS uses,
               sum(coalesce(beyond.amount, 0)) AS overrun, sum(coalesce(beyond.{thing}_uses, 0)) AS overrun_uses
        FROM promotions_redemption line LEFT JOIN promotions_overrun beyond ON beyond.redemption_id = line.id
        WHERE line.{thing}_id IN (SELECT {thing}_id FROM promotions_counter)
        GROUP BY line.{thing}_id
    ), reserved AS (
        SELECT (entry ->> '{thing}')::bigint AS thing, sum((entry ->> 'amount')::bigint) AS amount, count(*) AS uses
        FROM pos_sale, jsonb_array_elements(reserved) AS entry WHERE state = 'held' GROUP BY 1
    ), expected AS (
        SELECT counter.*, coalesce(granted.amount, 0) - coalesce(granted.overrun, 0) AS spent_by_ledger,
               coalesce(reserved.amount, 0) AS held_by_sales,
               coalesce(granted.uses, 0) - coalesce(granted.overrun_uses, 0) + coalesce(reserved.uses, 0)
                   AS uses_by_ledger,
               coalesce(granted.overrun, 0) AS overrun_by_ledger,
               coalesce(granted.overrun_uses, 0) AS overrun_uses_by_ledger
        FROM promotions_counter counter
        LEFT JOIN granted ON granted.thing = counter.{thing}_id
        LEFT JOIN reserved ON reserved.thing = counter.{thing}_id
        WHERE counter.{thing}_id IS NOT NULL AND coalesce(counter.budget, counter.max_uses) IS NOT NULL
    )
    SELECT {thing}_id, spent, spent_by_ledger, held, held_by_sales, uses, uses_by_ledger,
           overrun, overrun_by_ledger, overrun_uses, overrun_uses_by_ledger
    FROM expected
    WHERE (spent, held, uses, overrun, overrun_uses) IS DISTINCT FROM
          (spent_by_ledger, held_by_sales, uses_by_ledger, overrun_by_ledger, overrun_uses_by_ledger)
    ORDER BY {thing}_id
"""
FIGURES = ("spent", "held", "uses", "overrun", "overrun uses")

COUPONS = """
    WITH granted AS (
        SELECT line.coupon_id AS coupon, sum(line.uses) AS uses, sum(coalesce(beyond.coupon_uses, 0)) AS overrun
        FROM promotions_redemption line LEFT JOIN promotions_overrun beyond ON beyond.redemption_id = line.id
        WHERE line.coupon_id IS NOT NULL GROUP BY line.coupon_id
    ), reserved AS (
        SELECT (entry ->> 'coupon')::bigint AS coupon, count(*) AS uses
        FROM pos_sale, jsonb_array_elements(reserved) AS entry WHERE state = 'held' GROUP BY 1
    ), expected AS (
        SELECT coupon.code, coupon.uses, coupon.overrun_uses, coalesce(granted.overrun, 0) AS overrun,
               coalesce(granted.uses, 0) - coalesce(granted.overrun, 0) + coalesce(reserved.uses, 0) AS by_ledger
        FROM promotions_coupon coupon
        LEFT JOIN granted ON granted.coupon = coupon.id LEFT JOIN reserved ON reserved.coupon = coupon.id
    )
    SELECT code, uses, by_ledger, overrun_uses, overrun FROM expected
    WHERE (uses, overrun_uses) IS DISTINCT FROM (by_ledger, overrun) ORDER BY code
"""

# A use is counted by customer where that is limited, and of every coupon.
CUSTOMERS = """
    WITH used AS (
        SELECT sale.customer, line.campaign_id AS campaign, line.promotion_id AS promotion, line.coupon_id AS coupon,
               line.uses
        FROM promotions_redemption line JOIN pos_sale sale ON sale.id = line.sale_id WHERE sale.customer <> ''
        UNION ALL
        SELECT customer, (entry ->> 'campaign')::bigint, (entry ->> 'promotion')::bigint,
               (entry ->> 'coupon')::bigint, 1
        FROM pos_sale, jsonb_array_elements(reserved) AS entry WHERE state = 'held' AND customer <> ''
    ), expected AS (
        SELECT used.customer, campaign, NULL::bigint AS promotion, NULL::bigint AS coupon, sum(used.uses) AS uses
        FROM used JOIN promotions_counter counter ON counter.campaign_id = used.campaign
        WHERE counter.max_uses_per_customer IS NOT NULL GROUP BY used.customer, campaign
        UNION ALL
        SELECT used.customer, NULL, promotion, NULL, sum(used.uses)
        FROM used JOIN promotions_counter counter ON counter.promotion_id = used.promotion
        WHERE counter.max_uses_per_customer IS NOT NULL GROUP BY used.customer, promotion
        UNION ALL
        SELECT used.customer, NULL, NULL, coupon, sum(used.uses)
        FROM used WHERE coupon IS NOT NULL GROUP BY used.customer, coupon
    )
    SELECT coalesce(known.customer, expected.customer),
           CASE WHEN coalesce(known.campaign_id, expected.campaign) IS NOT NULL THEN 'campaign'
                WHEN coalesce(known.promotion_id, expected.promotion) IS NOT NULL THEN 'promotion' ELSE 'coupon' END,
           coalesce(known.campaign_id, known.promotion_id, known.coupon_id,
                    expected.campaign, expected.promotion, expected.coupon),
           coalesce(known.uses, 0), coalesce(expected.uses, 0)
    FROM promotions_customeruse known FULL JOIN expected
      ON known.customer = expected.customer
     AND coalesce(known.campaign_id, 0) = coalesce(expected.campaign, 0)
     AND coalesce(known.promotion_id, 0) = coalesce(expected.promotion, 0)
     AND coalesce(known.coupon_id, 0) = coalesce(expected.coupon, 0)
    WHERE coalesce(known.uses, 0) <> coalesce(expected.uses, 0)
    ORDER BY 1, 2, 3
"""

LINES = """
    SELECT line.id, line.amount + coalesce(sum(back.amount), 0), line.uses + coalesce(sum(back.uses), 0)
    FROM promotions_redemption line LEFT JOIN promotions_redemption back ON back.reverses_id = line.id
    WHERE line.reverses_id IS NULL
    GROUP BY line.id
    HAVING line.amount + coalesce(sum(back.amount), 0) < 0 OR line.uses + coalesce(sum(back.uses), 0) NOT IN (0, 1)
    ORDER BY line.id
"""


def list_breaches() -> Iterator[str]:
    """Yield one line for each figure that differs from its ledger, and for each promotion that cannot be read."""
    with connection.cursor() as cursor:
        for thing in ("campaign", "promotion"):
            cursor.execute(COUNTERS.format(thing=thing))
            for pk, *figures in cursor.fetchall():
                for name, counted, known in zip(FIGURES, figures[::2], figures[1::2], strict=True):
                    if counted != known:
                        yield f"The counter of {thing} {pk} says {name} {counted}; the ledger says {known}."
        cursor.execute(COUPONS)
        for code, counted, known, overrun, overrun_known in cursor.fetchall():
            yield (
                f"Coupon {code} says {counted} uses and {overrun} beyond its limit; "
                f"the ledger says {known} and {overrun_known}."
            )
        for pk, code, key in Coupon.objects.values_list("pk", "code", "key").iterator():
            if key != (right := code_key(code)):
                yield f"Coupon {pk} {code} has the key “{key}”; that of its code is “{right}”: save it once more."
        cursor.execute(CUSTOMERS)
        for customer, thing, pk, counted, known in cursor.fetchall():
            yield f"Customer {customer} used {thing} {pk} {counted} times; the ledger says {known}."
        cursor.execute(LINES)
        for pk, amount, uses in cursor.fetchall():
            yield f"Of line {pk} of the ledger more came back than it gave: {amount} and {uses} uses are left."
        for wrong in find_wrong_tallies():
            yield f"The tally {wrong} than the ledger."
        for sale in list_untallied_sales():
            yield f"Sale {sale} is not tallied as it is: fold it again."
        for thing, pk in find_wrong_counters():
            yield f"The counter of {thing} {pk} does not say what the {thing} says."
        cursor.execute(f"{PROMOTIONS} WHERE p.deleted_at IS NULL")
        for row in cursor.fetchall():
            try:
                msgspec.json.decode(row[-1], type=Parts)
            except msgspec.ValidationError as error:
                yield f"Promotion {row[0]} “{row[1]}” cannot be read: {error}."
