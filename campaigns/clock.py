"""The clock: it calls what `settings.CLOCK` names, in mailing, promotions and pos, for what falls due by time alone.

Any number of clocks may run; each due row is taken once.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from django.conf import settings
from django.db import Error
from django.utils.module_loading import import_string
from django_q.models import Schedule

from campaigns import database_time
from campaigns.annotations import Argument

logger = logging.getLogger(__name__)


def tick(now: datetime | None = None) -> None:
    """Do one beat: run each function named in settings.CLOCK; log one that fails and go on with the others."""
    try:
        now = now or database_time.now()
    except Error:
        logger.exception("The clock could not ask the database for the time")
        return
    for name in settings.CLOCK:
        try:
            import_string(name)(now)
        except Exception:
            logger.exception("The clock could not run %s", name)


def run_for_each(due: Iterable[int], act: Callable[[int], object]) -> int:
    """Call `act` with each primary key and return how many went well; one that fails is logged, the rest go on.

    `act` takes its row in a transaction of its own, and passes over a row that another clock holds.
    """
    done = 0
    for pk in due:
        try:
            act(pk)
            done += 1
        except Exception:
            logger.exception("The clock could not do %s for %s", getattr(act, "__name__", act), pk)
    return done


def schedule_fallback_beat(using: str = "default", **kwargs: Argument) -> None:
    """Have django-q2 beat once a minute, should no clock be running; kept after every migration."""
    if kwargs["sender"].name == "django_q":
        schedule = {"schedule_type": Schedule.MINUTES, "minutes": 1, "cluster": "default"}
        Schedule.objects.using(using).get_or_create(
            func="campaigns.clock.tick", defaults={"name": "clock", **schedule}
        )
