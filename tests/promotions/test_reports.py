"""Every figure of a report is a sum over the ledger."""

import csv
import html
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from campaigns import dates
from pos.models import Sale, UnfoldedSale
from promotions import reports
from promotions.models import Overrun, Promotion, Redemption
from promotions.reports import ReportQuery
from tests.factories import (
    CouponFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SaleFactory,
)
from tests.promotions.pages import read_page, words

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MARCH = ReportQuery(date(2026, 3, 1), date(2026, 3, 31), "EUR")


def redeem(promotion, amount, *, sale=None, at=NOON, campaign=None, coupon=None, **fields):
    sale = sale or SaleFactory(subtotal=1000 + amount, discount=amount, total=1000, at=at)
    UnfoldedSale.objects.create(sale_id=sale.pk)  # as a till does
    return Redemption.objects.create(
        sale=sale,
        promotion=promotion,
        campaign=campaign,
        coupon=coupon,
        amount=amount,
        uses=1,
        at=at,
        **fields,
    )


def give_back(line, amount=None, uses=-1, at=None):
    UnfoldedSale.objects.create(sale_id=line.sale_id)
    return Redemption.objects.create(
        sale=line.sale,
        promotion=line.promotion,
        campaign=line.campaign,
        coupon=line.coupon,
        amount=-(line.amount if amount is None else amount),
        uses=uses,
        at=at or line.at,
        reverses=line,
    )


def rows(report) -> dict[str, tuple[int, int]]:
    return {row["name"]: (row["given"], row["uses"]) for row in report.rows}


@pytest.mark.parametrize(
    "make", [make for _, make in reports.REPORTS.values() if make is not reports.beyond_limits]
)
def test_each_report_sums_up_to_the_ledger(make):
    campaign, promotions = PromotionCampaignFactory(status="active"), PromotionFactory.create_batch(3)
    coupon = CouponFactory()
    for number in range(20):
        line = redeem(
            promotions[number % 3],
            100 + number,
            campaign=campaign if number % 2 else None,
            coupon=coupon,
            at=NOON + timedelta(hours=7 * number),
        )
        if number % 5 == 0:
            give_back(line)
    report = make(MARCH)
    ledger = Redemption.objects.aggregate(given=Sum("amount"), uses=Sum("uses"))
    assert report.total["given"] == sum(row["given"] for row in report.rows) == ledger["given"]
    assert report.total["uses"] == sum(row["uses"] for row in report.rows) == ledger["uses"] == 16


def test_a_promotion_shows_what_it_gave_less_what_came_back():
    promotion, deleted = PromotionFactory(name="Kept"), PromotionFactory(name="Gone", deleted_at=NOON)
    redeem(promotion, 500)
    give_back(redeem(promotion, 300), amount=100, uses=0)  # a part returned: the use stays
    redeem(deleted, 50)
    report = reports.by_promotion(MARCH)
    assert rows(report) == {"Kept": (700, 2), "Gone": (50, 1)}
    assert [row["state"] for row in report.rows] == ["on", "deleted"]
    assert [bool(row["url"]) for row in report.rows] == [True, False]


def test_a_location_narrows_every_report_and_has_one_of_its_own():
    here, there = LocationFactory(name="Here"), LocationFactory(name="There")
    promotion = PromotionFactory()
    redeem(promotion, 500, sale=SaleFactory(location=here))
    redeem(promotion, 200, sale=SaleFactory(location=there))
    assert rows(reports.by_location(MARCH)) == {"Here": (500, 1), "There": (200, 1)}
    only = ReportQuery(MARCH.first, MARCH.last, "EUR", there.pk)
    assert reports.by_promotion(only).total["given"] == 200


@pytest.mark.parametrize("make", [make for _, make in reports.REPORTS.values()])
def test_a_campaign_and_a_type_of_promotion_narrow_every_report(make):
    spring, summer = PromotionCampaignFactory.create_batch(2, status="active")
    bundle, flash = PromotionFactory(type="bundle"), PromotionFactory(type="flash")
    coupon = CouponFactory()
    for campaign, promotion, amount in ((spring, bundle, 1), (spring, flash, 20), (summer, flash, 300)):
        line = redeem(promotion, amount, campaign=campaign, coupon=coupon)
        Overrun.objects.create(redemption=line, amount=amount)

    def total_given(**narrowed):
        return make(replace(MARCH, **narrowed)).total["given"]

    assert total_given() == 321
    assert total_given(campaign=spring.pk) == 21
    assert total_given(type="flash") == 320
    assert total_given(campaign=spring.pk, type="flash") == 20
    assert total_given(campaign=summer.pk, type="bundle") == 0


