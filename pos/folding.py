"""The fold: writes the lines of sales as rows, behind the tills and never in their transactions.

A till adds a row to `pos_unfoldedsale` in the statement that it sends anyway. The fold takes such rows, writes the
lines of their sales into `pos_soldline` as the sales are now, and deletes the rows, all in one transaction. So a fold
that is killed has done nothing, and one that runs twice writes the same. There is no watermark: numbers are committed
out of order, and a void or a return changes an old sale. One fold runs at a time; it leaves a sale that changes
meanwhile to the row which that change adds.

What `settings.FOLD_FOLLOWERS` names is told of the sales in the same transaction. So what follows from a sale is
written exactly once, together with its lines.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from promotions import tallies

Follower = Callable[[Collection[int], int], int]
"""Takes the keys of the sales and how many changes of its own it may do at most; returns how many it did."""

FOLD_LOCK = 0x666F6C64  # advisory: "fold"
MOST_SALES = 500
"""How many sales are folded in one transaction."""

TAKE = """
    WITH gone AS (
        DELETE FROM pos_unfoldedsale WHERE id IN (
            SELECT id FROM pos_unfoldedsale ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
        ) RETURNING sale_id
    )
    SELECT count(*), coalesce(array_agg(DISTINCT sale_id), '{}') FROM gone
"""
MONTHS = """
    SELECT DISTINCT date_trunc('month', at, 'UTC') FROM pos_sale WHERE id = ANY(%s) AND state = 'committed'
"""

# As the till sent and was answered. `quantity` is a number of units or, as a text, a weight, which is one unit. A sale
# without an answer came from no till: it got no discount. Basket and answer are read once for the sale, not once for
# each of its lines.
WRITE = """
    INSERT INTO pos_soldline AS known (sale_id, line, at, location_id, customer, currency, sku, categories, brand,
        quantity, unit_price, discount, total, returned_quantity, returned_total)
    SELECT sale.id, sold.id, sale.at, sale.location_id, sale.customer, sale.currency, sold.sku,
           coalesce(sold.categories, '{}'), coalesce(sold.brand, ''), sold.number, sold.unit_price,
           coalesce(sold.discount, 0),
           coalesce(sold.total, sold.line_total, round(sold.number * sold.unit_price)::bigint),
           CASE WHEN sold.units_back IS NULL THEN 0
                WHEN jsonb_typeof(sold.quantity) = 'string' THEN sold.number ELSE sold.units_back END,
           coalesce(sold.total_back, 0)
    FROM pos_sale AS sale
    CROSS JOIN LATERAL (
        SELECT sent.*, (sent.quantity #>> '{}')::numeric AS number, answered.discount, answered.total,
               back.units AS units_back, back.total AS total_back
        FROM jsonb_to_recordset(sale.basket -> 'lines') AS sent(id text, sku text, quantity jsonb, unit_price bigint,
            categories text[], brand text, line_total bigint)
        LEFT JOIN jsonb_to_recordset(sale.answer::jsonb -> 'lines') AS answered(id text, discount bigint, total bigint)
            ON answered.id = sent.id
        LEFT JOIN (
            SELECT line.id, sum((made.units ->> line.id)::bigint) AS units, sum(line.total)::bigint AS total
            FROM pos_return AS made
            CROSS JOIN LATERAL jsonb_to_recordset(made.answer::jsonb -> 'lines') AS line(id text, total bigint)
            WHERE made.sale_id = sale.id GROUP BY line.id
        ) AS back ON back.id = sent.id
    ) AS sold
    WHERE sale.id = ANY(%s) AND sale.state = 'committed'
    ON CONFLICT (sale_id, line, at) DO UPDATE
        SET customer = excluded.customer, returned_quantity = excluded.returned_quantity,
            returned_total = excluded.returned_total
        WHERE (known.customer, known.returned_quantity, known.returned_total)
            IS DISTINCT FROM (excluded.customer, excluded.returned_quantity, excluded.returned_total)
"""
REMOVE = """
    DELETE FROM pos_soldline AS line USING pos_sale AS sale
    WHERE sale.id = ANY(%s) AND sale.state <> 'committed' AND line.sale_id = sale.id AND line.at = sale.at
"""
UNFOLD = "INSERT INTO pos_unfoldedsale (sale_id) SELECT id FROM pos_sale WHERE state = 'committed'"


def fold_sales(most: int = MOST_SALES, *, is_patient: bool = False) -> int:
    """Write the lines of sales that changed, and what follows from them; return how many changes were taken.

    0: nothing waits, or another fold is at it. Fewer than `most`: at this moment no more waited.

    Args:
        is_patient: waits for another fold, so that 0 says that nothing waits.
    """
    followers: list[Follower] = [import_string(name) for name in settings.FOLD_FOLLOWERS]
    with transaction.atomic(), connection.cursor() as cursor:
        if is_patient:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FOLD_LOCK])
        else:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [FOLD_LOCK])
            if not cursor.fetchone()[0]:
                return 0
        cursor.execute(TAKE, [most])
        taken, sales = cursor.fetchone()
        if sales:
            cursor.execute(MONTHS, [sales])
            make_months(month for (month,) in cursor.fetchall())
            cursor.execute(REMOVE, [sales])
            cursor.execute(WRITE, [sales])
        return int(taken) + sum(follow(sales, most) for follow in followers)


def make_months(months: Iterable[datetime]) -> None:
    """Make the partitions that are missing, for months given by their first instant (aware).

    A partition is made beside the table and attached, which does not wait for those who read the others.
    """
    with connection.cursor() as cursor:
        for month in months:
            first = month.astimezone(UTC)
            following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
            name = f"pos_soldline_{first:%Y_%m}"
            cursor.execute("SELECT to_regclass(%s) IS NULL", [name])
            if cursor.fetchone()[0]:
                cursor.execute(
                    f"CREATE TABLE {name} (LIKE pos_soldline INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
                )
                cursor.execute(
                    f"ALTER TABLE pos_soldline ATTACH PARTITION {name} FOR VALUES FROM (%s) TO (%s)",
                    [first, following],
                )


def refold_all_sales() -> int:
    """Have every committed sale folded and tallied anew; return how many.

    For sales that something else than a till has written, and for figures that the doctor found wrong.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [FOLD_LOCK])
        tallies.forget_tallies()
        cursor.execute(UNFOLD)
        count: int = cursor.rowcount
    return count
