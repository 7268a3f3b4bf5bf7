"""The engine against figures taken from the tests of other systems (see `tests/promotions/cases/`)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.promotions.conformance import KINDS, Case, run_case

CASES = json.loads((Path(__file__).parent.parent / "cases" / "promotion_cases.json").read_text())
PURE = [case for case in CASES if case["kind"] in KINDS]
DERIVED = [case for case in PURE if "expect_largest_remainder" in case]
OWN_ROUNDING = [case for case in PURE if "rounding" in case and case not in DERIVED]
EXACT = [case for case in PURE if case not in OWN_ROUNDING]


def name_case(case: Case) -> str:
    return str(case["id"])


def assert_equal(expected: dict[str, Any], got: dict[str, Any]) -> None:
    """What is expected is there; of lines and promotions only those that are named."""
    for key, value in expected.items():
        if key == "derived":
            continue
        if isinstance(value, dict) and key != "rejected":
            assert {name: got[key].get(name, 0) for name in value} == value, key
        else:
            assert got[key] == value, key


@pytest.mark.parametrize("case", EXACT, ids=name_case)
def test_a_case_comes_out_as_its_source_says(case):
    got = run_case(case)
    assert_equal(case["expect"] | case.get("expect_largest_remainder", {}), got)
    for line, units in case.get("expect_units", {}).items():
        assert sorted(got["units"][line]) == sorted(units)
    for promotion, lines in case.get("expect_steps", {}).items():
        assert got["steps"][promotion] == lines


@pytest.mark.parametrize("case", OWN_ROUNDING, ids=name_case)
def test_a_source_that_rounds_differently_is_off_by_that_alone(case):
    got = run_case(case)
    assert sum(got["per_line"].values()) == got["total_discount"] == sum(got["per_promotion"].values())
    assert abs(got["total_discount"] - case["expect"]["total_discount"]) <= len(case["basket"]) / 2


@pytest.mark.parametrize("case", [case for case in PURE if "expect_if_clamp" in case], ids=name_case)
def test_the_same_case_under_the_policy_partial_gets_what_is_left(case):
    assert_equal(case["expect_if_clamp"], run_case(case | {"policy": "partial"}))


BASKETS = [case for case in PURE if case["kind"] == "basket"]


@pytest.mark.parametrize("case", BASKETS, ids=name_case)
def test_the_order_of_lines_changes_no_total(case):
    turned = run_case(case | {"basket": case["basket"][::-1]})
    assert turned["total_discount"] == run_case(case)["total_discount"]
    assert turned["per_promotion"] == run_case(case)["per_promotion"]


# A limit for each line is the one rule that lines matter to; a unit needs a whole price to stand alone.
SPLITTABLE = [
    case
    for case in BASKETS
    if "max_units_per_line" not in json.dumps(case)
    and all(line["line_total"] % line["qty"] == 0 for line in case["basket"])
]


@pytest.mark.parametrize("case", SPLITTABLE, ids=name_case)
def test_units_on_lines_of_their_own_change_no_total(case):
    split = [
        line | {"line": f"{line['line']}.{n}", "qty": 1, "line_total": line["line_total"] // line["qty"]}
        for line in case["basket"]
        for n in range(line["qty"])
    ]
    assert run_case(case | {"basket": split})["per_promotion"] == run_case(case)["per_promotion"]


@pytest.mark.parametrize("case", BASKETS, ids=name_case)
def test_a_promotion_that_has_nothing_to_do_with_a_sale_changes_nothing(case):
    other = {
        "id": "unrelated",
        "trigger": {"type": "auto"},
        "priority": 99,
        "conditions": [],
        "target": {"match": {"sku": ["nowhere"]}},
        "benefit": {"type": "percent", "value": "50"},
    }
    got = run_case(case | {"promotions": [other, *case["promotions"]]})
    got["per_promotion"].pop("unrelated")
    expected = run_case(case)
    for key in ("total_discount", "per_line", "per_promotion", "rejected"):
        assert got[key] == expected[key]


def test_priority_then_the_order_of_the_list_decides_the_order_of_application():
    case = {
        "kind": "ordering",
        "promotions": [{"id": "a", "priority": 1}, {"id": "b", "priority": 5}, {"id": "c", "priority": 5}],
    }
    assert run_case(case) == {"order": ["b", "c", "a"]}


def test_a_field_that_nothing_reads_is_named():
    case = next(case for case in BASKETS if case["id"] == "M01")
    (promotion,) = case["promotions"]
    strange = promotion | {"target": promotion["target"] | {"max_lines": 1}, "level": "order"}
    with pytest.warns(UserWarning, match="nothing reads") as found:
        run_case(case | {"promotions": [strange], "currency": "JPY"})
    assert [str(one.message) for one in found] == [
        "case M01: nothing reads currency",
        "case M01: nothing reads promotions.level",
        "case M01: nothing reads target.max_lines",
    ]


def test_a_percentage_finer_than_a_hundredth_is_refused():
    case = next(case for case in BASKETS if case["id"] == "M21")
    finer = [one | {"benefit": {"type": "percent", "value": 0.125}} for one in case["promotions"]]
    with pytest.raises(ValueError, match="finer than a hundredth"):
        run_case(case | {"promotions": finer})
