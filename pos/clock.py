"""The clock of tills: holds whose time is over."""

from datetime import datetime
from functools import partial

from campaigns.clock import run_for_each
from pos.sales import holds


def tick(now: datetime) -> None:
    """Release expired holds. A hold that another process has locked is left for the next beat."""
    run_for_each(holds.list_expired_holds(now), partial(holds.release_expired_hold, now=now))
