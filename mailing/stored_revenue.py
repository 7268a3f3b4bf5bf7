"""Keeps what of a campaign's revenue needs the sales of all its recipients, where they are many.

A page of a small campaign measures by itself. That of a large one shows what is kept, with its moment, and has the
queue measure anew what is old: a million recipients take some seconds.
"""

import time
from datetime import datetime

import msgspec

from campaigns import database_time
from mailing import campaign_hold_out, revenue
from mailing.kept_figures import COUNTED_AT_ONCE, ask_to_count, is_old, keep_figures
from mailing.lift import Arm, Lift
from mailing.models import EmailCampaign, RevenueFigures
from mailing.revenue import Article
from promotions.margins import Margin

TASK = "mailing.tasks.measure_revenue"


class Figures(msgspec.Struct, frozen=True):
    """What is kept of one moment. arms: None where nothing is compared; articles: in `currency`."""

    arms: tuple[Arm, Arm] | None
    currency: str
    articles: list[Article]
    median_wait: int | None
    margin: Margin | None = None


class MeasuredRevenue(msgspec.Struct, frozen=True):
    """What a page shows. at: the moment of figures that were kept; is_awaited: they are being measured first."""

    lift: Lift | None = None
    articles: list[Article] = []
    median_wait: int | None = None
    margin: Margin | None = None
    at: datetime | None = None
    is_awaited: bool = False


def read_measured_revenue(
    campaign: EmailCampaign, now: datetime, *, lift_only: bool = False
) -> MeasuredRevenue:
    """Return what a campaign was worth: measured now, or of a large campaign what is kept, and ask for newer."""
    if campaign.total <= COUNTED_AT_ONCE:
        if lift_only:
            return MeasuredRevenue(campaign_hold_out.measure_lift(campaign, now))
        return _build_revenue(campaign, measure_figures(campaign), now, None)
    return _read_kept(campaign, now)


def _read_kept(campaign: EmailCampaign, now: datetime) -> MeasuredRevenue:
    kept = RevenueFigures.objects.filter(pk=campaign.pk).first()
    if kept is None or is_old(kept, now):
        ask_to_count(RevenueFigures, campaign.pk, TASK)
    if kept is None or kept.figures is None or kept.counted_at is None:
        return MeasuredRevenue(is_awaited=True)
    figures = msgspec.convert(kept.figures, Figures)
    return _build_revenue(campaign, figures, kept.counted_at, kept.counted_at)


def is_proved(campaign: EmailCampaign, now: datetime) -> bool:
    """Return whether a hold-out has shown so far that more people buy with this mail than without.

    Of campaigns of any size the queue measures it: the dashboard asks for many of them, again and again.
    """
    if not campaign.funnel.get("held_out"):
        return False
    lift = _read_kept(campaign, now).lift
    return lift is not None and lift.interval[0] > 0


def _build_revenue(
    campaign: EmailCampaign, figures: Figures, at: datetime, kept_at: datetime | None
) -> MeasuredRevenue:
    lift = campaign_hold_out.judge_arms(campaign, figures.arms, at)
    return MeasuredRevenue(lift, figures.articles, figures.median_wait, figures.margin, kept_at)


def measure_figures(campaign: EmailCampaign) -> Figures:
    """Go through the sales of all recipients."""
    currency = revenue.read_revenue([campaign.pk])[campaign.pk].currency
    return Figures(
        campaign_hold_out.count_arms(campaign),
        currency,
        revenue.list_articles(campaign, currency),
        revenue.find_median_wait(campaign),
        revenue.find_margin(campaign, currency),
    )


def keep_revenue(campaign_id: int) -> None:
    """Measure a campaign and keep the figures, unless newer ones are kept already."""
    campaign = EmailCampaign.objects.get(pk=campaign_id)
    at, begun = database_time.now(), time.monotonic()
    figures = msgspec.to_builtins(measure_figures(campaign))
    keep_figures(RevenueFigures, campaign_id, at, begun, figures=figures)
