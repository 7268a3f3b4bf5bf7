"""Limits of one sale: its cap, budgets and uses. Promotions use them up in the order of application."""

from promotions.engine.basket import Allowance, Remaining
from promotions.engine.claims import Claim
from promotions.engine.compiled import CompiledPromotion
from promotions.engine.conditions import ANONYMOUS, Refusal
from promotions.engine.outcome import Clamp


class _Limit:
    """What a counter still allows in this sale."""

    __slots__ = ("amount", "customer_uses", "uses")

    def __init__(self, amount: int | None, uses: int | None, customer_uses: int | None) -> None:
        self.amount = amount
        self.uses = uses
        self.customer_uses = customer_uses


class SaleLimits:
    """What one sale may still get. `room`: what the sale's cap leaves, None without a cap.

    `unlimited`: there is no cap and no limit.
    """

    __slots__ = ("_campaigns", "_known", "_limits", "_promotions", "_remaining", "unlimited", "room")

    def __init__(self, remaining: Remaining, room: int | None, *, known: bool) -> None:
        self._remaining = remaining
        self._campaigns = remaining.campaigns
        self._promotions = remaining.promotions
        self._known = known
        self._limits: dict[tuple[bool, int], _Limit] = {}
        self.room = room
        self.unlimited = room is None and not remaining.campaigns and not remaining.promotions

    def copy(self) -> "SaleLimits":
        sale_limits = SaleLimits(self._remaining, self.room, known=self._known)
        sale_limits._limits = {
            key: _Limit(limit.amount, limit.uses, limit.customer_uses) for key, limit in self._limits.items()
        }
        return sale_limits

    def refusal(self, promotion: CompiledPromotion) -> Refusal | None:
        """Return the limit that allows no further use or no money; None when every limit allows both."""
        if promotion.once and not self._known:
            return ANONYMOUS
        for limit in self._of(promotion):
            if limit.uses is not None and limit.uses <= 0:
                return Refusal("uses_exhausted", 1, 0)
            if limit.customer_uses is not None and limit.customer_uses <= 0:
                return Refusal("customer_limit", 1, 0)
            if limit.amount is not None and limit.amount <= 0:
                return Refusal("budget_exhausted", 1, 0)
        return None

    def afford(self, promotion: CompiledPromotion, wish: int) -> tuple[int, Clamp | None] | Refusal:
        """Return how much of `wish` (above 0) fits, and the limit that cut it. All-or-nothing campaigns may refuse."""
        amount = wish
        clamped_by: Clamp | None = None
        if self.room is not None and amount > self.room:
            if self.room <= 0:
                return Refusal("sale_cap", wish, 0)
            amount, clamped_by = self.room, "sale_cap"
        campaign = promotion.rule.campaign
        for limit in self._of(promotion):
            if limit.amount is not None and amount > limit.amount:
                if campaign is not None and campaign.on_budget_end == "reject":
                    return Refusal("budget_too_small", amount, limit.amount)
                amount, clamped_by = limit.amount, "budget"
        return amount, clamped_by

    def spend(self, promotion: CompiledPromotion, amount: int) -> None:
        """Subtract one use and `amount` from the limits of `promotion`."""
        if self.room is not None:
            self.room -= amount
        for limit in self._of(promotion):
            if limit.amount is not None:
                limit.amount -= amount
            if limit.uses is not None:
                limit.uses -= 1
            if limit.customer_uses is not None:
                limit.customer_uses -= 1

    def _of(self, promotion: CompiledPromotion) -> list[_Limit]:
        """Return the limits that `promotion` is under: its campaign's, then its own."""
        limits = []
        campaign, number = promotion.campaign, promotion.number
        if campaign is not None and campaign in self._campaigns:
            limits.append(self._limit((True, campaign), self._campaigns[campaign]))
        if number in self._promotions:
            limits.append(self._limit((False, number), self._promotions[number]))
        return limits

    def _limit(self, key: tuple[bool, int], left: Allowance) -> _Limit:
        limit = self._limits.get(key)
        if limit is None:
            limit = self._limits[key] = _Limit(left.amount, left.uses, left.customer_uses)
        return limit


def wish_within_cap(promotion: CompiledPromotion, claim: Claim) -> int:
    """Return the wish of `claim`, cut to the promotion's own cap for a sale."""
    cap = promotion.cap
    return claim.wish if cap is None or claim.wish <= cap else cap
