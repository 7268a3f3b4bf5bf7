"""What promotions gave: every figure is a sum over the ledger of redemptions.

A line of the ledger counts when it was written; what is given back later takes from the day on which it comes back.
Amounts are in minor units of one currency. Days and hours are those of the site's time zone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from django.db import connection
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.db.models.functions import ExtractHour, TruncDate
from django.urls import reverse
from django.utils import timezone

from campaigns.models import Campaign
from promotions.coupons import cell
from promotions.models import Coupon, Overrun, Promotion, Redemption

Row = dict[str, Any]
WIDE = 4
LABELS = 12  # of days under a drawing at most, about


@dataclass(frozen=True)
class Asked:
    """What a report is about: days, both inclusive, one currency, and a location's key (None: all)."""

    first: date
    last: date
    currency: str
    location: int | None = None

    @property
    def since(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.first, time.min))

    @property
    def until(self) -> datetime:
        """The end of the last day, which no longer counts."""
        return timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time.min))


@dataclass(frozen=True)
class Column:
    """`kind` says how its values are written: text, money, number, moment, or ratio (hundredths)."""

    key: str
    label: str
    kind: str = "text"


@dataclass(frozen=True)
class Report:
    """A table, and how it is drawn: `bars` beside its rows, `columns` over time, or nothing.

    `rows`: the values by the columns' keys, and under `url` where the first leads. `total`: of the columns that add up.
    `groups`: of the rows, with `name`, `count` and `given`.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: list[Row]
    total: Row
    drawn: str = ""
    groups: list[Row] = field(default_factory=list)

    @property
    def is_wide(self) -> bool:
        """Whether its columns are too many for a small screen."""
        return len(self.columns) > WIDE

    @property
    def largest(self) -> int:
        return max((row["given"] for row in self.rows), default=0)


GIVEN = Column("given", "Discount", "money")
USES = Column("uses", "Uses", "number")
SALES = Column("sales", "Sales", "number")


def ledger(asked: Asked) -> QuerySet[Redemption]:
    """The lines that a report sums up."""
    lines = Redemption.objects.filter(
        at__gte=asked.since, at__lt=asked.until, sale__currency=asked.currency
    ).order_by()
    return lines if asked.location is None else lines.filter(sale__location=asked.location)


def figures() -> Mapping[str, Any]:
    """Discount and uses as the ledger has them, and the sales that are not voided."""
    return {
        "given": Sum("amount", default=0),
        "uses": Sum("uses", default=0),
        "sales": Count("sale", distinct=True, filter=Q(sale__state="committed")),
    }


def total(asked: Asked) -> Row:
    return ledger(asked).aggregate(**figures())


def by_promotion(asked: Asked) -> Report:
    found = (
        ledger(asked)
        .values(
            "promotion", "promotion__name", "promotion__type", "promotion__status", "promotion__deleted_at"
        )
        .annotate(**figures())
        .order_by("-given", "promotion")
    )
    rows = [
        {
            **row,
            "name": row["promotion__name"],
            "type": Promotion.Type(row["promotion__type"]).label,
            "state": "deleted" if row["promotion__deleted_at"] else _switched(row["promotion__status"]),
            "url": ""
            if row["promotion__deleted_at"]
            else reverse("promotions:promotion", args=[row["promotion"]]),
        }
        for row in found
    ]
    columns = (
        Column("name", "Promotion"),
        Column("type", "Type"),
        Column("state", "State"),
        SALES,
        USES,
        GIVEN,
    )
    return Report("promotion", "By promotion", columns, rows, total(asked), drawn="bars")


def _switched(status: str) -> str:
    return "on" if status == Promotion.Status.ACTIVE else "off"


def by_location(asked: Asked) -> Report:
    found = (
        ledger(asked)
        .values("sale__location__name")
        .annotate(**figures())
        .order_by("-given", "sale__location__name")
    )
    rows = [{**row, "name": row["sale__location__name"]} for row in found]
    columns = (Column("name", "Location"), SALES, USES, GIVEN)
    return Report("location", "By location", columns, rows, total(asked), drawn="bars")


def by_day(asked: Asked) -> Report:
    """A row for each day, also those without a line."""
    found = ledger(asked).annotate(day=TruncDate("at")).values("day").annotate(**figures())
    known = {row["day"]: row for row in found}
    days = (asked.first + timedelta(days=number) for number in range((asked.last - asked.first).days + 1))
    rows = [{**known.get(day, NOTHING), "name": f"{day:%a %-d %b %Y}", "short": f"{day:%-d}"} for day in days]
    columns = (Column("name", "Day"), SALES, USES, GIVEN)
    return Report("day", "By day", columns, rows, total(asked), drawn="columns")


def by_hour(asked: Asked) -> Report:
    """A row for each hour of the day, over all days."""
    found = ledger(asked).annotate(hour=ExtractHour("at")).values("hour").annotate(**figures())
    known = {row["hour"]: row for row in found}
    rows = [
        {
            **known.get(hour, NOTHING),
            "name": f"{hour:02d}:00 to {hour + 1:02d}:00",
            "short": "" if hour % 3 else f"{hour:02d}",
        }
        for hour in range(24)
    ]
    columns = (Column("name", "Hour"), SALES, USES, GIVEN)
    return Report("hour", "By hour", columns, rows, total(asked), drawn="columns")


NOTHING: Row = {"given": 0, "uses": 0, "sales": 0}


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────────────────────────

# What the sales were paid with that a campaign gave something to: without voided ones, less what came back.
REVENUE = """
    SELECT touched.campaign_id, count(*), coalesce(sum(sale.total - back.total), 0)
    FROM (
        SELECT DISTINCT campaign_id, sale_id FROM promotions_redemption
        WHERE at >= %(since)s AND at < %(until)s AND campaign_id IS NOT NULL AND reverses_id IS NULL
    ) AS touched
    JOIN pos_sale AS sale ON sale.id = touched.sale_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum((answer::jsonb ->> 'total')::bigint), 0) AS total FROM pos_return WHERE sale_id = sale.id
    ) AS back
    WHERE sale.state = 'committed' AND sale.currency = %(currency)s
      AND (%(location)s::bigint IS NULL OR sale.location_id = %(location)s)
    GROUP BY touched.campaign_id
