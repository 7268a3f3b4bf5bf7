"""How pages, sentences and files write days, times and time zones: one way for each language.

The patterns stand in config/formats, one file for each language. A time is written in the given zone, else in the zone
of the signed-in user (`campaigns.zones`), else in the site's.
"""

import re
from contextlib import suppress
from datetime import date, datetime, time, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import get_timezone_location
from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext

from campaigns import formats
from campaigns.languages import use_stored_language

# as datetime.isoformat writes it
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d")


def write_moment(at: datetime, zone: tzinfo | None = None) -> str:
    """Write an instant to the minute: 3 Sep 2027, 14:05."""
    return date_format(timezone.localtime(at, zone), "DATETIME_FORMAT")


def write_exact_moment(at: datetime, zone: tzinfo | None = None) -> str:
    """Write an instant to the second: 3 Sep 2027, 14:05:09."""
    return date_format(timezone.localtime(at, zone), "EXACT_DATETIME_FORMAT")


def write_weekday_moment(at: datetime, zone: tzinfo | None = None) -> str:
    """Write an instant with its day of the week: Friday 3 Sep 2027, 14:05."""
    return date_format(timezone.localtime(at, zone), "WEEKDAY_DATETIME_FORMAT")


def write_moment_for_all(at: datetime) -> str:
    """Write an instant into a sentence that is kept, for readers in any zone: 3 Sep 2027, 14:05 (Berlin time)."""
    zone = timezone.get_default_timezone()
    with use_stored_language():
        return f"{write_moment(at, zone)} ({name_zone(zone)})"


def write_day(day: date) -> str:
    """Write a day: 3 Sep 2027."""
    return date_format(day, "DATE_FORMAT")


def write_day_of(at: datetime) -> str:
    """Write the day of an instant: 3 Sep 2027."""
    return write_day(timezone.localdate(at))


def write_weekday(day: date) -> str:
    """Write a day with its day of the week: Fri 3 Sep 2027."""
    return date_format(day, "WEEKDAY_DATE_FORMAT")


def write_short_day(day: date) -> str:
    """Write a day under a drawing, where the year is clear: 3 Sep."""
    return date_format(day, "MONTH_DAY_FORMAT")


def write_month(day: date) -> str:
    """Write the month of a day with its year: September 2027."""
    return date_format(day, "WHOLE_MONTH_FORMAT")


def write_month_name(day: date) -> str:
    """Write the month of a day, where the year is clear: September."""
    return date_format(day, "MONTH_NAME_FORMAT")


def write_weekday_name(day: date) -> str:
    """Write the day of the week over a column: Fri."""
    return date_format(day, "WEEKDAY_NAME_FORMAT")


def write_time(at: datetime | time) -> str:
    """Write a time of the day to the minute, as it stands: 14:05."""
    return time_format(at, "TIME_FORMAT")


def write_exact_time(at: datetime) -> str:
    """Write the time of the day of an instant to the second: 14:05:09."""
    return date_format(timezone.localtime(at), "EXACT_TIME_FORMAT")


def write_period(begin: datetime, end: datetime) -> str:
    """Write a stretch of hours or minutes: 3 Sep, 14:00 to 15:00."""
    begin, end = timezone.localtime(begin), timezone.localtime(end)
    ends = {"begin": date_format(begin, "MONTH_DAY_TIME_FORMAT"), "end": write_time(end)}
    return gettext("%(begin)s to %(end)s") % ends


def write_end(end: datetime, begin: datetime) -> str:
    """Write when something ends whose begin stands before it: 15:00 on the same day, else 4 Sep 2027, 15:00."""
    begin, end = timezone.localtime(begin), timezone.localtime(end)
    return write_time(end) if begin.date() == end.date() else write_moment(end)


def write_first_day(first: date, last: date) -> str:
    """Write the first of some days, before the last: 3 Sep when the last is of the same year, else 3 Sep 2027."""
    return write_short_day(first) if first.year == last.year else write_day(first)


def write_stored_value(text: str) -> str:
    """Write a value from the record of a change: an instant as a moment, any other text as it is."""
    return write_moment(datetime.fromisoformat(text)) if _INSTANT.fullmatch(text) else text


def name_zone(zone: tzinfo | None = None) -> str:
    """Name a time zone, by default the user's, as people call it: Berlin time, New York time, UTC."""
    key = str(zone or timezone.get_current_timezone())
    area, _, city = key.rpartition("/")
    if not area:
        return key
    if area == "Etc":
        return "UTC" if "GMT" not in city else _name_offset(city.removeprefix("GMT"))
    return gettext("%(city)s time") % {"city": name_city(key)}


def name_city(key: str) -> str:
    """Name the city of a time zone, such as Europe/Vienna, in the language of the page; a zone without one as it is."""
    return name_city_in(formats.find_locale(), key)


@lru_cache(maxsize=2048)
def name_city_in(locale: str, key: str) -> str:
    """Name the city of a time zone in the language of a locale."""
    area, _, city = key.rpartition("/")
    if not area:
        return key
    if locale != "en":
        with suppress(ZoneInfoNotFoundError, ValueError):
            name: str = get_timezone_location(ZoneInfo(key), locale=locale, return_city=True)
            return name.rpartition("/")[2]
    return city.replace("_", " ")


def _name_offset(offset: str) -> str:
    """Name a zone such as Etc/GMT-3, whose sign is reversed: it is three hours ahead of UTC."""
    hours = int(offset or 0)
    return f"UTC{-hours:+d}" if hours else "UTC"
