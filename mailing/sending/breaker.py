"""Stops using a connection that does not work, and pauses a campaign that is refused too often.

A connection that fails waits, longer each time, and is tried again by itself: it goes on when the server is back. After
FAILURES in a row it is down: its share goes to the campaign's other connections. A campaign that has none left waits
for settings.OUTAGE_MINUTES and then pauses with the reason; at once when waiting cures none of them (a refused login, a
sender that is not accepted, a connection switched off). A delivery that could not be handed over stays due as before.
"""

import logging
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import chain

from django.conf import settings
from django.db import connection, transaction

from campaigns import database_time, dates, lifecycle
from campaigns.models import Campaign
from campaigns.sentences import keep, mark
from mailing.models import EmailCampaign, Pace, SmtpConnection

logger = logging.getLogger(__name__)

FAILURES_UNTIL_DOWN = 5  # in a row, over all processes
FIRST_WAIT_SECONDS = 0.5  # seconds held after the first failure, doubled by each further one
PROBE_SECONDS = 30.0  # seconds between two tries of a connection, at most
# A campaign pauses when, of its last WINDOW results, MOST_REFUSED_IN_WINDOW refuse our mail; when, of its last
# LONG_WINDOW, MOST_LOST_IN_LONG_WINDOW failed or bounced for good; and when, of the last WINDOW messages,
# MOST_BROKEN_IN_WINDOW could not be made, or MOST_LOST_IN_LONG_WINDOW of the last LONG_WINDOW.
WINDOW, MOST_REFUSED_IN_WINDOW = 20, 10
LONG_WINDOW, MOST_LOST_IN_LONG_WINDOW = 200, 100
MOST_BROKEN_IN_WINDOW = 15

_FAIL = """
UPDATE mailing_pace SET
    failures = failures + %(weight)s,
    failing_since = coalesce(failing_since, now()),
    held_until = now() + make_interval(secs => least(%(probe)s, %(first)s * 2 ^ least(failures + %(weight)s - 1, 20))),
    down_since = CASE WHEN failures + %(weight)s >= %(limit)s THEN coalesce(down_since, now()) END,
    needs_person = %(for_good)s,
    trouble = %(trouble)s
WHERE connection_id = %(pk)s
RETURNING failures >= %(limit)s
"""

_NOTE_SUCCESS = """
UPDATE mailing_pace SET failures = 0, failing_since = NULL, held_until = NULL, down_since = NULL, needs_person = false
WHERE connection_id = %s
"""
WORKING = {
    "failures": 0,
    "failing_since": None,
    "held_until": None,
    "down_since": None,
    "needs_person": False,
}


def note_failure(connection_id: int, sentence: str, *, for_good: bool = False) -> bool:
    """Note a failure to use a connection; return whether it is down by now.

    Args:
        for_good: waiting does not help (a refused login), so the connection is down at once.
    """
    Pace.objects.get_or_create(connection_id=connection_id)
    with connection.cursor() as cursor:
        cursor.execute(
            _FAIL,
            {
                "pk": connection_id,
                "weight": FAILURES_UNTIL_DOWN if for_good else 1,
                "first": FIRST_WAIT_SECONDS,
                "probe": PROBE_SECONDS,
                "limit": FAILURES_UNTIL_DOWN,
                "for_good": for_good,
                "trouble": sentence,
            },
        )
        is_down: bool = cursor.fetchone()[0]
    if is_down:
        pause_stranded()
    return is_down


def note_success(connection_id: int) -> None:
    """Note that a connection that had failed works again."""
    Pace.objects.filter(connection_id=connection_id).update(**WORKING)


def reset_connections(campaign: EmailCampaign) -> None:
    """Let the connections of a campaign that somebody starts be tried at once, whatever failed before."""
    pks = [int(pk) for pk in campaign.planned] or [smtp.pk for smtp, _ in campaign.shares()]
    Pace.objects.filter(connection_id__in=pks).update(**WORKING)


def pause_stranded() -> None:
    """Pause each running campaign none of whose connections can be used, with the reasons.

    It waits first for a connection that may come back by itself. A campaign whose connections are all deleted fails.
    """
    for campaign in EmailCampaign.objects.filter(status=Campaign.Status.RUNNING, prepared_at__isnull=False):
        pks = [int(pk) for pk in campaign.planned]
        known = list(SmtpConnection.objects.filter(pk__in=pks).select_related("pace"))
        if pks and not known:
            _fail_without_connections(campaign.pk)
        elif pks and all(_is_given_up(smtp) for smtp in known):
            pause_campaign(campaign.pk, describe_trouble(pks))


def _is_given_up(smtp: SmtpConnection) -> bool:
    """Return whether a connection cannot be used and senders wait for it no longer."""
    if not smtp.is_enabled:
        return True
    pace = getattr(smtp, "pace", None)
    if pace is None or pace.down_since is None:
        return False
    return (
        pace.needs_person
        or pace.failing_since is None
        or database_time.now() >= give_up_at(pace.failing_since)
    )


def give_up_at(failing_since: datetime) -> datetime:
    """Return until when senders wait for a connection that has failed since `failing_since`."""
    return failing_since + timedelta(minutes=settings.OUTAGE_MINUTES)


def _fail_without_connections(campaign_id: int) -> None:
    try:
        lifecycle.fire(campaign_id, "fail", why=mark("None of its SMTP connections exists any more."))
    except lifecycle.Refused as refused:
        logger.info("Campaign %s did not fail: %s", campaign_id, refused)


