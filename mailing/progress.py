"""The figures of a campaign: sums over its tallies, which a trigger keeps equal to the ledger."""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Sum

from campaigns import database_time
from campaigns.models import Campaign
from campaigns.workspace.plots import BarPart, draw_bar_parts
from mailing.models import Attempt, Delivery, EmailCampaign, SmtpConnection, Tally
from mailing.sending import breaker, limits
from mailing.sending.turns import Limit

RATE_WINDOW = 30  # seconds the present rate is taken over
TREND = 300  # seconds the time left is judged by: limits by the minute and pauses of servers even out
BIN = 10  # seconds to which recent tallies are kept
S, M = Delivery.Status, Tally.Measure
DONE = frozenset(status for status in S if status not in Delivery.UNFINISHED)


class ConnectionFigures(msgspec.Struct, frozen=True):
    """One connection's part in a campaign: recipients given to it, and what it made of those it sent itself.

    actual: those it is done with. failing_since, next_try_at, gives_up_at: while it fails and is waited for.
    """

    connection: SmtpConnection
    planned: int
    actual: int
    accepted: int
    left: int
    trouble: str
    failing_since: datetime | None = None
    next_try_at: datetime | None = None
    gives_up_at: datetime | None = None


class Step(msgspec.Struct, frozen=True):
    """How many came as far as one step. `of` is what its percentage and its bar are of, `base` says that in words."""

    label: str
    meaning: str
    amount: int
    of: int
    base: str

    @property
    def width(self) -> str:
        """Of its bar, of 100."""
        return f"{100 * self.amount / self.of:g}" if self.of else "0"


class Figures(msgspec.Struct, frozen=True):
    """The progress of one campaign (E10). All but rates and times are numbers of recipients.

    waiting: not tried yet, also those a sender has taken in advance. sending: handed over, the answer not recorded yet.
    sent: accepted, bounced since, or uncertain. percent: of those nothing more is to come of, uncertain ones too.
    delivered: accepted and not bounced since. answered: sent, or refused for good at once: what bounces are told in
    percent of. rate: messages a second over the last half minute; average: since the launch. seconds_left: at the rate
    of the last minutes and under the limits, None when nothing moves and nothing is limited.
    """

    total: int
    sent: int
    percent: float
    accepted: int
    delivered: int
    opened: int
    clicked: int
    unsubscribed: int
    bounced: int
    deferred: int
    failed: int
    uncertain: int
    skipped: int
    waiting: int
    sending: int
    answered: int
    rate: float
    average: float
    seconds_left: int | None
    lanes: list[ConnectionFigures]
    errors: list[Attempt]

    @property
    def parts(self) -> list[BarPart]:
        """What became of all recipients, as one bar."""
        return draw_bar_parts(
            self.total,
            [
                ("delivered", "Delivered", self.delivered),
                ("doubtful", "Uncertain", self.uncertain),
                ("bounced", "Bounced", self.bounced),
                ("failed", "Failed", self.failed),
                ("deferred", "Deferred", self.deferred),
                ("skipped", "Skipped", self.skipped),
                ("waiting", "Waiting", self.waiting),
                ("sending", "Sending", self.sending),
            ],
        )

    @property
    def steps(self) -> list[Step]:
        """The way from the recipients to those who clicked."""
        return [
            Step("Recipients", "Everybody it goes to", self.total, self.total, ""),
            Step("Sent", "Handed over and taken by the mail server", self.sent, self.total, "recipients"),
            Step("Bounced", "Refused for good, at once or later", self.bounced, self.answered, "attempted"),
            Step("Opened", "Recipients who opened it", self.opened, self.sent, "sent"),
            Step("Clicked", "Recipients who clicked", self.clicked, self.sent, "sent"),
            Step("Unsubscribed", "Through a link in it", self.unsubscribed, self.sent, "sent"),
        ]


# The present rate, and that of the last minutes but not of the time before the last start or resume. Tallies are kept
# to ten seconds, so that a rate is over whole ones.
SUMS = """
WITH going AS (
    SELECT greatest(max(at), %(minutes)s) AS since FROM campaigns_transition
    WHERE campaign_id = %(campaign)s AND verb IN ('launch', 'resume')
)
SELECT connection_id, measure, sum(amount), sum(amount) FILTER (WHERE at > %(seconds)s),
       sum(amount) FILTER (WHERE at >= date_bin('10 seconds', (SELECT since FROM going), 'epoch')),
       (SELECT since FROM going)
FROM mailing_tally WHERE campaign_id = %(campaign)s GROUP BY connection_id, measure
"""

