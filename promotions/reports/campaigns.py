"""What campaigns gave, and what the sales they touched brought in."""

from babel.numbers import get_currency_precision
from django.db import connection
from django.db.models import Sum
from django.urls import reverse

from campaigns.models import Campaign
from campaigns.templatetags.workspace import money
from promotions.reports.ledger import GIVEN, SALES, USES, Asked, Column, Report, Row, ledger, total

# What the sales were paid with that a campaign gave something to: without voided ones, less what came back. The last
# row is of all sales, each once. Lines and sales are joined before they are made distinct: joined after it, PostgreSQL
# guessed 200 sales and looked up 500,000 one by one.
REVENUE = """
    WITH touched AS (
        SELECT DISTINCT line.campaign_id, sale.id AS sale_id, sale.total - coalesce(back.total, 0) AS revenue
        FROM promotions_redemption AS line
        JOIN pos_sale AS sale ON sale.id = line.sale_id
        LEFT JOIN (
            SELECT sale_id, sum((answer::jsonb ->> 'total')::bigint) AS total
            FROM pos_return WHERE at >= %(since)s GROUP BY sale_id
        ) AS back ON back.sale_id = sale.id
        WHERE line.at >= %(since)s AND line.at < %(until)s AND line.reverses_id IS NULL
          AND sale.state = 'committed' AND sale.currency = %(currency)s
          AND (%(location)s::bigint IS NULL OR sale.location_id = %(location)s)
    )
    SELECT false, campaign_id, count(*), sum(revenue) FROM touched GROUP BY campaign_id
    UNION ALL
    SELECT true, NULL, count(*), coalesce(sum(revenue), 0) FROM (SELECT DISTINCT sale_id, revenue FROM touched) AS once
"""
ENDS = {  # P9: expired ran its course, cancelled should not have gone on
    "expired": ("Expired", "ran their course"),
    "cancelled": ("Cancelled", "should not have gone on"),
    "": ("Not over", ""),
}


def by_campaign(asked: Asked) -> Report:
    """What each campaign gave, the sales it touched, and what they brought in for each unit of discount."""
    touched, of_all = _revenue(asked)
    found = (
        ledger(asked)
        .values("campaign", "campaign__name", "campaign__status")
        .annotate(given=Sum("amount"), uses=Sum("uses"))
        .order_by("-given", "campaign")
    )
    rows = [_of_campaign(row, *touched.get(row["campaign"], (0, 0))) for row in found]
    one = money(10 ** get_currency_precision(asked.currency), asked.currency)
    columns = (
        Column("name", "Campaign"),
        Column("state", "Status", "badge"),
        SALES,
        USES,
        Column("revenue", "Revenue", "money"),
        Column("per_unit", f"Revenue per {one} given", "ratio"),
        GIVEN,
    )
    sums = _with_revenue(total(asked), *of_all)
    return Report(
        "campaign", "Campaign ROI", columns, rows, sums, drawn="bars", groups=_by_end(rows), note=ROI_NOTE
    )


ROI_NOTE = (
    "Revenue is what customers paid for the sales that got a discount, less what they have returned since. "
    "A sale to which two campaigns gave something counts for both; in the total it counts once."
)


def _revenue(asked: Asked) -> tuple[dict[int | None, tuple[int, int]], tuple[int, int]]:
    """By campaign (None: none) the sales it touched and what they were paid with less what came back; and of all."""
    parameters: Row = {"since": asked.since, "until": asked.until}
    parameters |= {"currency": asked.currency, "location": asked.location}
    touched: dict[int | None, tuple[int, int]] = {}
    of_all = (0, 0)
    with connection.cursor() as cursor:
        cursor.execute(REVENUE, parameters)
        for is_total, campaign, sales, revenue in cursor:
            if is_total:
                of_all = (sales, int(revenue))
            else:
                touched[campaign] = (sales, int(revenue))
    return touched, of_all


def _of_campaign(row: Row, sales: int, revenue: int) -> Row:
    row = _with_revenue(row, sales, revenue)
    if row["campaign"] is None:
        return {**row, "name": "Standalone promotions", "state": "", "badge": ""}
    return {
        **row,
        "name": row["campaign__name"],
        "state": Campaign.Status(row["campaign__status"]).label.lower(),
        "badge": row["campaign__status"],
        "url": reverse("promotions:campaign", args=[row["campaign"]]),
    }


def _with_revenue(row: Row, sales: int, revenue: int) -> Row:
    """`per_unit`: in hundredths, None where nothing was given."""
    per_unit = round(revenue * 100 / row["given"]) if row["given"] > 0 else None
    return {**row, "sales": sales, "revenue": revenue, "per_unit": per_unit}


def _by_end(rows: list[Row]) -> list[Row]:
    """The campaigns by how they ended: how many, and what they gave."""
    groups: dict[str, Row] = {
        status: {"name": name, "says": says, "count": 0, "given": 0} for status, (name, says) in ENDS.items()
    }
    for row in rows:
        if row["campaign"] is not None:
            group = groups[row["campaign__status"] if row["campaign__status"] in groups else ""]
            group["count"] += 1
            group["given"] += row["given"]
    return [group for group in groups.values() if group["count"]]
