"""Template tags of promotions: sentences, changes, figures."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.forms import BoundField
from django.utils.html import format_html
from django.utils.safestring import SafeString

from campaigns import dates
from campaigns.annotations import ColumnValue, PageContext, StoredValue
from campaigns.formats import money, thousands, write_decimal
from campaigns.templatetags.workspace import moment
from promotions import changes, reading
from promotions.forms.picker import find_promotions
from promotions.models import Coupon, Promotion
from promotions.reports import Column

register = template.Library()


@register.filter
def promotion_sentence(promotion: Promotion, currency: str = "") -> str:
    """Return what a promotion does, in a sentence."""
    return reading.write_sentence(promotion, currency)


@register.filter
def change_lines(detail: dict[str, list[StoredValue]], currency: str = "") -> list[str]:
    """Return what an edit changed, a line for each field."""
    return changes.describe_changes(detail, currency)


@register.filter
def state_of_coupon(state: str) -> str:
    """Write the state of a coupon."""
    return str(Coupon.State(state).label)


@register.filter
def moment_at(at: datetime, zone: str) -> str:
    """Return the weekday and the time of an instant in the time zone of a location."""
    return dates.write_weekday_moment(at, ZoneInfo(zone))


@register.filter
def percent(hundredths: int) -> str:
    """Return hundredths of a percent as people write them: 1250 is 12.5%."""
    return reading.write_percent(hundredths)


@register.filter
def svg_number(number: float) -> str:
    """Return a number as attributes of a drawing take it."""
    return f"{number:g}"


@register.inclusion_tag("promotions/_picker.html", takes_context=True)
def picker(context: template.Context, bound: BoundField) -> PageContext:
    """Draw a field of one promotion: a search with what it found. Without JavaScript the button Find does it."""
    request = context["request"]
    said = request.POST if request.method == "POST" else request.GET
    find = said.get(f"find_{bound.name}", "").strip()
    field: Any = bound.field  # a PromotionField
    found = find_promotions(bound.name, with_coupon=field.with_coupon, find=find, chosen=bound.value())
    return {"field": bound, **found}


@register.simple_tag
def figure(
    row: Mapping[str, ColumnValue], column: Column, currency: str, empty: str = "–"
) -> SafeString | str:
    """Return one cell of a report, written as its column says; `empty` where there is nothing."""
    value = row.get(column.key)
    if value is None or value == "":
        return empty
    match column.kind:
        case "money":
            return money(value, currency)
        case "moment":
            return moment(value)
        case "ratio":
            return write_decimal(Decimal(value).scaleb(-2), places=2)
        case "number":
            return thousands(value)
        case "badge" if row.get("badge"):
            return format_html(
                '<span class="status-badge" data-status="{}">{}</span>', row["badge"], str(value).capitalize()
            )
    return str(value)