"""
ENDS = {  # P9: expired ran its course, cancelled should not have gone on
    "expired": "Ran their course",
    "cancelled": "Cancelled: should not have gone on",
    "": "Not over",
}


def by_campaign(asked: Asked) -> Report:
    """What each campaign gave, the sales it touched, and what they brought in for each unit of discount."""
    touched = _revenue(asked)
    found = (
        ledger(asked)
        .values("campaign", "campaign__name", "campaign__status")
        .annotate(given=Sum("amount"), uses=Sum("uses"))
        .order_by("-given", "campaign")
    )
    rows = [_of_campaign(row, *touched.get(row["campaign"], (0, 0))) for row in found]
    columns = (
        Column("name", "Campaign"),
        Column("state", "Status"),
        SALES,
        Column("revenue", "Their revenue", "money"),
        USES,
        GIVEN,
        Column("per_unit", "Revenue per unit of discount", "ratio"),
    )
    # a sale may be touched by several campaigns: sales and revenue do not add up over them
    sums = {key: value for key, value in total(asked).items() if key != "sales"}
    return Report("campaign", "Campaign ROI", columns, rows, sums, drawn="bars", groups=_by_end(rows))


def _revenue(asked: Asked) -> dict[int, tuple[int, int]]:
    """By campaign: the sales it touched, and what they were paid with less what came back."""
    parameters: Row = {"since": asked.since, "until": asked.until}
    parameters |= {"currency": asked.currency, "location": asked.location}
    with connection.cursor() as cursor:
        cursor.execute(REVENUE, parameters)
        return {campaign: (sales, int(revenue)) for campaign, sales, revenue in cursor}


def _of_campaign(row: Row, sales: int, revenue: int) -> Row:
    if row["campaign"] is None:
        return {
            **row,
            "name": "Standalone promotions",
            "state": "",
            "sales": None,
            "revenue": None,
            "per_unit": None,
        }
    return {
        **row,
        "name": row["campaign__name"],
        "state": Campaign.Status(row["campaign__status"]).label.lower(),
        "url": reverse("promotions:campaign", args=[row["campaign"]]),
        "sales": sales,
        "revenue": revenue,
        "per_unit": round(revenue * 100 / row["given"]) if row["given"] > 0 else None,
    }


def _by_end(rows: list[Row]) -> list[Row]:
    """The campaigns by how they ended: how many, and what they gave."""
    groups: dict[str, Row] = {status: {"name": name, "count": 0, "given": 0} for status, name in ENDS.items()}
    for row in rows:
        if row["campaign"] is not None:
            group = groups[row["campaign__status"] if row["campaign__status"] in groups else ""]
            group["count"] += 1
            group["given"] += row["given"]
    return [group for group in groups.values() if group["count"]]


# ── coupons, and what went beyond a limit ────────────────────────────────────────────────────────────────────────────


def by_coupon(asked: Asked) -> Report:
    """How each code was used: by how many customers, and how often by one at most."""
    lines = ledger(asked).exclude(coupon=None)
    found = (
        lines.values("coupon", "coupon__code", "promotion__name")
        .annotate(
            **figures(),
            customers=Count("sale__customer", distinct=True, filter=~Q(sale__customer="")),
            last=Max("at"),
        )
        .order_by("-given", "coupon")
    )
    states = dict(
        Coupon.objects.with_state(timezone.now())
        .filter(pk__in=lines.values("coupon"))
        .values_list("pk", "state")
    )
    rows = [
        {
            **row,
            "name": row["coupon__code"],
            "promotion": row["promotion__name"],
            "state": Coupon.State(states[row["coupon"]]).label.lower(),
            "url": reverse("promotions:coupon", args=[row["coupon"]]),
        }
        for row in found
    ]
    columns = (
        Column("name", "Code"),
        Column("promotion", "Promotion"),
        Column("state", "State"),
        SALES,
        Column("customers", "Known customers", "number"),
        Column("last", "Last used", "moment"),
        USES,
        GIVEN,
    )
    return Report("coupon", "Coupon usage", columns, rows, lines.aggregate(**figures()), drawn="bars")


def beyond_limits(asked: Asked) -> Report:
    """What tills without connection gave beyond a limit, line by line."""
    found = (
        Overrun.objects.filter(redemption__in=ledger(asked))
        .select_related("redemption__sale__location", "redemption__promotion", "redemption__campaign")
        .order_by("-redemption__at", "-pk")
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
        for line in found
    ]
    columns = (
        Column("name", "Promotion"),
        Column("campaign", "Campaign"),
        Column("location", "Location"),
        Column("sale", "Sale"),
        Column("last", "When", "moment"),
        Column("uses", "Uses beyond", "number"),
        Column("given", "Discount beyond", "money"),
    )
    sums = {"given": sum(row["given"] for row in rows), "uses": sum(row["uses"] for row in rows)}
    return Report("beyond", "Beyond limits", columns, rows, sums)


REPORTS: dict[str, tuple[str, Callable[[Asked], Report]]] = {
    "promotion": ("By promotion", by_promotion),
    "location": ("By location", by_location),
    "day": ("By day", by_day),
    "hour": ("By hour", by_hour),
    "campaign": ("Campaign ROI", by_campaign),
    "coupon": ("Coupon usage", by_coupon),
    "beyond": ("Beyond limits", beyond_limits),
}


# ── drawn and exported ───────────────────────────────────────────────────────────────────────────────────────────────


def shares(report: Report) -> list[float]:
    """For each row how long its bar is, 0 to 100, the largest discount being 100; what was given back draws nothing."""
    largest = max(1, report.largest)
    return [round(100 * max(0, row["given"]) / largest, 2) for row in report.rows]


def csv_rows(report: Report, currency: str) -> Iterable[list[Any]]:
    """The report as rows for CSV, header first; amounts as decimals of `currency`."""
    yield [
        f"{column.label} ({currency})" if column.kind == "money" else column.label
        for column in report.columns
    ]
    places = get_currency_precision(currency)
    for row in report.rows:
        yield [_cell(row.get(column.key), column.kind, places) for column in report.columns]


def _cell(value: Any, kind: str, places: int) -> Any:
    if value is None:
        return ""
    if kind == "money":
        return f"{Decimal(value).scaleb(-places):f}"
    if kind == "ratio":
        return f"{Decimal(value).scaleb(-2):f}"
    return cell(timezone.localtime(value) if kind == "moment" else value)
