"""One pass over the promotions of a sale: level by level, in the order of application, each on what the others left."""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct

from promotions.engine import best_of
from promotions.engine.basket import Remaining
from promotions.engine.basket_facts import BasketFacts, Measure
from promotions.engine.claims import NOTHING, Claim, LevelContext
from promotions.engine.clamp import SaleLimits, wish_within_cap
from promotions.engine.compiled import CompiledPromotion
from promotions.engine.conditions import Refusal
from promotions.engine.outcome import Clamp, Gift
from promotions.engine.rules import WHOLE, FreeGift, StackingRules
from promotions.engine.units import Units


class Grant(Struct, eq=False, gc=False):
    """What one promotion gives: of each kind numbered in `kinds` a part, summing to `amount`."""

    promotion: CompiledPromotion
    amount: int
    wished: int
    clamped_by: Clamp | None
    kinds: Sequence[int]
    parts: Sequence[int]
    applications: int


class EngineSale:
    """The input of a pass: facts, promotions that are on and whose item-level conditions hold, limits, stacking rules.

    `items`, `orders`: the promotions of the two levels, in the order of application. `subtotal`: of all lines. `room`:
    what the sale's cap allows. `pairs`: promotions that never apply together. `restricted`: some may exclude others.
    `repeats`: a promotion comes through several campaigns. `contested`: a best-of group has promotions in both levels.
    With `plain` promotions (see `RuleSet`) neither can be.
    """

    __slots__ = (
        "contested",
        "facts",
        "items",
        "orders",
        "pairs",
        "plain",
        "promotions",
        "remaining",
        "repeats",
        "restricted",
        "room",
        "stacking",
        "subtotal",
    )

    def __init__(
        self,
        facts: BasketFacts,
        promotions: Sequence[CompiledPromotion],
        remaining: Remaining,
        stacking: StackingRules,
        *,
        plain: bool = False,
    ) -> None:
        self.facts = facts
        self.plain = plain
        self.promotions = promotions
        first_order = bisect_left(promotions, True, key=lambda promotion: promotion.on_order)
        self.items, self.orders = promotions[:first_order], promotions[first_order:]
        if any(promotion.gift is not None for promotion in self.items):
            # Gifts go first, so that no other promotion reduces a unit that is given away.
            self.items = sorted(self.items, key=lambda promotion: promotion.gift is None)
        if stacking.buy_get_replaces:
            self.items = sorted(self.items, key=lambda promotion: not promotion.is_buy_get)
        self.repeats = not plain and len({promotion.number for promotion in promotions}) < len(promotions)
        self.remaining = remaining
        self.stacking = stacking
        self.subtotal = sum([kind.value for kind in facts.kinds])
        rooms = []
        if stacking.max_discount is not None and stacking.currency in ("", facts.basket.currency):
            rooms.append(stacking.max_discount)
        if stacking.max_discount_percent is not None:
            rooms.append(self.subtotal * stacking.max_discount_percent // WHOLE)
        self.room = min(rooms, default=None)
        self.pairs = _by_promotion(stacking.excluded_pairs)
        self.contested = not plain and bool(_groups(self.items) & _groups(self.orders))
        self.restricted = (
            bool(self.pairs)
            or not stacking.item_with_order
            or not stacking.coupons_with_promotions
            or stacking.max_promotions is not None
            or (not plain and any(promotion.exclusive for promotion in promotions))
        )


def _groups(promotions: Sequence[CompiledPromotion]) -> set[str]:
    return {promotion.group for promotion in promotions if promotion.group is not None}


@lru_cache(maxsize=8)
def _by_promotion(pairs: frozenset[tuple[int, int]]) -> Mapping[int, Sequence[int]]:
    rivals: dict[int, list[int]] = {}
    for one, other in sorted(pairs):
        rivals.setdefault(one, []).append(other)
        rivals.setdefault(other, []).append(one)
    return rivals


class Pass:
    """One pass through the promotions of a sale. Those in `forbidden` take no part, for the given reason.

    `among`: only promotions with these ranks take part, without a reason for the others; for comparisons.

    `grants`: in the order of application. `refusals`: by rank, of those that gave nothing. `gifts`: units to add.
    """

    def __init__(
        self, sale: EngineSale, forbidden: Mapping[int, Refusal], *, among: Collection[int] | None = None
    ) -> None:
        self.sale = sale
        self.items: Sequence[CompiledPromotion] = sale.items
        self.orders: Sequence[CompiledPromotion] = sale.orders
        if among is not None:
            self.items = [promotion for promotion in sale.items if promotion.rank in among]
            self.orders = [promotion for promotion in sale.orders if promotion.rank in among]
        self.forbidden = forbidden
        self.units = Units(sale.facts.kinds)
        self.sale_limits = SaleLimits(sale.remaining, sale.room, known=bool(sale.facts.customer.id))
        self.grants: list[Grant] = []
        self.refusals: dict[int, Refusal] = {}
        self.gifts: list[Gift] = []
        self._applied: set[int] = set()
        self._winners: dict[str, int] = {}
        self._guarded = bool(forbidden) or sale.restricted or sale.repeats or not self.sale_limits.unlimited
        self._apply_item_level()
        if self.orders:
            self._apply_order_level()

    @property
    def discount(self) -> int:
        return sum([grant.amount for grant in self.grants])

    def _apply_item_level(self) -> None:
        sale = self.sale
        spare_bought = sale.stacking.buy_get_replaces
        self._ask_in_order(
            self.items, LevelContext(sale.facts, self.units, sale.facts.original, spare_bought=spare_bought)
        )

    def _apply_order_level(self) -> None:
        sale = self.sale
        self.units.start_order_level()
        measure = sale.facts.original
        if self.grants and not sale.stacking.thresholds_on_original:
            left = [sum([batch.rest for batch in batches]) for batches in self.units.batches]
            measure = Measure(left, measure.counts)
        met = []
        for promotion in self.orders:
            refusal = find_unmet_condition(promotion, sale.facts, measure)
            if refusal is None:
                met.append(promotion)
            else:
                self.refusals[promotion.rank] = refusal
        self._ask_in_order(met, LevelContext(sale.facts, self.units, measure, spare_bought=False))

    def _ask_in_order(self, promotions: Sequence[CompiledPromotion], context: LevelContext) -> None:
        contests: dict[str | None, list[CompiledPromotion]] = {}
        if self.sale.stacking.precedence == "value" and not self.sale.plain:
            for promotion in promotions:
                if promotion.group is not None:
                    contests.setdefault(promotion.group, []).append(promotion)
        turn = self._ask
        for promotion in promotions:
            rivals = contests.get(promotion.group) if contests else None
            if rivals is None or len(rivals) == 1:
                turn(promotion, context)
            elif promotion is rivals[0]:
                self._ask_group(rivals, context)

    def find_hindrance(self, promotion: CompiledPromotion) -> Refusal | None:
        """Return why `promotion` may not join the promotions applied so far; None when it may."""
        if promotion.rank in self.forbidden:
            return self.forbidden[promotion.rank]
        if promotion.number in self._applied:
            return Refusal("excluded_by", by=promotion.number)
        if self.sale.restricted and self.grants:
            refusal = self._find_clash(promotion)
            if refusal is not None:
                return refusal
        return self.sale_limits.refusal(promotion)

    def _find_clash(self, promotion: CompiledPromotion) -> Refusal | None:
        sale, grants = self.sale, self.grants
        stacking = sale.stacking
        first = grants[0].promotion
        if promotion.exclusive or first.exclusive:
            return Refusal("excluded_by", by=first.number)
        for rival in sale.pairs.get(promotion.number, ()):
            if rival in self._applied:
                return Refusal("excluded_pair", by=rival)
        if not stacking.item_with_order and promotion.on_order != first.on_order:
            return Refusal("excluded_by", by=first.number)
        if not stacking.coupons_with_promotions and promotion.rule.trigger != first.rule.trigger:
            return Refusal("excluded_by", by=first.number)
        if stacking.max_promotions is not None and len(grants) >= stacking.max_promotions:
            return Refusal("max_promotions", stacking.max_promotions, len(grants) + 1)
        return None

    def mask(self, promotion: CompiledPromotion) -> int:
        """Return the kinds of the target of `promotion`."""
        facts = self.sale.facts
        mask = facts.mask(promotion.matcher)
        return mask & facts.full_price if promotion.only_undiscounted else mask

    def _ask(self, promotion: CompiledPromotion, context: LevelContext) -> None:
        refusal = self.find_hindrance(promotion) if self._guarded or promotion.once else None
        if refusal is None:
            claim = promotion.benefit.claim(context, self.mask(promotion), promotion.group)
            if promotion.gift is not None:
                self._offer_gift(promotion.number, promotion.gift)
            if isinstance(claim, Claim):
                refusal = self.grant_claim(promotion, claim)
            elif promotion.group in self._winners:
                refusal = Refusal("beaten_by", by=self._winners[promotion.group])
            else:
                refusal = claim
        if refusal is not None:
            self.refusals[promotion.rank] = refusal

    def grant_claim(self, promotion: CompiledPromotion, claim: Claim) -> Refusal | None:
        """Grant what the limits allow of `claim`; return None, or why it gives nothing."""
        wish = amount = wish_within_cap(promotion, claim)
        clamped_by: Clamp | None = None
        if not wish:
            return NOTHING
        if not self.sale_limits.unlimited:
            afforded = self.sale_limits.afford(promotion, wish)
            if isinstance(afforded, Refusal):
                return afforded
            amount, clamped_by = afforded
            self.sale_limits.spend(promotion, amount)
        kinds, parts = claim.grant(amount, whole=self.units.whole)
        self.grants.append(Grant(promotion, amount, wish, clamped_by, kinds, parts, claim.applications))
        self._applied.add(promotion.number)
        if claim.used is not None:
            for batch in claim.used:
                batch.used = True
                batch.bought = promotion.is_buy_get
        if promotion.group is not None:
            best_of.mark_given(claim, promotion.group)
            self._winners.setdefault(promotion.group, promotion.number)
        return None

    def _offer_gift(self, number: int, gift: FreeGift) -> None:
        facts = self.sale.facts
        held = sum([kind.count for kind in facts.kinds if kind.sku == gift.sku and kind.discountable])
        if held < gift.quantity:
            self.gifts.append(Gift(number, gift.sku, gift.quantity - held))

    def _ask_group(self, rivals: list[CompiledPromotion], context: LevelContext) -> None:
        """Find the best deal for each unit among the promotions of one best-of group."""
        contenders = []
        for promotion in rivals:
            refusal = self.find_hindrance(promotion)
            if refusal is None:
                contenders.append(best_of.Contender(promotion, self.mask(promotion)))
            else:
                self.refusals[promotion.rank] = refusal
        before = len(self.grants)
        for contender, claim in best_of.find_best_deal(contenders, context, self.sale_limits):
            refusal = self.find_hindrance(contender.promotion) or self.grant_claim(contender.promotion, claim)
            if refusal is not None:
                self.refusals[contender.promotion.rank] = refusal
        winner = max(self.grants[before:], key=lambda grant: grant.amount, default=None)
        for contender in contenders:
            promotion = contender.promotion
            if promotion.number in self._applied or promotion.rank in self.refusals:
                continue
            if contender.refusal is not None or winner is None:
                self.refusals[promotion.rank] = contender.refusal or Refusal("no_value")
            else:
                self.refusals[promotion.rank] = Refusal(
                    "beaten_by", winner.amount, contender.wish, winner.promotion.number
                )


def find_unmet_condition(
    promotion: CompiledPromotion, facts: BasketFacts, measure: Measure
) -> Refusal | None:
    """Return the first condition of `promotion` that does not hold; None when all do.

    The units of a free gift do not help to reach the conditions of the promotion that gives it.
    """
    if not promotion.conditions:
        return None
    if promotion.gift is not None:
        measure = without_gift(promotion.gift, facts, measure)
    for check in promotion.conditions:
        refusal = check(facts, measure)
        if refusal is not None:
            return refusal
    return None


def without_gift(gift: FreeGift, facts: BasketFacts, measure: Measure) -> Measure:
    """Return `measure` less the cheapest units that `gift` may make free."""
    values, counts, left = list(measure.values), list(measure.counts), gift.quantity
    given = [number for number, kind in enumerate(facts.kinds) if kind.sku == gift.sku and kind.discountable]
    for number in sorted(given, key=lambda number: facts.kinds[number].unit_price):
        units = min(left, counts[number])
        if units:
            values[number] -= values[number] * units // counts[number]
            counts[number] -= units
            left -= units
    return Measure(values, counts)
