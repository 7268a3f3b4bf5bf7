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
    SELECT DISTINCT sale_id FROM gone
"""
MONTHS = """
    SELECT DISTINCT date_trunc('month', at, 'UTC') FROM pos_sale WHERE id = ANY(%s) AND state = 'committed'
"""

# As the till sent and was answered. `quantity` is a number of units or, as a text, a weight, which is one unit. A sale
# without an answer came from no till: it got no discount.
WRITE = """
    INSERT INTO pos_soldline AS known (sale_id, line, at, location_id, customer, currency, sku, categories, brand,
        quantity, unit_price, discount, total, returned_quantity, returned_total)
    SELECT sale.id, sold.id, sale.at, sale.location_id, sale.customer, sale.currency, sold.sku,
           coalesce(sold.categories, '{}'), coalesce(sold.brand, ''), sold.quantity, sold.unit_price,
           coalesce(answered.discount, 0),
           coalesce(answered.total, sold.line_total, round(sold.quantity * sold.unit_price)::bigint),
           CASE WHEN back.units IS NULL THEN 0
                WHEN jsonb_typeof(sold.piece -> 'quantity') = 'string' THEN sold.quantity ELSE back.units END,
           coalesce(back.total, 0)
    FROM pos_sale AS sale
    CROSS JOIN LATERAL (
        SELECT piece, fields.* FROM jsonb_array_elements(sale.basket -> 'lines') AS piece,
            jsonb_to_record(piece) AS fields(id text, sku text, quantity numeric, unit_price bigint, categories text[],
                                            brand text, line_total bigint)
    ) AS sold
    LEFT JOIN LATERAL (
        SELECT discount, total FROM jsonb_to_recordset(sale.answer::jsonb -> 'lines')
            AS line(id text, discount bigint, total bigint) WHERE line.id = sold.id
    ) AS answered ON true
    LEFT JOIN LATERAL (
        SELECT sum((back.units ->> sold.id)::bigint) AS units, sum(line.total)::bigint AS total
        FROM pos_return AS back
        CROSS JOIN LATERAL jsonb_to_recordset(back.answer::jsonb -> 'lines') AS line(id text, total bigint)
        WHERE back.sale_id = sale.id AND line.id = sold.id
    ) AS back ON true
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
    """Write the lines of sales that changed, and what follows from them; return how much was done.

    0: nothing waits, or another fold is at it.

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
        sales = [pk for (pk,) in cursor.fetchall()]
        if sales:
            cursor.execute(MONTHS, [sales])
            make_months(month for (month,) in cursor.fetchall())
            cursor.execute(REMOVE, [sales])
            cursor.execute(WRITE, [sales])
        return len(sales) + sum(follow(sales, most) for follow in followers)


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
    """Have every committed sale folded anew; return how many. For sales that something else than a till has written."""
    with connection.cursor() as cursor:
        cursor.execute(UNFOLD)
        count: int = cursor.rowcount
    return count
