"""What falls due for promotion campaigns by time alone."""

from datetime import datetime
from functools import partial

from campaigns import lifecycle
from campaigns.clock import run_for_each
from promotions import overruns
from promotions.models import PromotionCampaign


def tick(now: datetime) -> None:
    """Write the stored status of campaigns whose window has opened or closed; the till needs no tick for it.

    Then pause those that sales made offline overran by too much.
    """
    due = PromotionCampaign.objects.owing(now).order_by("pk").values_list("pk", flat=True)
    run_for_each(list(due), partial(lifecycle.write_owed_steps, now=now))
    run_for_each(overruns.overrun_campaigns(), partial(overruns.pause_overrun, now=now))
