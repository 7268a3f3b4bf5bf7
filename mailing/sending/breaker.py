"""When to stop: a connection that does not work, and a campaign that is refused too often.

A connection that fails waits, longer each time; after FAILURES in a row it is down: its share goes to the campaign's
other connections, and a campaign that has none left pauses with the reason. Nothing is spent: what could not be
handed over is as due as before. A down connection is tried again every PROBE seconds.
"""

import logging
from collections import deque
from collections.abc import Iterable

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from campaigns import lifecycle
from campaigns.models import Campaign
from mailing.models import EmailCampaign, Pace, SmtpConnection

logger = logging.getLogger(__name__)

FAILURES = 5  # in a row, over all processes
FIRST_WAIT = 0.5  # seconds held after the first failure, doubled by each further one
PROBE = 30.0  # seconds between two tries of a connection that is down
WINDOW, REFUSED = 20, 10  # of so many results, so many refusals of our mail pause a campaign
LONG_WINDOW, LOST = 200, 100  # of so many results, so many that failed or bounced for good do

_FAIL = """
UPDATE mailing_pace SET
    failures = failures + %(weight)s,
    held_until = now() + make_interval(secs =>
        CASE WHEN failures + %(weight)s >= %(limit)s THEN %(probe)s ELSE %(first)s * 2 ^ failures END),
    down_since = CASE WHEN failures + %(weight)s >= %(limit)s THEN coalesce(down_since, now()) END,
    trouble = %(trouble)s
WHERE connection_id = %(pk)s
RETURNING failures >= %(limit)s
"""

WORKS = "UPDATE mailing_pace SET failures = 0, held_until = NULL, down_since = NULL WHERE connection_id = %s"


def failed(connection_id: int, sentence: str, *, for_good: bool = False) -> bool:
    """Note a failure to use a connection; return whether it is down by now.

    for_good: waiting does not cure it (a refused login), so it is down at once.
    """
    Pace.objects.get_or_create(connection_id=connection_id)
    with connection.cursor() as cursor:
        cursor.execute(
            _FAIL,
            {
                "pk": connection_id,
                "weight": FAILURES if for_good else 1,
                "first": FIRST_WAIT,
                "probe": PROBE,
                "limit": FAILURES,
                "trouble": sentence,
            },
        )
        is_down = cursor.fetchone()[0]
    if is_down:
        pause_stranded()
    return is_down


def works(connection_id: int) -> None:
    """Note that a connection that had failed works again."""
    Pace.objects.filter(connection_id=connection_id).update(failures=0, held_until=None, down_since=None)


def down(connection_ids: Iterable[int]) -> set[int]:
    """Those of the connections that cannot be used now: down, or switched off."""
    return set(
        SmtpConnection.objects.filter(pk__in=list(connection_ids))
        .filter(Q(pace__down_since__isnull=False) | Q(is_enabled=False))
        .values_list("pk", flat=True)
    )


def forgive(campaign: EmailCampaign) -> None:
    """Somebody starts the campaign: its connections are tried anew at once, whatever another met with."""
    pks = [int(pk) for pk in campaign.planned] or [smtp.pk for smtp, _ in campaign.shares()]
    Pace.objects.filter(connection_id__in=pks).update(failures=0, held_until=None, down_since=None)


def pause_stranded() -> None:
    """Pause each running campaign none of whose connections can be used, with the reason of the last."""
    for campaign in EmailCampaign.objects.filter(status=Campaign.Status.RUNNING, prepared_at__isnull=False):
        pks = [int(pk) for pk in campaign.planned]
        if pks and len(down(pks)) == len(pks):
            pause(campaign.pk, trouble_of(pks))


def trouble_of(connection_ids: list[int]) -> str:
    """What is wrong with connections none of which works, in words."""
    sentences = []
    for smtp in SmtpConnection.objects.filter(pk__in=connection_ids).select_related("pace"):
        if not smtp.is_enabled:
            sentences.append(f"The connection “{smtp}” is switched off.")
        else:
            sentences.append(f"The connection “{smtp}” does not work: {smtp.pace.trouble}")
    return " ".join([*sentences, "Nobody was lost; resume it when this is put right."])


def pause(campaign_id: int, why: str) -> None:
    """Pause a running campaign by the system, with the reason; one that is not running any more stays as it is."""
    try:
        lifecycle.fire(campaign_id, "pause", why=why, now=timezone.now())
    except lifecycle.Refused as refused:
        logger.info("Campaign %s was not paused: %s", campaign_id, refused)


class Rate:
    """The last results of one campaign, as one run sees them."""

    def __init__(self) -> None:
        self._refused: deque[bool] = deque(maxlen=WINDOW)
        self._lost: deque[bool] = deque(maxlen=LONG_WINDOW)

    def add(self, *, is_refused: bool, is_lost: bool) -> None:
        self._refused.append(is_refused)
        self._lost.append(is_lost)

    def verdict(self, said: str) -> str:
        """Why the campaign must pause, "" when it need not; `said` is the last answer."""
        refused, lost = sum(self._refused), sum(self._lost)
        if refused >= REFUSED:
            return (
                f"{refused} of the last {len(self._refused)} messages were refused, the last with: {said}"
                " Mend what the servers object to, then resume it; whoever failed can be retried."
            )
        if lost >= LOST:
            return (
                f"{lost} of the last {len(self._lost)} recipients failed or bounced, the last with: {said}"
                " Check where these addresses come from before you resume."
            )
        return ""
