"""The sums over the ledger that all reports have.

Different sales are counted in the order of their keys, which needs neither a hash table nor a sort. In a row of one
promotion each line is another sale, since a sale has one granted line of a promotion (pos.doctor proves it). Of the
sales only the index pos.sale_figures is read, which is a small part of the table.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import connection

from promotions.reports.report import Grouping, Key, ReportQuery, Row, SalesTouched

EXPRESSIONS: Final = {
    Grouping.PROMOTION: "line.promotion_id",
    Grouping.CAMPAIGN: "line.campaign_id",
    Grouping.LOCATION: "sale.location_id",
    Grouping.DAY: "(line.at AT TIME ZONE %(zone)s)::date",
    Grouping.HOUR: "extract(hour FROM line.at AT TIME ZONE %(zone)s)::integer",
}

# The keys of the sales lead to the part of a long history that is asked for. What comes back may be of older sales.
SPAN: Final = """
    SELECT min(sale_id), min(sale_id) FILTER (WHERE reverses_id IS NULL), max(sale_id)
    FROM promotions_redemption WHERE at >= %(since)s AND at < %(until)s
"""
SOLD: Final = "promotions_redemption AS line JOIN pos_sale AS sale ON sale.id = line.sale_id"
WITHIN: Final = """
    line.at >= %(since)s AND line.at < %(until)s
    AND sale.currency = %(currency)s AND (%(location)s::bigint IS NULL OR sale.location_id = %(location)s)
    AND (%(campaign)s::bigint IS NULL OR line.campaign_id = %(campaign)s)
    AND (%(type)s = '' OR line.promotion_id IN (SELECT id FROM promotions_promotion WHERE type = %(type)s))
"""
STANDS: Final = "line.reverses_id IS NULL AND sale.state = 'committed'"
LINES: Final = f"""
    {SOLD} WHERE {WITHIN}
      AND sale.id BETWEEN %(first)s AND %(last)s AND line.sale_id BETWEEN %(first)s AND %(last)s
"""
GRANTED: Final = f"""
    {SOLD} WHERE {WITHIN} AND {STANDS}
      AND sale.id BETWEEN %(granted)s AND %(last)s AND line.sale_id BETWEEN %(granted)s AND %(last)s
"""
LARGEST_FIRST: Final = "ORDER BY 2 DESC, 1"  # what has no key comes last of equal ones
SUMS: Final = f"""
    SELECT {{key}}, sum(line.amount)::bigint, sum(line.uses)::bigint, count(*) FILTER (WHERE {STANDS})
    FROM {LINES} GROUP BY 1 {LARGEST_FIRST}
"""
SALES: Final = f"""
    SELECT key, count(*) FROM (
        SELECT DISTINCT ON (line.sale_id) {{key}} AS key FROM {GRANTED} ORDER BY line.sale_id
    ) AS once GROUP BY 1
"""
# by campaign; at last how many sales count for this campaign only, and their revenue, so that sums count each sale once
REVENUE: Final = f"""
    SELECT touched.campaign_id, count(*), sum(touched.revenue)::bigint, count(*) FILTER (WHERE touched.is_first),
           coalesce(sum(touched.revenue) FILTER (WHERE touched.is_first), 0)::bigint
    FROM (
        SELECT line.campaign_id, line.total - coalesce(line.returned_total, 0) AS revenue,
               row_number() OVER (PARTITION BY line.sale_id) = 1 AS is_first
        FROM (
            SELECT DISTINCT ON (line.sale_id, line.campaign_id) line.sale_id, line.campaign_id,
                   sale.total, sale.returned_total
            FROM {GRANTED} ORDER BY line.sale_id, line.campaign_id
        ) AS line
    ) AS touched GROUP BY 1
"""


class Ledger:
    """The lines of the ledger for a report, as they are at this moment."""

    def __init__(self, asked: ReportQuery) -> None:
        self.parameters: dict[str, datetime | str | int | None] = {
            "since": asked.since,
            "until": asked.until,
            "currency": asked.currency,
            "location": asked.location,
            "campaign": asked.campaign,
            "type": asked.type,
            "zone": asked.zone_key,
        }
        ((first, granted, last),) = self.rows(SPAN)
        self.parameters |= {"first": first, "granted": granted, "last": last}

    def rows(self, statement: str) -> list[tuple[Key, ...]]:
        """Return the rows of a statement over LINES or GRANTED."""
        with connection.cursor() as cursor:
            cursor.execute(statement, self.parameters)
            rows: list[tuple[Key, ...]] = cursor.fetchall()
        return rows

    def sums(self, grouping: Grouping) -> dict[Key, Row]:
        """Return `given` and `uses` by promotion, campaign, location, day or hour, the largest discount first.

        `sales`: the lines granted in sales that are not voided; in a row of one promotion, the number of those sales.
        """
        return {
            value: {"given": given, "uses": uses, "sales": sales}
            for value, given, uses, sales in self.rows(SUMS.format(key=EXPRESSIONS[grouping]))
        }

    def sales(self, grouping: Grouping) -> dict[Key, int]:
        """Count the sales with a discount that are not voided, by location, day or hour: each sale has one."""
        return dict(self.rows(SALES.format(key=EXPRESSIONS[grouping])))

    def all_sales(self) -> int:
        return sum(count for _, count in self.rows(SALES.format(key="NULL")))

    def sum_revenue(self) -> tuple[dict[Key, SalesTouched], SalesTouched]:
        """Return the sales that each campaign gave something to, and all of them, each once."""
        rows = self.rows(REVENUE)
        in_all = SalesTouched(sum(row[3] for row in rows), sum(row[4] for row in rows))
        return {key: SalesTouched(sales, revenue) for key, sales, revenue, *_ in rows}, in_all


def total_of(rows: Iterable[Row], *, sales: int) -> Row:
    """Return the total of a report, in which a sale of several rows counts once: `sales` in all."""
    rows = list(rows)
    return {name: sum(row[name] for row in rows) for name in ("given", "uses")} | {"sales": sales}
