"""The calendar of one person for calendar programs: what it says, who gets it, and how its address is kept."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import icalendar
import pytest
from django.utils import timezone

from campaigns import calendar_feed
from campaigns.logins import Limit
from campaigns.models import CalendarFeed
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory, UserFactory, user_in

pytestmark = pytest.mark.django_db
SOON = timezone.now().replace(microsecond=0) + timedelta(days=3)


def make_path(user):
    return urlsplit(calendar_feed.make_address(user)).path


def read_events(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    return {
        str(event["SUMMARY"]): event for event in icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    }


def test_a_program_reads_the_campaigns_without_signing_in(client, marketer):
    ends_at = SOON + timedelta(days=9)
    PromotionCampaignFactory(
        name="Tea; cake, ä\\n\n" + "☕" * 60, status="scheduled", starts_at=SOON, ends_at=ends_at
    )
    EmailCampaignFactory(name="A draft", starts_at=SOON)
    PromotionCampaignFactory(name="Called off", status="cancelled", starts_at=SOON)
    path = make_path(marketer)
    client.logout()
    events = read_events(client, path)
    assert set(events) == {"Tea; cake, ä\\n\n" + "☕" * 60, "A draft"}
    event = events["Tea; cake, ä\\n\n" + "☕" * 60]
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (SOON, ends_at)
    assert (event["STATUS"], events["A draft"]["STATUS"]) == ("CONFIRMED", "TENTATIVE")
    body = client.get(path).content
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    assert b"\n" not in body.replace(b"\r\n", b"")


def test_the_address_is_shown_once_and_stored_as_a_keyed_hash(client, marketer, settings):
    page = client.post("/calendar/feed/", {"act": "make"}).content.decode()
    address = page.partition('<code id="address">')[2].partition("<")[0]
    assert address.startswith(f"{settings.PUBLIC_URL}/calendar/feed/")
    secret = address.rpartition("/")[2].removesuffix(".ics")
    assert len(secret) >= 43
    assert secret not in client.get("/calendar/feed/").content.decode()
    stored = CalendarFeed.objects.get().key_hash
    assert secret not in stored
    settings.SECRET_KEY = "another key of this installation"
    assert calendar_feed.find_user(secret) is None


def test_a_new_address_ends_the_old_one_and_the_feed_can_be_ended(client, marketer):
    old, new = make_path(marketer), make_path(marketer)
    assert (client.get(old).status_code, client.get(new).status_code) == (404, 200)
    client.post("/calendar/feed/", {"act": "end"})
    assert client.get(new).status_code == 404
    assert not CalendarFeed.objects.exists()


@pytest.mark.parametrize("secret", ["x", "x" * 43, "ä", "%00", "..", "a b"])
def test_a_wrong_secret_is_404(client, secret):
    assert client.get(f"/calendar/feed/{secret}.ics").status_code in (400, 404)


def test_whoever_left_or_lost_the_right_has_no_feed_any_more(client):
    somebody = user_in("Analysts")
    path = make_path(somebody)
    assert client.get(path).status_code == 200
    somebody.groups.clear()
    assert client.get(path).status_code == 404
    left = user_in("Analysts")
    path = make_path(left)
    left.is_active = False
    left.save()
    assert client.get(path).status_code == 404


def test_who_asks_too_often_waits_and_others_do_not(client, marketer, monkeypatch):
    monkeypatch.setattr(calendar_feed, "FEED_AT_ADDRESS", Limit(2, timedelta(seconds=60)))
    path, other = make_path(marketer), make_path(user_in("Analysts"))
    assert [client.get(path).status_code for _ in range(3)] == [200, 200, 429]
    assert int(client.get(path)["Retry-After"]) > 0
    assert client.get(other).status_code == 200


def test_only_who_sees_campaigns_makes_a_feed(client):
    client.force_login(UserFactory())
    assert client.post("/calendar/feed/", {"act": "make"}).status_code == 403
    client.logout()
    assert client.get("/calendar/feed/").status_code == 302


def test_an_event_without_an_end_says_so(client, marketer):
    PromotionCampaignFactory(
        name="For ever", status="active", starts_at=datetime(2026, 1, 1, tzinfo=UTC), ends_at=None
    )
    event = read_events(client, make_path(marketer))["For ever"]
    assert "DTEND" not in event
    assert str(event["DESCRIPTION"]) == "Promotion: active. It has no end."