# Few rows of many; what another process folds at this moment it passes over. `at` only ever gets coarser.
FOLD = """
WITH gone AS (
    DELETE FROM mailing_tally WHERE id IN (
        SELECT id FROM mailing_tally WHERE campaign_id = %(campaign)s FOR UPDATE SKIP LOCKED
    )
    RETURNING connection_id, measure, amount,
        CASE WHEN at > now() - interval '5 minutes' THEN date_bin('10 seconds', at, 'epoch')
             ELSE date_bin('15 minutes', at, 'epoch') END AS at
)
INSERT INTO mailing_tally (campaign_id, connection_id, measure, amount, at)
SELECT %(campaign)s, connection_id, measure, sum(amount), at FROM gone GROUP BY connection_id, measure, at
HAVING sum(amount) <> 0
"""
CROWDED = """
SELECT campaign_id FROM mailing_tally WHERE campaign_id IS NOT NULL AND at > %s
GROUP BY campaign_id HAVING count(*) > 50
"""


def read_sums(campaign_id: int) -> dict[str, int]:
    """Every count of a campaign that is not 0, by its measure."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT measure, sum(amount) FROM mailing_tally WHERE campaign_id = %s"
            " GROUP BY measure HAVING sum(amount) <> 0",
            [campaign_id],
        )
        return {measure: int(amount) for measure, amount in cursor}


def count_unfinished(campaign_id: int) -> int:
    """How many recipients something is still to come of."""
    counts = read_sums(campaign_id)
    return sum(counts.get(status, 0) for status in Delivery.UNFINISHED)


def fold_tallies(now: datetime) -> None:
    """Make few tallies of many, for each campaign that has many new ones."""
    with connection.cursor() as cursor:
        cursor.execute(CROWDED, [now - timedelta(hours=1)])
        crowded = [row[0] for row in cursor]
        for pk in crowded:
            cursor.execute(FOLD, {"campaign": pk})


class Standing(msgspec.Struct, frozen=True):
    """How far one campaign of a list has come: numbers of recipients, and what became of all of them as one bar."""

    total: int
    sent: int
    opened: int
    clicked: int
    parts: list[BarPart]


def read_standings(pks: Collection[int]) -> dict[int, Standing]:
    """How the campaigns with these keys stand, by key; one whose recipients are not gathered yet is left out."""
    totals = EmailCampaign.objects.filter(pk__in=pks, prepared_at__isnull=False).values_list("pk", "total")
    counts: dict[int, Counter[str]] = {pk: Counter() for pk, _ in totals}
    rows = (
        Tally.objects.filter(campaign__in=counts).values_list("campaign", "measure").annotate(Sum("amount"))
    )
    for pk, measure, amount in rows.order_by():
        counts[pk][measure] = amount
    return {pk: _read_standing(total, counts[pk]) for pk, total in totals}


def _read_standing(total: int, of: Counter[str]) -> Standing:
    return Standing(
        total=total,
        sent=of[S.ACCEPTED] + of[M.RETURNED] + of[S.UNCERTAIN],
        opened=of[M.OPENED],
        clicked=of[M.CLICKED],
        parts=draw_bar_parts(
            total,
            [
                ("delivered", "Delivered", of[S.ACCEPTED]),
                ("doubtful", "Uncertain", of[S.UNCERTAIN]),
                ("bounced", "Bounced or failed", of[S.BOUNCED] + of[S.FAILED]),
                ("deferred", "Deferred", of[S.DEFERRED]),
                ("skipped", "Skipped", of[S.SKIPPED]),
            ],
        ),
    )


def read_figures(campaign: EmailCampaign) -> Figures:
    """The campaign's figures as they are now."""
    now = database_time.now()
    counts: dict[str, int] = {}
    lately = trend = 0
    going = now
    by_connection: dict[int | None, dict[str, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            SUMS,
            {
                "campaign": campaign.pk,
                "seconds": now - timedelta(seconds=RATE_WINDOW),
                "minutes": now - timedelta(seconds=TREND),
            },
        )
        for pk, measure, amount, recent, further, since in cursor:
            going = since
            counts[measure] = counts.get(measure, 0) + int(amount)
            by_connection.setdefault(pk, {})[measure] = int(amount)
            if measure in (S.ACCEPTED, M.RETURNED, S.UNCERTAIN):
                lately += int(recent or 0)
            if measure in DONE:
                trend += int(further or 0)

    def of(*measures: str) -> int:
        return sum(counts.get(measure, 0) for measure in measures)

    left = of(*Delivery.UNFINISHED)
    sent = of(S.ACCEPTED, M.RETURNED, S.UNCERTAIN)
    begun = campaign.prepared_at or now
    seconds = ((campaign.finished_at or now) - begun).total_seconds()
    is_running = campaign.status == Campaign.Status.RUNNING
    rate = lately / max(1.0, min(RATE_WINDOW, seconds)) if is_running else 0.0
    lanes = _connection_figures(campaign, by_connection)
    pace = trend / max(1.0, (now - max(going, begun)).total_seconds())
    return Figures(
        total=campaign.total,
        sent=sent,
        percent=_percent(campaign, left),
        accepted=of(S.ACCEPTED, M.RETURNED),
        delivered=of(S.ACCEPTED),
        opened=of(M.OPENED),
        clicked=of(M.CLICKED),
        unsubscribed=of(M.UNSUBSCRIBED),
        bounced=of(S.BOUNCED),
        deferred=of(S.DEFERRED),
        failed=of(S.FAILED),
        uncertain=of(S.UNCERTAIN),
        skipped=of(S.SKIPPED),
        waiting=of(S.PENDING, S.CLAIMED),
        sending=of(S.IN_DATA),
        answered=of(S.ACCEPTED, S.BOUNCED, S.UNCERTAIN),
        rate=rate,
        average=sent / seconds if seconds > 0 else 0.0,
        seconds_left=_seconds_left(campaign, lanes, left, pace, now) if campaign.prepared_at else None,
        lanes=lanes,
        errors=list(
            campaign.tries.exclude(status=S.ACCEPTED).select_related("delivery").order_by("-pk")[:10]
        ),
    )


def _percent(campaign: EmailCampaign, left: int) -> float:
    if campaign.prepared_at is None:
        return 0.0
    return 100.0 * (campaign.total - left) / campaign.total if campaign.total else 100.0


def _seconds_left(
    campaign: EmailCampaign, lanes: list[ConnectionFigures], left: int, pace: float, now: datetime
) -> int | None:
    """At the pace of late, and not sooner than the limits of the campaign and of its connections let it be."""
    if not left:
        return 0
    if campaign.status != Campaign.Status.RUNNING:
        return None
    least = [seconds_under_limits(campaign, [(lane.connection, lane.left) for lane in lanes], now)]
    if pace:
        least.append(left / pace)
    longest = max(least)
    return max(1, round(longest)) if longest else None


def seconds_under_limits(
    campaign: EmailCampaign, shares: Iterable[tuple[SmtpConnection, float]], now: datetime
) -> float:
    """Return how many seconds the limits make it last to send each connection's share; 0 without limits."""
    longest = total = 0.0
    for smtp, amount in shares:
        total += amount
        longest = max(longest, amount * Limit(smtp.per_second, smtp.per_minute).interval)
        if quotas := limits.limits_of(smtp, limits.day_of(database_time.now())):
            spent = smtp.pace.spent if hasattr(smtp, "pace") else {}
            longest = max(longest, limits.estimate_seconds(quotas, spent, now, round(amount)))
    return max(longest, total * Limit(campaign.per_second, campaign.per_minute).interval)


def estimate_shortest_seconds(campaign: EmailCampaign, recipients: int) -> int:
    """Return the seconds a campaign that is not launched yet would take under its limits as things stand; 0: none."""
    shares = campaign.shares()
    whole = sum(share for _, share in shares) or 1
    parts = [(smtp, recipients * share / whole) for smtp, share in shares]
    return round(seconds_under_limits(campaign, parts, database_time.now()))


def _connection_figures(
    campaign: EmailCampaign, by_connection: dict[int | None, dict[str, Any]]
) -> list[ConnectionFigures]:
    pks = {int(pk) for pk in campaign.planned} | {pk for pk in by_connection if pk}
    lanes = []
    is_running = campaign.status == Campaign.Status.RUNNING
    for smtp in SmtpConnection.objects.filter(pk__in=pks).select_related("pace"):
        counts = by_connection.get(smtp.pk, {})
        pace = getattr(smtp, "pace", None)
        failing = pace.failing_since if pace and is_running and not pace.needs_person else None
        lanes.append(
            ConnectionFigures(
                connection=smtp,
                planned=campaign.planned.get(str(smtp.pk), 0),
                actual=sum(counts.get(status, 0) for status in DONE if status != S.SKIPPED),
                accepted=counts.get(S.ACCEPTED, 0) + counts.get(M.RETURNED, 0),
                left=sum(counts.get(status, 0) for status in Delivery.UNFINISHED),
                trouble=pace.trouble if pace and (pace.down_since or pace.failures) else "",
                failing_since=failing,
                next_try_at=pace.held_until if pace and failing else None,
                gives_up_at=breaker.give_up_at(failing) if failing else None,
            )
        )
    return lanes
