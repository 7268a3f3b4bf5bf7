"""Cases that people reported to other systems, with the right value worked out; `cases/field_cases.json`."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promotions.engine import rules as r
from promotions.reasons import write_reason
from tests.promotions.conformance import Case, run_case
from tests.promotions.engine.test_conformance import assert_equal
from tests.promotions.engine.till import STRICT, line, off, quote, rule, sale

FIELD = json.loads((Path(__file__).parent / "cases" / "field_cases.json").read_text())


def name_case(case: Case) -> str:
    return f"{case['id']}: {case['name']}"


@pytest.mark.parametrize("case", FIELD, ids=name_case)
def test_a_case_comes_out_right(case):
    answer = run_case(case)
    assert_equal(case["expect"], answer)
    for name, units in case.get("expect_units", {}).items():
        assert answer["units"][name] == units


HALF_THE_CHEAPEST = {"benefit": off(50), "target": r.Target(max_units=1, pick="cheapest")}


@pytest.mark.parametrize("stacking", [r.StackingRules(), STRICT])
@pytest.mark.parametrize("gift_priority", [1, 3])
@pytest.mark.parametrize(
    ("other", "expected"), [(HALF_THE_CHEAPEST, 4_500), ({"benefit": r.CheapestFree(1)}, 8_500)]
)
def test_a_free_gift_is_no_unit_that_another_promotion_reduces_whichever_stands_first(
    stacking, gift_priority, other, expected
):
    """Reported as PrestaShop#38078: the order must not cost a customer 40.00."""
    basket = sale(line("big", 8_000), line("gift", 500))
    gift = rule(1, r.FreeGift("gift"), priority=gift_priority)
    outcome = quote(basket, gift, rule(2, priority=2, **other), stacking=stacking)
    assert outcome.discount == expected


@pytest.mark.parametrize(("units", "missing"), [(10, 3), (11, 2), (12, 1)])
def test_a_group_that_is_not_whole_says_how_many_are_missing(units, missing):
    """Buy 10, get 3 free."""
    outcome = quote(
        sale(line("a", 100, units)), rule(1, r.BuyGet(buy=r.BenefitPart(10), get=r.BenefitPart(3)))
    )
    (told,) = outcome.not_applied
    assert (told.reason, told.need, told.have) == ("min_quantity", 13, units)
    sentence = write_reason(told.reason, told.need, told.have)
    assert sentence == f"It needs 13 articles; {units} count here. {missing} are missing."


def test_a_gift_does_not_count_to_its_own_threshold():
    """Reported as Shopify script-creator#107."""
    gift = rule(1, r.FreeGift("gift"), conditions=(r.MinSubtotal(9_900),))
    assert quote(sale(line("o", 7_500), line("gift", 3_000)), gift).discount == 0
    assert quote(sale(line("o", 9_900), line("gift", 3_000)), gift).discount == 3_000


@pytest.mark.parametrize(
    ("zone", "hours", "at", "expected"),
    [
        ("Asia/Tokyo", r.Hours("01:00", "03:00", (2,)), datetime(2025, 6, 2, 16, 30, tzinfo=UTC), 100),
        ("Asia/Tokyo", r.Hours("01:00", "03:00", (1,)), datetime(2025, 6, 2, 16, 30, tzinfo=UTC), 0),
        # the hour from 02:00 to 03:00 does not exist on that day, and comes twice on the other
        ("Europe/Berlin", r.Hours("02:00", "03:00", (7,)), datetime(2026, 3, 29, 1, 15, tzinfo=UTC), 0),
        ("Europe/Berlin", r.Hours("02:00", "03:00", (7,)), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 100),
        ("Europe/Berlin", r.Hours("02:00", "03:00", (7,)), datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 100),
    ],
)
def test_hours_are_those_of_the_location(zone, hours, at, expected):
    """Reported as booking-headless#13."""
    happy = rule(1, off(10), conditions=(hours,))
    assert quote(sale(line("a", 1_000), time_zone=zone), happy, now=at).discount == expected
