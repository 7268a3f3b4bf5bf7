"""Translates the answers of a form into the engine's target, conditions and stacking, and back, for all kinds."""

from collections.abc import Iterable, Mapping

from campaigns.annotations import Columns, ColumnValue, JsonObject
from promotions.engine import rules

Answers = Mapping[str, ColumnValue]
"""What a form was answered: one entry per field; money in minor units, percent in hundredths."""


def match_of(said: Answers, prefix: str = "") -> rules.Match:
    """Build the match that the answers describe."""
    return rules.Match(
        skus=tuple(said.get(f"{prefix}skus") or ()),
        categories=tuple(said.get(f"{prefix}categories") or ()),
        brands=tuple(said.get(f"{prefix}brands") or ()),
        unit_price_min=said.get(f"{prefix}unit_price_min"),
        unit_price_max=said.get(f"{prefix}unit_price_max"),
    )


def answers_of_match(match: rules.Match, prefix: str = "") -> Columns:
    """Return the answers that describe a match."""
    said: JsonObject = {"skus": match.skus, "categories": match.categories, "brands": match.brands}
    said |= {"unit_price_min": match.unit_price_min, "unit_price_max": match.unit_price_max}
    return {f"{prefix}{name}": value for name, value in said.items()}


def target_of(said: Answers) -> rules.Target:
    """Build the target that the answers describe."""
    return rules.Target(
        match=match_of(said),
        max_units_per_line=said.get("max_units_per_line"),
        max_units=said.get("max_units"),
        pick=said.get("pick") or "cheapest",
        only_undiscounted=bool(said.get("only_undiscounted")),
    )


def answers_of_target(target: rules.Target) -> Columns:
    """Return the answers that describe a target."""
    return answers_of_match(target.match) | {
        "max_units_per_line": target.max_units_per_line,
        "max_units": target.max_units,
        "pick": target.pick,
        "only_undiscounted": target.only_undiscounted,
    }


def conditions_of(said: Answers, chosen: rules.Match) -> Iterable[rules.Condition]:
    """Yield the conditions of `said`; thresholds count the whole sale, or only the items `chosen` for the discount."""
    counted = chosen if said.get("count_chosen") else rules.EVERYTHING
    if said.get("min_subtotal"):
        yield rules.MinSubtotal(said["min_subtotal"], counted)
    if said.get("min_quantity"):
        yield rules.MinQuantity(said["min_quantity"], counted)
    contained = match_of(said, "contains_")
    if contained != rules.EVERYTHING:
        yield rules.Contains(contained)
    if said.get("every_line_over") is not None:
        yield rules.EveryLineOver(said["every_line_over"])
    if said.get("groups"):
        yield rules.InGroup(tuple(said["groups"]))
    if said.get("customers"):
        yield rules.CustomerIs(tuple(said["customers"]))
    if said.get("first_purchase"):
        yield rules.FirstPurchase()
    if said.get("payment_methods"):
        yield rules.PaymentMethod(tuple(said["payment_methods"]))
    start, end = said.get("from_time") or "00:00", said.get("to_time") or "24:00"
    weekdays = tuple(said.get("weekdays") or ())
    if weekdays or (start, end) != ("00:00", "24:00"):
        yield rules.Hours(start, end, weekdays)


def answers_of_condition(condition: rules.Condition, chosen: rules.Match | None) -> Columns:
    """Return the answers that describe a condition. `chosen`: the articles of the target."""
    match condition:
        case rules.MinSubtotal(amount, counted):
            return {"min_subtotal": amount, "count_chosen": counted != rules.EVERYTHING and counted == chosen}
        case rules.MinQuantity(quantity, counted):
            return {
                "min_quantity": quantity,
                "count_chosen": counted != rules.EVERYTHING and counted == chosen,
            }
        case rules.Contains(contained):
            return answers_of_match(contained, "contains_")
        case rules.EveryLineOver(amount):
            return {"every_line_over": amount}
        case rules.InGroup(groups):
            return {"groups": groups}
        case rules.CustomerIs(customers):
            return {"customers": customers}
        case rules.FirstPurchase():
            return {"first_purchase": True}
        case rules.PaymentMethod(methods):
            return {"payment_methods": methods}
        case rules.Hours(start, end, weekdays):
            start, end = "" if start == "00:00" else start, "" if end == "24:00" else end
            return {"from_time": start, "to_time": end, "weekdays": weekdays}


def stacking_of(said: Answers) -> rules.Stacking:
    """Build the stacking that the answers describe."""
    match said.get("stacking"):
        case "best_of":
            return rules.BestOf(said["stacking_group"])
        case "exclusive":
            return rules.Exclusive()
    return rules.Stackable()


def answers_of_stacking(stacking: rules.Stacking) -> Columns:
    """Return the answers that describe a stacking."""
    match stacking:
        case rules.BestOf(group):
            return {"stacking": "best_of", "stacking_group": group}
        case rules.Exclusive():
            return {"stacking": "exclusive"}
    return {"stacking": "stackable"}
