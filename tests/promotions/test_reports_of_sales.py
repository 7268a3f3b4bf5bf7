"""Reports of what real tills sold, voided and took back, beside a plain sum over the ledger and the sales."""

import csv
import io
import json
from collections import defaultdict

import pytest
from django.utils import timezone

from pos.models import Return, Sale
from promotions import reports
from promotions.models import Link, Redemption
from promotions.reports import ReportQuery
from tests.factories import CouponFactory, LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, line
from tests.promotions.pages import read_page, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def sales_of_tills():
    """Sales at two tills through two campaigns, a standalone promotion and a code; some voided, some brought back."""
    coffee, tea, alone, coded = (PromotionFactory(name=name) for name in ("Coffee", "Tea", "Alone", "Coded"))
    first, second = (PromotionCampaignFactory(status="active", name=name) for name in ("First", "Second"))
    for promotion, sku in ((coffee, "SKU1"), (tea, "SKU2"), (alone, "SKU3"), (coded, "SKU1")):
        promotion.target = {"match": {"skus": [sku]}}
        promotion.standalone = promotion in (alone, coded)
        promotion.trigger = "coupon" if promotion is coded else "automatic"
        promotion.save()
    for campaign, promotion in ((first, coffee), (second, tea), (second, coffee)):
        Link.objects.create(campaign=campaign, promotion=promotion)
    code = CouponFactory(promotion=coded, code="SPRING")
    here, there = (AtTill(location=LocationFactory(name=name)) for name in ("Here", "There"))
    for number in range(6):
        till = there if number % 2 else here
        body = basket(10_000, 5_000, 2_500, coupons=[code.code] if number == 4 else [])
        assert till.put(f"S{number}", body).status == 201
    assert here.put("S6", {"currency": "EUR", "lines": [line(1, 999, quantity=3)]}).status == 201
    assert there.put("S7", basket(3_000)).status == 201
    assert here.post("S0", "void").status == 200
    assert there.give_back("S1", "R1", {"2": 1}).status in (200, 201)  # all that the second campaign gave
    assert here.give_back("S6", "R1", {"1": 1}).status in (200, 201)
    assert here.give_back("S6", "R2", {"1": 1}).status in (200, 201)
    assert there.give_back("S7", "R1", {"1": 1}).status in (200, 201)  # the whole sale
    return first, second


def today() -> ReportQuery:
    day = timezone.localdate()
    return ReportQuery(day, day, "EUR")


def by(key) -> dict:
    """{key: [discount, uses, sales]} as a plain loop over the ledger sums it up."""
    found = defaultdict(lambda: [0, 0, set()])
    for redemption in Redemption.objects.select_related("sale__location", "promotion", "campaign", "coupon"):
        sums = found[key(redemption)]
        sums[0] += redemption.amount
        sums[1] += redemption.uses
        if redemption.reverses_id is None and redemption.sale.state == "committed":
            sums[2].add(redemption.sale_id)
    return {name: (given, uses, len(sales)) for name, (given, uses, sales) in found.items()}


def rows(report) -> dict:
    return {row["name"]: (row["given"], row["uses"], row["sales"]) for row in report.rows if row["uses"]}


def in_hour(line) -> str:
    hour = timezone.localtime(line.at).hour
    return f"{hour:02d}:00 to {hour + 1:02d}:00"


@pytest.mark.parametrize(
    ("report", "key"),
    [
        ("promotion", lambda line: line.promotion.name),
        ("location", lambda line: line.sale.location.name),
        ("day", lambda line: f"{timezone.localtime(line.at):%a %-d %b %Y}"),
        ("hour", in_hour),
        ("campaign", lambda line: line.campaign.name if line.campaign else "Standalone promotions"),
        ("coupon", lambda line: line.coupon.code if line.coupon else ""),
    ],
)
def test_every_report_equals_the_ledger_after_voids_and_returns(
    client, marketer, sales_of_tills, report, key
):
    expected = by(key)
    if report == "coupon":
        expected.pop("")
    _, make = reports.REPORTS[report]
    made = make(today())
    assert rows(made) == expected
    assert made.total["given"] == sum(given for given, _, _ in expected.values())
    assert made.total["uses"] == sum(uses for _, uses, _ in expected.values())

    exported = client.get(f"/reports/promotions/export/?by={report}").getvalue().decode()
    written = [row for row in csv.DictReader(io.StringIO(exported)) if row["Uses"] != "0"]
    name = made.columns[0].label
    assert {row[name]: round(float(row["Discount (EUR)"]) * 100) for row in written} == {
        name: given for name, (given, _, _) in expected.items()
    }
    page = words(read_page(client.get(f"/reports/promotions/?by={report}")))
    assert f"€{made.total['given'] / 100:,.2f}" in page


def revenue_of(sales) -> int:
    """What the sales were paid with, less what came back."""
    back = [json.loads(taken.answer)["total"] for taken in Return.objects.filter(sale__in=sales)]
    return sum(sale.total for sale in sales) - sum(back)


def test_a_sale_of_two_campaigns_counts_for_both_and_once_in_the_total(client, marketer, sales_of_tills):
    report = reports.by_campaign(today())
    kept = set(Sale.objects.filter(state="committed"))
    touched = defaultdict(set)
    for redemption in Redemption.objects.filter(reverses=None).select_related("sale", "campaign"):
        if redemption.sale in kept:
            touched[redemption.campaign.name if redemption.campaign else "Standalone promotions"].add(
                redemption.sale
            )
    assert {row["name"]: (row["sales"], row["revenue"]) for row in report.rows} == {
        name: (len(sales), revenue_of(sales)) for name, sales in touched.items()
    }
    assert sum(row["sales"] for row in report.rows) > 7
    assert (report.total["sales"], report.total["revenue"]) == (7, revenue_of(kept))
    assert report.total["per_unit"] == round(100 * revenue_of(kept) / report.total["given"])
    page = words(read_page(client.get("/reports/promotions/?by=campaign")))
    assert (
        "A sale to which two campaigns gave something counts for both; in the total it counts once." in page
    )
    assert f"€{revenue_of(kept) / 100:,.2f}" in page
