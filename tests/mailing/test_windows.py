"""Hours and days in which a campaign may send: what they mean, also on the nights when clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from mailing.models import EmailCampaign
from mailing.sending.windows import Window, find_instant, find_next_instant, read_window

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
WORK = Window(BERLIN, "12345", time(9), time(17))
HOUR = timedelta(hours=1)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        ("Europe/Berlin", "2027-07-01T09:00", "2027-07-01T07:00"),
        ("Europe/Berlin", "2027-03-28T01:59", "2027-03-28T00:59"),
        ("Europe/Berlin", "2027-03-28T02:00", "2027-03-28T01:00"),  # skipped: the first moment after it
        ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-03-28T03:00", "2027-03-28T01:00"),
        ("Europe/Berlin", "2027-10-31T02:30", "2027-10-31T00:30"),  # twice: the first of them
        ("Europe/Berlin", "2027-10-31T03:00", "2027-10-31T02:00"),
        ("America/New_York", "2027-03-14T02:15", "2027-03-14T07:00"),
        ("America/New_York", "2027-11-07T01:30", "2027-11-07T05:30"),
        ("Australia/Lord_Howe", "2027-10-03T02:10", "2027-10-02T15:30"),  # by half an hour
        ("Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-03T14:45"),
        ("America/Santiago", "2027-09-05T00:00", "2027-09-05T04:00"),  # at midnight
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00"),  # a whole day
        ("Asia/Kathmandu", "2027-06-01T00:00", "2027-05-31T18:15"),
    ],
)
def test_a_local_time_means_one_instant(zone, local, instant):
    assert find_instant(datetime.fromisoformat(local), ZoneInfo(zone)) == utc(instant)


@pytest.mark.parametrize(
    ("at", "since", "instant"),
    [
        (time(9), "2027-07-01T06:59", "2027-07-01T07:00"),
        (time(9), "2027-07-01T07:00", "2027-07-01T07:00"),
        (time(9), "2027-07-01T07:01", "2027-07-02T07:00"),
        (time(9), "2027-07-01T22:30", "2027-07-02T07:00"),  # in Berlin it is the second already
        (time(2, 30), "2027-03-28T00:00", "2027-03-28T01:00"),
        (time(2, 30), "2027-03-28T01:01", "2027-03-29T00:30"),
        (time(2, 30), "2027-10-31T00:00", "2027-10-31T00:30"),
        (time(2, 30), "2027-10-31T00:45", "2027-11-01T01:30"),  # the second of the two does not count
    ],
)
def test_the_next_local_time_is_never_before_and_comes_within_a_day_or_so(at, since, instant):
    assert find_next_instant(at, BERLIN, utc(since)) == utc(instant)


@pytest.mark.parametrize(
    ("window", "at", "opens", "closes"),
    [
        (WORK, "2027-07-02T06:59", "2027-07-02T07:00", "2027-07-02T15:00"),  # a Friday
        (WORK, "2027-07-02T07:00", "2027-07-02T07:00", "2027-07-02T15:00"),
        (WORK, "2027-07-02T14:59", "2027-07-02T07:00", "2027-07-02T15:00"),
        (WORK, "2027-07-02T15:00", "2027-07-05T07:00", "2027-07-05T15:00"),  # the end is no part of it
        (WORK, "2027-03-27T12:00", "2027-03-29T07:00", "2027-03-29T15:00"),  # summer time has begun meanwhile
        (WORK, "2027-10-30T12:00", "2027-11-01T08:00", "2027-11-01T16:00"),
        (Window(BERLIN, "5", time(22), time(2)), "2027-07-02T23:30", "2027-07-02T20:00", "2027-07-03T00:00"),
        (Window(BERLIN, "5", time(22), time(2)), "2027-07-03T00:30", "2027-07-09T20:00", "2027-07-10T00:00"),
        (Window(BERLIN, "67"), "2027-10-31T12:00", "2027-10-30T22:00", "2027-10-31T23:00"),  # 25 hours
        (Window(BERLIN, begins=time(1), ends=time(4)), "2027-03-28T00:30", "2027-03-28T00:00", "2027-03-28T02:00"),
        (Window(BERLIN, begins=time(1), ends=time(4)), "2027-10-31T01:30", "2027-10-30T23:00", "2027-10-31T03:00"),
        # all of it is skipped that night
        (Window(BERLIN, begins=time(2), ends=time(3)), "2027-03-28T00:30", "2027-03-29T00:00", "2027-03-29T01:00"),
        (Window(NEW_YORK, "3"), "2027-06-30T03:00", "2027-06-30T04:00", "2027-07-01T04:00"),
    ],
)  # fmt: skip
def test_a_window_is_open_from_its_beginning_until_its_end(window, at, opens, closes):
    # days that follow each other are stretches of their own
    if window.begins == window.ends and utc(at) >= utc(opens):
        opens = window.find_stretch(utc(at)).opens.replace(tzinfo=None).isoformat()
    assert window.find_stretch(utc(at)) == (utc(opens), utc(closes))
    assert window.is_open(utc(at)) is (utc(opens) <= utc(at))


@pytest.mark.parametrize(
    ("window", "since", "length", "end"),
    [
        (WORK, "2027-07-02T14:00", HOUR / 2, "2027-07-02T14:30"),
        (WORK, "2027-07-02T14:00", HOUR, "2027-07-02T15:00"),
        (WORK, "2027-07-02T14:00", 3 * HOUR, "2027-07-05T09:00"),  # over a weekend
        (WORK, "2027-07-03T12:00", timedelta(0), "2027-07-05T07:00"),
        (WORK, "2027-07-02T14:00", 48 * HOUR, "2027-07-12T14:00"),
        (Window(BERLIN), "2027-03-27T12:00", 48 * HOUR, "2027-03-29T12:00"),
    ],
)
def test_only_open_hours_count(window, since, length, end):
    assert window.add_open_time(utc(since), length) == utc(end)


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), UTC])
def test_a_window_by_the_clocks_on_the_wall_and_by_instants_is_the_same(zone):
    """Every seven minutes of a year, but for those that a change of the clocks touches."""
    window = Window(zone, "1357", time(8, 30), time(21, 15))
    at = utc("2027-01-01T00:00")
    while at < utc("2028-01-01T00:00"):
        local = at.astimezone(zone)
        inside = str(local.isoweekday()) in "1357" and time(8, 30) <= local.time() < time(21, 15)
        assert window.is_open(at) is inside, at
        at += timedelta(minutes=7, hours=11)


def test_what_is_left_blank_limits_nothing():
    assert read_window(None, None, "", "", "Europe/Berlin") is None
    assert read_window(time(9), None, "", "", "Europe/Berlin") == Window(BERLIN, begins=time(9))
    assert read_window(None, None, "12", "UTC", "Europe/Berlin") == Window(ZoneInfo("UTC"), "12")


@pytest.mark.parametrize(
    "zone", ["Mars/Phobos", "../../etc/passwd", "Europe/", "GMT+99", "x" * 40, "\0", "europe/berlin"]
)
def test_a_zone_that_is_unknown_by_now_is_the_sites(zone):
    assert read_window(time(9), None, "", zone, "Europe/Berlin") == Window(BERLIN, begins=time(9))


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (WORK, "Monday to Friday, 09:00 to 17:00, Berlin time"),
        (Window(NEW_YORK, "26"), "Tuesday, Saturday, New York time"),
        (Window(BERLIN, begins=time(22), ends=time(2)), "22:00 to 02:00, Berlin time"),
    ],
)
def test_a_window_is_told_in_words(window, words):
    assert window.describe() == words


def test_the_administration_takes_no_zone_that_is_none(rf):
    request = rf.get("/")
    request.user = User(is_superuser=True)
    field = site.get_model_admin(EmailCampaign).get_form(request).base_fields["window_zone"]
    assert (field.clean("Europe/Berlin"), field.clean("")) == ("Europe/Berlin", "")
    with pytest.raises(ValidationError):
        field.clean("Mars/Phobos")
