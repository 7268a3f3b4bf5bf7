"""What the cases of other systems touch thinly or not at all; expectations derived by hand from the text."""

import json
from pathlib import Path

import pytest

from tests.promotions.conformance import Case, run_case
from tests.promotions.engine.test_conformance import assert_equal

FURTHER = json.loads((Path(__file__).parent / "cases" / "further_cases.json").read_text())
CLAMPED = [case for case in FURTHER if "expect_if_clamp" in case]


def name_case(case: Case) -> str:
    return f"{case['id']}: {case['name']}"


@pytest.mark.django_db
@pytest.mark.parametrize("case", FURTHER, ids=name_case)
def test_a_case_comes_out_as_the_text_says(case):
    assert_equal(case["expect"], run_case(case))


@pytest.mark.parametrize("case", CLAMPED, ids=name_case)
def test_a_campaign_that_grants_what_is_left_does(case):
    assert_equal(case["expect_if_clamp"], run_case(case | {"policy": "partial"}))
