"""Reports of the uses of codes, and of discounts that offline tills gave beyond a limit."""

from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import database_time
from campaigns.formats import in_sentence
from promotions.models import Coupon, Overrun
from promotions.reports.ledger import GRANTED, LARGEST_FIRST, LINES, STANDS, Ledger, total_of
from promotions.reports.report import GIVEN, SALES, USES, Column, Report, ReportQuery, Row, Rows

BADGES = {Coupon.State.USABLE: "enabled", Coupon.State.COMING: "scheduled", Coupon.State.USED_UP: "paused"}
USED: Final = f"""
    SELECT line.coupon_id, sum(line.amount)::bigint, sum(line.uses)::bigint, count(*) FILTER (WHERE {STANDS}),
           count(DISTINCT sale.customer) FILTER (WHERE sale.customer <> ''), max(line.at)
    FROM {LINES} AND line.coupon_id IS NOT NULL GROUP BY 1 {LARGEST_FIRST}
"""
SALES_WITH_CODE: Final = f"SELECT count(DISTINCT line.sale_id) FROM {GRANTED} AND line.coupon_id IS NOT NULL"


def by_coupon(asked: ReportQuery) -> Report:
    """Report how each code was used: by how many customers, and how often at most by one."""
    ledger = Ledger(asked)
    names = ("key", "given", "uses", "sales", "customers", "last")
    figures = [dict(zip(names, row, strict=True)) for row in ledger.rows(USED)]
    columns = (
        Column("name", _("Code")),
        Column("promotion", _("Promotion")),
        Column("state", _("State"), "badge"),
        SALES,
        Column("customers", _("Known customers"), "number"),
        Column("last", _("Last used"), "moment"),
        USES,
        GIVEN,
    )
    ((sales,),) = ledger.rows(SALES_WITH_CODE)
    sums = total_of(figures, sales=sales)
    return Report("coupon", _("Coupon usage"), columns, Rows(figures, _describe_coupons), sums, drawn="bars")


def _describe_coupons(rows: list[Row]) -> list[Row]:
    coupons = Coupon.objects.with_state(database_time.now()).filter(pk__in=[row["key"] for row in rows])
    described = {
        key: {
            "name": code,
            "promotion": promotion,
            "state": in_sentence(Coupon.State(state).label),
            "badge": BADGES.get(state, "inactive"),
            "url": reverse("promotions:coupon", args=[key]),
        }
        for key, code, promotion, state in coupons.values_list("pk", "code", "promotion__name", "state")
    }
    return [{**row, **described[row["key"]]} for row in rows]


def beyond_limits(asked: ReportQuery) -> Report:
    """Report what offline tills gave beyond a limit, line by line."""
    narrowed = {
        "sale__location": asked.location,
        "campaign": asked.campaign,
        "promotion__type": asked.type or None,
    }
    found = Overrun.objects.filter(
        redemption__at__gte=asked.since,
        redemption__at__lt=asked.until,
        redemption__sale__currency=asked.currency,
        **{f"redemption__{name}": value for name, value in narrowed.items() if value is not None},
    )
    rows: list[Row] = [
        {
            "name": line.redemption.promotion.name,
            "url": reverse("promotions:promotion", args=[line.redemption.promotion_id]),
            "campaign": line.redemption.campaign.name if line.redemption.campaign else "",
            "location": line.redemption.sale.location.name,
            "sale": line.redemption.sale.reference,
            "last": line.redemption.at,
            "uses": max(line.campaign_uses, line.promotion_uses, line.coupon_uses, key=abs),
            "given": line.amount,
        }
        for line in found.select_related(
            "redemption__sale__location", "redemption__promotion", "redemption__campaign"
        ).order_by("-redemption__at", "-pk")
    ]
    columns = (
        Column("name", _("Promotion")),
        Column("campaign", _("Campaign")),
        Column("location", _("Location")),
        Column("sale", _("Sale")),
        Column("last", _("When"), "moment"),
        Column("uses", _("Uses beyond"), "number"),
        Column("given", _("Discount beyond"), "money"),
    )
    sums = {"given": sum(row["given"] for row in rows), "uses": sum(row["uses"] for row in rows)}
    return Report("beyond", _("Beyond limits"), columns, rows, sums)
