"""The time zone in which a user sees and types times: the one they chose, else the site's (`settings.TIME_ZONE`)."""

from collections import defaultdict
from datetime import date, datetime, time, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone
from django.utils.translation import gettext

from campaigns import dates

AREAS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


def find_zone(name: str) -> tzinfo | None:
    """Find a time zone by its IANA name; None when there is no such zone."""
    return ZoneInfo(name) if name in _names() else None


def zone_of(user: User) -> tzinfo:
    """Return the zone of a signed-in user."""
    try:
        name = user.settings.time_zone
    except ObjectDoesNotExist:
        name = ""
    return find_zone(name) or timezone.get_default_timezone()


def begin_day(day: date, zone: tzinfo | None = None) -> datetime:
    """Return the first moment of a day in a zone; without one in that of the page."""
    return timezone.make_aware(datetime.combine(day, time.min), zone)


def list_choices() -> list[tuple[str, str | list[tuple[str, str]]]]:
    """List the zones to choose from: the site's, UTC, and those of all cities by their part of the world."""
    own = gettext("That of the site (%(zone)s)") % {"zone": dates.name_zone(timezone.get_default_timezone())}
    return [("", own), ("UTC", "UTC"), *list_cities()]


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())  # it reads some folders each time it is asked


@cache
def list_names() -> tuple[str, ...]:
    """List the names of all zones that pages offer."""
    return ("UTC", *(name for _, cities in list_cities() for name, _ in cities))


@cache
def list_cities() -> list[tuple[str, list[tuple[str, str]]]]:
    """List the zones of all cities, (name, city) each, by their part of the world."""
    found = defaultdict(list)
    for name in sorted(_names()):
        area, _, city = name.partition("/")
        if city and area in AREAS:
            found[area].append((name, city.replace("_", " ").replace("/", ", ")))
    return [(area, found[area]) for area in AREAS]
