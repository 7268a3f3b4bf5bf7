"""Rules as the database keeps them: JSON in, structs out, and clear words for what is wrong."""

import msgspec
import pytest

from promotions.engine import Rule, compile_rules
from promotions.engine import rules as r
from promotions.engine.index import ALWAYS_COMPILE_BELOW_RULES
from tests.promotions.engine.till import line, of, off, quote, rule, sale

BENEFITS = [
    off(12.5),
    r.PercentOff(1000, "original"),
    r.FixedPerUnit(300),
    r.FixedPrice(999),
    r.FixedTotal(500),
    r.PercentOfTotal(1500),
    r.BuyGet(r.BenefitPart(2, of("a")), r.BenefitPart(1), percent=5000, max_get_units=3),
    r.BuyGet(r.BenefitPart(1), r.BenefitPart(1), amount=100, pick="dearest"),
    r.Bundle((r.BenefitPart(1, of("a")), r.BenefitPart(2, of("b"))), price=900),
    r.CheapestFree(2),
    r.Tiered((r.Tier(1000, percent=500), r.Tier(2000, amount=300)), by="quantity"),
    r.FreeGift("mug"),
]
CONDITIONS = [
    r.MinSubtotal(3000),
    r.MinQuantity(3, of("a b")),
    r.Contains(r.Match(categories=("food",), unit_price_min=100)),
    r.EveryLineOver(100),
    r.InGroup(("vip",)),
    r.CustomerIs(("C9",)),
    r.FirstPurchase(),
    r.PaymentMethod(("card",)),
    r.Hours("22:00", "02:00", (5, 6)),
]


@pytest.mark.parametrize("benefit", BENEFITS, ids=str)
def test_a_benefit_survives_json(benefit):
    assert msgspec.json.decode(msgspec.json.encode(benefit), type=r.Benefit) == benefit


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_a_condition_survives_json(condition):
    assert msgspec.json.decode(msgspec.json.encode(condition), type=r.Condition) == condition


def test_a_rule_survives_json():
    rule = Rule(
        1,
        BENEFITS[0],
        label="Spring",
        conditions=tuple(CONDITIONS),
        stacking=r.BestOf("season"),
        campaign=r.CampaignTerms(3, locations=frozenset({"MUC"})),
    )
    assert msgspec.json.decode(msgspec.json.encode(rule), type=Rule) == rule


def test_hours_are_written_from_and_to():
    assert msgspec.to_builtins(r.Hours("17:00", "19:00", (5,))) == {
        "type": "hours",
        "from": "17:00",
        "to": "19:00",
        "weekdays": (5,),
    }


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ({"type": "percent", "percent": 10001}, r.Benefit, r"`int` <= 10000 - at `\$\.percent`"),
        ({"type": "percent", "percent": 9.5}, r.Benefit, r"Expected `int`, got `float` - at `\$\.percent`"),
        ({"type": "percent"}, r.Benefit, "missing required field `percent`"),
        ({"type": "percent", "percent": 1, "of_": 2}, r.Benefit, "unknown field `of_`"),
        ({"type": "discount"}, r.Benefit, "Invalid value 'discount'"),
        ({"type": "fixed_total", "amount": -1}, r.Benefit, "`int` >= 0"),
        (
            {"type": "bundle", "parts": [{"quantity": 2}]},
            r.Benefit,
            "exactly one of price, percent and amount",
        ),
        (
            {"type": "buy_get", "buy": {"quantity": 1}, "get": {"quantity": 1}, "percent": 1, "amount": 1},
            r.Benefit,
            "either a percent or an amount, not both",
        ),
        (
            {"type": "tiered", "tiers": [{"at_least": 1}]},
            r.Benefit,
            "a tier has either a percent or an amount",
        ),
        (
            {"type": "tiered", "tiers": [{"at_least": 2, "percent": 1}, {"at_least": 2, "percent": 2}]},
            r.Benefit,
            "tiers must rise",
        ),
        ({"type": "hours", "from": "25:00"}, r.Condition, "matching regex"),
        ({"type": "hours", "weekdays": [0]}, r.Condition, r"`int` >= 1 - at `\$\.weekdays"),
        ({"type": "in_group", "groups": []}, r.Condition, "length >= 1"),
        ({"unit_price_min": 5, "unit_price_max": 4}, r.Match, "unit_price_min 5 is above unit_price_max 4"),
        ({"max_units": 1, "pick": "any"}, r.Target, "Invalid enum value 'any'"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(value, kind, words):
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(value, kind)


def numbers_in_order(rules):
    return [(one.number, one.rule.priority) for one in rules.promotions]


def test_of_many_rules_only_those_that_changed_are_compiled_again():
    before = [rule(number, off(10), skus=f"a{number}") for number in range(1, ALWAYS_COMPILE_BELOW_RULES + 1)]
    compiled = compile_rules(before)
    edited = rule(500, off(20), skus="a7", priority=1)
    added, late = rule(9_000, off(30), skus="a7"), rule(9_001, r.FixedTotal(5), level="order")
    after = [one for one in before if one.promotion not in (3, 500)] + [late, edited, added]
    renewed = compiled.recompile(after)
    assert numbers_in_order(renewed) == numbers_in_order(compile_rules(after))
    old = {one.number: one for one in compiled.promotions}
    compiled_again = {one.number for one in renewed.promotions if one is not old.get(one.number)}
    assert compiled_again == {500, 9_000, 9_001}
    basket = sale(line("a7", 1000), line("a3", 1000), line("a500", 1000))
    for rules in (renewed, compile_rules(after), renewed.recompile(after)):
        outcome = quote(basket, rules)
        assert [(one.promotion, one.amount) for one in outcome.applied] == [
            (500, 200),
            (7, 80),
            (9_000, 216),
            (9_001, 5),
        ]
    assert numbers_in_order(renewed.recompile(before)) == numbers_in_order(compiled)


def test_a_rule_that_comes_twice_is_refused_when_rules_are_renewed_too():
    rules = [rule(number, off(10)) for number in range(1, ALWAYS_COMPILE_BELOW_RULES + 1)]
    with pytest.raises(ValueError, match="promotion 4 comes twice through campaign None"):
        compile_rules(rules).recompile([*rules, rules[3]])
