"""How many messages a connection may take now: limits for any stretch of a second, minute, hour and day; warm-up.

Each limit's stretch is cut into slots, and the messages taken are counted by slot in the connection's row of Pace,
where all processes see them and a restart finds them. Counting the running slot and as many before it as the stretch is
long never lets more through than the limit in any stretch, wherever it starts.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from mailing.models import SmtpConnection

Spent = dict[str, dict[str, int]]  # limit → slot → messages taken


class Stretch(NamedTuple):
    """seconds: how long the stretch is, and each slot of it."""

    seconds: float
    slot: float


STRETCHES = {
    "second": Stretch(1, 0.1),
    "minute": Stretch(60, 2),
    "hour": Stretch(3600, 60),
    "day": Stretch(86_400, 900),
}
GROWTH = 1.5  # of the warm-up, each day


def limits_of(smtp: SmtpConnection, today: date) -> dict[str, int]:
    """The connection's limits by name of their stretch, the day's as the warm-up has it today."""
    limits = {
        "second": smtp.per_second,
        "minute": smtp.per_minute,
        "hour": smtp.per_hour,
        "day": smtp.per_day,
    }
    if smtp.warm_up_from:
        days = min(max((today - smtp.warm_up_from).days, 0), 60)  # 200 · 1.5⁶⁰: far beyond any limit
        warm = int(smtp.warm_up_first_day * GROWTH**days)
        limits["day"] = min(warm, smtp.per_day) if smtp.per_day else warm
    return {name: limit for name, limit in limits.items() if limit is not None}


def allowance(limits: Mapping[str, int], spent: Spent, now: datetime) -> int:
    """How many messages may be taken at `now`."""
    left = []
    for name, limit in limits.items():
        oldest = _slot(name, now) - round(STRETCHES[name].seconds / STRETCHES[name].slot)
        taken = sum(amount for slot, amount in spent.get(name, {}).items() if int(slot) >= oldest)
        left.append(limit - taken)
    return max(0, min(left))


def spend(limits: Mapping[str, int], spent: Spent, now: datetime, amount: int) -> Spent:
    """`spent` with `amount` more messages taken at `now` (given back when negative), past slots left out."""
    kept: Spent = {}
    for name in limits:
        current = _slot(name, now)
        oldest = current - round(STRETCHES[name].seconds / STRETCHES[name].slot)
        slots = {slot: count for slot, count in spent.get(name, {}).items() if int(slot) >= oldest}
        slots[str(current)] = slots.get(str(current), 0) + amount
        kept[name] = slots
    return kept


def _slot(name: str, now: datetime) -> int:
    return int(now.timestamp() / STRETCHES[name].slot)


LOCK = """
INSERT INTO mailing_pace (connection_id, spent, level, failures, trouble) VALUES (%s, '{}', 0, 0, '')
ON CONFLICT (connection_id) DO UPDATE SET level = mailing_pace.level
RETURNING spent, clock_timestamp()
"""


async def take(
    database: psycopg.AsyncConnection, connection_id: int, limits: Mapping[str, int], wanted: int
) -> int:
    """Take up to `wanted` messages from the connection's allowance and return how many; a negative number gives back.

    The row is locked until the caller's transaction ends.
    """
    cursor = await database.execute(LOCK, [connection_id])  # also makes the row
    spent, now = await cursor.fetchone()  # type: ignore[misc]
    amount = min(wanted, allowance(limits, spent, now))
    if amount:
        await database.execute(
            "UPDATE mailing_pace SET spent = %s WHERE connection_id = %s",
            [Jsonb(spend(limits, spent, now, amount)), connection_id],
        )
    return amount
