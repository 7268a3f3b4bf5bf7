"""When figures of many contacts are counted anew: by the queue, when somebody looks at old ones."""

import time
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q
from django_q.tasks import async_task

from campaigns.annotations import ColumnValue
from mailing.models import CountedFigures

COUNTED_AT_ONCE = 20_000  # recipients that a page counts by itself
FRESH_SECONDS = 30  # how old kept figures may be before they are counted anew
SHARE_OF_TIME = 20  # counting takes a twentieth of the time at most

_ASK = """
INSERT INTO {table} AS kept ({key}, asked_at, seconds) VALUES (%(pk)s, now(), 0)
ON CONFLICT ({key}) DO UPDATE SET asked_at = now()
    WHERE greatest(kept.asked_at, kept.counted_at)
        < now() - make_interval(secs => greatest(%(fresh)s, kept.seconds * %(share)s))
RETURNING {key}
"""


def is_old(kept: CountedFigures, now: datetime) -> bool:
    """Return whether kept figures are so old that they should be counted anew."""
    wait = max(FRESH_SECONDS, kept.seconds * SHARE_OF_TIME)
    return kept.counted_at is None or now - kept.counted_at > timedelta(seconds=wait)


def ask_to_count(model: type[CountedFigures], pk: int, task: str) -> bool:
    """Queue the task that counts what has this key, unless somebody has just done so; return whether it was queued."""
    with connection.cursor() as cursor:
        cursor.execute(
            _ASK.format(table=model._meta.db_table, key=model._meta.pk.column),
            {"pk": pk, "fresh": FRESH_SECONDS, "share": SHARE_OF_TIME},
        )
        is_first = cursor.fetchone() is not None
    if is_first:
        async_task(task, pk, save=False)
    return is_first


def keep_figures(
    model: type[CountedFigures], pk: int, at: datetime, begun: float, **figures: ColumnValue
) -> None:
    """Keep the figures of what has this key, unless newer ones are kept already.

    Args:
        at: the moment that they are of.
        begun: when the counting began, as `time.monotonic` has it.
        figures: the columns of this model.
    """
    model._default_manager.get_or_create(pk=pk)
    older = model._default_manager.filter(Q(counted_at=None) | Q(counted_at__lte=at), pk=pk)
    older.update(**figures, counted_at=at, seconds=time.monotonic() - begun)
