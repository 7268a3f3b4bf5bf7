"""Publishing: every change of what applies at the till passes here, under the exclusive rules lock.

Sales take the same advisory lock shared, so that a change is linearizable: when it has answered, no sale that starts
afterwards sees the rules before it.
"""

from django.db import connection

RULES_LOCK = 0x66616E66  # the advisory lock key of the published rules; any constant, "fanf"


def lock() -> None:
    """Take the exclusive rules lock until the transaction ends. Always before any row lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RULES_LOCK])


def bump() -> None:
    """Give the published rules a new version."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO promotions_rulesversion (id, version) VALUES (1, 1) "
            "ON CONFLICT (id) DO UPDATE SET version = promotions_rulesversion.version + 1"
        )


def campaign_changed(campaign) -> None:
    """Publish what a step or an edit changed of a campaign."""
    bump()
