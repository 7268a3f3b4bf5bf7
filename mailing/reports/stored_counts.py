"""Keeps the figures of large campaigns: the queue counts them, and counts anew when somebody looks at old figures."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from django.db.models import F

from campaigns import database_time
from mailing.kept_figures import COUNTED_AT_ONCE, ask_to_count, is_old, keep_figures
from mailing.models import Delivery, EmailCampaign, ReportFigures
from mailing.reports.counting import Counts, count_large_ledger, count_ledger

LOOKED_AFTER = timedelta(days=2)  # since its end, in which a campaign is counted without anybody looking
TASK = "mailing.tasks.count_report"


class KnownCounts(NamedTuple):
    """The counts of a campaign, None before the first count. `is_late`: they are of an earlier moment."""

    counts: Counts | None
    is_late: bool


def read_counts(campaign: EmailCampaign) -> KnownCounts:
    """Return the counts of a campaign: fresh ones, or of a large campaign the kept ones, and ask for newer."""
    if campaign.total <= COUNTED_AT_ONCE:
        return KnownCounts(count_ledger(campaign.pk), is_late=False)
    kept = ReportFigures.objects.filter(pk=campaign.pk).first()
    if kept is None or is_old(kept, database_time.now()):
        ask_to_count(ReportFigures, campaign.pk, TASK)
    counts = msgspec.convert(kept.counts, Counts) if kept and kept.counts else None
    return KnownCounts(counts, is_late=True)


def keep_counts(campaign_id: int) -> None:
    """Count a campaign and keep the figures, unless newer ones are kept already."""
    begun = time.monotonic()
    counts = count_large_ledger(campaign_id)
    keep_figures(ReportFigures, campaign_id, counts.at, begun, counts=msgspec.to_builtins(counts))


def queue_ended_campaigns(now: datetime) -> None:
    """Queue the counting of large campaigns that ended lately, so that the first visit to a report finds figures."""
    ended = EmailCampaign.objects.filter(total__gt=COUNTED_AT_ONCE, finished_at__gt=now - LOOKED_AFTER)
    uncounted = ended.exclude(reportfigures__counted_at__gte=F("finished_at"))
    for pk in uncounted.values_list("pk", flat=True):
        ask_to_count(ReportFigures, pk, TASK)


# ── proof ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def list_breaches() -> Iterator[str]:
    """Yield a sentence for each kept figure that differs from its ledger, if nothing has happened since it was kept.

    Countries are left out: a contact may have moved.
    """
    for kept in ReportFigures.objects.exclude(counts=None).order_by("pk").iterator():
        told, found = msgspec.convert(kept.counts, Counts), count_large_ledger(kept.pk)
        if not is_same_moment(told, found):
            continue
        parts = ["events", "people", "clickers"]
        if not any(found.tallies.get(status) for status in Delivery.UNFINISHED):
            parts.append("replies")
        for part in parts:
            if getattr(told, part) != getattr(found, part):
                yield f"Campaign {kept.pk}: the {part} that its report tells of are not those of the ledger."


def is_same_moment(one: Counts, other: Counts) -> bool:
    """Return whether the totals of two counts are the same, so that nothing has happened between them."""
    return one.tallies == other.tallies and sum_events(one) == sum_events(other)


def sum_events(counts: Counts) -> dict[tuple[str, str, bool], int]:
    """Return how many events there are by (kind, origin, whether they name a person)."""
    totals: dict[tuple[str, str, bool], int] = {}
    for each in counts.events:
        if each.part == "link":
            key = (each.kind, each.origin, each.is_named)
            totals[key] = totals.get(key, 0) + each.amount
    return totals
