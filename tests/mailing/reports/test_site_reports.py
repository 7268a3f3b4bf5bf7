"""All campaigns by the week, and several of them side by side."""

import csv
import io
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mailing.models import EventCount, Tally, TrackingPolicy
from mailing.reports import weeks
from tests.factories import EmailCampaignFactory
from tests.mailing.pages import page
from tests.mailing.reports.ledgers import accept, click, launch

pytestmark = pytest.mark.django_db
SITE = "/reports/email/"


def add_tallies(campaign, at, **amounts):
    Tally.objects.bulk_create(
        Tally(campaign=campaign, measure=measure, amount=amount, at=at) for measure, amount in amounts.items()
    )


def read_csv(client, address):
    response = client.get(address)
    assert response.status_code == 200, address
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def complete_campaign(name="Autumn", **fields):
    moment = timezone.now() - timedelta(days=3)
    return EmailCampaignFactory(
        name=name, status="completed", launched_at=moment, prepared_at=moment, finished_at=moment, **fields
    )


# ── weeks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_weeks_begin_on_mondays_of_who_looks():
    campaign = complete_campaign()
    now = datetime(2026, 11, 18, 12, tzinfo=ZoneInfo("UTC"))  # a Wednesday
    sunday = datetime(2026, 11, 15, 23, 30, tzinfo=ZoneInfo("UTC"))
    add_tallies(campaign, sunday, accepted=5, opened=2)
    add_tallies(campaign, now, accepted=-1, returned=1, bounced=1, clicked=1, unsubscribed=1, complained=1)
    found = weeks.read_weeks(now, 12)
    assert [week.monday.isoformat() for week in found][-2:] == ["2026-11-09", "2026-11-16"]
    assert len(found) == 12
    assert [week.amounts for week in found[-2:]] == [(5, 0, 2, 0, 0, 0, 0), (0, 0, 0, 1, 1, 1, 1)]
    with timezone.override(ZoneInfo("Europe/Berlin")):  # there it was Monday
        assert weeks.read_weeks(now, 12)[-1].amounts == (5, 0, 2, 1, 1, 1, 1)


@pytest.mark.parametrize("day", ["2026-10-26", "2026-03-30"])
def test_a_week_of_a_clock_change_is_one_week(day):
    """Both are Mondays after a change."""
    monday = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    campaign = complete_campaign()
    for hours in (-12.5, -11.5):  # Sunday at half past eleven, Monday at half past midnight
        add_tallies(campaign, monday + timedelta(hours=hours), accepted=1)
    with timezone.override(ZoneInfo("Europe/Berlin")):
        found = weeks.read_weeks(monday, 12)
    assert [week.sent for week in found[-2:]] == [1, 1]
    assert [week.monday.weekday() for week in found] == [0] * 12


def test_what_is_older_or_known_of_no_week_has_no_place():
    campaign = complete_campaign()
    now = timezone.now()
    add_tallies(campaign, now - timedelta(weeks=30), accepted=9)
    add_tallies(campaign, now, accepted=4)
    report = weeks.build_weeks(now, 12)
    assert report.heads == ["Sent", "Opened", "Clicked", "Bounced", "Complained", "Unsubscribed"]
    assert report.totals == [4, 0, 0, 0, 0, 0]
    assert weeks.build_weeks(now, 52).totals[0] == 13
    add_tallies(campaign, now, delivered=3)
    EventCount.objects.create(campaign=campaign, kind="opened", origin="human", at=now, amount=6)
    EventCount.objects.create(campaign=campaign, kind="opened", origin="machine", at=now, amount=50)
    report = weeks.build_weeks(now, 12)
    assert dict(zip(report.heads, report.totals, strict=True)) == {
        "Sent": 4,
        "Delivered": 3,
        "Opened": 0,
        "Clicked": 0,
        "Bounced": 0,
        "Complained": 0,
        "Unsubscribed": 0,
        "Anonymous opens": 6,
    }


def test_the_page_has_drawings_a_table_and_a_file(client, marketer):
    assert "No mail in this period" in page(client, SITE)
    assert "No campaign has been launched yet" in page(client, SITE)
    add_tallies(complete_campaign(), timezone.now(), accepted=1_234, opened=400)
    text = page(client, f"{SITE}?weeks=26")
    assert text.count('class="plot"') == 3
    assert re.search(
        r"<th scope=\"row\">Total</th><td class=\"number\">1,234</td><td class=\"number\">400</td>", text
    )
    assert '<option value="26" selected>' in text
    rows = read_csv(client, f"{SITE}weeks.csv?weeks=26")
    assert len(rows) == 26
    assert (rows[-1]["sent"], rows[-1]["opened"]) == ("1234", "400")
    assert len(read_csv(client, f"{SITE}weeks.csv?weeks=nonsense")) == 12


def test_the_page_takes_as_many_queries_for_many_campaigns_as_for_one(client, marketer):
    queries = []
    for amount in (1, 6):
        for _ in range(amount):
            add_tallies(complete_campaign(), timezone.now(), accepted=5)
        client.get(SITE)
        with CaptureQueriesContext(connection) as captured:
            page(client, SITE)
        queries.append(len(captured))
    assert queries[0] == queries[1] <= 13


# ── campaigns side by side ───────────────────────────────────────────────────────────────────────────────────────────


def compare(*campaigns):
    return "&".join(f"campaign={getattr(campaign, 'pk', campaign)}" for campaign in campaigns)


def test_campaigns_stand_side_by_side_with_rates_a_drawing_and_a_file(client, marketer):
    autumn, winter = launch(4, name="Autumn"), launch(2, name="Winter")
    for campaign in (autumn, winter):
        accept(campaign)
    click(autumn.deliveries.first())
    asked = f"{SITE}compare/?{compare(winter, autumn)}"
    text = page(client, asked)
    assert text.index(">Winter</a>") < text.index(">Autumn</a>")
    row = re.search(r">Open rate</th>(.*?)</tr>", text)[1]
    assert re.findall(r">([\d.]+%)<", row) == ["0.0%", "25.0%"]
    assert text.count('class="plot"') == 2
    rows = read_csv(client, f"{SITE}compare.csv?{compare(winter, autumn)}")
    assert [(row["campaign"], row["sent"], row["click rate"]) for row in rows] == [
        ("Winter", "2", "0.0"),
        ("Autumn", "4", "25.0"),
    ]


def test_what_nobody_knows_is_not_compared_as_zero(client, marketer):
    TrackingPolicy.objects.create(mode="aggregate")
    one, other = launch(1), launch(1)
    accept(one)
    text = page(client, f"{SITE}compare/?{compare(one, other)}")
    row = re.search(r">Opened</th>(.*?)</tr>", text)[1]
    assert row.count("not known") == 2
    assert [row["opened"] for row in read_csv(client, f"{SITE}compare.csv?{compare(one, other)}")] == ["", ""]


@pytest.mark.parametrize("amount", [0, 1, 6])
@pytest.mark.parametrize("part", ["compare/", "compare.csv"])
def test_two_to_five_are_compared(client, marketer, amount, part):
    chosen = [complete_campaign() for _ in range(amount)]
    response = client.get(f"{SITE}{part}?{compare(*chosen, 10**17, 'x')}", follow=True)
    said = "at most" if amount > 5 else "at least two"
    assert said in response.content.decode()


def test_a_draft_is_not_compared(client, marketer):
    response = client.get(
        f"{SITE}compare/?{compare(complete_campaign(), EmailCampaignFactory())}", follow=True
    )
    assert "at least two launched campaigns" in response.content.decode()
