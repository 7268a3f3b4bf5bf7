"""Whether a code typed at the till is good: the checks in their fixed order, the first failure wins."""

from datetime import datetime

from msgspec import Struct

from promotions.engine.basket import Coupon, CouponStatus
from promotions.engine.rules import Benefit


class StoredCoupon(Struct, frozen=True):
    """A coupon as the database has it, with what its limits still allow.

    `uses_left`, `customer_uses_left`: None = no limit; the second is that of this sale's customer. `per_customer`: it
    has a limit for each customer, or is bound to one (`customer`), so it takes a known customer. Half-open window.
    """

    code: str
    promotion: int
    active: bool = True
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    min_subtotal: int | None = None
    locations: frozenset[str] = frozenset()
    uses_left: int | None = None
    customer_uses_left: int | None = None
    per_customer: bool = False
    customer: str = ""
    benefit: Benefit | None = None


def judge(
    code: str, stored: StoredCoupon | None, *, subtotal: int, location: str, customer: str, now: datetime
) -> Coupon:
    """The coupon for the basket, with its status and the figures behind it.

    Args:
        code: as typed.
        stored: None when there is no such code.
        subtotal: of the sale's lines, before any discount of the engine, in minor units.
        location: the till's location code.
        customer: the till's id of the customer, empty when unknown.
    """
    if stored is None:
        return Coupon(code, None, "coupon_unknown")
    status, need, have = _status(stored, subtotal, location, customer, now)
    return Coupon(code, stored.promotion, status, stored.benefit, need, have)


_Figure = int | str | None


def _status(
    stored: StoredCoupon, subtotal: int, location: str, customer: str, now: datetime
) -> tuple[CouponStatus, _Figure, _Figure]:
    if not stored.active:
        return "coupon_inactive", None, None
    if stored.starts_at is not None and now < stored.starts_at:
        return "coupon_not_started", stored.starts_at.isoformat(), now.isoformat()
    if stored.ends_at is not None and stored.ends_at <= now:
        return "coupon_ended", stored.ends_at.isoformat(), now.isoformat()
    if stored.min_subtotal is not None and subtotal < stored.min_subtotal:
        return "coupon_min_subtotal", stored.min_subtotal, subtotal
    if stored.locations and location not in stored.locations:
        return "coupon_wrong_location", ", ".join(sorted(stored.locations)), location
    if stored.uses_left is not None and stored.uses_left <= 0:
        return "coupon_used", 1, 0
    if (stored.customer or stored.per_customer) and not customer:
        return "needs_customer", None, None
    if stored.customer and stored.customer != customer:
        return "coupon_customer_limit", None, None
    if stored.customer_uses_left is not None and stored.customer_uses_left <= 0:
        return "coupon_customer_limit", 1, 0
    return "valid", None, None
