"""Every stacking rule of the site, as the very next quote sees it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from promotions import publish, stacking
from promotions.models import Promotion
from tests.factories import CouponFactory, LocationFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, line
from tests.promotions.pages import campaign_with

pytestmark = pytest.mark.django_db


def percent(percent: int, **fields: Any) -> dict:
    return {"benefit": {"type": "percent", "percent": percent * 100}} | fields


def off_sale(amount: int, **fields: Any) -> dict:
    return {"level": "order", "benefit": {"type": "fixed_total", "amount": amount}} | fields


def off_sale_from(threshold: int, amount: int) -> dict:
    tiers = [{"at_least": threshold, "amount": amount}]
    return {"level": "order", "benefit": {"type": "tiered", "tiers": tiers}}


BEST_OF = {"stacking": {"type": "best_of", "group": "autumn"}}
TWO_FOR_ONE = {"benefit": {"type": "buy_get", "buy": {"quantity": 1}, "get": {"quantity": 1}}}


@dataclass
class Case:
    """Promotions, what a basket gets without the rule, the rule, what it gets with it, and why of the two less."""

    promotions: list[dict]
    before: int
    rule: dict[str, Any]
    after: int
    reason: str
    basket: dict = field(default_factory=lambda: basket(10_000))


CASES = {
    "at most so many promotions": Case(
        [percent(10), percent(5), percent(2)], 1621, {"max_promotions": 2}, 1450, "max_promotions"
    ),
    "only the best single one": Case(
        [percent(5), percent(10)], 1450, {"max_promotions": 1}, 1000, "max_promotions"
    ),
    "at most so many percent of the sale": Case(
        [off_sale(3000), off_sale(500)], 3500, {"max_discount_percent": 2000}, 2000, "sale_cap"
    ),
    "at most such an amount": Case(
        [off_sale(3000), off_sale(500)], 3500, {"max_discount": 3000}, 3000, "sale_cap"
    ),
    "coupons and automatic promotions apart": Case(
        [percent(10), off_sale(300, trigger="coupon")],
        1300,
        {"coupons_with_promotions": False},
        1000,
        "excluded_by",
        basket(10_000, coupons=["CODE"]),
    ),
    "items and the whole sale apart": Case(
        [percent(10), off_sale(300)], 1300, {"item_with_order": False}, 1000, "excluded_by"
    ),
    "a buy-and-get replaces the discount of its units": Case(
        [TWO_FOR_ONE, percent(10)],
        1100,
        {"buy_get_replaces": True},
        1000,
        "no_value",
        {"currency": "EUR", "lines": [line(1, 1000, 2)]},
    ),
    "tiers by what items leave": Case(
        [percent(10), off_sale_from(10_000, 500)],
        1000,
        {"thresholds_on_original": True},
        1500,
        "min_subtotal",
    ),
    "by priority and not by value": Case(
        [percent(5, priority=1, **BEST_OF), percent(10, priority=2, **BEST_OF)],
        1000,
        {"precedence": "priority"},
        500,
        "beaten_by",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_rule_counts_from_the_very_next_quote_and_ends_with_it(case):
    till = AtTill()
    made = [PromotionFactory(standalone=True, **fields) for fields in case.promotions]
    for promotion in made:
        if promotion.trigger == Promotion.Trigger.COUPON:
            CouponFactory(promotion=promotion, code="CODE")
    (name,) = case.rule
    was = getattr(stacking.read_rules(), name)

    answers = [till.quote(case.basket)]
    stacking.change_rules(**case.rule)
    answers.append(till.quote(case.basket))
    stacking.change_rules(**{name: was})
    answers.append(till.quote(case.basket))
    assert [answer["discount"] for answer in answers] == [case.before, case.after, case.before]
    less = min(answers, key=lambda answer: answer["discount"])
    said = [refused["reason"] for refused in less["not_applied"]]
    assert case.reason in said + [applied["clamped_by"] for applied in less["applied"]]


def test_a_promotion_of_an_exclusive_campaign_applies_alone_from_the_very_next_quote():
    campaign, (one, other) = campaign_with(2)
    alone = PromotionFactory(standalone=True, **off_sale(300))
    till = AtTill()

    def applied_promotions():
        return [part["promotion"] for part in till.quote(basket(10_000))["applied"]]

    assert applied_promotions() == [one.pk, other.pk, alone.pk]
    publish.edit_campaign(campaign, changes={"exclusive": True})
    assert applied_promotions() == [one.pk]  # 1000, the others 300 and as much as it
    publish.save_promotion(alone, benefit={"type": "fixed_total", "amount": 1001})
    assert applied_promotions() == [alone.pk]
    publish.edit_campaign(campaign, changes={"exclusive": False})
    assert applied_promotions() == [one.pk, other.pk, alone.pk]


def test_the_most_that_a_sale_may_get_is_money_of_the_site_and_cuts_no_sale_in_another():
    PromotionFactory(standalone=True, **percent(10))
    stacking.change_rules(max_discount=50)
    assert AtTill().quote(basket(1_000))["discount"] == 50
    tokyo = AtTill(location=LocationFactory(currency="JPY"))
    assert tokyo.quote(basket(1_000, currency="JPY"))["discount"] == 100
    stacking.change_rules(max_discount_percent=300)
    assert tokyo.quote(basket(1_000, currency="JPY"))["discount"] == 30
