"""The tasks of this app. Each may run twice or late."""

from campaigns import lifecycle


def write_owed_steps(campaign_id: int) -> None:
    """Write the status of a campaign whose window a sale has found open or closed."""
    lifecycle.write_owed_steps(campaign_id)
