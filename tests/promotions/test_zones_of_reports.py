"""Hours and days of a report: those of the one location that is chosen, else of who looks; the page says which."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from promotions import reports
from promotions.models import Redemption
from promotions.reports import ReportQuery
from tests.factories import LocationFactory, PromotionFactory, SaleFactory, UserSettingsFactory, user_in
from tests.promotions.test_reports import redeem

pytestmark = pytest.mark.django_db
# 23:30 of the 10th in New York, 04:30 in Berlin, 12:30 in Tokyo
AT = datetime(2026, 3, 11, 3, 30, tzinfo=UTC)
ADDRESS = "/reports/promotions/?first=2026-03-01&last=2026-03-31"


@pytest.fixture
def analyst(client):
    user = user_in("Analysts")
    client.force_login(user)
    return user


@pytest.fixture
def shop():
    shop = LocationFactory(name="Fifth Avenue", time_zone="America/New_York", currency="EUR")
    redeem(PromotionFactory(), 500, at=AT, sale=SaleFactory(location=shop, at=AT))
    return shop


def read_report(client, query):
    return client.get(ADDRESS + query).content.decode()


@pytest.mark.parametrize(
    ("zone", "hour", "day", "said"),
    [
        ("", "03:00 to 04:00", "Wed 11 Mar 2026", "hours in UTC"),
        ("Asia/Tokyo", "12:00 to 13:00", "Wed 11 Mar 2026", "hours in Tokyo time"),
        ("Pacific/Honolulu", "17:00 to 18:00", "Tue 10 Mar 2026", "hours in Honolulu time"),
    ],
)
def test_all_locations_are_told_in_the_zone_of_who_looks(client, analyst, shop, zone, hour, day, said):
    UserSettingsFactory(user=analyst, time_zone=zone)
    page = read_report(client, "&by=hour")
    assert said in page
    assert find_given(client, "hour") == {hour: "5.00"}
    assert find_given(client, "day") == {day: "5.00"}


@pytest.mark.parametrize("zone", ["", "Asia/Tokyo"])
def test_one_location_is_told_in_its_own_zone(client, analyst, shop, zone):
    UserSettingsFactory(user=analyst, time_zone=zone)
    assert "hours in New York time, as at Fifth Avenue" in read_report(client, f"&by=hour&location={shop.pk}")
    assert "days in New York time, as at Fifth Avenue" in read_report(client, f"&by=day&location={shop.pk}")
    assert find_given(client, "hour", shop) == {"23:00 to 24:00": "5.00"}
    assert find_given(client, "day", shop) == {"Tue 10 Mar 2026": "5.00"}


def find_given(client, by, location=None):
    """Read the rows of the exported report that gave something, by their first cell; the file's name tells the zone."""
    chosen = f"&location={location.pk}" if location else ""
    answer = client.get(ADDRESS.replace("/?", "/export/?") + f"&by={by}{chosen}")
    head, *rows = [line.split(",") for line in b"".join(answer).decode().splitlines()]
    assert head[0] == by.capitalize()
    assert not location or "-new-york-time.csv" in answer["Content-Disposition"]
    return {row[0]: row[-1] for row in rows if row[-1] not in ("0", "0.00")}


def test_the_first_and_last_day_begin_and_end_there(shop):
    """The month of the location, not of who looks."""
    promotion = PromotionFactory()
    zone = ZoneInfo("America/New_York")
    redeem(promotion, 1, at=datetime(2026, 3, 1, 4, 59, tzinfo=UTC), sale=SaleFactory(location=shop))
    redeem(promotion, 10, at=datetime(2026, 3, 1, 5, 0, tzinfo=UTC), sale=SaleFactory(location=shop))
    redeem(promotion, 100, at=datetime(2026, 4, 1, 3, 59, tzinfo=UTC), sale=SaleFactory(location=shop))
    redeem(promotion, 1000, at=datetime(2026, 4, 1, 4, 0, tzinfo=UTC), sale=SaleFactory(location=shop))
    asked = ReportQuery(date(2026, 3, 1), date(2026, 3, 31), "EUR", shop.pk, zone=zone)
    assert reports.by_day(asked).total["given"] == 500 + 110
    assert Redemption.objects.count() == 5
