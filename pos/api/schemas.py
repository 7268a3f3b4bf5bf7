"""What tills send and are answered: one place for validation, documentation and the code that reads it.

msgspec checks on decoding whatever stands in a type here; `pos.api.body` adds what types cannot say. Amounts are
integers of the currency's minor unit.
"""

import re
from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from promotions.engine import (
    Applied,
    CouponOutcome,
    Explain,
    Gift,
    LineOutcome,
    NotApplied,
    Rule,
    StackingRules,
)

MAX_BODY = 1024 * 1024  # bytes
MAX_LINES = 500
MAX_SUBTOTAL = 10**15  # so that sums over a year of sales still fit 64 bits

# checked once over the whole body, not letter by letter in each text
PRINTABLE = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}

Money = Annotated[int, Meta(ge=0, le=10**12, description="Minor units of the currency.")]
Units = Annotated[int, Meta(ge=1, le=10**6)]
Weight = Annotated[
    str,
    Meta(pattern=r"^(?=.*[1-9])(1000000(\.0{1,3})?|[0-9]{1,6}(\.[0-9]{1,3})?)$", examples=["0.350"]),
]
"""Weighed goods: a decimal with up to three places, above 0. Needs `line_total`; the line is one indivisible unit."""
Text = Annotated[str, Meta(min_length=1, max_length=64, extra_json_schema=PRINTABLE)]
Word = Annotated[str, Meta(max_length=64, extra_json_schema=PRINTABLE)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["EUR"])]
Time = Annotated[datetime, Meta(tz=True)]
UP_TO = f"{MAX_LINES} at most; more are a 413."
REFERENCE = "^[A-Za-z0-9][A-Za-z0-9._:~-]{0,63}$"
"""A till's own id of a sale or return: part of an address, so letters, digits and signs that need no escape there."""
is_reference = re.compile(REFERENCE).fullmatch


