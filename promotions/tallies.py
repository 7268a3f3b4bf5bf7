"""Tallies of discounts: what reports of promotions read instead of the whole ledger.

The fold calls `tally_sales` in its transaction, behind the tills. It knows what of a sale is tallied already
(`TalliedSale`) and adds the difference, so a sale may be folded any number of times. A sale that changed and is not
folded yet stands in `pos_unfoldedsale`, in the transaction of its change. Whoever reads adds the difference of these
sales in the same statement (`CHANGES`), and so never sees a figure that the ledger does not have.
"""

from collections.abc import Collection, Iterator
from typing import Final

from django.db import connection

from promotions.models import DiscountTally

Kind = DiscountTally.Kind

# The lines of sales, each beside what of its sale is tallied. {lines}: which lines; {known}: the table of what is.
FACTS: Final = """
    SELECT line.id, line.sale_id, line.at, sale.location_id, sale.currency,
           coalesce(line.campaign_id, 0) AS campaign_id, line.promotion_id, line.amount, line.uses,
           line.reverses_id IS NULL AS is_granted, line.id <= coalesce(known.last_line, 0) AS is_known,
           sale.state = 'committed' AS counts, coalesce(known.is_counted, false) AS counted,
           CASE WHEN sale.state = 'committed' THEN sale.total - coalesce(sale.returned_total, 0) ELSE 0 END AS revenue,
           coalesce(known.revenue, 0) AS known_revenue
    FROM promotions_redemption AS line JOIN pos_sale AS sale ON sale.id = line.sale_id
    LEFT JOIN {known} AS known ON known.sale_id = line.sale_id
    WHERE {lines}
"""
KNOWN: Final = "promotions_talliedsale"
NOTHING_KNOWN: Final = (
    "(SELECT NULL::bigint AS sale_id, NULL::bigint AS last_line, NULL::boolean AS is_counted, NULL::bigint AS revenue "
    "WHERE false)"
)
WAITING: Final = (
    "line.sale_id = ANY(ARRAY(SELECT sale_id FROM pos_unfoldedsale))"  # few: an index finds their lines
)

# What the facts change in the tallies: of promotions by line, of campaigns and of all by sale. A sale is as old as its
# discount.
CHANGES: Final = """
    SELECT 'promotion' AS subject, at, location_id, currency, campaign_id, promotion_id,
           CASE WHEN is_known THEN 0 ELSE amount END AS given, CASE WHEN is_known THEN 0 ELSE uses END AS uses,
           CASE WHEN is_granted THEN counts::int - (is_known AND counted)::int ELSE 0 END AS sales,
           0::bigint AS revenue, NOT is_known AS is_new
    FROM facts
    UNION ALL
    SELECT 'campaign', min(at), location_id, currency, campaign_id, 0, 0, 0,
           counts::int - (bool_or(is_known) AND counted)::int,
           revenue - CASE WHEN bool_or(is_known) THEN known_revenue ELSE 0 END, bool_or(NOT is_known)
    FROM facts WHERE is_granted
    GROUP BY sale_id, location_id, currency, campaign_id, counts, counted, revenue, known_revenue
    UNION ALL
    SELECT 'sale', min(at), location_id, currency, 0, 0, 0, 0,
           counts::int - (bool_or(is_known) AND counted)::int,
           revenue - CASE WHEN bool_or(is_known) THEN known_revenue ELSE 0 END, bool_or(NOT is_known)
    FROM facts WHERE is_granted
    GROUP BY sale_id, location_id, currency, counts, counted, revenue, known_revenue
"""

# The rows of tallies that a change belongs to. What was given comes from the changes of promotions in all of them;
# sales and revenue from those of their own subject, so that a sale counts once.
ROWS: Final = f"""
    SELECT kinds.kind, CASE WHEN kinds.is_of_all THEN 0 ELSE location_id END AS location_id,
           CASE kinds.stretch WHEN 'quarter' THEN date_bin('15 minutes', at, '2000-01-01 00:00:00+00')
                              ELSE date_trunc(kinds.stretch, at, 'UTC') END AS begins,
           currency, CASE WHEN kinds.subject = 'sale' THEN 0 ELSE campaign_id END AS campaign_id,
           CASE WHEN kinds.subject = 'promotion' THEN promotion_id ELSE 0 END AS promotion_id,
           given, uses, CASE WHEN kinds.subject = change.subject THEN sales ELSE 0 END AS sales, revenue, is_new
    FROM changes AS change JOIN (VALUES
        ({Kind.QUARTER}, 'sale', 'quarter', false), ({Kind.QUARTER_OF_ALL}, 'sale', 'quarter', true),
        ({Kind.DAY}, 'sale', 'day', false),
        ({Kind.CAMPAIGN_DAY}, 'campaign', 'day', false), ({Kind.CAMPAIGN_MONTH}, 'campaign', 'month', true),
        ({Kind.PROMOTION_DAY}, 'promotion', 'day', false), ({Kind.PROMOTION_MONTH}, 'promotion', 'month', true)
    ) AS kinds(kind, subject, stretch, is_of_all)
    ON kinds.subject = change.subject OR change.subject = 'promotion'
"""
KEY: Final = "kind, location_id, begins, currency, campaign_id, promotion_id"
SUMS: Final = (
    "sum(given)::bigint AS given, sum(uses)::bigint AS uses, sum(sales)::bigint AS sales, "
    "sum(revenue)::bigint AS revenue"
)

