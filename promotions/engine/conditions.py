"""Compiles conditions to closures on the facts of a sale, which return None, or why the condition does not hold."""

from collections.abc import Callable

from msgspec import Struct

from promotions.engine.basket_facts import BasketFacts, Matcher, Measure
from promotions.engine.outcome import Reason
from promotions.engine.rules import (
    Condition,
    Contains,
    CustomerIs,
    EveryLineOver,
    FirstPurchase,
    Hours,
    InGroup,
    Match,
    MinQuantity,
    MinSubtotal,
    PaymentMethod,
)


class Refusal(Struct, frozen=True, gc=False):
    """Why a promotion gives nothing: the reason, its figures, and the promotion that won."""

    reason: Reason
    need: int | str | None = None
    have: int | str | None = None
    by: int | None = None


Check = Callable[[BasketFacts, Measure], Refusal | None]
"""Asks a sale, measured before any discount or after the item level, as the promotion's level wants it."""
Matching = Callable[[Match], Matcher]

ANONYMOUS = Refusal("needs_customer")


def compile_condition(condition: Condition, matching: Matching) -> Check:
    """Return the closure that checks `condition`; `matching` compiles a match."""
    match condition:
        case MinSubtotal(amount, wanted):
            return _at_least(amount, matching(wanted))
        case MinQuantity(quantity, wanted):
            return _so_many(quantity, matching(wanted))
        case Contains(wanted):
            return _contains(matching(wanted))
        case EveryLineOver(amount):
            return _every_line_over(amount)
        case InGroup(groups):
            return _in_group(frozenset(groups))
        case CustomerIs(customers):
            return _customer_is(frozenset(customers))
        case FirstPurchase():
            return _first_purchase
        case PaymentMethod(methods):
            return _payment_method(frozenset(methods))
        case Hours():
            return _hours(condition)


def _at_least(amount: int, matcher: Matcher) -> Check:
    def check(facts: BasketFacts, measure: Measure) -> Refusal | None:
        worth = measure.worth(facts.mask(matcher))
        return None if worth >= amount else Refusal("min_subtotal", amount, worth)

    return check


def _so_many(needed: int, matcher: Matcher) -> Check:
    def check(facts: BasketFacts, measure: Measure) -> Refusal | None:
        quantity = measure.quantity(facts.mask(matcher))
        return None if quantity >= needed else Refusal("min_quantity", needed, quantity)

    return check


def _contains(matcher: Matcher) -> Check:
    def check(facts: BasketFacts, measure: Measure) -> Refusal | None:
        return None if measure.quantity(facts.mask(matcher)) else Refusal("no_matching_items", 1, 0)

    return check


def _every_line_over(amount: int) -> Check:
    def check(facts: BasketFacts, measure: Measure) -> Refusal | None:
        smallest = facts.smallest_line
        return None if smallest > amount else Refusal("every_line_over", amount, smallest)

    return check


def _in_group(groups: frozenset[str]) -> Check:
    def check(facts: BasketFacts, measure: Measure) -> Refusal | None:
        customer = facts.customer
        if not groups.isdisjoint(customer.groups):
            return None
        if not customer.id and not customer.groups:
            return ANONYMOUS
        return Refusal("group", ", ".join(sorted(groups)), ", ".join(sorted(customer.groups)))

    return check


def _customer_is(customers: frozenset[str]) -> Check:
    def check(facts: BasketFacts, measure: Measure) -> Refusal | None:
        customer = facts.customer
        if customer.id in customers:
            return None
        return Refusal("customer") if customer.id else ANONYMOUS

    return check


def _first_purchase(facts: BasketFacts, measure: Measure) -> Refusal | None:
    customer = facts.customer
    if not customer.id:
        return ANONYMOUS
    return None if customer.first_purchase else Refusal("first_purchase")


def _payment_method(methods: frozenset[str]) -> Check:
    def check(facts: BasketFacts, measure: Measure) -> Refusal | None:
        method = facts.basket.payment_method
        return None if method in methods else Refusal("payment_method", ", ".join(sorted(methods)), method)

    return check


def _hours(hours: Hours) -> Check:
    start, end = minutes(hours.start), minutes(hours.end)
    days = frozenset(hours.weekdays or range(1, 8))

    def check(facts: BasketFacts, measure: Measure) -> Refusal | None:
        local = facts.local
        today, minute = local.isoweekday(), local.hour * 60 + local.minute
        if start < end:
            inside = today in days and start <= minute < end
        else:
            yesterday = today - 1 or 7
            inside = (today in days and minute >= start) or (yesterday in days and minute < end)
        return None if inside else Refusal("outside_hours", f"{hours.start}–{hours.end}", f"{local:%H:%M}")

    return check


def minutes(clock: str) -> int:
    """Return minutes since midnight of `HH:MM`."""
    hours, _, rest = clock.partition(":")
    return int(hours) * 60 + int(rest)