class Line(Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """One line of the till: `quantity` units of one article.

    `line_total` stands in the place of quantity × unit_price where the till's own total is not that product.
    `min_unit_price`: the floor no discount goes below. `discountable` false: takes no discount and counts towards no
    condition. `already_discounted`: the till has reduced it already. `name`, `barcode`: of the article; they change no
    discount, and people find the article by them in the workspace.
    """

    id: Text
    sku: Text
    quantity: Units | Weight
    unit_price: Money
    categories: Annotated[tuple[Text, ...], Meta(max_length=50)] = ()
    brand: Word = ""
    discountable: bool = True
    min_unit_price: Money = 0
    line_total: Money | None = None
    already_discounted: bool = False
    name: Annotated[str, Meta(max_length=200, extra_json_schema=PRINTABLE)] = ""
    barcode: Word = ""


class Customer(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who buys: the retailer's opaque id, and the codes of the groups the till knows them to be in."""

    id: Word = ""
    groups: Annotated[tuple[Text, ...], Meta(max_length=100)] = ()


class QuoteRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A basket. `currency` is the location's.

    `explain`: of which promotions `not_applied` says why they give nothing. `nearest`: of those that this basket
    touches or nearly reaches. `none`: of none, which is the quickest; what became of each code is told all the same.
    `all`: of every promotion, also of those that this basket does not touch, as `wrong_location` or
    `no_matching_items`; it costs time in proportion to all there are. `true` means `all`, `false` means `nearest`.
    """

    currency: Currency
    lines: Annotated[tuple[Line, ...], Meta(min_length=1, description=UP_TO)]
    customer: Customer | None = None
    coupons: Annotated[tuple[Text, ...], Meta(max_length=20)] = ()
    payment_method: Word = ""
    explain: Explain | bool = "nearest"


class SaleRequest(QuoteRequest, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A sale to commit, or to hold while the customer pays.

    `expect_discount`: what a quote said; where it is another by now, `on_change` decides: `reject` (the default when
    `expect_discount` is given) changes nothing and answers 409 with the new quote. `ttl`: seconds a hold lasts, 300
    unless given. `offline_at`: when a till without connection made the sale; it is judged by the campaigns, promotions
    and rules as they were then, whatever became of them since. It is never refused for a limit; what goes beyond one is
    recorded as overrun.
    """

    state: Literal["committed", "held"] = "committed"
    ttl: Annotated[int, Meta(ge=30, le=3600)] | None = None
    expect_discount: Money | None = None
    on_change: Literal["reject", "accept"] | None = None
    offline_at: Time | None = None


class ReturnLine(Struct, frozen=True, forbid_unknown_fields=True):
    """Units of one line that come back. Weighed goods come back whole, with the quantity they were sold with."""

    id: Text
    quantity: Units | Weight


class ReturnRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`dry_run`: answer, and change nothing."""

    lines: Annotated[tuple[ReturnLine, ...], Meta(min_length=1, description=UP_TO)]
    dry_run: bool = False


class Coupon(CouponOutcome, frozen=True, gc=False, omit_defaults=True):
    """What became of a code. `message`: why it is refused, a sentence for the customer; none where it is applied."""

    message: str = ""


class AvailableOffer(Struct, frozen=True, omit_defaults=True):
    """A code that belongs to the customer and that the till may offer: what it is called, and when it ends.

    `min_subtotal`: the minimum spend with the code, in minor units; absent for none.
    """

    code: str
    label: str
    ends_at: datetime | None = None
    min_subtotal: int = 0


class Quote(Struct, frozen=True):
    """What a basket gets. subtotal − discount = total; the amounts by line and by promotion each sum to `discount`.

    `lines`: `units` are runs (count, discount of each). `applied`: less than `wished` only where `clamped_by` says what
    bound it. `coupons`: one status for each code sent. `not_applied`: why others gave nothing, as
    `explain` asks. `gifts`: units
    the till may add for nothing. `available`: codes of the customer that were not presented and could be used now; only
    there when there are some.
    """

    rules_version: int
    evaluated_at: datetime
    currency: str
    subtotal: int
    discount: int
    total: int
    lines: tuple[LineOutcome, ...]
    applied: tuple[Applied, ...]
    coupons: tuple[Coupon, ...]
    not_applied: tuple[NotApplied, ...]
    gifts: tuple[Gift, ...]
    available: tuple[AvailableOffer, ...] | UnsetType = UNSET


State = Literal["held", "committed", "released", "voided"]


class Sale(Quote, frozen=True, kw_only=True):
    """A sale as it was answered. `expires_at`: when a hold counts as released. `returned`: units by line id."""

    sale_id: str
    state: State
    expires_at: datetime | None = None
    offline_at: datetime | None = None
    returned: dict[str, int] = {}


class ReturnedLine(Struct, frozen=True):
    """`units`: the discount of each returned unit, as runs; `total`: what the returned units were paid with."""

    id: str
    units: tuple[tuple[int, int], ...]
    subtotal: int
    discount: int
    total: int


class ReturnedPart(Struct, frozen=True):
    """What comes back of one promotion's discount."""

    promotion: int
    campaign: int | None
    amount: int


class Return(Struct, frozen=True):
    """What a return gives back: to the customer `total`, to the promotions `discount`."""

    sale_id: str
    return_id: str
    currency: str
    subtotal: int
    discount: int
    total: int
    lines: tuple[ReturnedLine, ...]
    applied: tuple[ReturnedPart, ...]
    dry_run: bool


class Rules(Struct, frozen=True):
    """The rules of one version that concern this till's location, for evaluation without connection."""

    rules_version: int
    location: str
    currency: str
    time_zone: str
    stacking: StackingRules
    rules: tuple[Rule, ...]


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why a request was refused. `quote`: with `quote_changed`.

    `fields`: sentences by the path of what is wrong, a hundred at most.

    With `sale_id_taken` and `return_id_taken`, `till` names the till that has the id, and `same_body` says whether it
    sent the same.
    """

    error: str
    message: str
    fields: dict[str, list[str]]
    quote: Quote | None = None
    till: str | None = None
    same_body: bool | None = None
