"""Checks this app's invariants: every sale agrees with its answer and with its lines of the ledger."""

from collections.abc import Iterator

from django.db import connection

# What was paid for each sale less what was paid back, and the same of its sold lines. Sales that wait for the fold are
# left out.
PAID_AND_FOLDED = """
    SELECT sale.id, reference,
           CASE WHEN state = 'committed' THEN total - coalesce(returned_total, 0) ELSE 0 END AS paid,
           (SELECT coalesce(sum(line.total - line.returned_total), 0) FROM pos_soldline line
            WHERE line.sale_id = sale.id)::bigint AS folded
    FROM pos_sale sale
    WHERE answer <> '{}' AND NOT EXISTS (SELECT FROM pos_unfoldedsale waiting WHERE waiting.sale_id = sale.id)
"""

# Lines, and units less those that came back, of each sale and of its sold lines. A weight, a text, comes back whole.
SOLD_AND_FOLDED = """
    SELECT sale.id, reference, coalesce(sold.lines, 0) AS lines, coalesce(sold.units, 0) AS units, folded.*
    FROM pos_sale sale
    LEFT JOIN LATERAL (
        SELECT count(*) AS lines, sum(CASE WHEN back.units IS NULL THEN (piece ->> 'quantity')::numeric
            WHEN jsonb_typeof(piece -> 'quantity') = 'string' THEN 0
            ELSE (piece ->> 'quantity')::numeric - back.units END) AS units
        FROM jsonb_array_elements(sale.basket -> 'lines') AS piece
        LEFT JOIN LATERAL (SELECT sum((units ->> (piece ->> 'id'))::bigint) AS units FROM pos_return
                           WHERE sale_id = sale.id) AS back ON true
    ) AS sold ON state = 'committed'
    CROSS JOIN LATERAL (
        SELECT count(*) AS folded_lines, coalesce(sum(quantity - returned_quantity), 0) AS folded_units
        FROM pos_soldline line WHERE line.sale_id = sale.id
    ) AS folded
    WHERE answer <> '{}' AND NOT EXISTS (SELECT FROM pos_unfoldedsale waiting WHERE waiting.sale_id = sale.id)
"""

# (end of a sentence about a sale; SELECT of the sales that it is about). A sale without an answer came from no till.
BREACHES = [
    (
        "was answered a discount of {0}, and {1} is stored",
        "SELECT id, reference, (answer::jsonb ->> 'discount')::bigint, discount FROM pos_sale "
        "WHERE (answer::jsonb ->> 'discount')::bigint <> discount",
    ),
    (
        "has a subtotal of {0}, a discount of {1} and a total of {2}",
        "SELECT id, reference, subtotal, discount, total FROM pos_sale WHERE subtotal - discount <> total",
    ),
    (
        "has a discount of {0}; the ledger granted it {1}",
        """
        SELECT sale.id, reference, discount, coalesce(sum(line.amount), 0) FROM pos_sale sale
        LEFT JOIN promotions_redemption line ON line.sale_id = sale.id AND line.reverses_id IS NULL
        WHERE state IN ('committed', 'voided') AND answer <> '{}'
        GROUP BY sale.id
        HAVING discount <> coalesce(sum(line.amount), 0) AND NOT (state = 'voided' AND count(line.id) = 0)
        """,
    ),
    (
        "was granted promotion {0} {1} times",
        """
        SELECT sale.id, reference, promotion_id, count(*) FROM pos_sale sale
        JOIN promotions_redemption line ON line.sale_id = sale.id
        WHERE reverses_id IS NULL GROUP BY sale.id, promotion_id HAVING count(*) > 1
        """,
    ),
    (
        "is {0}, and {1} of its discounts is still granted",
        """
        SELECT sale.id, reference, state, sum(amount) FROM pos_sale sale
        JOIN promotions_redemption line ON line.sale_id = sale.id
        WHERE state <> 'committed' GROUP BY sale.id HAVING sum(amount) <> 0 OR sum(uses) <> 0
        """,
    ),
    (
        "is {0}, and reserves something",
        "SELECT id, reference, state FROM pos_sale WHERE state <> 'held' AND reserved IS NOT NULL",
    ),
    (
        "is held and reserves {0} of the {1} it was answered",
        """
        SELECT id, reference, (SELECT coalesce(sum((entry ->> 'amount')::bigint), 0)
                               FROM jsonb_array_elements(reserved) AS entry), discount
        FROM pos_sale WHERE state = 'held' AND discount <>
            (SELECT coalesce(sum((entry ->> 'amount')::bigint), 0) FROM jsonb_array_elements(reserved) AS entry)
        """,
    ),
    (
        "has returns that paid back {0}; {1} is stored",
        """
        SELECT sale.id, sale.reference, sum((back.answer::jsonb ->> 'total')::bigint), sale.returned_total
        FROM pos_sale sale LEFT JOIN pos_return back ON back.sale_id = sale.id GROUP BY sale.id
        HAVING sum((back.answer::jsonb ->> 'total')::bigint) IS DISTINCT FROM sale.returned_total
        """,
    ),
    (
        "has returns that gave back {0}; the ledger says {1}",
        """
        SELECT sale.id, sale.reference, sum(back.discount),
               (SELECT coalesce(-sum(amount), 0) FROM promotions_redemption line
                WHERE line.sale_id = sale.id AND line.reverses_id IS NOT NULL)
        FROM pos_sale sale JOIN pos_return back ON back.sale_id = sale.id
        WHERE state = 'committed' GROUP BY sale.id
        HAVING sum(back.discount) <> (SELECT coalesce(-sum(amount), 0) FROM promotions_redemption line
                                      WHERE line.sale_id = sale.id AND line.reverses_id IS NOT NULL)
        """,
    ),
    (
        "was paid {0}; its sold lines say {1}",
        f"""
        SELECT id, reference, paid, folded FROM ({PAID_AND_FOLDED}) AS sale WHERE paid <> folded
        """,
    ),
    (
        "has {0} lines and kept {1:f} units; it has {2} sold lines and {3:f} units",
        f"""
        SELECT * FROM ({SOLD_AND_FOLDED}) AS sale WHERE (lines, units) <> (folded_lines, folded_units)
        """,
    ),
]


def list_breaches() -> Iterator[str]:
    """Yield one sentence for each sale whose figures disagree."""
    with connection.cursor() as cursor:
        for sentence, sql in BREACHES:
            cursor.execute(f"{sql} ORDER BY 1")
            for pk, reference, *figures in cursor.fetchall():
                yield f"Sale {pk} ({reference}) {sentence.format(*figures)}."
