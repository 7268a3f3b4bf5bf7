"""The eight ready-made kinds of promotion.

A marketer picks a kind and fills in its form; the engine knows only conditions, a target and a benefit. `terms` turns
the answers of a form into these, as the columns of `Promotion` keep them; `answers` reads them back. The answers are a
flat mapping, one entry per field of the form; money is an integer of minor units, percent one of hundredths.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from promotions.engine import rules

Answers = Mapping[str, Any]
Terms = dict[str, Any]
"""`lane`, `conditions`, `target`, `benefit`, `stacking` and `caps`, as JSON of `promotions.engine.rules`."""

COLUMNS = ("lane", "conditions", "target", "benefit", "stacking", "caps")


@dataclass(frozen=True)
class Kind:
    """One ready-made kind.

    `type`: a value of `Promotion.Type`. `summary`: what it does, for who picks one. `parts`: what its form asks first,
    by the keys of `promotions.forms.parts`. `benefit` and `read` turn answers into a benefit and back, None
    for one this kind cannot show. `always`: conditions that make it what it is. `requires`: fields that are
    optional elsewhere.
    """

    type: str
    summary: str
    lane: rules.Lane
    parts: tuple[str, ...]
    benefit: Callable[[Answers], rules.Benefit]
    read: Callable[[rules.Benefit], dict[str, Any] | None]
    always: tuple[rules.Condition, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def has_items(self) -> bool:
        return "items" in self.parts


def terms(type_: str, said: Answers) -> Terms:
    """What the `said` of a form of this type means.

    Raises: ValueError (msgspec.ValidationError is one): answers that contradict each other, with a sentence.
    """
    kind = KINDS[type_]
    target = _target(said) if kind.has_items else rules.Target()
    return _checked(
        {
            "lane": kind.lane,
            "conditions": _json([*kind.always, *_conditions(said, target.match)]),
            "target": _json(target),
            "benefit": _json(kind.benefit(said)),
            "stacking": _json(_stacking(said)),
            "caps": _json(rules.Caps(said.get("max_amount"), said.get("max_applications"))),
        }
    )


def answers(type_: str, stored: Terms) -> tuple[dict[str, Any], bool]:
    """The answers a form of this type shows for `stored`, and whether they say all of it.

    Rules that were made elsewhere may say more than the form of their type can show.
    """
    kind = KINDS[type_]
    said: dict[str, Any] = {}
    target = msgspec.convert(stored["target"], rules.Target)
    if kind.has_items:
        said |= _said_of_target(target)
    said |= kind.read(msgspec.convert(stored["benefit"], rules.Benefit)) or {}
    for condition in msgspec.convert(stored["conditions"], tuple[rules.Condition, ...]):
        if condition not in kind.always:
            said |= _said_of_condition(condition, target.match if kind.has_items else None)
    said |= _said_of_stacking(msgspec.convert(stored["stacking"] or {"type": "stackable"}, rules.Stacking))
    caps = msgspec.convert(stored["caps"], rules.Caps)
    said |= {"max_amount": caps.max_amount, "max_applications": caps.max_applications}
    try:
        return said, is_same(terms(type_, said), stored)
    except (KeyError, ValueError):
        return said, False


def is_same(one: Terms, other: Terms) -> bool:
    """Whether two mean the same, however they are written."""
    return _meaning(one) == _meaning(other)


def _json(value: Any) -> Any:
    """A struct, or a list of them, as the JSON column gives it back."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _checked(made: Terms) -> Terms:
    """`made`, after the engine's own checks of every value."""
    msgspec.convert(made["conditions"], tuple[rules.Condition, ...])
    msgspec.convert(made["benefit"], rules.Benefit)
    msgspec.convert(made["target"], rules.Target)
    msgspec.convert(made["stacking"], rules.Stacking)
    msgspec.convert(made["caps"], rules.Caps)
    return made


def _meaning(stored: Terms) -> tuple[Any, ...]:
    """What `stored` means whatever the order of its conditions and the defaults it spells out."""
    return (
        stored["lane"],
        frozenset(msgspec.convert(stored["conditions"], tuple[rules.Condition, ...])),
        msgspec.convert(stored["target"], rules.Target),
        msgspec.convert(stored["benefit"], rules.Benefit),
        msgspec.convert(stored["stacking"] or {"type": "stackable"}, rules.Stacking),
        msgspec.convert(stored["caps"], rules.Caps),
    )


# ── what every kind may ask ──────────────────────────────────────────────────────────────────────────────────────────


