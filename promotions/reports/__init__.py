"""What promotions gave: every figure is a sum over the ledger of redemptions.

A line of the ledger counts when it was written; what is given back later takes from the day on which it comes back. A
sale counts on the day on which it was granted something, unless it was voided since.
Amounts are in minor units of one currency. Days and hours are those of the chosen location, else of who looks.
"""

from collections.abc import Callable

from promotions.reports.breakdowns import by_day, by_hour, by_location, by_promotion
from promotions.reports.campaigns import by_campaign
from promotions.reports.coupons import beyond_limits, by_coupon
from promotions.reports.export import csv_lines, drawing, shares
from promotions.reports.report import Column, Report, ReportQuery

__all__ = [
    "REPORTS",
    "Column",
    "Report",
    "ReportQuery",
    "beyond_limits",
    "by_campaign",
    "by_coupon",
    "by_day",
    "by_hour",
    "by_location",
    "by_promotion",
    "csv_lines",
    "drawing",
    "shares",
]

REPORTS: dict[str, tuple[str, Callable[[ReportQuery], Report]]] = {
    "promotion": ("By promotion", by_promotion),
    "location": ("By location", by_location),
    "day": ("By day", by_day),
    "hour": ("By hour", by_hour),
    "campaign": ("Revenue per campaign", by_campaign),
    "coupon": ("Coupon usage", by_coupon),
    "beyond": ("Beyond limits", beyond_limits),
}
