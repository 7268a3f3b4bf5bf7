"""Reports of discounts by promotion, by location, by day and by hour."""

from datetime import time, timedelta

from django.apps import apps
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from campaigns import dates
from promotions.models import Promotion
from promotions.reports.ledger import total_of
from promotions.reports.report import (
    GIVEN,
    SALES,
    USES,
    Column,
    Grouping,
    Key,
    Report,
    ReportQuery,
    Row,
    Rows,
)
from promotions.reports.tallied import choose_source

STATE_WORDS = {
    Promotion.Status.ACTIVE: pgettext_lazy("state of a promotion", "on"),
    Promotion.Status.INACTIVE: pgettext_lazy("state of a promotion", "off"),
}
NO_SALES: Row = {"given": 0, "uses": 0, "sales": 0}


def by_promotion(asked: ReportQuery) -> Report:
    """Report discounts by promotion, the largest first."""
    source = choose_source(asked, Grouping.PROMOTION)
    found = source.sums(Grouping.PROMOTION)
    figures = [{**sums, "key": key} for key, sums in found.items()]
    columns = (
        Column("name", _("Promotion")),
        Column("type", _("Type")),
        Column("state", _("State"), "badge"),
        SALES,
        USES,
        GIVEN,
    )
    sums = total_of(figures, sales=source.all_sales())
    rows = Rows(figures, _describe_promotions)
    return Report("promotion", _("By promotion"), columns, rows, sums, drawn="bars")


def _describe_promotions(rows: list[Row]) -> list[Row]:
    promotions = Promotion.objects.only("name", "type", "status", "deleted_at")
    found = promotions.in_bulk(row["key"] for row in rows)
    return [{**row, **_describe_promotion(found[row["key"]])} for row in rows]


def _describe_promotion(promotion: Promotion) -> Row:
    is_deleted = promotion.deleted_at is not None
    return {
        "name": promotion.name,
        "type": promotion.get_type_display(),
        "state": str(
            pgettext("state of a promotion", "deleted")
            if is_deleted
            else STATE_WORDS[Promotion.Status(promotion.status)]
        ),
        "badge": "enabled" if promotion.status == Promotion.Status.ACTIVE else "inactive",
        "url": "" if is_deleted else reverse("promotions:promotion", args=[promotion.pk]),
    }


def by_location(asked: ReportQuery) -> Report:
    """Report discounts by location, the largest first."""
    found = _each_sale_once(asked, Grouping.LOCATION)
    locations = apps.get_model("pos.Location").objects.in_bulk(found)
    rows = [{**sums, "name": locations[key].name} for key, sums in found.items()]
    columns = (Column("name", _("Location")), SALES, USES, GIVEN)
    return Report("location", _("By location"), columns, rows, _add_up(rows), drawn="bars")


def by_day(asked: ReportQuery) -> Report:
    """Report discounts by day, also for days without any."""
    known = _each_sale_once(asked, Grouping.DAY)
    days = [asked.first + timedelta(days=number) for number in range((asked.last - asked.first).days + 1)]
    rows = [
        {**known.get(day, NO_SALES), "name": dates.write_weekday(day), "short": dates.write_short_day(day)}
        for day in days
    ]
    columns = (Column("name", _("Day")), SALES, USES, GIVEN)
    return Report("day", _("By day"), columns, rows, _add_up(rows), drawn="columns")


def by_hour(asked: ReportQuery) -> Report:
    """Report discounts by hour of the day, over all days."""
    known = _each_sale_once(asked, Grouping.HOUR)
    rows = [
        {
            **known.get(hour, NO_SALES),
            "name": _("%(begin)s to %(end)s") % {"begin": _clock(hour), "end": _clock(hour + 1)},
            "short": _clock(hour),
        }
        for hour in range(24)
    ]
    columns = (Column("name", _("Hour")), SALES, USES, GIVEN)
    return Report("hour", _("By hour"), columns, rows, _add_up(rows), drawn="columns")


def _clock(hour: int) -> str:
    return "24:00" if hour == 24 else dates.write_time(time(hour))


def _each_sale_once(asked: ReportQuery, grouping: Grouping) -> dict[Key, Row]:
    """Return the figures by location, day or hour, of which each sale has one."""
    source = choose_source(asked, grouping)
    sales = source.sales(grouping)
    return {key: {**sums, "sales": sales.get(key, 0)} for key, sums in source.sums(grouping).items()}


def _add_up(rows: list[Row]) -> Row:
    return total_of(rows, sales=sum(row["sales"] for row in rows))
