"""The one bound of every instant that anybody types or sends: from the year 2000 up to the year 2100.

Outside of it a date cannot be shown in every time zone, and some cannot be stored.
"""

from datetime import UTC, datetime

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
SENTENCE = "A time lies between the years 2000 and 2100."


def is_possible(moment: datetime) -> bool:
    """Whether `moment`, aware, lies where times may lie."""
    return EARLIEST <= moment < LATEST
