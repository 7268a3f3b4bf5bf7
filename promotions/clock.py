"""The clock of promotion campaigns: starts and ends that are due, and campaigns with too much overrun."""

from datetime import datetime
from functools import partial

from campaigns import lifecycle
from campaigns.clock import run_for_each
from promotions import overruns
from promotions.models import PromotionCampaign


def tick(now: datetime) -> None:
    """Write the status of campaigns whose window has opened or closed. Tills judge by the window and do not need it.

    Then pause campaigns whose limits offline sales have passed by too much.
    """
    due = PromotionCampaign.objects.owing(now).order_by("pk").values_list("pk", flat=True)
    run_for_each(list(due), partial(lifecycle.write_owed_steps, now=now))
    run_for_each(overruns.overrun_campaigns(), partial(overruns.pause_overrun_campaigns, now=now))
