from django.db import models


class Heartbeat(models.Model):
    """When a queue cluster last ran a task: the supervisor starts a cluster anew that has been silent for too long."""

    cluster = models.CharField(max_length=50, primary_key=True)
    at = models.DateTimeField()
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.cluster} at {self.at:%H:%M:%S}"
