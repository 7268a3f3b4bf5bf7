"""Reports of promotions: every figure is a sum over the ledger of redemptions.

A line of the ledger counts at the time it was written; a return counts on its own day. A sale counts on the day of its
discount, unless it was voided since. Amounts are in minor units of one currency. Days and hours are in the zone of the
chosen location, else of the user.
"""

from collections.abc import Callable

from django.utils.translation import gettext_lazy

from campaigns.annotations import Words
from promotions.reports.breakdowns import by_day, by_hour, by_location, by_promotion
from promotions.reports.campaigns import by_campaign
from promotions.reports.coupons import beyond_limits, by_coupon
from promotions.reports.export import csv_lines, draw_report, list_shares
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
    "draw_report",
    "list_shares",
]

REPORTS: dict[str, tuple[Words, Callable[[ReportQuery], Report]]] = {
    "promotion": (gettext_lazy("By promotion"), by_promotion),
    "location": (gettext_lazy("By location"), by_location),
    "day": (gettext_lazy("By day"), by_day),
    "hour": (gettext_lazy("By hour"), by_hour),
    "campaign": (gettext_lazy("Revenue per campaign"), by_campaign),
    "coupon": (gettext_lazy("Coupon usage"), by_coupon),
    "beyond": (gettext_lazy("Beyond limits"), beyond_limits),
}
