"""The promotion engine: what a basket gets. Pure: no clock, no query, no Django; integers and `Fraction` only.

`compile_rules(rules)` makes an immutable, indexed `RuleSet` to keep; `evaluate(basket, rules, remaining, now)` answers
with an `Outcome`.
"""

from promotions.engine.basket import UNLIMITED, Basket, Coupon, Customer, Left, Line, Remaining
from promotions.engine.evaluation import evaluate
from promotions.engine.index import RuleSet, compile_rules
from promotions.engine.outcome import Applied, CouponOutcome, Gift, LineOutcome, NotApplied, Outcome, Share
from promotions.engine.rules import CampaignTerms, Rule, StackingRules

__all__ = [
    "UNLIMITED",
    "Applied",
    "Basket",
    "CampaignTerms",
    "Coupon",
    "CouponOutcome",
    "Customer",
    "Gift",
    "Left",
    "Line",
    "LineOutcome",
    "NotApplied",
    "Outcome",
    "Remaining",
    "Rule",
    "RuleSet",
    "Share",
    "StackingRules",
    "compile_rules",
    "evaluate",
]
