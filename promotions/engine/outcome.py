"""The output of the engine. Its fields have the names of the till's JSON: `msgspec.json.encode(outcome)` gives it."""

from typing import Literal

from msgspec import Struct

from promotions.engine.basket import CouponStatus

Explain = Literal["none", "nearest", "all"]
"""Which promotions that gave nothing are told, with why: none, those that the sale touches or nearly reaches, all."""

Reason = Literal[
    "not_started",
    "ended",
    "paused",
    "cancelled",
    "inactive",
    "wrong_location",
    "wrong_currency",
    "outside_hours",
    "group",
    "needs_customer",
    "customer",
    "first_purchase",
    "payment_method",
    "customer_limit",
    "uses_exhausted",
    "budget_exhausted",
    "budget_too_small",
    "min_subtotal",
    "min_quantity",
    "every_line_over",
    "no_matching_items",
    "no_coupon",
    "beaten_by",
    "excluded_by",
    "excluded_pair",
    "max_promotions",
    "sale_cap",
    "no_value",
]
Clamp = Literal["budget", "sale_cap"]


class Share(Struct, frozen=True, gc=False):
    """What one promotion gives on one line, in minor units."""

    promotion: int
    campaign: int | None
    amount: int


class LineOutcome(Struct, frozen=True, gc=False):
    """One line of the basket, in the basket's order.

    `units`: runs (count, discount of each), larger first; their products sum to `discount`, their counts to the
    line's quantity. `applied`: in the order of application; sums to `discount`.
    """

    id: str
    discount: int
    total: int
    units: tuple[tuple[int, int], ...]
    applied: tuple[Share, ...]


class Applied(Struct, frozen=True, gc=False):
    """One promotion that gave something: `amount` > 0 of the `wished`; less only if `clamped_by` names the limit."""

    promotion: int
    campaign: int | None
    label: str
    amount: int
    wished: int
    clamped_by: Clamp | None = None
    coupon: str | None = None
    applications: int = 1


class NotApplied(Struct, frozen=True, gc=False, omit_defaults=True):
    """One candidate that gave nothing. `need` and `have`: the figures; `by`: the promotion that won."""

    promotion: int
    campaign: int | None
    reason: Reason
    need: int | str | None = None
    have: int | str | None = None
    by: int | None = None


class CouponOutcome(Struct, frozen=True, gc=False, omit_defaults=True):
    """`applied`, or why not: the coupon's own status, or the reason its promotion gave nothing."""

    code: str
    status: CouponStatus | Reason | Literal["applied"]
    need: int | str | None = None
    have: int | str | None = None


class Gift(Struct, frozen=True, gc=False):
    """Units the till may add: the promotion makes them free."""

    promotion: int
    sku: str
    quantity: int


class Outcome(Struct, frozen=True, gc=False):
    """What a basket gets. subtotal − discount = total; amounts by line and by promotion each sum to `discount`."""

    currency: str
    subtotal: int
    discount: int
    total: int
    lines: tuple[LineOutcome, ...]
    applied: tuple[Applied, ...]
    coupons: tuple[CouponOutcome, ...]
    not_applied: tuple[NotApplied, ...]
    gifts: tuple[Gift, ...] = ()
