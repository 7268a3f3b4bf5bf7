"""Writes what an edit changed, in words: "end: 9 Dec 2026, 08:00 → 10 Dec 2026, 08:00"."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import dates
from campaigns.annotations import ColumnValue, StoredValue
from campaigns.formats import money
from promotions import reading

NAMES = {
    "name": gettext_lazy("name"),
    "description": gettext_lazy("description"),
    "budget": gettext_lazy("budget"),
    "currency": gettext_lazy("currency"),
    "priority": gettext_lazy("priority"),
    "locations": gettext_lazy("locations"),
    "promotions": gettext_lazy("promotions"),
    "conditions": gettext_lazy("conditions"),
    "type": gettext_lazy("type"),
    "standalone": gettext_lazy("standalone"),
    "code": gettext_lazy("code"),
    "active": gettext_lazy("active"),
    "group": gettext_lazy("group"),
    "starts_at": gettext_lazy("start"),
    "ends_at": gettext_lazy("end"),
    "max_uses": gettext_lazy("maximum uses"),
    "max_uses_per_customer": gettext_lazy("maximum uses per customer"),
    "on_budget_end": gettext_lazy("when the budget ends"),
    "max_promotions": gettext_lazy("maximum promotions per sale"),
    "max_discount_percent": gettext_lazy("maximum percent per sale"),
    "max_discount": gettext_lazy("maximum discount per sale"),
    "exclusive": gettext_lazy("alone in a sale"),
    "precedence": gettext_lazy("when several compete"),
    "coupons_with_promotions": gettext_lazy("coupons with automatic promotions"),
    "item_with_order": gettext_lazy("items with whole sale"),
    "buy_get_replaces": gettext_lazy("buy and get replaces others"),
    "thresholds_on_original": gettext_lazy("thresholds before any discount"),
    "level": gettext_lazy("what is reduced"),
    "stacking": gettext_lazy("together with others"),
    "caps": gettext_lazy("most in a sale"),
    "target": gettext_lazy("which articles"),
    "benefit": gettext_lazy("discount"),
    "trigger": gettext_lazy("applies"),
    "kind": gettext_lazy("may be used"),
    "min_subtotal": gettext_lazy("minimum subtotal"),
    "customer": gettext_lazy("only for the customer"),
}
ONLY_NAMED = (
    "description",
    "conditions",
    "target",
    "benefit",
    "stacking",
    "caps",
    "level",
    "promotions",
    "type",
)
"""Fields of which it is only said that they changed: before and after would be too long, or no words for people."""
VALUE_WORDS = {
    "partial": gettext_lazy("grant what is left"),
    "reject": gettext_lazy("give nothing unless all fits"),
    "value": gettext_lazy("the better deal wins"),
    "priority": gettext_lazy("the first by priority wins"),
    "automatic": gettext_lazy("automatically"),
    "coupon": gettext_lazy("with a coupon"),
    "one_time": gettext_lazy("once in all"),
    "multi_use": gettext_lazy("many times"),
}


def describe_changes(detail: Mapping[str, Sequence[StoredValue]], currency: str = "") -> list[str]:
    """Return a line for each field of `Change.detail`, {field: [before, after]}; amounts are in `currency`."""
    lines = []
    for field, (before, after) in detail.items():
        name = str(NAMES[field]) if field in NAMES else field.replace("_", " ")
        if field in ONLY_NAMED:
            lines.append(name)
        else:
            lines.append(
                f"{name}: {_write_value(field, before, currency)} → {_write_value(field, after, currency)}"
            )
    return lines


def _write_value(field: str, value: ColumnValue, currency: str) -> str:
    if value is None or value == "" or value == []:
        return _("everywhere") if field == "locations" else _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if say := VALUE_WRITERS.get(field):
        return say(value, currency)
    if isinstance(value, int):
        return f"{value:,}"
    return str(VALUE_WORDS.get(value, value)) if isinstance(value, str) else ", ".join(map(str, value))


def _write_moment(value: str, _currency: str) -> str:
    return dates.write_moment(datetime.fromisoformat(value))


VALUE_WRITERS: Mapping[str, Callable[[StoredValue, str], str]] = {
    "starts_at": _write_moment,
    "ends_at": _write_moment,
    "budget": money,
    "min_subtotal": money,
    "max_discount": money,
    "max_discount_percent": lambda value, _currency: reading.write_percent(value),
}
