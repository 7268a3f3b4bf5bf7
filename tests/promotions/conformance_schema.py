"""The fields a case may have, so that one nobody reads is named and not passed over in silence."""

import warnings
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Case = Mapping[str, Any]

# What is told about a case and its parts; no answer depends on it.
TOLD = set("id kind source tags notes name description method rounding policy derived".split())
EXPECTED = set(
    "expect expect_largest_remainder expect_if_clamp expect_steps expect_units extra_expect".split()
)
CASE = TOLD | EXPECTED | set("context promotions basket ops amount weights".split())
CONTEXT = set("customer_groups customer_id codes at used used_by_customer spent".split())
LINE = TOLD | set(
    "line qty unit_price line_total sku category discountable min_unit_price already_discounted "
    "tax_rate price_includes_tax".split()  # told: a till sends the prices that discounts are taken off
)
PROMOTION = TOLD | set(
    "trigger priority exclusive conditions target benefit max_applications campaign "
    "usage_limit per_customer_limit spend_limit state start end".split()
)
TARGET = set("match max_units_per_line max_units_total pick only_undiscounted".split())
MATCH = set("all sku category unit_price_min unit_price_max".split())
BUDGET = set("type limit used on_exceed".split())
CONDITIONS = {
    "customer_group_in": {"values"},
    "customer_id_in": {"values"},
    "min_qty": {"value", "match"},
    "min_subtotal": {"value", "match"},
    "contains": {"match"},
    "every_line_total_gt": {"value"},
}
BENEFITS = {
    "percent": {"value", "base"},
    "fixed_per_unit": {"amount"},
    "fixed_total": {"amount"},
    "order_percent": {"value"},
    "bundle_price": {"qty", "amount"},
    "cheapest_free": {"units"},
    "buy_get": {"buy", "get", "pick", "max_get_units"},
}
OP = {"op", "entries", "customer"}


def name_strangers(case: Case) -> None:
    """Warn of each field that the schema does not know."""
    for path in _strangers(case):
        warnings.warn(f"case {case.get('id', '')}: nothing reads {path}", stacklevel=3)


def _strangers(case: Case) -> Iterator[str]:
    yield from _others(case, CASE, "")
    yield from _others(case.get("context") or {}, CONTEXT, "context.")
    for line in case.get("basket") or []:
        yield from _others(line, LINE, "basket.")
    for promotion in case.get("promotions") or []:
        yield from _of_promotion(promotion)
    for op in case.get("ops") or []:
        yield from _others(op, OP, "ops.")
        for entry in op.get("entries") or []:
            yield from _others(entry, {"promotion", "amount"}, "ops.entries.")


def _of_promotion(promotion: Case) -> Iterator[str]:
    yield from _others(promotion, PROMOTION, "promotions.")
    yield from _others(promotion.get("trigger") or {}, {"type", "code"}, "trigger.")
    target = promotion.get("target") or {}
    yield from _others(target, TARGET, "target.")
    matches = [target]
    for condition in promotion.get("conditions") or []:
        yield from _others(condition, {"type"} | CONDITIONS[condition["type"]], f"{condition['type']}.")
        matches.append(condition)
    if benefit := promotion.get("benefit"):
        yield from _others(benefit, {"type"} | BENEFITS[benefit["type"]], f"{benefit['type']}.")
        for side, known in (("buy", set()), ("get", {"percent", "amount_per_unit"})):
            part = benefit.get(side) or {}
            yield from _others(part, {"match", "qty"} | known, f"{side}.")
            matches.append(part)
    for place in matches:
        yield from _others(place.get("match") or {}, MATCH, "match.")
    campaign = promotion.get("campaign") or {}
    yield from _others(campaign, TOLD | {"budget"}, "campaign.")
    yield from _others(campaign.get("budget") or {}, BUDGET, "budget.")


def _others(value: Case, known: set[str], path: str) -> Iterator[str]:
    yield from (f"{path}{field}" for field in sorted(value.keys() - known))


def instant(text: str, *, days_later: int = 0) -> datetime:
    """An ISO time; without a zone UTC, without a time of day the midnight that begins it."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) + timedelta(days=days_later)
