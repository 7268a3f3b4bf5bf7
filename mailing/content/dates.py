"""Dates as people and programs write them, read and written for the filter `date`."""

import datetime as dt
import re
from functools import lru_cache

from babel import Locale
from babel.dates import get_month_names
from liquid.exceptions import FilterArgumentError

from campaigns.sentences import keep
from mailing.content.source import LiquidContext

_day_first = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})").fullmatch  # 15.01.2024
_slashed = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})").fullmatch
_year_first = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})").fullmatch
# March 14, 2016; 14 March 2016; 14. März 2016; Mon, 14 Mar 2016
_words = re.compile(
    r"(?:[^\W\d]{2,12}\.?,?\s+)?(?:(\d{1,2})(?:st|nd|rd|th|\.)?\s+(?:de\s+)?([^\W\d]{3,12})\.?|([^\W\d]{3,12})\.?\s+(\d{1,2})"
    r"(?:st|nd|rd|th)?),?\s+(?:de\s+)?(\d{4})",
).fullmatch
# A time of day may follow a date: 14 Mar 2016 10:00:00 +0100
_time = re.compile(
    r"(.*?)[,T]?\s+(?:at\s+)?(\d{1,2}:\d{2}(?::\d{2})?)(?:\s*(am|pm))?(?:\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
)

_MONTH_FIRST = frozenset(("en", "en_US", "en_PH"))  # languages in which 03/04/2016 is in March


def read_date(value: object, context: LiquidContext) -> dt.date | None:
    """Return the date or the moment that a value means; None when it is no date.

    Takes dates, seconds since 1970 (a number or its digits), ISO 8601, 15.01.2024, 03/14/2016, March 14, 2016 and
    14. März 2016 with the names of months in English and in the campaign's language. In 03/04/2016 the language
    decides. A moment that names its offset comes back in the campaign's time zone; one that names none is of that zone.
    """
    try:
        if isinstance(value, dt.datetime):
            return _in_zone(value, context)
        if isinstance(value, dt.date):
            return value
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            moment: dt.datetime = context.moment(value)
            return moment
        if not isinstance(value, str) or len(value) > 80:
            return None
        text = " ".join(value.split())
        if text.isdigit():
            # eight digits are a day as ISO 8601 writes it for short: as seconds they would lie in 1970
            is_day = len(text) == 8 and text[:2] in ("18", "19", "20", "21")
            return dt.date.fromisoformat(text) if is_day else context.moment(int(text))
        return _read_text(text, context)
    except (ValueError, OverflowError, OSError):
        return None


def write_date(moment: dt.date, pattern: str, context: LiquidContext) -> str:
    """Return the moment by a strftime pattern.

    Raises:
        FilterArgumentError: the pattern cannot be used.
    """
    if "%s" in pattern:  # strftime would take the machine's zone for it
        zone = context.moment(0).tzinfo
        at = moment if isinstance(moment, dt.datetime) else dt.datetime.combine(moment, dt.time(), zone)
        at = at if at.tzinfo else at.replace(tzinfo=zone)
        parts = pattern.split("%%")
        pattern = "%%".join(part.replace("%s", str(int(at.timestamp()))) for part in parts)
    try:
        return moment.strftime(pattern)
    except (ValueError, UnicodeError) as error:
        raise FilterArgumentError(keep("date: %(error)s", error=error), token=None) from error


def _read_text(text: str, context: LiquidContext) -> dt.date | None:
    try:
        iso = dt.datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return _in_zone(iso, context)
    if (day := _read_day(text, context.settings.babel_locale)) is not None:
        return day
    timed = _time.fullmatch(text)
    day = _read_day(timed[1].strip(" ,"), context.settings.babel_locale) if timed else None
    if timed is None or day is None:
        return None
    hour, minute, *second = map(int, timed[2].split(":"))
    if timed[3]:
        hour = hour % 12 + (12 if timed[3].lower() == "pm" else 0)
    offset = (timed[4] or "").replace("UTC", "Z").replace("GMT", "Z")
    return _in_zone(
        dt.datetime.fromisoformat(f"{day.isoformat()}T{hour:02}:{minute:02}:{(second or [0])[0]:02}{offset}"),
        context,
    )


def _read_day(text: str, locale: str) -> dt.date | None:
    if match := _day_first(text):
        return dt.date(int(match[3]), int(match[2]), int(match[1]))
    if match := _year_first(text):
        return dt.date(int(match[1]), int(match[2]), int(match[3]))
    if match := _slashed(text):
        first, second, year = map(int, match.groups())
        if first > 12 or (locale not in _MONTH_FIRST and second <= 12):
            first, second = second, first
        return dt.date(year, first, second)
    if match := _words(text):
        month = _months(locale).get((match[2] or match[3]).lower().rstrip("."))
        return dt.date(int(match[5]), month, int(match[1] or match[4])) if month else None
    return None


def _in_zone(moment: dt.datetime, context: LiquidContext) -> dt.datetime:
    return moment if moment.tzinfo is None else moment.astimezone(context.moment(0).tzinfo)


@lru_cache(maxsize=16)
def _months(locale: str) -> dict[str, int]:
    names: dict[str, int] = {"sept": 9}
    for language in (Locale("en"), Locale.parse(locale)):
        for width in ("wide", "abbreviated"):
            for use in ("format", "stand-alone"):
                found = get_month_names(width, use, language)
                names |= {name.lower().rstrip("."): number for number, name in found.items()}
    return names
