"""What the clock queues for this app."""

from campaigns import heartbeats


def heartbeat(cluster: str, host: str) -> None:
    """Note that this cluster runs tasks. Safe to run twice."""
    heartbeats.note_answer(cluster, host)