def _match(said: Answers, prefix: str = "") -> rules.Match:
    return rules.Match(
        skus=tuple(said.get(f"{prefix}skus") or ()),
        categories=tuple(said.get(f"{prefix}categories") or ()),
        brands=tuple(said.get(f"{prefix}brands") or ()),
        unit_price_min=said.get(f"{prefix}unit_price_min"),
        unit_price_max=said.get(f"{prefix}unit_price_max"),
    )


def _said_of_match(match: rules.Match, prefix: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {"skus": match.skus, "categories": match.categories, "brands": match.brands}
    said |= {"unit_price_min": match.unit_price_min, "unit_price_max": match.unit_price_max}
    return {f"{prefix}{name}": value for name, value in said.items()}


def _target(said: Answers) -> rules.Target:
    return rules.Target(
        match=_match(said),
        max_units_per_line=said.get("max_units_per_line"),
        max_units=said.get("max_units"),
        pick=said.get("pick") or "cheapest",
        only_undiscounted=bool(said.get("only_undiscounted")),
    )


def _said_of_target(target: rules.Target) -> dict[str, Any]:
    return _said_of_match(target.match) | {
        "max_units_per_line": target.max_units_per_line,
        "max_units": target.max_units,
        "pick": target.pick,
        "only_undiscounted": target.only_undiscounted,
    }


def _conditions(said: Answers, chosen: rules.Match) -> Iterable[rules.Condition]:
    """The conditions of `said`; thresholds count the whole sale, or only the items `chosen` for the discount."""
    counted = chosen if said.get("count_chosen") else rules.EVERYTHING
    if said.get("min_subtotal"):
        yield rules.MinSubtotal(said["min_subtotal"], counted)
    if said.get("min_quantity"):
        yield rules.MinQuantity(said["min_quantity"], counted)
    contained = _match(said, "contains_")
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


def _said_of_condition(condition: rules.Condition, chosen: rules.Match | None) -> dict[str, Any]:
    match condition:
        case rules.MinSubtotal(amount, counted):
            return {"min_subtotal": amount, "count_chosen": counted != rules.EVERYTHING and counted == chosen}
        case rules.MinQuantity(quantity, counted):
            return {
                "min_quantity": quantity,
                "count_chosen": counted != rules.EVERYTHING and counted == chosen,
            }
        case rules.Contains(contained):
            return _said_of_match(contained, "contains_")
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


def _stacking(said: Answers) -> rules.Stacking:
    match said.get("stacking"):
        case "best_of":
            return rules.BestOf(said["stacking_group"])
        case "exclusive":
            return rules.Exclusive()
    return rules.Stackable()


def _said_of_stacking(stacking: rules.Stacking) -> dict[str, Any]:
    match stacking:
        case rules.BestOf(group):
            return {"stacking": "best_of", "stacking_group": group}
        case rules.Exclusive():
            return {"stacking": "exclusive"}
    return {"stacking": "stackable"}


# ── benefits ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _off_items(said: Answers) -> rules.Benefit:
    match said["reduction"]:
        case "amount":
            return rules.FixedPerUnit(said["amount"])
        case "price":
            return rules.FixedPrice(said["amount"])
        case "cheapest":
            return rules.CheapestFree(said["units"])
    return rules.PercentOff(said["percent"], "original" if said.get("of_original") else "remaining")


def _said_off_items(benefit: rules.Benefit) -> dict[str, Any] | None:
    match benefit:
        case rules.PercentOff(percent, of):
            return {"reduction": "percent", "percent": percent, "of_original": of == "original"}
        case rules.FixedPerUnit(amount):
            return {"reduction": "amount", "amount": amount}
        case rules.FixedPrice(amount):
            return {"reduction": "price", "amount": amount}
        case rules.CheapestFree(units):
            return {"reduction": "cheapest", "units": units}
    return None


def _off_sale(said: Answers) -> rules.Benefit:
    match said["reduction"]:
        case "amount":
            return rules.FixedTotal(said["amount"])
        case "gift":
            return rules.FreeGift(said["gift_sku"], said.get("gift_quantity") or 1)
    if said.get("over_floors"):
        return rules.PercentOfTotal(said["percent"])
    return rules.PercentOff(said["percent"], "original" if said.get("of_original") else "remaining")


def _said_off_sale(benefit: rules.Benefit) -> dict[str, Any] | None:
    match benefit:
        case rules.PercentOff(percent, of):
            return {"reduction": "percent", "percent": percent, "of_original": of == "original"}
        case rules.PercentOfTotal(percent):
            return {"reduction": "percent", "percent": percent, "over_floors": True}
        case rules.FixedTotal(amount):
            return {"reduction": "amount", "amount": amount}
        case rules.FreeGift(sku, quantity):
            return {"reduction": "gift", "gift_sku": sku, "gift_quantity": quantity}
    return None


def _buy_get(said: Answers) -> rules.Benefit:
    bought = _match(said, "buy_")
    got = bought if said.get("get_same") else _match(said, "get_")
    reward = said["reward"]
    return rules.BuyGet(
        buy=rules.Part(said["buy_quantity"], bought),
        get=rules.Part(said["get_quantity"], got),
        percent=said["percent"] if reward == "percent" else None,
        amount=said["amount"] if reward == "amount" else None,
        pick=said.get("pick") or "cheapest",
        max_get_units=said.get("max_get_units"),
    )


def _said_of_buy_get(benefit: rules.Benefit) -> dict[str, Any] | None:
    if not isinstance(benefit, rules.BuyGet):
        return None
    reward = "percent" if benefit.percent is not None else "amount" if benefit.amount is not None else "free"
    same = benefit.get.match == benefit.buy.match
    return {
        "buy_quantity": benefit.buy.quantity,
        **_said_of_match(benefit.buy.match, "buy_"),
        "get_quantity": benefit.get.quantity,
        "get_same": same,
        **_said_of_match(rules.EVERYTHING if same else benefit.get.match, "get_"),
        "reward": reward,
        "percent": benefit.percent,
        "amount": benefit.amount,
        "pick": benefit.pick,
        "max_get_units": benefit.max_get_units,
    }


def _bundle(said: Answers) -> rules.Benefit:
    reward = said["reduction"]
    return rules.Bundle(
        parts=tuple([rules.Part(part["quantity"], _match(part)) for part in said["parts"]]),
        price=said["amount"] if reward == "price" else None,
        percent=said["percent"] if reward == "percent" else None,
        amount=said["amount"] if reward == "amount" else None,
        pick=said.get("pick") or "cheapest",
    )


def _said_of_bundle(benefit: rules.Benefit) -> dict[str, Any] | None:
    if not isinstance(benefit, rules.Bundle):
        return None
    said: dict[str, Any] = {
        "parts": [{"quantity": part.quantity, **_said_of_match(part.match)} for part in benefit.parts],
        "pick": benefit.pick,
    }
    if benefit.price is not None:
        return said | {"reduction": "price", "amount": benefit.price}
    if benefit.percent is not None:
        return said | {"reduction": "percent", "percent": benefit.percent}
    return said | {"reduction": "amount", "amount": benefit.amount}


def _tiered(said: Answers) -> rules.Benefit:
    steps = "at_least_units" if said["by"] == "quantity" else "at_least"
    return rules.Tiered(
        tiers=tuple(
            [rules.Tier(tier[steps], tier.get("percent"), tier.get("amount")) for tier in said["tiers"]]
        ),
        by=said["by"],
    )


def _said_of_tiered(benefit: rules.Benefit) -> dict[str, Any] | None:
    if not isinstance(benefit, rules.Tiered):
        return None
    steps = "at_least_units" if benefit.by == "quantity" else "at_least"
    tiers = [{steps: tier.at_least, "percent": tier.percent, "amount": tier.amount} for tier in benefit.tiers]
    return {"by": benefit.by, "tiers": tiers}


KINDS = {
    kind.type: kind
    for kind in [
        Kind(
            "sale",
            "A percent, an amount or a gift on the whole sale.",
            "order",
            ("off_sale",),
            _off_sale,
            _said_off_sale,
        ),
        Kind(
            "items",
            "A percent or an amount off chosen articles, categories or brands.",
            "item",
            ("off_items", "items"),
            _off_items,
            _said_off_items,
        ),
        Kind(
            "buy_get", "Buy some, get some free or reduced.", "item", ("buy_get",), _buy_get, _said_of_buy_get
        ),
        Kind(
            "bundle",
            "A set of articles for one price, or reduced.",
            "item",
            ("bundle",),
            _bundle,
            _said_of_bundle,
        ),
        Kind(
            "tiered",
            "The more is spent, the more is off; the highest tier reached counts.",
            "order",
            ("tiers", "items"),
            _tiered,
            _said_of_tiered,
        ),
        Kind(
            "happy_hour",
            "Chosen articles reduced at certain hours of certain days.",
            "item",
            ("off_items", "hours", "items"),
            _off_items,
            _said_off_items,
            requires=("from_time", "to_time"),
        ),
        Kind(
            "flash",
            "Chosen articles reduced for a short while, as long as the uses last.",
            "item",
            ("off_items", "when", "items"),
            _off_items,
            _said_off_items,
            requires=("starts_at", "ends_at", "max_uses"),
        ),
        Kind(
            "first",
            "A welcome to customers on their first purchase.",
            "order",
            ("off_sale",),
            _off_sale,
            _said_off_sale,
            always=(rules.FirstPurchase(),),
        ),
    ]
}
