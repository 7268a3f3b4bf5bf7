"""The bounds of every instant that anybody types or sends: from the year 2000 up to the year 2100.

Outside of them some dates cannot be shown in every time zone, and some cannot be stored.
"""

from datetime import UTC, datetime, timedelta, tzinfo

from django.utils.translation import gettext, gettext_lazy

from campaigns import dates

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
LARGEST_OFFSET = timedelta(hours=15)  # of a zone to UTC; PostgreSQL reads none of 16 hours or more
SENTENCE = gettext_lazy("A time must be between the years 2000 and 2100.")


def is_possible(moment: datetime) -> bool:
    """Return whether `moment`, which is aware, lies within the bounds."""
    return EARLIEST <= moment < LATEST


def with_storable_offset(moment: datetime) -> datetime:
    """Return the same moment, in UTC if PostgreSQL cannot read its own offset."""
    offset = moment.utcoffset() or timedelta(0)
    return moment if abs(offset) <= LARGEST_OFFSET else moment.astimezone(UTC)


def describe_clock_change(local: datetime, zone: tzinfo) -> str:
    """Write why a local time of this zone names no single instant: the clocks skip it, or show it twice that night.

    Args:
        local: without a zone; the zone skips or repeats it (PEP 495).
    """
    earlier, later = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert earlier is not None
    assert later is not None
    at = dates.write_time(local)
    day = dates.write_day(local.date())
    if earlier < later:
        return gettext(
            "%(at)s does not exist on %(day)s: the clocks are put forward. Choose an earlier or a later time."
        ) % {"at": at, "day": day}
    return gettext(
        "%(at)s happens twice on %(day)s: the clocks are put back. Choose an earlier or a later time."
    ) % {"at": at, "day": day}
