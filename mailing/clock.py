"""What falls due for e-mail campaigns by time alone."""

from datetime import datetime
from functools import partial

from django.db import transaction

from campaigns import lifecycle
from campaigns.clock import each
from mailing.models import EmailCampaign


def tick(now: datetime) -> None:
    """Launch the campaigns that are due."""
    due = EmailCampaign.objects.due(now).order_by("starts_at", "pk").values_list("pk", flat=True)
    each(list(due), partial(start, now=now))


def start(campaign_id: int, now: datetime) -> None:
    """Launch one due campaign; one that is not fit goes back to draft with the reasons in its history."""
    with transaction.atomic():
        campaign = EmailCampaign.objects.due(now).select_for_update(skip_locked=True).filter(pk=campaign_id).first()
        if campaign is None:
            return
        try:
            lifecycle.fire(campaign, "launch", now=now)
        except lifecycle.Refused as refused:
            lifecycle.fire(campaign, "unschedule", why=f"It could not be launched. {refused}", now=now)
