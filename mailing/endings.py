"""Ends a launched campaign: completes it when nobody is left to send to, fails it when it can never go on.

`mailing.sending` calls this, and `mailing.launch` calls both.
"""

import contextlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import database_time, lifecycle
from campaigns.models import Campaign
from campaigns.sentences import keep
from campaigns.waits import DATABASE_AWAY
from mailing import codes, tallies
from mailing.models import Delivery, EmailCampaign

logger = logging.getLogger(__name__)

_varying = re.compile(r"0x[0-9a-fA-F]+|\d+|'[^']*'|\"[^\"]*\"|“[^”]*”")
UNFORESEEN_LIMIT = 3  # the same unforeseen error this many times fails the campaign
CLOSE_BATCH = 10_000  # deliveries closed in one transaction


def find_unfinished(campaign: EmailCampaign) -> list[tuple[str, str]]:
    """Return why the campaign is not complete yet."""
    if campaign.prepared_at is None:
        return [
            ("", _("“%(campaign)s” is still being prepared: it cannot complete.") % {"campaign": campaign})
        ]
    left = tallies.count_unfinished(campaign.pk)
    return (
        [
            (
                "",
                _("“%(campaign)s” has %(left)s recipients left: it cannot complete.")
                % {"campaign": campaign, "left": left},
            )
        ]
        if left
        else []
    )


def complete_campaign(campaign_id: int) -> bool:
    """Complete the campaign if nobody is left to send to; return whether this call did it."""
    campaign = EmailCampaign.objects.filter(pk=campaign_id, status=Campaign.Status.RUNNING).first()
    if campaign is None or find_unfinished(campaign):
        return False
    try:
        lifecycle.fire(campaign, "complete")
    except lifecycle.Refused:  # somebody paused, cancelled or completed it in between
        return False
    return True


def close_campaign(campaign_id: int) -> int:
    """Skip the recipients that a cancelled or failed campaign has left; return how many. Safe to run twice.

    A sending run gives back what it holds at this moment; the clock calls this again until the campaign is settled.
    """
    campaign = EmailCampaign.objects.get(pk=campaign_id)
    if not campaign.is_final:
        return 0
    cancelled = campaign.status == Campaign.Status.CANCELLED
    waiting = campaign.deliveries.filter(status__in=(Delivery.Status.PENDING, Delivery.Status.DEFERRED))
    closed = 0
    while keys := list(waiting.order_by("pk").values_list("pk", flat=True)[:CLOSE_BATCH]):
        closed += waiting.filter(pk__in=keys).update(
            status=Delivery.Status.SKIPPED,
            reason=Delivery.Reason.CANCELLED if cancelled else Delivery.Reason.STOPPED,
            due_at=None,
        )
    settle_campaign(campaign)
    return closed


def settle_campaign(campaign: EmailCampaign) -> None:
    """Switch off the codes that a cancelled or failed campaign has sent nobody, and note it once nobody is left.

    Codes that were sent stay good, since they are promises.
    """
    # Asked before the codes are switched off, so that none is given back in between.
    is_last = not tallies.count_unfinished(campaign.pk)
    if campaign.offer_id is not None:
        codes.switch_off_unsent(campaign.pk)
    if is_last:
        EmailCampaign.objects.filter(pk=campaign.pk).update(settled_at=database_time.now())


def fail_campaign(campaign_id: int, why: str) -> None:
    """Fail a running campaign that can never go on; leave a campaign that is not running as it is."""
    try:
        lifecycle.fire(campaign_id, "fail", why=why)
    except lifecycle.Refused as refused:
        logger.warning("Campaign %s could not fail (%s): %s", campaign_id, why, refused)


def list_campaigns_sending_through(connection_id: int) -> list[int]:
    """List the keys of the running campaigns that have given recipients to a connection."""
    through = EmailCampaign.objects.filter(
        status=Campaign.Status.RUNNING, planned__has_key=str(connection_id)
    )
    return list(through.values_list("pk", flat=True))


def count_unforeseen_error(campaign_id: int, error: BaseException) -> None:
    """Count an unforeseen error; the third time the same error fails the campaign.

    It is the same when only numbers in it and what stands in quotes differ: each try makes rows with keys of their own.
    """
    what = f"{type(error).__name__}: {error}"[:500]
    with transaction.atomic():
        campaign = EmailCampaign.objects.select_for_update(of=("self",), no_key=True).get(pk=campaign_id)
        is_same = _tell_apart(campaign.unforeseen.get("error", "")) == _tell_apart(what)
        times = campaign.unforeseen.get("times", 0) + 1 if is_same else 1
        EmailCampaign.objects.filter(pk=campaign_id).update(unforeseen={"error": what, "times": times})
    if times >= UNFORESEEN_LIMIT:
        fail_campaign(
            campaign_id,
            keep("The same unforeseen error came %(times)s times. %(what)s", times=times, what=what),
        )


def _tell_apart(error: str) -> str:
    """Return what tells an error from others: its first line, as PostgreSQL writes the values of a row below it."""
    return _varying.sub("", error.partition("\n")[0])


@contextlib.contextmanager
def counting_errors(campaigns: Callable[[], Iterable[int]]) -> Iterator[None]:
    """Count an unforeseen error in the block against these campaigns, and raise it; not an absent database."""
    try:
        yield
    except DATABASE_AWAY:
        raise
    except Exception as error:
        for pk in campaigns():
            count_unforeseen_error(pk, error)
        raise
