"""Quotas: how many messages a connection may take now, under its limits for an hour and a day and its warm-up.

Each quota's stretch is cut into slots, and the messages taken are counted by slot in the connection's row of Pace,
where all processes see them and a restart finds them. Counting the running slot and as many before it as the stretch is
long never lets more through than the quota in any stretch, wherever it starts. Limits by second and minute are rates:
see mailing.sending.turns.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import psycopg
from django.utils import timezone
from psycopg.types.json import Jsonb

from mailing.models import SmtpConnection

Spent = dict[str, dict[str, int]]  # quota → slot → messages taken


class Stretch(NamedTuple):
    """The length of a stretch and of each of its slots, in seconds."""

    seconds: float
    slot: float

    @property
    def slots(self) -> int:
        return round(self.seconds / self.slot)


STRETCHES = {"hour": Stretch(3600, 60), "day": Stretch(86_400, 900)}
GROWTH = 1.5  # of the warm-up, each day
LOOK_AGAIN = timedelta(minutes=1)  # at the latest: somebody may have raised the quota


def day_of(now: datetime) -> date:
    """Return the day that counts for a warm-up, in the site's zone."""
    return timezone.localdate(now, timezone.get_default_timezone())


def limits_of(smtp: SmtpConnection, today: date) -> dict[str, int]:
    """Return the connection's quotas by the name of their stretch; the warm-up may lower today's."""
    limits = {"hour": smtp.per_hour, "day": smtp.per_day}
    if smtp.warm_up_from:
        days = min(max((today - smtp.warm_up_from).days, 0), 60)  # 200 · 1.5⁶⁰: far beyond any limit
        warm = int(smtp.warm_up_first_day * GROWTH**days)
        limits["day"] = min(warm, smtp.per_day) if smtp.per_day else warm
    return {name: limit for name, limit in limits.items() if limit is not None}


def allowance(limits: Mapping[str, int], spent: Spent, now: datetime) -> int:
    """Return how many messages may be taken at `now`."""
    left = [
        limit - sum(_read_counting_slots(name, spent, _slot(name, now)).values())
        for name, limit in limits.items()
    ]
    return max(0, min(left))


def add_spent(limits: Mapping[str, int], spent: Spent, now: datetime, amount: int) -> Spent:
    """Return `spent` after taking `amount` messages at `now` (a negative amount gives back), without past slots."""
    kept: Spent = {}
    for name in limits:
        current = _slot(name, now)
        slots = {str(slot): count for slot, count in _read_counting_slots(name, spent, current).items()}
        slots[str(current)] = slots.get(str(current), 0) + amount
        kept[name] = slots
    return kept


def find_next_free(limits: Mapping[str, int], spent: Spent, now: datetime) -> datetime:
    """Return when the next message may be taken: `now`, or later when a quota is used up."""
    free = now
    for name, limit in limits.items():
        stretch, counted = STRETCHES[name], _read_counting_slots(name, spent, _slot(name, now))
        taken = sum(counted.values())
        for slot in sorted(counted):
            if taken < limit:
                break
            taken -= counted[slot]
            # when this slot leaves the stretch it counts no more
            free = max(free, datetime.fromtimestamp((slot + stretch.slots + 1) * stretch.slot, UTC))
    return free


def estimate_seconds(limits: Mapping[str, int], spent: Spent, now: datetime, amount: int) -> float:
    """Estimate how many seconds it takes to send `amount` more messages under the quotas."""
    longest = 0.0
    for name, limit in limits.items():
        stretch, counted = STRETCHES[name], _read_counting_slots(name, spent, _slot(name, now))
        beyond = amount - max(0, limit - sum(counted.values()))
        if beyond > 0:
            # what was sent first in this stretch makes room first, and a whole quota each stretch after
            room_at = min(counted, default=_slot(name, now)) * stretch.slot + stretch.seconds
            longest = max(longest, room_at - now.timestamp() + (beyond - 1) // limit * stretch.seconds)
    return longest


def _read_counting_slots(name: str, spent: Spent, current: int) -> dict[int, int]:
    """Return the slots that still count in the slot `current`, each with its messages."""
    oldest = current - STRETCHES[name].slots
    return {int(slot): count for slot, count in spent.get(name, {}).items() if int(slot) >= oldest}


def _slot(name: str, now: datetime) -> int:
    return int(now.timestamp() / STRETCHES[name].slot)


LOCK = """
INSERT INTO mailing_pace (connection_id, spent, level, failures, needs_person, trouble)
VALUES (%s, '{}', 0, 0, false, '')
ON CONFLICT (connection_id) DO UPDATE SET level = mailing_pace.level
RETURNING spent, clock_timestamp()
"""


async def take_quota(
    database: psycopg.AsyncConnection, connection_id: int, limits: Mapping[str, int], wanted: int
) -> int:
    """Take up to `wanted` messages from the connection's allowance and return how many; a negative number gives back.

    When nothing may be taken, it stores until when. The row is locked until the caller's transaction ends.
    """
    cursor = await database.execute(LOCK, [connection_id])  # also makes the row
    spent, now = await cursor.fetchone()  # type: ignore[misc]
    amount = min(wanted, allowance(limits, spent, now))
    if amount:
        await database.execute(
            "UPDATE mailing_pace SET spent = %s, quota_until = NULL WHERE connection_id = %s",
            [Jsonb(add_spent(limits, spent, now, amount)), connection_id],
        )
    else:
        until = min(find_next_free(limits, spent, now), now + LOOK_AGAIN)
        await database.execute(
            "UPDATE mailing_pace SET quota_until = %s WHERE connection_id = %s", [until, connection_id]
        )
    return amount
