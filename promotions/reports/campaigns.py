"""The report of campaigns: their discounts, and the revenue of the sales they touched."""

from functools import partial
from typing import Final

from babel.numbers import get_currency_precision
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.formats import in_sentence, money, write_percent
from campaigns.models import Campaign
from promotions import margins
from promotions.margins import Margin
from promotions.reports.ledger import GRANTED, Ledger, total_of
from promotions.reports.report import (
    GIVEN,
    SALES,
    USES,
    Column,
    Grouping,
    Report,
    ReportQuery,
    Row,
    Rows,
    SalesTouched,
)
from promotions.reports.tallied import choose_source

# key: of the campaign, or NULL for all of them, where a sale of two campaigns counts once
MARGINS: Final = f"""
    SELECT touched.key, {margins.SUMS}
    FROM (SELECT DISTINCT {{key}} AS key, line.sale_id, sale.at FROM {GRANTED}) AS touched
    JOIN pos_soldline AS line ON line.sale_id = touched.sale_id AND line.at = touched.at
    {margins.KNOWN_COSTS} GROUP BY 1
"""
NO_SALES: Final = SalesTouched()
ENDS = {  # P9: expired ran its course, cancelled should not have gone on
    "expired": (gettext_lazy("Expired"), gettext_lazy("ended as planned")),
    "cancelled": (gettext_lazy("Cancelled"), gettext_lazy("stopped for good")),
    "": (gettext_lazy("Not ended"), ""),
}


def by_campaign(asked: ReportQuery) -> Report:
    """Report what each campaign gave, the sales it touched, and their revenue for each unit of discount."""
    source = choose_source(asked, Grouping.CAMPAIGN)
    touched, touched_in_all = source.sum_revenue()
    found = source.sums(Grouping.CAMPAIGN)
    has_costs = margins.is_any_cost_known()
    known, known_in_all = _read_margins(asked) if has_costs else ({}, None)
    keys = [key for key in found if key is not None]
    # thousands of keys as one parameter, which PostgreSQL splits
    asked_for = RawSQL("SELECT unnest(%s::bigint[])", [f"{{{','.join(map(str, keys))}}}"])
    statuses = dict(Campaign.objects.filter(pk__in=asked_for).values_list("pk", "status"))
    figures = []
    for key, row in found.items():
        row["sales"], row["revenue"] = touched.get(key, NO_SALES)
        row["key"], row["badge"] = key, statuses.get(key, "")
        figures.append(row)
    one = money(10 ** get_currency_precision(asked.currency), asked.currency)
    columns = (
        Column("name", _("Campaign")),
        Column("state", _("Status"), "badge"),
        SALES,
        USES,
        Column("revenue", _("Revenue"), "money"),
        Column("per_unit", _("Revenue per %(one)s given") % {"one": one}, "ratio"),
        *(MARGIN_COLUMNS if has_costs else ()),
        GIVEN,
    )
    sums = total_of(figures, sales=touched_in_all.sales) | {"revenue": touched_in_all.revenue}
    return Report(
        "campaign",
        _("Revenue per campaign"),
        columns,
        Rows(figures, partial(_describe_campaigns, known=known)),
        sums | _compare_revenue(sums, known_in_all),
        drawn="bars",
        groups=_by_end(figures),
        note=f"{ROI_NOTE} {MARGIN_NOTE}" if has_costs else ROI_NOTE,
    )


ROI_NOTE = gettext_lazy(
    "Revenue is what customers paid for the sales that got a discount, less what they have returned since. "
    "A sale to which two campaigns gave something counts for both; in the total it counts once."
)


MARGIN_COLUMNS = (
    Column("margin", gettext_lazy("Margin"), "money"),
    Column("cost_known", gettext_lazy("Known for")),
)
MARGIN_NOTE = gettext_lazy(
    "Margin is what was paid for the articles whose cost is known, less that cost; beside it stands for how much of "
    "the revenue it is known."
)


def _read_margins(asked: ReportQuery) -> tuple[dict[int | None, Margin], Margin | None]:
    """Return the margin of each campaign, and of all: a sale of two campaigns counts once there."""
    ledger = Ledger(asked)
    by_campaign, in_all = (
        {value: Margin(*sums) for value, *sums in ledger.rows(MARGINS.format(key=key))}
        for key in ("line.campaign_id", "NULL::bigint")
    )
    return by_campaign, in_all.get(None)


def _write_margin(margin: Margin | None) -> Row:
    if margin is None or not margin.is_known:
        return {"margin": None, "cost_known": ""}
    return {"margin": margin.amount, "cost_known": write_percent(f"{margin.percent_known:.1f}")}


def _describe_campaigns(rows: list[Row], known: dict[int | None, Margin]) -> list[Row]:
    campaigns = Campaign.objects.in_bulk(row["key"] for row in rows if row["key"] is not None)
    return [
        row | _describe_campaign(campaigns.get(row["key"])) | _compare_revenue(row, known.get(row["key"]))
        for row in rows
    ]


def _describe_campaign(campaign: Campaign | None) -> Row:
    if campaign is None:
        return {"name": _("Standalone promotions"), "state": "", "badge": ""}
    return {
        "name": campaign.name,
        "state": in_sentence(campaign.get_status_display()),
        "badge": campaign.status,
        "url": reverse("promotions:campaign", args=[campaign.pk]),
    }


def _compare_revenue(row: Row, margin: Margin | None) -> Row:
    """Return what the revenue of a row comes to. `per_unit`: in hundredths, None when nothing was given."""
    per_unit = round(row["revenue"] * 100 / row["given"]) if row["given"] > 0 else None
    return {"per_unit": per_unit, **_write_margin(margin)}


def _by_end(rows: list[Row]) -> list[Row]:
    """Group the campaigns by how they ended: how many, and what they gave."""
    groups: dict[str, Row] = {
        status: {"name": name, "says": says, "count": 0, "given": 0} for status, (name, says) in ENDS.items()
    }
    for row in rows:
        if row["badge"]:
            group = groups[row["badge"] if row["badge"] in groups else ""]
            group["count"] += 1
            group["given"] += row["given"]
    return [group for group in groups.values() if group["count"]]
