"""What the clock queues for this app."""

from django.utils import timezone

from campaigns.models import Heartbeat


def heartbeat(cluster: str) -> None:
    """Note that `cluster` runs tasks. Safe to run twice."""
    now = timezone.now()
    Heartbeat.objects.update_or_create(
        cluster=cluster, defaults={"at": now}, create_defaults={"at": now, "asked_at": now}
    )
