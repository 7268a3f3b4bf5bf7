"""The time zone in which a user sees and types times: the one they chose, else the site's (`settings.TIME_ZONE`)."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache
from unicodedata import normalize
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from campaigns import dates
from campaigns.formats import find_locale

SOON = timedelta(days=7)  # after a start: a change of the clocks so near to it is worth a word
LOOKED_AHEAD = timedelta(days=400)  # more than a year: each zone that changes its clocks at all does so in it

AREAS = {
    "Africa": gettext_lazy("Africa"),
    "America": gettext_lazy("America"),
    "Antarctica": gettext_lazy("Antarctica"),
    "Arctic": gettext_lazy("Arctic"),
    "Asia": gettext_lazy("Asia"),
    "Atlantic": gettext_lazy("Atlantic"),
    "Australia": gettext_lazy("Australia"),
    "Europe": gettext_lazy("Europe"),
    "Indian": gettext_lazy("Indian Ocean"),
    "Pacific": gettext_lazy("Pacific"),
}


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


@dataclass(frozen=True)
class ClockChange:
    """A moment at which the clocks of a zone are set. `hours`: by how much; forward is above 0."""

    at: datetime
    hours: float


def find_clock_change(zone: tzinfo, after: datetime, until: datetime) -> ClockChange | None:
    """Find the first moment between two instants at which the clocks of a zone are set; None when they never are."""
    last = min(until, after + LOOKED_AHEAD)
    low = after
    while low < last:
        high = min(low + timedelta(days=1), last)
        if _offset_at(zone, high) != _offset_at(zone, low):
            change = _offset_at(zone, high) - _offset_at(zone, low)
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                low, high = (
                    (middle, high) if _offset_at(zone, middle) == _offset_at(zone, low) else (low, middle)
                )
            minute = (high + timedelta(seconds=30)).replace(second=0, microsecond=0)
            return ClockChange(minute, change.total_seconds() / 3600)
        low = high
    return None


def _offset_at(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def name_offset(zone: tzinfo, at: datetime) -> str:
    """Name how far a zone is ahead of UTC at an instant: UTC+1, UTC-3:30, UTC."""
    minutes = round(_offset_at(zone, at).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return "UTC" if not minutes else f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


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
    return ("UTC", *(name for _, cities in _list_cities("en") for name, _ in cities))


def list_cities() -> list[tuple[str, list[tuple[str, str]]]]:
    """List the zones of all cities, (name, city) each, by their part of the world, in the language of the page."""
    cities = _list_cities(find_locale())
    return [(str(AREAS[area]), listed) for area, listed in cities]


@cache
def _list_cities(locale: str) -> list[tuple[str, list[tuple[str, str]]]]:
    found = defaultdict(list)
    for name in sorted(_names()):
        area, _, place = name.partition("/")
        if place and area in AREAS:
            within, _, _ = place.replace("_", " ").rpartition("/")  # as in America/Argentina/Tucuman
            city = dates.name_city_in(locale, name)
            found[area].append((name, f"{within}, {city}" if within and within not in city else city))
    return [
        (area, sorted(found[area], key=lambda each: normalize("NFKD", each[1]).casefold())) for area in AREAS
    ]
