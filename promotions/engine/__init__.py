"""The promotion engine: what a basket gets. Pure: no clock, no query, no Django; integers and `Fraction` only.

`compile_rules(rules)` makes an immutable, indexed `RuleSet` to keep; `evaluate(basket, rules, remaining, now)` answers
with an `Outcome`. In the order of the data:

    evaluation              `evaluate`: the whole way of a basket; begin to read here
    rules, basket, outcome  what goes in and comes out
    index, compiled         rules made ready and found by what touches them: `conditions`, `benefits`, `group_benefits`
    units, basket_facts     a basket as kinds of units, and the facts that conditions ask for
    gates                   whether a promotion is on: status (`window`), dates, location, currency
    scenarios               which promotions may apply together, and the best choice when some exclude others
    passes                  one pass: item level, then order level, each promotion on what the others left
    best_of                 the best deal for each unit among the promotions of one group
    claims, allocation      an amount rounded once, shared over units and lines to the last minor unit
    clamp                   budgets, uses and the sale's cap, used up in the order of application
    words, writer           what a promotion does, as a sentence in a language
    answer                  the outcome of the chosen pass, with the reasons of promotions that gave nothing
"""

from promotions.engine.basket import (
    UNLIMITED,
    Allowance,
    Basket,
    BasketLine,
    Customer,
    PresentedCoupon,
    Remaining,
)
from promotions.engine.evaluation import evaluate
from promotions.engine.index import RuleSet, compile_rules
from promotions.engine.outcome import (
    Applied,
    CouponOutcome,
    Explain,
    Gift,
    LineOutcome,
    NotApplied,
    Outcome,
    Share,
)
from promotions.engine.rules import CampaignTerms, Rule, StackingRules

__all__ = [
    "UNLIMITED",
    "Allowance",
    "Applied",
    "Basket",
    "BasketLine",
    "CampaignTerms",
    "CouponOutcome",
    "Customer",
    "Explain",
    "Gift",
    "LineOutcome",
    "NotApplied",
    "Outcome",
    "PresentedCoupon",
    "Remaining",
    "Rule",
    "RuleSet",
    "Share",
    "StackingRules",
    "compile_rules",
    "evaluate",
]