def describe_trouble(connection_ids: list[int]) -> str:
    """Return in words what is wrong with connections of which none works."""
    sentences = []
    for smtp in SmtpConnection.objects.filter(pk__in=connection_ids).select_related("pace"):
        if not smtp.is_enabled:
            sentences.append(keep("The connection “%(smtp)s” is switched off.", smtp=smtp))
        elif smtp.pace.needs_person or smtp.pace.failing_since is None:
            sentences.append(
                keep(
                    "The connection “%(smtp)s” does not work: %(trouble)s",
                    smtp=smtp,
                    trouble=smtp.pace.trouble,
                )
            )
        else:
            since = dates.write_moment_for_all(smtp.pace.failing_since)
            sentences.append(
                keep(
                    "The connection “%(smtp)s” has not worked since %(since)s: %(trouble)s",
                    smtp=smtp,
                    since=since,
                    trouble=smtp.pace.trouble,
                )
            )
    return " ".join([*sentences, mark("Nobody was lost; resume it when this is fixed.")])


def pause_campaign(campaign_id: int, why: str) -> None:
    """Pause a running campaign by the system, with the reason; leave a campaign that is not running as it is."""
    try:
        lifecycle.fire(campaign_id, "pause", why=why, now=database_time.now())
    except lifecycle.Refused as refused:
        logger.info("Campaign %s was not paused: %s", campaign_id, refused)


class ResultRate:
    """The last results of one campaign, one letter each, "." for a success. Results of earlier runs come first.

    is_fresh: there was no failure in earlier runs.
    """

    NAME = ""  # in EmailCampaign.recent_results

    def __init__(self, before: str = "") -> None:
        self.is_fresh = not before
        self._letters: deque[str] = deque(before, maxlen=LONG_WINDOW)
        self._new: deque[str] = deque(maxlen=LONG_WINDOW)

    def take_new(self) -> str:
        """Return the results of this run that were not taken yet."""
        new = "".join(self._new)
        self._new.clear()
        return new

    def _add(self, letter: str) -> None:
        self._letters.append(letter)
        self._new.append(letter)


class ContentRate(ResultRate):
    """How many of a campaign's last messages could not be made because of their recipients' own values."""

    NAME = "content"

    def add(self, *, is_broken: bool) -> None:
        """Count one message."""
        self._add("x" if is_broken else ".")

    def describe_fault(self, said: str) -> str:
        """Return why the campaign must pause, "" when it need not; `said` is the fault of the last message."""
        every = "".join(self._letters)
        latest = every[-WINDOW:]
        if latest.count("x") >= MOST_BROKEN_IN_WINDOW:
            counted = latest
        elif every.count("x") >= MOST_LOST_IN_LONG_WINDOW:
            counted = every
        else:
            return ""
        return keep(
            "%(value)s of the last %(count)s messages could not be written for what is stored about "
            "their recipients, the last with: “%(said)s” Correct these contacts, or copy the "
            "campaign and mend its content, before you resume; failed recipients can be retried.",
            value=counted.count("x"),
            count=len(counted),
            said=said,
        )


class RefusalRate(ResultRate):
    """The servers' answers to the last messages of one campaign."""

    NAME = "answers"
    _LETTERS = {(False, False): ".", (True, False): "r", (False, True): "l", (True, True): "b"}

    def add(self, *, is_refused: bool, is_lost: bool) -> None:
        self._add(self._LETTERS[is_refused, is_lost])

    def verdict(self, said: str) -> str:
        """Return why the campaign must pause, "" when it need not; `said` is the last answer."""
        every = "".join(self._letters)
        latest = every[-WINDOW:]
        refused = latest.count("r") + latest.count("b")
        lost = every.count("l") + every.count("b")
        if refused >= MOST_REFUSED_IN_WINDOW:
            return keep(
                "%(refused)s of the last %(count)s messages were refused, the last with: %(said)s Fix "
                "what the servers object to, then resume it; failed recipients can be retried.",
                refused=refused,
                count=len(latest),
                said=said,
            )
        if lost >= MOST_LOST_IN_LONG_WINDOW:
            return keep(
                "%(lost)s of the last %(count)s recipients failed or bounced, the last with: %(said)s "
                "Check where these addresses come from before you resume.",
                lost=lost,
                count=len(every),
                said=said,
            )
        return ""


def keep_results(*each: Mapping[int, ResultRate]) -> None:
    """Keep the results of a run for later runs, since under a limit each run sends only a few messages.

    Campaigns without failures need no row.
    """
    for pk, rate in chain.from_iterable(rates.items() for rates in each):
        new = rate.take_new()
        if not new or (rate.is_fresh and set(new) == {"."}):
            continue
        with transaction.atomic():
            running = EmailCampaign.objects.select_for_update(of=("self",), no_key=True).filter(
                pk=pk, status=Campaign.Status.RUNNING
            )
            kept = running.values_list("recent_results", flat=True).first()
            if kept is None or not (set(new) - {"."} or kept.get(rate.NAME)):
                continue
            together = (kept.get(rate.NAME, "") + new)[-LONG_WINDOW:]
            EmailCampaign.objects.filter(pk=pk).update(recent_results=kept | {rate.NAME: together})


def forget_results(campaign: EmailCampaign) -> None:
    """Forget the earlier failures of a campaign that somebody starts."""
    EmailCampaign.objects.filter(pk=campaign.pk).exclude(recent_results={}).update(recent_results={})
