"""What falls due at the tills by time alone."""

from datetime import datetime


def tick(now: datetime) -> None:
    """Give back what expired holds reserved."""
