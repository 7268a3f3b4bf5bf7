"""The status of a campaign at an instant: a pure function of its stored status, its window and the time.

The clock or a sale writes the stored status later (scheduled to active, active to expired). A discount never waits for
that.
"""

from datetime import datetime
from typing import Literal

CampaignStatus = Literal["draft", "scheduled", "active", "paused", "expired", "cancelled"]


def effective_status(
    status: CampaignStatus, starts_at: datetime | None, ends_at: datetime | None, now: datetime
) -> CampaignStatus:
    """Return the status a campaign has at `now`.

    Args:
        status: as stored.
        starts_at, ends_at: the half-open window, aware; None = open on that side.
        now: aware.

    Returns:
        a scheduled campaign is active from `starts_at` and expired from `ends_at`; an active one is expired from
        `ends_at`. Draft, paused, expired and cancelled stay what they are: the clock moves none of them.
    """
    if status == "scheduled" and starts_at is not None and starts_at <= now:
        status = "active"
    if status == "active" and ends_at is not None and ends_at <= now:
        return "expired"
    return status


def is_open(starts_at: datetime | None, ends_at: datetime | None, now: datetime) -> bool:
    """Return whether `now` lies in the half-open window [starts_at, ends_at)."""
    return (starts_at is None or starts_at <= now) and (ends_at is None or now < ends_at)
