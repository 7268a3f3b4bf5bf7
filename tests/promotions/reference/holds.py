"""What keeps a promotion away from a sale."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from promotions.engine import Basket, Rule
from promotions.engine import rules as r
from tests.promotions.reference.goods import Unit, matching, total_of


@dataclass(frozen=True)
class Hold:
    """One reason; `need` and `have` are its figures, None where it has none."""

    reason: str
    need: int | None = None
    have: int | None = None


def holds(rule: Rule, basket: Basket, units: list[Unit], now: datetime, *, original: bool) -> list[Hold]:
    """Everything that keeps `rule` away from the sale; empty = it is evaluated.

    Args:
        units: as the level finds them; `original`: thresholds look at prices before any discount.
    """
    found = list(_gates(rule, basket, now))
    customer = basket.customer
    limits = (rule.max_uses_per_customer, rule.campaign and rule.campaign.max_uses_per_customer)
    if any(most is not None for most in limits) and not (customer and customer.id):
        found.append(Hold("needs_customer"))
    if rule.trigger == "coupon" and not any(
        coupon.promotion == rule.promotion and coupon.status == "valid" for coupon in basket.coupons
    ):
        found.append(Hold("no_coupon"))
    for condition in rule.conditions:
        found += _condition(condition, rule, basket, units, now, original)
    return found


def _gates(rule: Rule, basket: Basket, now: datetime) -> Iterable[Hold]:
    if not rule.active:
        yield Hold("inactive")
    terms = rule.campaign
    if terms is not None:
        status: str = terms.status
        if status == "scheduled" and terms.starts_at is not None and terms.starts_at <= now:
            status = "active"
        if status in ("draft", "scheduled"):
            yield Hold("not_started")
        if status in ("paused", "cancelled"):
            yield Hold(status)
        if status == "expired":
            yield Hold("ended")
    for starts_at, ends_at in (
        (rule.starts_at, rule.ends_at),
        *([(terms.starts_at, terms.ends_at)] if terms else []),
    ):
        if starts_at is not None and now < starts_at:
            yield Hold("not_started")
        if ends_at is not None and now >= ends_at:
            yield Hold("ended")
    for places in (rule.locations, terms.locations if terms else frozenset()):
        if places and basket.location not in places:
            yield Hold("wrong_location")
    for currency in (rule.currency, terms.currency if terms else ""):
        if currency and currency != basket.currency:
            yield Hold("wrong_currency")


def _condition(
    condition: r.Condition, rule: Rule, basket: Basket, units: list[Unit], now: datetime, original: bool
) -> Iterable[Hold]:
    customer = basket.customer
    if isinstance(rule.benefit, r.FreeGift):
        units = without_the_gift(rule.benefit, units)
    match condition:
        case r.MinSubtotal(amount, match):
            worth = sum(unit.price if original else unit.left for unit in matching(match, units))
            if worth < amount:
                yield Hold("min_subtotal", amount, int(worth))
        case r.MinQuantity(quantity, match):
            if len(matching(match, units)) < quantity:
                yield Hold("min_quantity", quantity, len(matching(match, units)))
        case r.Contains(match):
            if not matching(match, units):
                yield Hold("no_matching_items")
        case r.EveryLineOver(amount):
            smallest = min((total_of(line) for line in basket.lines if line.discountable), default=0)
            if smallest <= amount:
                yield Hold("every_line_over", amount, smallest)
        case r.InGroup(groups):
            if customer is None or not (customer.id or customer.groups):
                yield Hold("needs_customer")
            elif not set(groups) & customer.groups:
                yield Hold("group")
        case r.CustomerIs(customers):
            if customer is None or not customer.id:
                yield Hold("needs_customer")
            elif customer.id not in customers:
                yield Hold("customer")
        case r.FirstPurchase():
            if customer is None or not customer.id:
                yield Hold("needs_customer")
            elif not customer.first_purchase:
                yield Hold("first_purchase")
        case r.PaymentMethod(methods):
            if basket.payment_method not in methods:
                yield Hold("payment_method")
        case r.Hours():
            if not _within(condition, now.astimezone(ZoneInfo(basket.time_zone))):
                yield Hold("outside_hours")


def without_the_gift(gift: r.FreeGift, units: list[Unit]) -> list[Unit]:
    """A gift's own units never help to reach its conditions."""
    kept, given = [], gift.quantity
    for unit in units:
        if unit.line.sku == gift.sku and unit.line.discountable and given:
            given -= 1
        else:
            kept.append(unit)
    return kept


def _within(hours: r.Hours, wall: datetime) -> bool:
    """Whether the wall clock lies in a stretch that began today or yesterday."""

    def minutes(clock: str) -> int:
        return int(clock[:2]) * 60 + int(clock[3:])

    start, end, clock = minutes(hours.start), minutes(hours.end), wall.hour * 60 + wall.minute

    def on(day: datetime) -> bool:
        return not hours.weekdays or day.isoweekday() in hours.weekdays

    if start < end:
        return on(wall) and start <= clock < end
    return (on(wall) and clock >= start) or (on(wall - timedelta(days=1)) and clock < end)
