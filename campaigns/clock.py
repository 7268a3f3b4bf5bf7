"""The clock: calls the functions in `settings.CLOCK`, of mailing, promotions and pos, for what falls due by time alone.

A due e-mail campaign is launched by `mailing.clock.launch_due_campaigns`; a promotion campaign starts or ends by
`promotions.clock.tick`.

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
    """Do one beat: run each function in settings.CLOCK. A function that fails is logged, and the others go on."""
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
    """Call `act` with each primary key; return how many calls succeeded. A call that fails is logged, the others go on.

    `act` locks its row in a transaction of its own, and skips a row that another clock has locked.
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
    """Schedule a beat by django-q2 once a minute, in case no clock runs. Called after every migration."""
    if kwargs["sender"].name == "django_q":
        schedule = {"schedule_type": Schedule.MINUTES, "minutes": 1, "cluster": "default"}
        Schedule.objects.using(using).get_or_create(
            func="campaigns.clock.tick", defaults={"name": "clock", **schedule}
        )
