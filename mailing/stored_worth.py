"""Keeps what of a campaign's revenue needs the sales of all its recipients, where they are many.

A page of a small campaign measures by itself. That of a large one shows what is kept, with its moment, and has the
queue measure anew what is old: a million recipients take some seconds.
"""

import time
from datetime import datetime, timedelta

import msgspec
from django.db import connection
from django_q.tasks import async_task

from campaigns import database_time
from mailing import holdout, revenue
from mailing.lift import Arm, Lift
from mailing.models import EmailCampaign, WorthFigures
from mailing.reports.stored_counts import COUNTED_AT_ONCE, FRESH_SECONDS, SHARE_OF_TIME
from mailing.revenue import Article

_ASK = """
INSERT INTO mailing_worthfigures AS kept (campaign_id, asked_at, seconds) VALUES (%(campaign)s, now(), 0)
ON CONFLICT (campaign_id) DO UPDATE SET asked_at = now()
    WHERE greatest(kept.asked_at, kept.measured_at)
        < now() - make_interval(secs => greatest(%(fresh)s, kept.seconds * %(share)s))
RETURNING campaign_id
"""


class Figures(msgspec.Struct, frozen=True):
    """What is kept of one moment. arms: None where nothing is compared; articles: in `currency`."""

    arms: tuple[Arm, Arm] | None
    currency: str
    articles: list[Article]
    median_wait: int | None


class Worth(msgspec.Struct, frozen=True):
    """What a page shows. at: the moment of figures that were kept; is_awaited: they are being measured first."""

    lift: Lift | None = None
    articles: list[Article] = []
    median_wait: int | None = None
    at: datetime | None = None
    is_awaited: bool = False


def read_worth(campaign: EmailCampaign, now: datetime, *, lift_only: bool = False) -> Worth:
    """Return what a campaign was worth: measured now, or of a large campaign what is kept, and ask for newer."""
    if campaign.total <= COUNTED_AT_ONCE:
        if lift_only:
            return Worth(holdout.measure_lift(campaign, now))
        return _build_worth(campaign, measure_figures(campaign), now, None)
    kept = WorthFigures.objects.filter(pk=campaign.pk).first()
    if kept is None or is_old(kept, now):
        ask_to_measure(campaign.pk)
    if kept is None or kept.figures is None or kept.measured_at is None:
        return Worth(is_awaited=True)
    figures = msgspec.convert(kept.figures, Figures)
    return _build_worth(campaign, figures, kept.measured_at, kept.measured_at)


def is_proved(campaign: EmailCampaign, now: datetime) -> bool:
    """Return whether a hold-out has shown so far that more people buy with this mail than without."""
    if not campaign.funnel.get("held_out"):
        return False
    lift = read_worth(campaign, now, lift_only=True).lift
    return lift is not None and lift.interval[0] > 0


def _build_worth(campaign: EmailCampaign, figures: Figures, at: datetime, kept_at: datetime | None) -> Worth:
    lift = holdout.judge_arms(campaign, figures.arms, at)
    return Worth(lift, figures.articles, figures.median_wait, kept_at)


def measure_figures(campaign: EmailCampaign) -> Figures:
    """Go through the sales of all recipients."""
    currency = revenue.read_revenue([campaign.pk])[campaign.pk].currency
    return Figures(
        holdout.count_arms(campaign),
        currency,
        revenue.list_articles(campaign, currency),
        revenue.find_median_wait(campaign),
    )


def is_old(kept: WorthFigures, now: datetime) -> bool:
    """Return whether kept figures are so old that they should be measured anew."""
    wait = max(FRESH_SECONDS, kept.seconds * SHARE_OF_TIME)
    return kept.measured_at is None or now - kept.measured_at > timedelta(seconds=wait)


def ask_to_measure(campaign_id: int) -> bool:
    """Queue the measuring of a campaign, unless somebody has just done so; return whether it was queued."""
    with connection.cursor() as cursor:
        cursor.execute(_ASK, {"campaign": campaign_id, "fresh": FRESH_SECONDS, "share": SHARE_OF_TIME})
        is_first = cursor.fetchone() is not None
    if is_first:
        async_task("mailing.tasks.measure_worth", campaign_id, save=False)
    return is_first


def keep_figures(campaign_id: int) -> None:
    """Measure a campaign and keep the figures. Of two that measure at once the later one stays."""
    campaign = EmailCampaign.objects.get(pk=campaign_id)
    at, begun = database_time.now(), time.monotonic()
    figures = msgspec.to_builtins(measure_figures(campaign))
    seconds = time.monotonic() - begun
    WorthFigures.objects.get_or_create(pk=campaign_id)
    older = WorthFigures.objects.filter(pk=campaign_id).exclude(measured_at__gt=at)
    older.update(figures=figures, measured_at=at, seconds=seconds)