def test_a_campaign_tells_what_it_brought_in_since_its_start_whenever_that_was(client, marketer):
    started = timezone.now() - timedelta(days=90)
    campaign = PromotionCampaignFactory(status="cancelled", name="Spring", starts_at=started, currency="JPY")
    sale = SaleFactory(currency="JPY", total=900, at=started)
    redeem(PromotionFactory(), 100, campaign=campaign, sale=sale, at=started)
    redeem(PromotionFactory(), 7, at=started)
    page = read_page(client.get(campaign.get_absolute_url()))
    (address,) = re.findall(r'href="([^"]+)">Revenue<', page)
    page = words(read_page(client.get(html.unescape(address))))
    assert "Campaign: Spring" in page
    assert "Spring Cancelled 1 1 ¥900 9.00 ¥100" in page
    first, last = timezone.localdate(started), timezone.localdate()
    assert f"{dates.write_first_day(first, last)} to {last:%-d %b %Y}" in page
    exported = client.get(html.unescape(address).replace("/?", "/export/?")).getvalue().decode()
    assert list(csv.reader(exported.splitlines()))[1:] == [
        ["Spring", "cancelled", "1", "1", "900", "9.00", "100"]
    ]
    long_ago = PromotionCampaignFactory(status="active", starts_at=timezone.now() - timedelta(days=900))
    read_page(client.get(f"/reports/promotions/?by=campaign&campaign={long_ago.pk}"))  # of the last year


def test_currencies_are_never_added_up():
    promotion = PromotionFactory()
    redeem(promotion, 500)
    redeem(promotion, 70, sale=SaleFactory(currency="JPY"))
    assert reports.by_day(MARCH).total["given"] == 500
    assert reports.by_day(ReportQuery(MARCH.first, MARCH.last, "JPY")).total["given"] == 70


def test_days_are_those_of_the_site(settings):
    settings.TIME_ZONE = "America/New_York"
    redeem(PromotionFactory(), 500, at=datetime(2026, 3, 11, 3, 30, tzinfo=UTC))  # 23:30 of the 10th there
    report = reports.by_day(MARCH)
    assert len(report.rows) == 31
    assert {row["name"]: row["given"] for row in report.rows if row["given"]} == {"Tue 10 Mar 2026": 500}
    by_hour = reports.by_hour(MARCH)
    assert {row["name"]: row["given"] for row in by_hour.rows if row["given"]} == {"23:00 to 24:00": 500}


def test_the_last_day_counts_whole_and_the_next_not_at_all():
    promotion = PromotionFactory()
    redeem(promotion, 1, at=datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC))
    redeem(promotion, 10, at=datetime(2026, 3, 1, tzinfo=UTC))
    redeem(promotion, 100, at=datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC))
    redeem(promotion, 1000, at=datetime(2026, 4, 1, tzinfo=UTC))
    assert reports.by_day(MARCH).total["given"] == 110


def test_a_campaign_shows_the_revenue_of_the_sales_it_touched():
    campaign = PromotionCampaignFactory(status="active", name="Spring")
    one, other = PromotionFactory.create_batch(2)
    sale = SaleFactory(subtotal=10000, discount=1500, total=8500)
    redeem(one, 1000, sale=sale, campaign=campaign)
    redeem(other, 500, sale=sale, campaign=campaign)  # one sale all the same
    give_back(redeem(one, 400, sale=SaleFactory(total=3600, state="voided"), campaign=campaign))
    returned = SaleFactory(subtotal=2000, discount=500, total=1500)
    give_back(redeem(one, 500, sale=returned, campaign=campaign), amount=250, uses=0)
    Sale.objects.filter(pk=returned.pk).update(returned_total=750)
    (row,) = reports.by_campaign(MARCH).rows
    assert (row["sales"], row["revenue"], row["given"], row["uses"]) == (2, 8500 + 750, 1750, 3)
    assert row["per_unit"] == round(100 * 9250 / 1750)


def test_expired_campaigns_are_told_from_cancelled_ones():
    """P9"""
    promotion = PromotionFactory()
    for status, amount in [("expired", 100), ("expired", 20), ("cancelled", 3), ("active", 4000)]:
        redeem(promotion, amount, campaign=PromotionCampaignFactory(status=status))
    redeem(promotion, 50000)  # standalone
    report = reports.by_campaign(MARCH)
    assert [(group["name"], group["count"], group["given"]) for group in report.groups] == [
        ("Expired", 2, 120),
        ("Cancelled", 1, 3),
        ("Not ended", 1, 4000),
    ]
    assert [row["state"] for row in report.rows] == ["", "active", "expired", "expired", "cancelled"]


