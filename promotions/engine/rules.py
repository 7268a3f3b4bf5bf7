"""What one promotion says, as the database keeps it in JSON and as the engine reads it.

Every choice is a tagged union: the key `type` names the member. `msgspec.convert(value, Benefit)` turns stored JSON
into these structs, `msgspec.to_builtins` turns them back; a wrong value raises `msgspec.ValidationError` with the path.
Money is an integer of the currency's minor unit, percent an integer of hundredths of a percent (1000 = 10%).
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from promotions.engine.window import CampaignStatus

Money = Annotated[int, Meta(ge=0, le=10**12)]
"""Minor units of one currency."""
WHOLE = 10_000
"""100%, in hundredths of a percent."""
Percent = Annotated[int, Meta(ge=0, le=WHOLE)]
"""Hundredths of a percent: 1000 = 10%."""
Count = Annotated[int, Meta(ge=1, le=10**6)]
Text = Annotated[str, Meta(min_length=1, max_length=64)]
Clock = Annotated[str, Meta(pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$")]
"""A time of day, `HH:MM`, up to `24:00`."""
Weekday = Annotated[int, Meta(ge=1, le=7)]
"""ISO 8601: 1 = Monday."""
Level = Literal["item", "order"]
"""What a promotion reduces: items, or the order as a whole. Items come first. The column is `Promotion.level`."""
Trigger = Literal["automatic", "coupon"]
Pick = Literal["cheapest", "dearest"]


class Match(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """Which units are meant. An empty field asks nothing; those given must all hold. Empty altogether: every unit.

    `skus`, `categories`, `brands`: one of those listed. Prices: the unit's own price before any discount, inclusive.
    """

    skus: tuple[Text, ...] = ()
    categories: tuple[Text, ...] = ()
    brands: tuple[Text, ...] = ()
    unit_price_min: Money | None = None
    unit_price_max: Money | None = None

    def __post_init__(self) -> None:
        low, high = self.unit_price_min, self.unit_price_max
        if low is not None and high is not None and low > high:
            raise ValueError(f"unit_price_min {low} is above unit_price_max {high}")


EVERYTHING = Match()


# Conditions: all must hold. Only discountable units count. In the item level prices are those before any discount.


class MinSubtotal(Struct, frozen=True, gc=False, tag="min_subtotal", forbid_unknown_fields=True):
    """The matching units are worth at least `amount`."""

    amount: Money
    match: Match = EVERYTHING


class MinQuantity(Struct, frozen=True, gc=False, tag="min_quantity", forbid_unknown_fields=True):
    """At least `quantity` matching units."""

    quantity: Count
    match: Match = EVERYTHING


class Contains(Struct, frozen=True, gc=False, tag="contains", forbid_unknown_fields=True):
    """At least one matching unit."""

    match: Match


class EveryLineOver(Struct, frozen=True, gc=False, tag="every_line_over", forbid_unknown_fields=True):
    """Each line is worth more than `amount`."""

    amount: Money


class InGroup(Struct, frozen=True, gc=False, tag="in_group", forbid_unknown_fields=True):
    """The customer belongs to one of these groups (codes)."""

    groups: Annotated[tuple[Text, ...], Meta(min_length=1)]


class CustomerIs(Struct, frozen=True, gc=False, tag="customer_is", forbid_unknown_fields=True):
    """The customer is one of these (the till's opaque ids)."""

    customers: Annotated[tuple[Text, ...], Meta(min_length=1)]


class FirstPurchase(Struct, frozen=True, gc=False, tag="first_purchase", forbid_unknown_fields=True):
    """The customer is known and has no completed sale yet."""


class PaymentMethod(Struct, frozen=True, gc=False, tag="payment_method", forbid_unknown_fields=True):
    """The sale is paid by one of these."""

    methods: Annotated[tuple[Text, ...], Meta(min_length=1)]


class Hours(
    Struct,
    frozen=True,
    gc=False,
    tag="hours",
    rename={"start": "from", "end": "to"},
    forbid_unknown_fields=True,
):
    """On these days (empty = every day), from `from` until before `to`, in the time zone of the location.

    `to` at or before `from` runs over midnight and belongs to the day on which it began. Equal: the whole day round.
    """

    start: Clock = "00:00"
    end: Clock = "24:00"
    weekdays: tuple[Weekday, ...] = ()


Condition = (
    MinSubtotal
    | MinQuantity
    | Contains
    | EveryLineOver
    | InGroup
    | CustomerIs
    | FirstPurchase
    | PaymentMethod
    | Hours
)


class Target(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The units a benefit may touch.

    `max_units_per_line`: of each line at most so many, those with most left to pay first.
    `max_units`: in the sale at most so many, chosen by `pick`.
    `only_undiscounted`: not the lines the till marks as already reduced.
    """

    match: Match = EVERYTHING
    max_units_per_line: Count | None = None
    max_units: Count | None = None
    pick: Pick = "cheapest"
    only_undiscounted: bool = False


# Benefits. None takes a unit below its floor price; what a unit costs now is what earlier promotions left of it.


class PercentOff(Struct, frozen=True, gc=False, tag="percent", forbid_unknown_fields=True):
    """`percent` off every unit, of what is left of its price or of the original one."""

    percent: Percent
    of: Literal["remaining", "original"] = "remaining"


class FixedPerUnit(Struct, frozen=True, gc=False, tag="fixed_per_unit", forbid_unknown_fields=True):
    """`amount` off every unit."""

    amount: Money


class FixedPrice(Struct, frozen=True, gc=False, tag="fixed_price", forbid_unknown_fields=True):
    """Every unit costs `amount`; never raises a price."""

    amount: Money


class FixedTotal(Struct, frozen=True, gc=False, tag="fixed_total", forbid_unknown_fields=True):
    """`amount` off the sale, spread over the units in proportion to what is left of them."""

    amount: Money


class PercentOfTotal(Struct, frozen=True, gc=False, tag="percent_of_total", forbid_unknown_fields=True):
    """`percent` of what is left of the units together, spread like `FixedTotal`: a floor shifts it to other units."""

    percent: Percent


class BenefitPart(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """`quantity` units that match."""

    quantity: Count
    match: Match = EVERYTHING


class BuyGet(Struct, frozen=True, gc=False, tag="buy_get", omit_defaults=True, forbid_unknown_fields=True):
    """Buy `buy.quantity`, get `get.quantity` reduced; whole groups, repeated as often as they fit.

    The dearest units pay. `pick`: the cheapest (default) or the dearest of the others are reduced, by `percent`
    (default: free) or by `amount` each. `max_get_units` bounds the reduced units of a sale.
    """

    buy: BenefitPart
    get: BenefitPart
    percent: Percent | None = None
    amount: Money | None = None
    pick: Pick = "cheapest"
    max_get_units: Count | None = None

    def __post_init__(self) -> None:
        if self.percent is not None and self.amount is not None:
            raise ValueError("a reward is either a percent or an amount, not both")


class Bundle(Struct, frozen=True, gc=False, tag="bundle", omit_defaults=True, forbid_unknown_fields=True):
    """Each set of all `parts`: for `price` together, or `percent` off, or `amount` off; repeated as often as it fits.

    Parts are filled in their order, each from the units the ones before left, by `pick`. Never raises a price.
    """

    parts: Annotated[tuple[BenefitPart, ...], Meta(min_length=1, max_length=20)]
    price: Money | None = None
    percent: Percent | None = None
    amount: Money | None = None
    pick: Pick = "cheapest"

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.price, self.percent, self.amount)) != 1:
            raise ValueError("a bundle has exactly one of price, percent and amount")


class CheapestFree(Struct, frozen=True, gc=False, tag="cheapest_free", forbid_unknown_fields=True):
    """The cheapest `units` units are free."""

    units: Count


class Tier(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """From `at_least` (money or units) on: `percent` off, or `amount` off together."""

    at_least: Annotated[int, Meta(ge=0, le=10**12)]
    percent: Percent | None = None
    amount: Money | None = None

    def __post_init__(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a tier has either a percent or an amount")


class Tiered(Struct, frozen=True, gc=False, tag="tiered", forbid_unknown_fields=True):
    """Only the highest tier reached by the target's units counts; measured by what they are worth or how many."""

    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1, max_length=50)]
    by: Literal["subtotal", "quantity"] = "subtotal"

    def __post_init__(self) -> None:
        steps = [tier.at_least for tier in self.tiers]
        if steps != sorted(set(steps)):
            raise ValueError("tiers must rise: each at_least above the one before")


