"""Real cases from other systems, translated into the engine's own types and run through it.

A case says what a basket holds, which promotions there are and what is to come out; `cases/promotion_cases.json` holds
those of the repository, in a schema of their own. Nothing is priced here.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from promotions.engine import (
    Allowance,
    Basket,
    BasketLine,
    CampaignTerms,
    Customer,
    Outcome,
    PresentedCoupon,
    Remaining,
    Rule,
    StackingRules,
    compile_rules,
    evaluate,
)
from promotions.engine import rules as r
from promotions.engine.allocation import allocate
from tests.promotions.conformance_schema import instant, name_strangers

Case = Mapping[str, Any]

STRICT = StackingRules(precedence="priority")
REJECTED = {
    "budget_exhausted": "budget_exceeded",
    "budget_too_small": "budget_exceeded",
    "uses_exhausted": "usage_exhausted",
    "customer_limit": "usage_exhausted",
}


def run_case(case: Case) -> dict[str, Any]:
    """The product's answer to `case`, in the shape of its `expect`.

    `case["policy"]` = "partial" runs campaigns that grant what is left in the place of the case's own policy.
    Warns of each field that the schema does not know, so that none is passed over in silence.
    """
    name_strangers(case)
    if case["kind"] in KINDS:
        return KINDS[case["kind"]](case)
    from tests.promotions import conformance_models  # only where needed: it needs Django and a database

    return conformance_models.run_case(case)


def _basket(case: Case) -> dict[str, Any]:
    promotions = _number_promotions(case["promotions"])
    numbers = {number: promotion["id"] for number, promotion in promotions}
    outcome = evaluate(
        _sale(case, promotions),
        [_rule(promotion, number, case.get("policy")) for number, promotion in promotions],
        _remaining(promotions),
        instant(case.get("context", {}).get("at") or "2025-01-15T12:00:00+00:00"),
        stacking=STRICT,
    )
    return _answer(outcome, numbers, {line["line"]: 0 for line in case["basket"] if not line["qty"]})


def _answer(outcome: Outcome, numbers: Mapping[int, str], without_units: Mapping[str, int]) -> dict[str, Any]:
    amounts = {applied.promotion: applied.amount for applied in outcome.applied}
    return {
        "total_discount": outcome.discount,
        "per_line": without_units | {line.id: line.discount for line in outcome.lines},
        "per_promotion": {name: amounts.get(number, 0) for number, name in numbers.items()},
        "rejected": {
            numbers[refused.promotion]: REJECTED[refused.reason]
            for refused in outcome.not_applied
            if refused.reason in REJECTED
        },
        "units": {
            line.id: [amount for count, amount in line.units for _ in range(count)] for line in outcome.lines
        },
        "steps": {
            name: {
                line.id: share.amount
                for line in outcome.lines
                for share in line.applied
                if share.promotion == number
            }
            for number, name in numbers.items()
        },
    }


def _ordering(case: Case) -> dict[str, Any]:
    promotions = _number_promotions(case["promotions"])
    names = {number: promotion["id"] for number, promotion in promotions}
    rules = [
        Rule(number, r.PercentOff(1000), priority=-promotion.get("priority", 0))
        for number, promotion in promotions
    ]
    return {"order": [names[promotion.number] for promotion in compile_rules(rules).promotions]}


def _allocate(case: Case) -> dict[str, Any]:
    return {"parts": allocate(case["amount"], case["weights"])}


# Kinds that need rows of the database have a module of their own, tests.promotions.conformance_models.
KINDS: dict[str, Callable[[Case], dict[str, Any]]] = {
    "basket": _basket,
    "ordering": _ordering,
    "allocate": _allocate,
}


def _number_promotions(promotions: Iterable[Case]) -> list[tuple[int, Case]]:
    """Promotions with numbers of their own, in the order of the list: the tie-breaker of equal priorities."""
    return list(enumerate(promotions, start=1))


def _sale(case: Case, promotions: list[tuple[int, Case]]) -> Basket:
    context = case.get("context", {})
    by_code: dict[str, list[int]] = {}
    for number, promotion in promotions:
        if _is_coded(promotion):
            by_code.setdefault(promotion["trigger"]["code"].casefold(), []).append(number)
    coupons = [
        PresentedCoupon(code, number)
        for code in context.get("codes", [])
        for number in by_code.get(code.casefold(), [])
    ]
    groups = context.get("customer_groups", [])
    # A limit per customer says what "used" means of this sale's customer, so there is one.
    customer = context.get("customer_id") or ("someone" if _counted_by_customer(promotions) else "")
    return Basket(
        currency="EUR",
        lines=tuple(_line(line) for line in case["basket"] if line["qty"]),  # nothing of an article: no line
        customer=Customer(customer, frozenset(groups)) if customer or groups else None,
        coupons=tuple(coupons),
    )


def _counted_by_customer(promotions: list[tuple[int, Case]]) -> bool:
    budgets = [_budget(promotion) for _, promotion in promotions]
    return any(budget.get("type") == "usage_per_customer" for budget in budgets)


def _budget(promotion: Case) -> Case:
    return (promotion.get("campaign") or {}).get("budget") or {}


def _is_coded(promotion: Case) -> bool:
    return promotion.get("trigger", {}).get("type") == "code"


def _line(line: Case) -> BasketLine:
    total = line["line_total"] if "line_total" in line else line["qty"] * line["unit_price"]
    return BasketLine(
        id=line["line"],
        sku=line.get("sku") or "",
        quantity=line["qty"],
        unit_price=total // line["qty"],
        line_total=total,
        categories=_to_tuple(line.get("category")),
        # Units are interchangeable inside a line only. The schema knows no brands: one tells lines alike apart.
        brand=line["line"],
        discountable=line.get("discountable", True),
        min_unit_price=line.get("min_unit_price") or 0,
        already_discounted=line.get("already_discounted", False),
    )


NONE = "\0"
"""What no line is called."""


def _to_tuple(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _rule(promotion: Case, number: int, policy: str | None) -> Rule:
    target = promotion.get("target", {})
    campaign = promotion.get("campaign")
    return Rule(
        promotion=number,
        label=promotion["id"],
        priority=-promotion.get("priority", 0),
        trigger="coupon" if _is_coded(promotion) else "automatic",
        conditions=tuple(_condition(condition) for condition in promotion.get("conditions", [])),
        target=r.Target(
            _match(target.get("match", {})),
            target.get("max_units_per_line"),
            target.get("max_units_total"),
            target.get("pick", "cheapest"),
            target.get("only_undiscounted", False),
        ),
        benefit=_benefit(promotion["benefit"]),
        stacking=r.Exclusive() if promotion.get("exclusive") else r.Stackable(),
        caps=r.Caps(max_applications=promotion.get("max_applications")),
        campaign=_campaign(campaign, _budget(promotion), policy) if campaign else None,
    )


def _campaign(campaign: Case, budget: Case, policy: str | None) -> CampaignTerms:
    own = "reject" if budget.get("on_exceed", "reject_promotion") == "reject_promotion" else "partial"
    return CampaignTerms(
        id=_campaign_number(campaign),
        on_budget_end=policy or own,
        max_uses_per_customer=budget["limit"] if budget.get("type") == "usage_per_customer" else None,
    )


def _campaign_number(campaign: Case) -> int:
    return int.from_bytes(campaign["id"].encode())


def _remaining(promotions: list[tuple[int, Case]]) -> Remaining:
    fields = {"spend": "amount", "usage": "uses", "usage_per_customer": "customer_uses"}
    left: dict[int, dict[str, int]] = {}
    for _, promotion in promotions:
        if budget := _budget(promotion):
            of_campaign = left.setdefault(_campaign_number(promotion["campaign"]), {})
            of_campaign[fields[budget["type"]]] = budget["limit"] - budget.get("used", 0)
    return Remaining({number: Allowance(**limits) for number, limits in left.items()})


def _match(match: Case) -> r.Match:
    return r.Match(
        skus=_one_of(match, "sku"),
        categories=_one_of(match, "category"),
        unit_price_min=match.get("unit_price_min"),
        unit_price_max=match.get("unit_price_max"),
    )


def _one_of(match: Case, field: str) -> tuple[str, ...]:
    """Those listed; an empty list means none, which the engine says by one that does not exist."""
    return _to_tuple(match.get(field)) if match.get(field) != [] else (NONE,)


def _condition(condition: Case) -> r.Condition:
    match = _match(condition.get("match", {}))
    match condition["type"]:
        case "customer_group_in":
            return r.InGroup(tuple(condition["values"]))
        case "customer_id_in":
            return r.CustomerIs(tuple(condition["values"]))
        case "min_qty":
            return r.MinQuantity(condition["value"], match)
        case "min_subtotal":
            return r.MinSubtotal(condition["value"], match)
        case "contains":
            return r.Contains(match)
        case "every_line_total_gt":
            return r.EveryLineOver(condition["value"])
    raise ValueError(f"no condition {condition['type']}")


def _percent(value: Any) -> int:
    """Hundredths of a percent of a percentage."""
    hundredths = Fraction(Decimal(str(value))) * 100
    if hundredths.denominator != 1:
        raise ValueError(f"{value}% is finer than a hundredth of a percent")
    return int(hundredths)


def _benefit(benefit: Case) -> r.Benefit:
    match benefit["type"]:
        case "percent":
            return r.PercentOff(_percent(benefit["value"]), benefit.get("base", "remaining"))
        case "fixed_per_unit":
            return r.FixedPerUnit(benefit["amount"])
        case "fixed_total":
            return r.FixedTotal(benefit["amount"])
        case "order_percent":
            return r.PercentOfTotal(_percent(benefit["value"]))
        case "bundle_price":
            return r.Bundle((r.BenefitPart(benefit["qty"]),), price=benefit["amount"])
        case "cheapest_free":
            return r.CheapestFree(benefit["units"])
        case "buy_get":
            buy, get = benefit["buy"], benefit["get"]
            return r.BuyGet(
                buy=r.BenefitPart(buy["qty"], _match(buy.get("match", {}))),
                get=r.BenefitPart(get["qty"], _match(get.get("match", {}))),
                percent=_percent(get["percent"]) if "percent" in get else None,
                amount=get.get("amount_per_unit"),
                pick=benefit.get("pick", "dearest"),
                max_get_units=benefit.get("max_get_units"),
            )
    raise ValueError(f"no benefit {benefit['type']}")
