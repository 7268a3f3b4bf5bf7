"""The calendar of one user for calendar programs, in iCalendar (RFC 5545), at an address that nobody can guess.

The address has 32 random bytes and is shown once. Only its keyed hash is stored, so that neither a copy of the database
nor an administrator can read anybody's calendar by it. It shows what its user may see, and nothing once they may not.
"""

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from campaigns import database_time, zones
from campaigns.formats import in_sentence
from campaigns.logins import Limit, TriesInAll
from campaigns.models import CalendarFeed, Campaign
from campaigns.periods import Period
from campaigns.workspace import calendar

if TYPE_CHECKING:
    from icalendar import Event

BEHIND, AHEAD = timedelta(days=90), timedelta(days=366)  # what the feed shows around today
FRESH_FOR = timedelta(minutes=15)  # how often a program should read it
PRODUCT = "-//Fanfare//Campaigns//EN"
STATUSES = {Campaign.Status.DRAFT: "TENTATIVE"}  # all others are certain

# of requests, by whomever: a program asks every few minutes, and several may stand behind one address
FEED_AT_ADDRESS = Limit(20, timedelta(seconds=30))
ADDRESS = Limit(60, timedelta(seconds=10))
FEED = Limit(60, timedelta(seconds=10))


def make_address(user: User) -> str:
    """Return a new secret address for the calendar of a user. The one before leads nowhere from now on."""
    secret = secrets.token_urlsafe(32)
    values = {"key_hash": _hash_secret(secret), "made_at": database_time.now()}
    CalendarFeed.objects.update_or_create(user=user, defaults=values)
    return settings.PUBLIC_URL + reverse("campaigns:calendar_feed", args=[secret])


def end_feed(user: User) -> None:
    """Make the address of a user's calendar lead nowhere."""
    CalendarFeed.objects.filter(user=user).delete()


def find_feed(user: User) -> CalendarFeed | None:
    """Return the feed of a user, if they have one."""
    return CalendarFeed.objects.filter(user=user).first()


def count_request(secret: str, address: str, now: datetime) -> timedelta:
    """Count a request for a feed, whether there is such a feed or not; return how long to wait, zero for not at all."""
    tries = TriesInAll(
        "calendar feed",
        _hash_secret(secret),
        address,
        at_address=FEED_AT_ADDRESS,
        address=ADDRESS,
        account_limit=FEED,
    )
    return tries.count(now)


def find_user(secret: str) -> User | None:
    """Return the user whose calendar has this secret, if they may still see campaigns."""
    feed = (
        CalendarFeed.objects.filter(key_hash=_hash_secret(secret))
        .select_related("user", "user__settings")
        .first()
    )
    if feed is None or not feed.user.is_active or not feed.user.has_perm("campaigns.view_campaign"):
        return None
    return feed.user


def write_feed(user: User, now: datetime) -> bytes:
    """Write the campaigns around today as a calendar."""
    with timezone.override(zones.zone_of(user)):
        today = timezone.localdate(now)
        periods = calendar.list_periods(today - BEHIND, today + AHEAD, now)
    # only here: it takes a quarter of a second, and most processes write no calendar
    from icalendar import Calendar, Event

    feed = Calendar()
    feed.add("prodid", PRODUCT)
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", gettext("Campaigns of %(site_name)s") % {"site_name": settings.SITE_NAME})
    feed.add("refresh-interval", FRESH_FOR, parameters={"VALUE": "DURATION"})
    for period in periods:
        feed.add_component(_fill_event(Event(), period))
    return bytes(feed.to_ical())


def _fill_event(event: "Event", period: Period) -> "Event":
    campaign = period.campaign
    event.add("uid", f"campaign-{campaign.pk}@{urlsplit(settings.PUBLIC_URL).hostname}")
    event.add("dtstamp", campaign.updated_at)
    event.add("last-modified", campaign.updated_at)
    event.add("dtstart", period.begins_at.replace(microsecond=0))
    if period.ends_at and period.ends_at > period.begins_at:
        event.add("dtend", period.ends_at.replace(microsecond=0))
    event.add("summary", campaign.name)
    end = "" if period.ends_at else " " + gettext("It has no end.")
    event.add(
        "description", f"{campaign.get_kind_display()}: {in_sentence(campaign.get_status_display())}.{end}"
    )
    event.add("categories", [campaign.get_kind_display()])
    event.add("status", STATUSES.get(Campaign.Status(campaign.status), "CONFIRMED"))
    event.add("transp", "TRANSPARENT")
    event.add("url", settings.PUBLIC_URL + campaign.get_absolute_url())
    return event


def _hash_secret(secret: str) -> str:
    return salted_hmac("campaigns.calendar_feed", secret, algorithm="sha256").hexdigest()
