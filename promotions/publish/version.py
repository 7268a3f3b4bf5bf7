"""The rules lock, and the number of the published rules."""

from django.db import connection

RULES_LOCK = 0x66616E66
"""The key of the advisory lock on the published rules. The number is "fanf" in ASCII; any constant would do."""


def lock_rules() -> None:
    """Take the exclusive rules lock until the transaction ends. Always before any row lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RULES_LOCK])


def lock_rules_shared() -> None:
    """Take the rules lock as a sale does: nothing is published until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [RULES_LOCK])


def bump_version() -> None:
    """Give the published rules a new version.

    Triggers do the same for every write of a table that the rules are read from, also for `campaign.save()`. So the row
    of the version is locked before any counter.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT promotions_publish()")
