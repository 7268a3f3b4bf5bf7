"""The queue in Redis, for more than one machine: a module of its own, since the library is asked for only then."""

from django_q.brokers.redis_broker import Redis

from campaigns.queue import CheckedQueue


class RedisQueue(CheckedQueue, Redis):  # type: ignore[misc]  # django-q2 is untyped
    """Hands out only tasks that may run."""
