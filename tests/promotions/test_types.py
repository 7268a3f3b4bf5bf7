"""The eight ready-made kinds: what a form says becomes rules of the engine, and is read back as it was said."""

from typing import get_args

import pytest

from promotions import types
from promotions.engine import rules
from promotions.models import Promotion

ITEMS = {"skus": ("A1", "A2"), "categories": ("food",), "brands": ("Acme",), "unit_price_max": 5000}

# what is said, and the benefit it means
SAID = [
    (
        "sale",
        {"reduction": "percent", "percent": 1000},
        {"type": "percent", "percent": 1000, "of": "remaining"},
    ),
    (
        "sale",
        {"reduction": "percent", "percent": 1000, "of_original": True},
        {"type": "percent", "percent": 1000, "of": "original"},
    ),
    (
        "sale",
        {"reduction": "percent", "percent": 500, "over_floors": True},
        {"type": "percent_of_total", "percent": 500},
    ),
    ("sale", {"reduction": "amount", "amount": 500}, {"type": "fixed_total", "amount": 500}),
    (
        "sale",
        {"reduction": "gift", "gift_sku": "MUG", "gift_quantity": None},
        {"type": "free_gift", "sku": "MUG", "quantity": 1},
    ),
    (
        "items",
        {"reduction": "percent", "percent": 2000} | ITEMS,
        {"type": "percent", "percent": 2000, "of": "remaining"},
    ),
    ("items", {"reduction": "amount", "amount": 50}, {"type": "fixed_per_unit", "amount": 50}),
    ("items", {"reduction": "price", "amount": 999}, {"type": "fixed_price", "amount": 999}),
    ("items", {"reduction": "cheapest", "units": 1}, {"type": "cheapest_free", "units": 1}),
    (
        "items",
        {"reduction": "percent", "percent": 1, "max_units": 3, "pick": "dearest", "only_undiscounted": True},
        {"type": "percent", "percent": 1, "of": "remaining"},
    ),
    (
        "buy_get",
        {"buy_quantity": 2, "buy_skus": ("S1",), "get_quantity": 1, "get_same": True, "reward": "free"},
        {
            "type": "buy_get",
            "buy": {"quantity": 2, "match": {"skus": ["S1"]}},
            "get": {"quantity": 1, "match": {"skus": ["S1"]}},
        },
    ),
    (
        "buy_get",
        {
            "buy_quantity": 1,
            "get_quantity": 1,
            "get_same": False,
            "get_brands": ("Acme",),
            "reward": "percent",
            "percent": 5000,
            "pick": "dearest",
            "max_get_units": 2,
        },
        {
            "type": "buy_get",
            "buy": {"quantity": 1, "match": {}},
            "get": {"quantity": 1, "match": {"brands": ["Acme"]}},
            "percent": 5000,
            "pick": "dearest",
            "max_get_units": 2,
        },
    ),
    (
        "buy_get",
        {"buy_quantity": 3, "get_quantity": 1, "get_same": True, "reward": "amount", "amount": 100},
        {
            "type": "buy_get",
            "buy": {"quantity": 3, "match": {}},
            "get": {"quantity": 1, "match": {}},
            "amount": 100,
        },
    ),
    (
        "bundle",
        {
            "reduction": "price",
            "amount": 3900,
            "parts": [{"quantity": 1, "skus": ("POT",)}, {"quantity": 4, "skus": ("CUP",)}],
        },
        {
            "type": "bundle",
            "parts": [
                {"quantity": 1, "match": {"skus": ["POT"]}},
                {"quantity": 4, "match": {"skus": ["CUP"]}},
            ],
            "price": 3900,
        },
    ),
    (
        "bundle",
        {"reduction": "percent", "percent": 1500, "parts": [{"quantity": 2, "categories": ("tea",)}]},
        {"type": "bundle", "parts": [{"quantity": 2, "match": {"categories": ["tea"]}}], "percent": 1500},
    ),
    (
        "bundle",
        {"reduction": "amount", "amount": 700, "parts": [{"quantity": 2}]},
        {"type": "bundle", "parts": [{"quantity": 2, "match": {}}], "amount": 700},
    ),
    (
        "tiered",
        {"by": "subtotal", "tiers": [{"at_least": 5000, "percent": 500}, {"at_least": 9000, "amount": 1000}]},
        {
            "type": "tiered",
            "tiers": [{"at_least": 5000, "percent": 500}, {"at_least": 9000, "amount": 1000}],
            "by": "subtotal",
        },
    ),
    (
        "tiered",
        {"by": "quantity", "tiers": [{"at_least_units": 3, "percent": 500}]},
        {"type": "tiered", "tiers": [{"at_least": 3, "percent": 500}], "by": "quantity"},
    ),
    (
        "happy_hour",
        {
            "reduction": "percent",
            "percent": 3000,
            "from_time": "17:00",
            "to_time": "19:00",
            "weekdays": (1, 5),
        },
        {"type": "percent", "percent": 3000, "of": "remaining"},
    ),
    (
        "flash",
        {"reduction": "price", "amount": 4900, "skus": ("HP1",)},
        {"type": "fixed_price", "amount": 4900},
    ),
    (
        "first",
        {"reduction": "percent", "percent": 1000},
        {"type": "percent", "percent": 1000, "of": "remaining"},
    ),
]