class FreeGift(Struct, frozen=True, gc=False, tag="free_gift", forbid_unknown_fields=True):
    """`quantity` units of `sku` for nothing.

    Units the sale holds are free; those it lacks are named in `Outcome.gifts` for the till to add. The gift's own units
    never help to reach the promotion's conditions.
    """

    sku: Text
    quantity: Count = 1


Benefit = (
    PercentOff
    | FixedPerUnit
    | FixedPrice
    | FixedTotal
    | PercentOfTotal
    | BuyGet
    | Bundle
    | CheapestFree
    | Tiered
    | FreeGift
)


# Stacking of one promotion with the others of the sale.


class Stackable(Struct, frozen=True, gc=False, tag="stackable", forbid_unknown_fields=True):
    """Applies together with others, on what they leave."""


class BestOf(Struct, frozen=True, gc=False, tag="best_of", forbid_unknown_fields=True):
    """Of the promotions of one group each unit gets one: the best deal, or the first where priority is strict."""

    group: Text


class Exclusive(Struct, frozen=True, gc=False, tag="exclusive", forbid_unknown_fields=True):
    """Alone in the sale."""


Stacking = Stackable | BestOf | Exclusive


class Caps(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """`max_amount`: of one sale. `max_applications`: sets of a bundle, groups of a buy-get; others apply once."""

    max_amount: Money | None = None
    max_applications: Count | None = None


class CampaignTerms(Struct, frozen=True, gc=False, omit_defaults=True):
    """What a campaign adds to the promotions linked to it. Half-open window; locations empty = everywhere.

    `exclusive`: each of them is, whatever its own stacking says.
    """

    id: int
    status: CampaignStatus = "active"
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    priority: int = 100
    locations: frozenset[str] = frozenset()
    currency: str = ""
    on_budget_end: Literal["partial", "reject"] = "partial"
    max_uses_per_customer: int | None = None
    exclusive: bool = False


class Rule(Struct, frozen=True, gc=False, omit_defaults=True):
    """One promotion through one campaign, or by itself (`campaign` None). A promotion in n campaigns makes n rules.

    Applied in the order (campaign priority, priority, promotion, campaign), lowest first; a standalone promotion counts
    as of campaign priority 100. Once per sale and promotion, through the first campaign that has room.
    `currency` empty: any, as long as the benefit names no money. `on_budget_end` of the campaign stands; a standalone
    promotion has no budget.
    """

    promotion: int
    benefit: Benefit
    label: str = ""
    target: Target = Target()
    conditions: tuple[Condition, ...] = ()
    level: Level = field(name="lane", default="item")  # `lane` is its name in the till API
    stacking: Stacking = Stackable()
    caps: Caps = Caps()
    trigger: Trigger = "automatic"
    active: bool = True
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    priority: int = 100
    locations: frozenset[str] = frozenset()
    currency: str = ""
    max_uses_per_customer: int | None = None
    campaign: CampaignTerms | None = None


class StackingRules(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """The site's one set of rules on how promotions meet in a sale. The defaults restrict nothing.

    `precedence`: the better deal wins by value, or the first by priority.
    `max_promotions`: so many at most in a sale. `max_discount_percent` (of the subtotal), `max_discount`: in all, of
    sales in `currency`; empty: in whatever currency.
    `coupons_with_promotions`, `item_with_order`: whether the two kinds may meet in one sale.
    `buy_get_replaces`: units a buy-get uses get no other discount of the item level.
    `thresholds_on_original`: the order level, too, measures thresholds and tiers before any discount.
    `excluded_pairs`: promotions (ids) that never meet.
    """

    precedence: Literal["value", "priority"] = "value"
    max_promotions: Count | None = None
    max_discount_percent: Percent | None = None
    max_discount: Money | None = None
    currency: str = ""
    coupons_with_promotions: bool = True
    item_with_order: bool = True
    buy_get_replaces: bool = False
    thresholds_on_original: bool = False
    excluded_pairs: frozenset[tuple[int, int]] = frozenset()
