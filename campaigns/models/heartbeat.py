from datetime import timedelta
from typing import Self

from django.db import models
from django.utils.translation import gettext, gettext_lazy

from campaigns import dates

# asked every ten: two questions in a row went unanswered; as in config.supervisor
SILENCE = timedelta(seconds=15)


class HeartbeatQuerySet(models.QuerySet["Heartbeat"]):
    def silent(self) -> Self:
        return self.filter(asked_at__gt=models.F("at") + SILENCE)


class Heartbeat(models.Model):
    """When the cluster on one host last ran a task. The supervisor there restarts a silent cluster."""

    cluster = models.CharField(max_length=50)
    host = models.CharField(max_length=64)
    process = models.IntegerField(help_text=gettext_lazy("The id of its main process there."))
    at = models.DateTimeField("last ran a task")
    asked_at = models.DateTimeField("last asked")

    objects = HeartbeatQuerySet.as_manager()

    class Meta:
        ordering = ["cluster", "host"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "host"], name="heartbeat_of_cluster_on_host")
        ]

    def __str__(self) -> str:
        return f"{self.cluster} on {self.host}"

    @property
    def silence(self) -> str:
        """A sentence about how long it has been silent; "" while it is not."""
        if self.asked_at - self.at <= SILENCE:
            return ""
        since = dates.write_exact_moment(self.at)
        return gettext(
            "The queue “%(cluster)s” on %(host)s (process %(process)s) has run no task since %(since)s."
        ) % {"cluster": self.cluster, "host": self.host, "process": self.process, "since": since}
