"""What was given by promotion, by location, by day and by hour."""

from datetime import timedelta

from django.db.models.functions import ExtractHour, TruncDate
from django.urls import reverse

from promotions.models import Promotion
from promotions.reports.ledger import GIVEN, SALES, USES, Asked, Column, Report, Row, figures, ledger, total

SWITCHED = {Promotion.Status.ACTIVE: "on", Promotion.Status.INACTIVE: "off"}
NOTHING: Row = {"given": 0, "uses": 0, "sales": 0}


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
            "state": "deleted" if row["promotion__deleted_at"] else SWITCHED[row["promotion__status"]],
            "badge": "enabled" if row["promotion__status"] == Promotion.Status.ACTIVE else "inactive",
            "url": ""
            if row["promotion__deleted_at"]
            else reverse("promotions:promotion", args=[row["promotion"]]),
        }
        for row in found
    ]
    columns = (
        Column("name", "Promotion"),
        Column("type", "Type"),
        Column("state", "State", "badge"),
        SALES,
        USES,
        GIVEN,
    )
    return Report("promotion", "By promotion", columns, rows, total(asked), drawn="bars")


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
    days = [asked.first + timedelta(days=number) for number in range((asked.last - asked.first).days + 1)]
    rows = [
        {**known.get(day, NOTHING), "name": f"{day:%a %-d %b %Y}", "short": f"{day:%-d %b}"} for day in days
    ]
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
            "short": f"{hour:02d}:00",
        }
        for hour in range(24)
    ]
    columns = (Column("name", "Hour"), SALES, USES, GIVEN)
    return Report("hour", "By hour", columns, rows, total(asked), drawn="columns")
