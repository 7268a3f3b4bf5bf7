"""The input of the engine: the lines of a sale, its customer, its coupons, and what the limits still allow."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from promotions.engine.rules import Benefit


class BasketLine(Struct, frozen=True, gc=False):
    """`quantity` interchangeable units of one article.

    `unit_price`, `min_unit_price` (the floor no discount goes below): minor units. `line_total` stands in the place of
    quantity × unit_price where a till's own total is not that product; it is spread evenly over the units. Weighed
    goods are one indivisible unit: quantity 1 with the total as its price.
    `discountable` False: it gets no discount and counts for no condition. `already_discounted`: reduced by the till.
    """

    id: str
    sku: str
    quantity: int
    unit_price: int
    line_total: int | None = None
    categories: tuple[str, ...] = ()
    brand: str = ""
    discountable: bool = True
    min_unit_price: int = 0
    already_discounted: bool = False


class Customer(Struct, frozen=True):
    """`id`: the till's opaque id, empty when unknown. `groups`: codes, those the till sent and those stored together.

    `first_purchase`: no completed sale yet; None when nobody knows (no rule needs it, or there is no id).
    """

    id: str = ""
    groups: frozenset[str] = frozenset()
    first_purchase: bool | None = None


CouponStatus = Literal[
    "valid",
    "coupon_unknown",
    "coupon_throttled",
    "coupon_used",
    "coupon_inactive",
    "coupon_not_started",
    "coupon_ended",
    "coupon_min_subtotal",
    "coupon_wrong_location",
    "coupon_customer_limit",
    "coupon_not_yours",
    "needs_customer",
]


class PresentedCoupon(Struct, frozen=True):
    """A code presented at the till, looked up and judged by the caller.

    `promotion`: the id of the one it unlocks, None when unknown. `benefit`: the coupon's own, instead of the
    promotion's. `need`, `have`: the figures behind a status, if it has some.
    """

    code: str
    promotion: int | None = None
    status: CouponStatus = "valid"
    benefit: Benefit | None = None
    need: int | str | None = None
    have: int | str | None = None


class Basket(Struct, frozen=True):
    """One sale. `location`: its code; `time_zone`: the location's IANA name, for `Hours`."""

    currency: str
    lines: tuple[BasketLine, ...]
    customer: Customer | None = None
    coupons: tuple[PresentedCoupon, ...] = ()
    payment_method: str = ""
    location: str = ""
    time_zone: str = "UTC"


class Allowance(Struct, frozen=True):
    """What a limit still allows. None = no limit. `amount`: minor units; `customer_uses`: of this sale's customer."""

    amount: int | None = None
    uses: int | None = None
    customer_uses: int | None = None


class Remaining(Struct, frozen=True):
    """What the counters still allow, by campaign id and promotion id. An id that is missing has no limit.

    A coupon's own limits are part of its status.
    """

    campaigns: Mapping[int, Allowance] = {}
    promotions: Mapping[int, Allowance] = {}


UNLIMITED = Remaining()
