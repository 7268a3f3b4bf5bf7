"""The rules lock, and the number of the published rules."""

from django.db import connection

RULES_LOCK = 0x66616E66  # the advisory lock key of the published rules; any constant, "fanf"


def lock_rules() -> None:
    """Take the exclusive rules lock until the transaction ends. Always before any row lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RULES_LOCK])


def lock_rules_shared() -> None:
    """Take the rules lock as a sale does: nothing is published until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [RULES_LOCK])


def bump_version() -> None:
    """Give the published rules a new version. Triggers do the same for writes that go past this package."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT promotions_publish()")
