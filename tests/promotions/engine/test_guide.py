"""The examples of docs/promotions.md are what the engine gives."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from promotions.engine import (
    UNLIMITED,
    Allowance,
    Basket,
    BasketLine,
    CampaignTerms,
    Remaining,
    Rule,
    evaluate,
)
from promotions.engine import rules as r

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "promotions.md"
EXAMPLES = re.findall(r"^\| (.+?) \| (\d+ × .+?) \| ([\d.]+) \|$", GUIDE.read_text(), re.MULTILINE)
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CAMPAIGN = 1

BENEFITS: dict[str, r.Benefit] = {
    "10% off": r.PercentOff(1000),
    "2.00 off each": r.FixedPerUnit(200),
    "30.00 off the sale": r.FixedTotal(3000),
    "any for 6.00": r.FixedPrice(600),
    "buy 2, get 1 free": r.BuyGet(r.BenefitPart(2), r.BenefitPart(1)),
    "3 for 20.00": r.Bundle((r.BenefitPart(3),), price=2000),
    "5% from 60.00, 10% from 120.00": r.Tiered((r.Tier(6000, percent=500), r.Tier(12000, percent=1000))),
}


def minor(money: str) -> int:
    """33 yen are 33, 3.33 euros 333."""
    return int(Decimal(money).scaleb(2)) if "." in money else int(money)


@pytest.mark.parametrize(("promotion", "basket", "discount"), EXAMPLES)
def test_an_example_of_the_guide_is_what_the_till_gives(promotion, basket, discount):
    said, *more = re.split(r", (?=in yen|\d+\.\d\d left|all or nothing)", promotion)
    terms = CampaignTerms(CAMPAIGN, on_budget_end="reject" if "all or nothing" in more else "partial")
    left = [minor(text.split()[0]) for text in more if " left of the budget" in text]
    lines = [
        BasketLine(str(number), f"SKU{number}", int(units), minor(price))
        for number, (units, price) in enumerate(re.findall(r"(\d+) × ([\d.]+)", basket))
    ]
    outcome = evaluate(
        Basket("JPY" if "in yen" in more else "EUR", tuple(lines)),
        [Rule(1, BENEFITS[said], campaign=terms)],
        Remaining({CAMPAIGN: Allowance(amount=left[0])}, {}) if left else UNLIMITED,
        NOW,
    )
    assert outcome.discount == minor(discount)


def test_the_guide_has_its_examples():
    assert len(EXAMPLES) == 12
