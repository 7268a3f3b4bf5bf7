"""What falls due at the tills by time alone."""

from datetime import datetime
from functools import partial

from campaigns.clock import each
from pos.sales import holds


def tick(now: datetime) -> None:
    """Give back what expired holds reserved; a hold that another process is just at is passed over."""
    each(holds.list_expired_holds(now), partial(holds.release_expired_hold, now=now))
