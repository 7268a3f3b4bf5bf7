"""The queue in Redis, for more than one machine. It is a module of its own, since only it needs the library."""

import redis
from django_q.brokers.redis_broker import Redis
from django_q.conf import Conf

from campaigns.annotations import Argument
from campaigns.queue import CheckedQueue, QueueAway

CONNECT_SECONDS = 2.0  # seconds for a connection to Redis
ANSWER_SECONDS = 3.0  # seconds for an answer of Redis, which may wait for one second for a task


class RedisQueue(CheckedQueue, Redis):  # type: ignore[misc]  # django-q2 is untyped
    """Hands out only tasks that may run, and does not wait for a silent Redis."""

    @staticmethod
    def get_connection(list_key: str | None = None) -> Argument:
        return redis.from_url(
            Conf.REDIS, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=ANSWER_SECONDS
        )

    def enqueue(self, task: Argument) -> Argument:
        """Add a task.

        Raises:
            QueueAway: Redis does not take it.
        """
        try:
            return super().enqueue(task)
        except redis.RedisError as error:
            raise QueueAway(f"The queue cannot be reached: {error}") from error
