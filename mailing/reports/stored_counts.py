"""Keeps the figures of large campaigns: the queue counts them, and counts anew when somebody looks at old figures."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from django.db import connection
from django.db.models import F, Q
from django_q.tasks import async_task

from campaigns import database_time
from mailing.models import Delivery, EmailCampaign, ReportFigures
from mailing.reports.counting import Counts, count_large_ledger, count_ledger

COUNTED_AT_ONCE = 20_000  # recipients that a page counts by itself
FRESH_SECONDS = 30  # how old kept figures may be before they are counted anew
SHARE_OF_TIME = 20  # counting takes a twentieth of the time at most
LOOKED_AFTER = timedelta(days=2)  # since its end, in which a campaign is counted without anybody looking

_ASK = """
INSERT INTO mailing_reportfigures AS kept (campaign_id, asked_at, seconds) VALUES (%(campaign)s, now(), 0)
ON CONFLICT (campaign_id) DO UPDATE SET asked_at = now()
    WHERE greatest(kept.asked_at, kept.counted_at)
        < now() - make_interval(secs => greatest(%(fresh)s, kept.seconds * %(share)s))
RETURNING campaign_id
"""


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
        ask_for_count(campaign.pk)
    counts = msgspec.convert(kept.counts, Counts) if kept and kept.counts else None
    return KnownCounts(counts, is_late=True)


def is_old(kept: ReportFigures, now: datetime) -> bool:
    """Return whether kept figures are so old that they should be counted anew."""
    wait = max(FRESH_SECONDS, kept.seconds * SHARE_OF_TIME)
    return kept.counted_at is None or now - kept.counted_at > timedelta(seconds=wait)


def ask_for_count(campaign_id: int) -> bool:
    """Queue the counting of a campaign, unless somebody has just done so; return whether it was queued."""
    with connection.cursor() as cursor:
        cursor.execute(_ASK, {"campaign": campaign_id, "fresh": FRESH_SECONDS, "share": SHARE_OF_TIME})
        is_first = cursor.fetchone() is not None
    if is_first:
        async_task("mailing.tasks.count_report", campaign_id, save=False)
    return is_first


def keep_counts(campaign_id: int) -> None:
    """Count a campaign and keep the figures, unless newer ones are kept already."""
    begun = time.monotonic()
    counts = count_large_ledger(campaign_id)
    ReportFigures.objects.get_or_create(pk=campaign_id)
    older = ReportFigures.objects.filter(Q(counted_at=None) | Q(counted_at__lt=counts.at), pk=campaign_id)
    older.update(counts=msgspec.to_builtins(counts), counted_at=counts.at, seconds=time.monotonic() - begun)


def queue_ended_campaigns(now: datetime) -> None:
    """Queue the counting of large campaigns that ended lately, so that the first visit to a report finds figures."""
    ended = EmailCampaign.objects.filter(total__gt=COUNTED_AT_ONCE, finished_at__gt=now - LOOKED_AFTER)
    uncounted = ended.exclude(report_figures__counted_at__gte=F("finished_at"))
    for pk in uncounted.values_list("pk", flat=True):
        ask_for_count(pk)


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
