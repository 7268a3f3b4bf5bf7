"""Rules as the database keeps them: JSON in, structs out, and clear words for what is wrong."""

import msgspec
import pytest

from promotions.engine import Rule
from promotions.engine import rules as r
from tests.promotions.engine.till import of, off

BENEFITS = [
    off(12.5),
    r.PercentOff(1000, "original"),
    r.FixedPerUnit(300),
    r.FixedPrice(999),
    r.FixedTotal(500),
    r.PercentOfTotal(1500),
    r.BuyGet(r.Part(2, of("a")), r.Part(1), percent=5000, max_get_units=3),
    r.BuyGet(r.Part(1), r.Part(1), amount=100, pick="dearest"),
    r.Bundle((r.Part(1, of("a")), r.Part(2, of("b"))), price=900),
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
