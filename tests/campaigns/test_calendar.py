"""The calendar: campaigns of both kinds in the weeks of a month, and new drafts from a day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns.workspace import calendar
from tests.factories import (
    EmailCampaignFactory,
    LocationFactory,
    PromotionCampaignFactory,
    UserSettingsFactory,
)

pytestmark = pytest.mark.django_db


def at(day, hour=9):
    return datetime(2031, 5, day, hour, tzinfo=UTC)


def list_bars(week):
    return [(bar.campaign.name, bar.column, bar.span, bar.goes_on, bar.lasts) for bar in week.bars]


def test_a_month_has_whole_weeks_and_a_campaign_goes_over_them():
    PromotionCampaignFactory(name="Spring", status="scheduled", starts_at=at(9), ends_at=at(20))
    month = calendar.build_month(date(2031, 5, 17), at(1))
    assert (month.before, month.after) == (date(2031, 4, 1), date(2031, 6, 1))
    assert [week.days[0].day for week in month.weeks] == [28, 5, 12, 19, 26]
    assert [list_bars(week) for week in month.weeks] == [
        [],
        [("Spring", 5, 3, False, True)],
        [("Spring", 1, 7, True, True)],
        [("Spring", 1, 2, True, False)],
        [],
    ]


def test_what_ends_at_midnight_is_not_there_on_the_next_day():
    PromotionCampaignFactory(name="Night", status="scheduled", starts_at=at(6, 20), ends_at=at(8, 0))
    (bar,) = calendar.build_month(date(2031, 5, 1), at(1)).weeks[1].bars
    assert (bar.column, bar.span) == (2, 2)


def test_mails_stand_from_their_launch_to_their_last_mail():
    EmailCampaignFactory(name="Planned", status="scheduled", starts_at=at(6))
    EmailCampaignFactory(name="Sent", status="completed", launched_at=at(7), finished_at=at(8))
    EmailCampaignFactory(name="Going", status="running", launched_at=at(5))
    EmailCampaignFactory(name="Called off", status="cancelled", starts_at=at(6))
    EmailCampaignFactory(name="Whenever")
    bars = calendar.build_month(date(2031, 5, 1), at(9)).weeks[1].bars
    assert [(bar.campaign.name, bar.column, bar.span) for bar in bars] == [
        ("Going", 1, 5), ("Planned", 2, 1), ("Sent", 3, 2),
    ]  # fmt: skip


def test_days_are_those_of_the_person(client, marketer):
    PromotionCampaignFactory(name="Late", status="scheduled", starts_at=at(6, 22), ends_at=at(7, 2))
    assert "Late" not in client.get("/calendar/?day=2031-05-08").content.decode().partition('id="day"')[2]
    UserSettingsFactory(user=marketer, time_zone="Asia/Tokyo")
    page = client.get("/calendar/?day=2031-05-07").content.decode()
    assert "Late" in page.partition('id="day"')[2]
    assert "Late" not in client.get("/calendar/?day=2031-05-06").content.decode().partition('id="day"')[2]


def test_a_busy_week_says_how_many_more_there_are():
    PromotionCampaignFactory.create_batch(15, status="scheduled", starts_at=at(6), ends_at=at(7))
    week = calendar.build_month(date(2031, 5, 1), at(1)).weeks[1]
    assert (len(week.bars), week.more) == (12, 3)


@pytest.mark.parametrize(
    "nonsense", ["", "2031", "2031-13", "2031-02-30", "9999-12-31", "0001-01", "x" * 5000, "−1"]
)
def test_any_other_day_is_today(client, marketer, nonsense):
    answer = client.get("/calendar/", {"day": nonsense})
    assert answer.status_code == 200
    assert answer.context["day"] == timezone.localdate()


@pytest.mark.parametrize("path", ["/campaigns/email/new/", "/campaigns/promotion/new/"])
def test_a_draft_begun_on_a_day_has_that_start(client, marketer, path):
    UserSettingsFactory(user=marketer, time_zone="Asia/Tokyo")
    assert f"{path}?start=2031-05-07T09:00" in client.get("/calendar/?day=2031-05-07").content.decode()
    assert 'value="2031-05-07T09:00"' in client.get(f"{path}?start=2031-05-07T09:00").content.decode()
    for nonsense in ("", "soon", "0001-01-01T00:00", "9999-12-31T23:59:59-12:00", "2031-05-07T09:00+99:00"):
        assert client.get(path, {"start": nonsense}).status_code == 200


def test_the_calendar_takes_few_queries(client, marketer, django_assert_max_num_queries):
    PromotionCampaignFactory.create_batch(
        10, status="scheduled", starts_at=timezone.now() + timedelta(days=1)
    )
    EmailCampaignFactory.create_batch(10, status="scheduled", starts_at=timezone.now() + timedelta(days=1))
    with django_assert_max_num_queries(20):
        client.get("/calendar/")


def test_without_the_right_there_is_no_calendar(client):
    assert client.get("/calendar/").status_code == 302


# ── week, time line, filters ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_week_has_all_its_bars_and_a_step_to_the_next(client, marketer):
    PromotionCampaignFactory.create_batch(15, status="scheduled", starts_at=at(6), ends_at=at(7))
    answer = client.get("/calendar/?view=week&day=2031-05-07")
    week = answer.context["week"]
    assert (week.days[0], len(week.bars), week.more) == (date(2031, 5, 5), 15, 0)
    assert (answer.context["before"], answer.context["after"]) == (date(2031, 4, 30), date(2031, 5, 14))


def test_a_time_line_shows_what_is_live_at_once(client, marketer):
    PromotionCampaignFactory(
        name="Long", status="active", starts_at=at(1), ends_at=datetime(2032, 1, 1, tzinfo=UTC)
    )
    PromotionCampaignFactory(name="Short", status="scheduled", starts_at=at(13), ends_at=at(15))
    line = client.get("/calendar/?view=timeline&day=2031-05-14").context["line"]
    assert (line.first, line.last) == (date(2031, 5, 12), date(2031, 7, 6))
    assert [(lane.campaign.name, lane.start, lane.span) for lane in line.lanes] == [
        ("Long", 0, 56),
        ("Short", 1, 3),
    ]
    assert line.at_once[:5] == [1, 2, 2, 2, 1]
    assert line.columns[:2] == [(0, 50), (1, 100)]


def test_an_empty_time_line_says_so(client, marketer):
    assert "Nothing in these weeks" in client.get("/calendar/?view=timeline&day=2031-05-14").content.decode()


@pytest.mark.parametrize("view", ["month", "week", "timeline"])
def test_the_calendar_is_filtered_by_kind_and_location_and_keeps_that_in_its_links(client, marketer, view):
    here, elsewhere = LocationFactory(), LocationFactory()
    EmailCampaignFactory(name="A mail", status="scheduled", starts_at=at(6))
    for name, places in {"Only here": [here], "Elsewhere": [elsewhere], "Everywhere": []}.items():
        campaign = PromotionCampaignFactory(name=name, status="scheduled", starts_at=at(6), ends_at=at(8))
        campaign.locations.set(places)
    address = f"/calendar/?view={view}&day=2031-05-06"
    shown = {
        "": {"A mail", "Only here", "Elsewhere", "Everywhere"},
        "&kind=email": {"A mail"},
        f"&location={here.pk}": {"Only here", "Everywhere"},
        f"&location={here.pk}&kind=email": set(),
        "&location=0&kind=x": {"A mail", "Only here", "Elsewhere", "Everywhere"},
    }
    for query, names in shown.items():
        page = client.get(address + query).content.decode()
        found = {name for name in shown[""] if f"> {name}</a>" in page or f"<span>{name}</span></a>" in page}
        assert found == names, query
    assert (
        f"kind=promotion&amp;location={here.pk}"
        in client.get(f"{address}&kind=promotion&location={here.pk}").content.decode()
    )


def test_the_list_of_a_day_comes_in_parts(client, marketer):
    PromotionCampaignFactory.create_batch(
        calendar.LISTED_AT_ONCE + 1, status="active", starts_at=at(6), ends_at=at(20)
    )
    first = client.get("/calendar/?day=2031-05-07")
    assert len(first.context["periods"]) == calendar.LISTED_AT_ONCE
    assert "1 more campaign<" in first.content.decode()
    further = f"/calendar/?day=2031-05-07&from={calendar.LISTED_AT_ONCE}"
    assert len(client.get(further).context["periods"]) == 1
    part = client.get(further, HTTP_HX_REQUEST="true").content.decode()
    assert part.count("list-group-item") == 1
    assert "<html" not in part


def test_many_campaigns_take_no_more_queries_than_few(client, marketer, django_assert_num_queries):
    PromotionCampaignFactory(status="active", starts_at=at(6), ends_at=at(20))
    client.get("/calendar/?day=2031-05-07")
    with CaptureQueriesContext(connection) as few:
        client.get("/calendar/?day=2031-05-07")
    PromotionCampaignFactory.create_batch(50, status="active", starts_at=at(6), ends_at=at(20))
    with django_assert_num_queries(len(few)):
        client.get("/calendar/?day=2031-05-07")