def test_a_code_shows_its_uses_customers_and_state():
    coupon = CouponFactory(code="SPRING", kind="one_time", uses=1)
    for customer in ("C1", "C1", "C2", ""):
        redeem(coupon.promotion, 100, coupon=coupon, sale=SaleFactory(customer=customer))
    redeem(coupon.promotion, 9)  # without a code: not in this report
    (row,) = reports.by_coupon(MARCH).rows
    assert (row["name"], row["uses"], row["given"], row["customers"]) == ("SPRING", 4, 400, 2)
    assert row["state"] == "used up"


def test_what_went_beyond_a_limit_offline_is_listed():
    campaign = PromotionCampaignFactory(status="active", name="Spring")
    line = redeem(PromotionFactory(), 500, campaign=campaign)
    Overrun.objects.create(redemption=line, amount=300, campaign_uses=1)
    report = reports.beyond_limits(MARCH)
    assert [(row["campaign"], row["given"], row["uses"]) for row in report.rows] == [("Spring", 300, 1)]
    assert report.total == {"given": 300, "uses": 1}


def test_a_sale_counts_on_its_own_day_not_on_that_of_its_return():
    line = redeem(PromotionFactory(), 500, at=NOON - timedelta(days=40))
    give_back(line, amount=200, uses=0, at=NOON)
    (row,) = reports.by_promotion(MARCH).rows
    assert (row["given"], row["sales"]) == (-200, 0)
    assert (reports.by_campaign(MARCH).total["sales"], reports.by_campaign(MARCH).total["revenue"]) == (0, 0)


def test_what_comes_back_of_an_older_sale_is_taken_from_every_report():
    coupon, campaign = CouponFactory(), PromotionCampaignFactory(status="active")
    old = redeem(coupon.promotion, 500, campaign=campaign, coupon=coupon, at=NOON - timedelta(days=40))
    redeem(PromotionFactory(), 70)
    give_back(old, amount=200, uses=0, at=NOON)
    for _, make in reports.REPORTS.values():
        if make not in (reports.beyond_limits, reports.by_coupon):
            total = make(MARCH).total
            assert (total["given"], total["uses"], total["sales"]) == (70 - 200, 1, 1), make
    assert reports.by_coupon(MARCH).total == {"given": -200, "uses": 0, "sales": 0}


def test_a_sale_of_several_promotions_counts_once_wherever_it_is_counted():
    campaign, sale = PromotionCampaignFactory(status="active"), SaleFactory(at=NOON)
    for promotion in PromotionFactory.create_batch(3):
        redeem(promotion, 10, sale=sale, campaign=campaign)
    for make in (reports.by_location, reports.by_day, reports.by_hour, reports.by_campaign):
        report = make(MARCH)
        assert report.total["sales"] == sum(row["sales"] for row in report.rows) == 1, make
    report = reports.by_promotion(MARCH)
    assert (report.total["sales"], [row["sales"] for row in report.rows]) == (1, [1, 1, 1])


@pytest.mark.parametrize(("currency", "one"), [("EUR", "€1.00"), ("JPY", "¥1")])
def test_the_return_is_told_for_one_of_the_currency(currency, one):
    report = reports.by_campaign(ReportQuery(MARCH.first, MARCH.last, currency))
    assert f"Revenue per {one} given" in [column.label for column in report.columns]


def test_a_drawing_has_a_column_for_each_day_and_names_some_however_many_there_are():
    first = date(2026, 1, 15)
    redeem(PromotionFactory(), 1_234, at=datetime(2026, 1, 16, 12, tzinfo=UTC))
    report = reports.by_day(ReportQuery(first, first + timedelta(days=39), "EUR"))
    drawn = reports.draw_report(report, "EUR")
    assert len(drawn.columns) == 40
    assert [column.short for column in drawn.columns if column.short][:2] == ["15 Jan", "22 Jan"]
    assert drawn.scale == ("€20", "€10", "€0")
    assert drawn.columns[1].point.cells == ("€12.34",)


def test_bars_are_shares_of_the_largest_and_never_negative():
    one, other, taken = (PromotionFactory() for _ in range(3))
    redeem(one, 800)
    redeem(other, 200)
    give_back(redeem(taken, 10, at=NOON - timedelta(days=40)), at=NOON)  # granted before these days
    report = reports.by_promotion(MARCH)
    assert [row["given"] for row in report.rows] == [800, 200, -10]
    assert reports.list_shares(report, report.rows) == [100, 25, 0]


def test_the_csv_has_decimals_of_the_currency_and_no_formulas():
    redeem(PromotionFactory(name="=1+1"), 1234)
    header, row = csv.reader(reports.csv_lines(reports.by_promotion(MARCH), "EUR"))
    assert dict(zip(header, row, strict=True)) == {
        "Promotion": "'=1+1",
        "Type": Promotion.Type.ITEMS.label,
        "State": "on",
        "Sales": "1",
        "Uses": "1",
        "Discount (EUR)": "12.34",
    }