@pytest.mark.parametrize(("kind", "said", "benefit"), SAID)
def test_what_a_form_says_is_kept_as_a_benefit_and_read_back_whole(kind, said, benefit):
    stored = types.make_terms(kind, said)
    assert stored["benefit"] == benefit
    shown, is_whole = types.read_answers(kind, stored)
    assert is_whole
    assert {name: shown[name] for name in said if name not in ("parts", "tiers", "gift_quantity")} == {
        name: value for name, value in said.items() if name not in ("parts", "tiers", "gift_quantity")
    }
    assert types.make_terms(kind, shown) == stored


CONDITIONS = [
    ({"min_subtotal": 5000}, [{"type": "min_subtotal", "amount": 5000, "match": {}}]),
    (
        {"min_subtotal": 5000, "count_chosen": True, "skus": ("A",)},
        [{"type": "min_subtotal", "amount": 5000, "match": {"skus": ["A"]}}],
    ),
    ({"min_quantity": 3}, [{"type": "min_quantity", "quantity": 3, "match": {}}]),
    ({"contains_categories": ("tea",)}, [{"type": "contains", "match": {"categories": ["tea"]}}]),
    ({"every_line_over": 0}, [{"type": "every_line_over", "amount": 0}]),
    ({"groups": ("vip",)}, [{"type": "in_group", "groups": ["vip"]}]),
    ({"customers": ("C1", "C2")}, [{"type": "customer_is", "customers": ["C1", "C2"]}]),
    ({"first_purchase": True}, [{"type": "first_purchase"}]),
    ({"payment_methods": ("card",)}, [{"type": "payment_method", "methods": ["card"]}]),
    ({"weekdays": (6, 7)}, [{"type": "hours", "from": "00:00", "to": "24:00", "weekdays": [6, 7]}]),
    (
        {"from_time": "22:00", "to_time": "02:00"},
        [{"type": "hours", "from": "22:00", "to": "02:00", "weekdays": []}],
    ),
    ({"from_time": "", "to_time": ""}, []),
]


@pytest.mark.parametrize(("said", "conditions"), CONDITIONS)
def test_each_condition_is_kept_and_read_back(said, conditions):
    said = {"reduction": "percent", "percent": 1000} | said
    stored = types.make_terms("items", said)
    assert stored["conditions"] == conditions
    shown, is_whole = types.read_answers("items", stored)
    assert is_whole
    assert {name: shown.get(name) or "" for name in said} == {
        name: value or "" for name, value in said.items()
    }


@pytest.mark.parametrize(
    ("said", "stacking"),
    [
        ({"stacking": "stackable"}, {"type": "stackable"}),
        ({"stacking": "best_of", "stacking_group": "autumn"}, {"type": "best_of", "group": "autumn"}),
        ({"stacking": "exclusive"}, {"type": "exclusive"}),
    ],
)
def test_how_it_stacks_is_kept_and_read_back(said, stacking):
    stored = types.make_terms("sale", {"reduction": "amount", "amount": 1, "max_amount": 9} | said)
    assert stored["stacking"] == stacking
    assert stored["caps"] == {"max_amount": 9}
    shown, is_whole = types.read_answers("sale", stored)
    assert is_whole
    assert {name: shown[name] for name in said} == said


def test_there_is_a_kind_for_each_type_of_promotion():
    assert set(types.KINDS) == set(Promotion.Type.values)


def test_every_benefit_of_the_engine_can_be_filled_in():
    reached = {benefit["type"] for _, _, benefit in SAID}
    assert reached == {benefit.__struct_config__.tag for benefit in get_args(rules.Benefit)}


def test_a_first_time_promotion_always_asks_for_a_first_purchase():
    stored = types.make_terms("first", {"reduction": "percent", "percent": 1000})
    assert stored["conditions"] == [{"type": "first_purchase"}]
    assert stored["level"] == "order"


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("sale", {"benefit": {"type": "cheapest_free", "units": 1}}),
        ("sale", {"target": {"match": {"skus": ["A"]}}}),
        ("sale", {"level": "item"}),
        (
            "sale",
            {
                "conditions": [
                    {"type": "min_subtotal", "amount": 1},
                    {"type": "min_subtotal", "amount": 2, "match": {"skus": ["A"]}},
                ]
            },
        ),
        ("first", {"conditions": []}),
    ],
)
def test_rules_made_elsewhere_that_a_form_cannot_show_are_found_out(kind, changed):
    stored = types.make_terms(kind, {"reduction": "percent", "percent": 1000}) | changed
    _, is_whole = types.read_answers(kind, stored)
    assert not is_whole


def test_answers_that_contradict_each_other_are_told():
    with pytest.raises(ValueError, match="tiers must rise"):
        types.make_terms(
            "tiered",
            {"by": "subtotal", "tiers": [{"at_least": 5, "percent": 1}, {"at_least": 5, "percent": 2}]},
        )
