"""Ledgers and availability against figures taken from the tests of other systems (see `tests/promotions/cases/`)."""

import json
from pathlib import Path

import pytest

from promotions.models import Promotion
from tests.promotions.conformance import run_case
from tests.promotions.conformance_models import KINDS

CASES = json.loads((Path(__file__).parent / "cases" / "promotion_cases.json").read_text())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "case", [case for case in CASES if case["kind"] in KINDS], ids=lambda case: case["id"]
)
def test_a_case_comes_out_as_its_source_says(case):
    answer = run_case(case)
    assert {name: answer.get(name) for name in case["expect"]} == case["expect"]
    assert not Promotion.objects.exists()


@pytest.mark.django_db
def test_a_promotion_of_a_paused_campaign_is_not_to_be_had():
    promotion = {"id": "P1", "usage_limit": 4, "state": "paused"}
    case = {"kind": "availability", "promotions": [promotion], "context": {"used": 1}, "basket": []}
    assert run_case(case) == {"available": False, "remaining": 3}
    assert run_case(case | {"promotions": [promotion | {"state": "active"}]})["available"]
