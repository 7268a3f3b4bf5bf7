"""Writes what an edit changed, in words: "end: 9 Dec 2026, 08:00 → 10 Dec 2026, 08:00"."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from campaigns import dates
from campaigns.annotations import ColumnValue, StoredValue
from campaigns.formats import money
from promotions.engine.words import percent_text

NAMES = {
    "starts_at": "start",
    "ends_at": "end",
    "max_uses": "maximum uses",
    "max_uses_per_customer": "maximum uses per customer",
    "on_budget_end": "when the budget ends",
    "max_promotions": "maximum promotions per sale",
    "max_discount_percent": "maximum percent per sale",
    "max_discount": "maximum discount per sale",
    "exclusive": "alone in a sale",
    "precedence": "when several compete",
    "coupons_with_promotions": "coupons with automatic promotions",
    "item_with_order": "items with whole sale",
    "buy_get_replaces": "buy and get replaces others",
    "thresholds_on_original": "thresholds before any discount",
    "level": "what is reduced",
    "stacking": "together with others",
    "caps": "most in a sale",
    "target": "which articles",
    "benefit": "discount",
    "trigger": "applies",
    "kind": "may be used",
    "min_subtotal": "minimum subtotal",
    "customer": "only for the customer",
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
    "partial": "grant what is left",
    "reject": "give nothing unless all fits",
    "value": "the better deal wins",
    "priority": "the first by priority wins",
    "automatic": "automatically",
    "coupon": "with a coupon",
    "one_time": "once in all",
    "multi_use": "many times",
}


def describe_changes(detail: Mapping[str, Sequence[StoredValue]], currency: str = "") -> list[str]:
    """Return a line for each field of `Change.detail`, {field: [before, after]}; amounts are in `currency`."""
    lines = []
    for field, (before, after) in detail.items():
        name = NAMES.get(field, field.replace("_", " "))
        if field in ONLY_NAMED:
            lines.append(name)
        else:
            lines.append(
                f"{name}: {_write_value(field, before, currency)} → {_write_value(field, after, currency)}"
            )
    return lines


def _write_value(field: str, value: ColumnValue, currency: str) -> str:
    if value is None or value == "" or value == []:
        return "everywhere" if field == "locations" else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if say := VALUE_WRITERS.get(field):
        return say(value, currency)
    if isinstance(value, int):
        return f"{value:,}"
    return VALUE_WORDS.get(value, value) if isinstance(value, str) else ", ".join(map(str, value))


def _write_moment(value: str, _currency: str) -> str:
    return dates.write_moment(datetime.fromisoformat(value))


VALUE_WRITERS: Mapping[str, Callable[[StoredValue, str], str]] = {
    "starts_at": _write_moment,
    "ends_at": _write_moment,
    "budget": money,
    "min_subtotal": money,
    "max_discount": money,
    "max_discount_percent": lambda value, _: percent_text(value),
}