# Rows are written in one order. One fold works at a time, so nobody else writes them.
TALLY: Final = f"""
    WITH facts AS MATERIALIZED ({FACTS.format(known=KNOWN, lines="line.sale_id = ANY(%(sales)s)")}),
    changes AS ({CHANGES}),
    noted AS (
        INSERT INTO promotions_talliedsale AS known (sale_id, last_line, is_counted, revenue)
        SELECT sale_id, max(id), counts, revenue FROM facts GROUP BY sale_id, counts, revenue ORDER BY sale_id
        ON CONFLICT (sale_id) DO UPDATE
            SET last_line = excluded.last_line, is_counted = excluded.is_counted, revenue = excluded.revenue
            WHERE (known.last_line, known.is_counted, known.revenue)
                IS DISTINCT FROM (excluded.last_line, excluded.is_counted, excluded.revenue)
    )
    INSERT INTO promotions_discounttally AS tally ({KEY}, given, uses, sales, revenue)
    SELECT {KEY}, {SUMS} FROM ({ROWS}) AS row GROUP BY {KEY}
    HAVING bool_or(is_new) OR (sum(given), sum(uses), sum(sales), sum(revenue)) IS DISTINCT FROM (0, 0, 0, 0)
    ORDER BY {KEY}
    ON CONFLICT ({KEY}) DO UPDATE
        SET given = tally.given + excluded.given, uses = tally.uses + excluded.uses,
            sales = tally.sales + excluded.sales, revenue = tally.revenue + excluded.revenue
"""

# Tallies and what waits, less what the ledger says: 0 everywhere.
DIFFERENCES: Final = f"""
    WITH facts AS ({FACTS.format(known=KNOWN, lines=WAITING)}), changes AS ({CHANGES}), waiting AS ({ROWS}),
    all_rows AS (
        WITH facts AS ({FACTS.format(known=NOTHING_KNOWN, lines="true")}), changes AS ({CHANGES}) {ROWS}
    )
    SELECT {KEY}, {SUMS} FROM (
        SELECT {KEY}, given, uses, sales, revenue FROM promotions_discounttally
        UNION ALL SELECT {KEY}, given, uses, sales, revenue FROM waiting
        UNION ALL SELECT {KEY}, -given, -uses, -sales, -revenue FROM all_rows
    ) AS row GROUP BY {KEY}
    HAVING (sum(given), sum(uses), sum(sales), sum(revenue)) IS DISTINCT FROM (0, 0, 0, 0) ORDER BY {KEY}
"""
UNTALLIED: Final = f"""
    SELECT facts.sale_id FROM ({FACTS.format(known=KNOWN, lines="true")}) AS facts
    WHERE NOT EXISTS (SELECT FROM pos_unfoldedsale AS waiting WHERE waiting.sale_id = facts.sale_id)
      AND NOT (is_known AND (counts, revenue) IS NOT DISTINCT FROM (counted, known_revenue))
    GROUP BY facts.sale_id ORDER BY facts.sale_id
"""
FORGET: Final = """
    WITH tallies AS (DELETE FROM promotions_discounttally), sales AS (DELETE FROM promotions_talliedsale)
    INSERT INTO pos_unfoldedsale (sale_id) SELECT DISTINCT sale_id FROM promotions_redemption
"""


def tally_sales(sales: Collection[int], most: int) -> int:
    """Add what changed in these sales to the tallies. The fold calls it in its transaction; 0: nothing of it waits."""
    if sales:
        with connection.cursor() as cursor:
            cursor.execute(TALLY, {"sales": list(sales)})
    return 0


def forget_tallies() -> None:
    """Empty the tallies and have each sale with a discount folded anew. Meanwhile reports read the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)


def find_wrong_tallies() -> Iterator[str]:
    """Yield for each tally that is not what the ledger says which it is, and what it has more."""
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES)
        for (
            kind,
            location,
            begins,
            currency,
            campaign,
            promotion,
            given,
            uses,
            sales,
            revenue,
        ) in cursor.fetchall():
            keys = {"location": location, "campaign": campaign, "promotion": promotion}
            of = "".join(f", {name} {key}" for name, key in keys.items() if key)
            yield (
                f"{Kind(kind).name} of {begins.isoformat()} in {currency}{of} says {given} given, {uses} uses, "
                f"{sales} sales and {revenue} revenue more"
            )


def list_untallied_sales() -> list[int]:
    """List the sales that wait for no fold and are not tallied as they are."""
    with connection.cursor() as cursor:
        cursor.execute(UNTALLIED)
        return [sale for (sale,) in cursor.fetchall()]
