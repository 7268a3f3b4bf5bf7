"""One basket against the rules."""

from collections.abc import Sequence
from datetime import datetime

from promotions.engine.basket import UNLIMITED, Basket, Remaining
from promotions.engine.compiled import RuleSet
from promotions.engine.outcome import Outcome
from promotions.engine.rules import Rule, StackingRules

UNRESTRICTED = StackingRules()


def evaluate(
    basket: Basket,
    rules: RuleSet | Sequence[Rule],
    remaining: Remaining = UNLIMITED,
    *,
    now: datetime,
    stacking: StackingRules = UNRESTRICTED,
    explain: bool = False,
) -> Outcome:
    """What `basket` gets at `now`.

    Args:
        basket: the sale; prices in minor units.
        rules: compiled once and kept, or plain rules, which are compiled for this call.
        remaining: what the limits still allow, by campaign and promotion.
        now: aware.
        stacking: how promotions may meet.
        explain: give a reason for every rule, also for those the basket does not touch.
    Returns: the discounts by line and by promotion, and for each candidate that gave nothing the reason.
    Raises: ValueError: a basket that cannot be (quantity below 1, price below 0, a line id twice).
    """
    raise NotImplementedError
