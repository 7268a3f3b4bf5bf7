"""The stages of a campaign: those behind it, the present one, and those ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.models import Campaign, Transition

Status = Campaign.Status

UNDER_WAY = (Status.RUNNING, Status.ACTIVE)


@dataclass(frozen=True)
class Stage:
    """One stage.

    `place`: done, here or ahead; `at`: when it was reached, or will be by the clock; None when nobody knows.
    """

    status: Status
    place: str
    at: datetime | None = None

    @property
    def label(self) -> str:
        return str(self.status.label)


def list_stages(campaign: Campaign, history: Sequence[Transition]) -> list[Stage]:
    """Return the stages of `campaign`, in order; exactly one is `here`.

    Stages that were skipped or cannot be reached any more are left out. A pause stands between the live stage, which
    counts from the first start, and the end.

    Args:
        campaign: of its own kind.
        history: its steps, the latest first.
    """
    reached = {Status.DRAFT: campaign.created_at}
    for step in reversed(history):
        if step.now == Status.DRAFT:
            reached = {Status.DRAFT: campaign.created_at}
        elif step.now != step.was and not (step.now in UNDER_WAY and step.now in reached):
            reached[Status(step.now)] = step.at
    here = Status(campaign.status)
    way = [Status(status) for status in campaign.WAY]
    if here in way:
        behind, ahead = way[: way.index(here)], way[way.index(here) + 1 :]
    else:
        behind = [status for status in way[:-1] if status in reached]
        ahead = [] if campaign.is_final else way[-1:]
    by_itself = {Status.RUNNING: campaign.starts_at, Status.ACTIVE: campaign.starts_at}
    if here != Status.SCHEDULED:
        by_itself = {Status.SCHEDULED: None}
    by_itself[Status.EXPIRED] = campaign.ends_at
    return [
        *[Stage(status, "done", reached[status]) for status in behind if status in reached],
        Stage(here, "here", reached.get(here)),
        *[Stage(status, "ahead", by_itself.get(status)) for status in ahead],
    ]


def measure_elapsed(campaign: Campaign, now: datetime) -> tuple[int, int] | None:
    """Return the seconds since the start and the seconds from start to end of a live campaign with both; else None."""
    if campaign.status not in UNDER_WAY or campaign.starts_at is None or campaign.ends_at is None:
        return None
    whole = (campaign.ends_at - campaign.starts_at).total_seconds()
    return min(round((now - campaign.starts_at).total_seconds()), round(whole)), round(whole)
