"""The figures of a campaign as its pages, its report and the lists show them."""

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from django.db import connection
from django.utils.translation import gettext

from campaigns import database_time
from campaigns.models import Campaign
from campaigns.workspace.plots import BarPart, draw_bar_parts
from mailing.models import Attempt, Delivery, EmailCampaign, SmtpConnection, Tally
from mailing.sending import breaker, limits
from mailing.sending.turns import Limit
from mailing.tallies import DONE, RATE_WINDOW, Sums, sum_tallies

S, M = Delivery.Status, Tally.Measure
Phase = EmailCampaign.Phase
# of a campaign in a list, so that the contents stay in the database
FIELDS_OF_ROW_FIGURES = (
    "status",
    "total",
    "planned",
    "prepared_at",
    "finished_at",
    "per_second",
    "per_minute",
    "per_hour",
    "window_from",
    "window_until",
    "window_days",
    "window_zone",
    "local_time",
    "last_due_at",
    "phase",
)


class ConnectionFigures(msgspec.Struct, frozen=True):
    """One connection's part in a campaign: recipients given to it, and what it made of those it sent itself.

    actual: those it is done with. failing_since, next_try_at, gives_up_at: set while it fails and senders wait for it.
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
    """How many recipients came as far as one step. `of` is the whole of its percentage, `base` says that in words."""

    label: str
    meaning: str
    amount: int
    of: int
    base: str

    @property
    def width(self) -> str:
        """The length of its bar, from 0 to 100."""
        return f"{100 * self.amount / self.of:g}" if self.of else "0"


class Figures(msgspec.Struct, frozen=True):
    """The progress of one campaign (E10). All but rates and times are numbers of recipients.

    waiting: not tried yet, also those a sender has taken in advance. sending: handed over, the answer not recorded yet.
    sent: accepted, bounced since, or uncertain. percent: how many are finished, uncertain ones too.
    delivered: accepted and not bounced since. confirmed: of these, those that a provider reports as delivered.
    answered: sent, or refused for good at once: the whole for the percentage of bounces. rate: messages a second over
    the last half minute; average: since the launch. seconds_left: at the rate of the last minutes, under the limits, in
    its hours, None when nothing moves and nothing is limited. goes_on_at: when mails leave again, if none may leave now
    although somebody is left. is_shut: none may leave because of the campaign's hours, not those of its recipients.
    grace_seconds: until the first mail leaves, while the launch can still be taken back.
    """

    total: int
    sent: int
    percent: float
    accepted: int
    delivered: int
    confirmed: int
    opened: int
    clicked: int
    unsubscribed: int
    complained: int
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
    connections: list[ConnectionFigures]
    errors: list[Attempt]
    goes_on_at: datetime | None = None
    is_shut: bool = False
    grace_seconds: int = 0

    @property
    def parts(self) -> list[BarPart]:
        """What became of all recipients, as one bar."""
        return draw_bar_parts(
            self.total,
            [
                ("delivered", gettext("Delivered"), self.delivered),
                ("doubtful", gettext("Uncertain"), self.uncertain),
                ("bounced", gettext("Bounced"), self.bounced),
                ("failed", gettext("Failed"), self.failed),
                ("deferred", gettext("Deferred"), self.deferred),
                ("skipped", gettext("Skipped"), self.skipped),
                ("waiting", gettext("Waiting"), self.waiting),
                ("sending", gettext("Sending"), self.sending),
            ],
        )

    @property
    def steps(self) -> list[Step]:
        """The steps from recipients to clicks."""
        confirmed = Step(
            gettext("Confirmed"),
            gettext("Delivered, as the provider reports"),
            self.confirmed,
            self.sent,
            "sent",
        )
        return [
            Step(gettext("Recipients"), gettext("Everybody it goes to"), self.total, self.total, ""),
            Step(
                gettext("Sent"),
                gettext("Accepted by the mail server, or perhaps accepted"),
                self.sent,
                self.total,
                "recipients",
            ),
            *([confirmed] if self.confirmed else []),
            Step(
                gettext("Bounced"),
                gettext("Refused for good, at once or later"),
                self.bounced,
                self.answered,
                "attempted",
            ),
            Step(gettext("Opened"), gettext("Recipients who opened it"), self.opened, self.sent, "sent"),
            Step(gettext("Clicked"), gettext("Recipients who clicked"), self.clicked, self.sent, "sent"),
            Step(
                gettext("Unsubscribed"), gettext("Through a link in it"), self.unsubscribed, self.sent, "sent"
            ),
        ]


class RowFigures(msgspec.Struct, frozen=True):
    """How far one campaign of a list has come: numbers of recipients, and what became of all of them as one bar.

    percent, rate and seconds_left are those of Figures.
    """

    total: int
    sent: int
    opened: int
    clicked: int
    percent: float
    rate: float
    seconds_left: int | None
    parts: list[BarPart]


def read_row_figures(pks: Collection[int]) -> dict[int, RowFigures]:
    """Return the figures of each campaign, by its key; a campaign without recipients yet is left out.

    It takes three queries at most, however many campaigns there are.
    """
    now = database_time.now()
    campaigns = EmailCampaign.objects.filter(pk__in=pks, prepared_at__isnull=False).only(
        *FIELDS_OF_ROW_FIGURES
    )
    sums = sum_tallies([campaign.pk for campaign in campaigns], now)
    smtps = _read_connections(
        {
            pk
            for campaign in campaigns
            if campaign.status == Campaign.Status.RUNNING
            for pk in _connections_of(campaign, sums[campaign.pk])
        }
    )
    return {
        campaign.pk: _read_figures_of_row(campaign, sums[campaign.pk], smtps, now) for campaign in campaigns
    }


def _read_figures_of_row(
    campaign: EmailCampaign, sums: Sums, smtps: Mapping[int, SmtpConnection], now: datetime
) -> RowFigures:
    return RowFigures(
        total=campaign.total,
        sent=sums.number_sent,
        opened=sums.count(M.OPENED),
        clicked=sums.count(M.CLICKED),
        percent=_percent(campaign, sums.number_left),
        rate=_rate(campaign, sums, now),
        seconds_left=_seconds_left(campaign, _connection_figures(campaign, sums, smtps), sums, now),
        parts=draw_bar_parts(
            campaign.total,
            [
                ("delivered", gettext("Delivered"), sums.count(S.ACCEPTED)),
                ("doubtful", gettext("Uncertain"), sums.count(S.UNCERTAIN)),
                ("bounced", gettext("Bounced or failed"), sums.count(S.BOUNCED, S.FAILED)),
                ("deferred", gettext("Deferred"), sums.count(S.DEFERRED)),
                ("skipped", gettext("Skipped"), sums.count(S.SKIPPED)),
            ],
        ),
    )


def read_figures(campaign: EmailCampaign) -> Figures:
    """Return the campaign's figures as they are now."""
    now = database_time.now()
    sums = sum_tallies([campaign.pk], now)[campaign.pk]
    connections = _connection_figures(campaign, sums, _read_connections(_connections_of(campaign, sums)))
    seconds = _seconds_of_sending(campaign, now)
    goes_on_at, is_shut = _find_next_sending(campaign, sums, now)
    return Figures(
        total=campaign.total,
        sent=sums.number_sent,
        percent=_percent(campaign, sums.number_left),
        accepted=sums.count(S.ACCEPTED, M.RETURNED),
        delivered=sums.count(S.ACCEPTED),
        confirmed=sums.count(M.DELIVERED),
        opened=sums.count(M.OPENED),
        clicked=sums.count(M.CLICKED),
        unsubscribed=sums.count(M.UNSUBSCRIBED),
        complained=sums.count(M.COMPLAINED),
        bounced=sums.count(S.BOUNCED),
        deferred=sums.count(S.DEFERRED),
        failed=sums.count(S.FAILED),
        uncertain=sums.count(S.UNCERTAIN),
        skipped=sums.count(S.SKIPPED),
        waiting=sums.count(S.PENDING, S.CLAIMED),
        sending=sums.count(S.IN_DATA),
        answered=sums.count(S.ACCEPTED, S.BOUNCED, S.UNCERTAIN),
        rate=_rate(campaign, sums, now),
        average=sums.number_sent / seconds if seconds > 0 else 0.0,
        seconds_left=_seconds_left(campaign, connections, sums, now) if campaign.prepared_at else None,
        connections=connections,
        errors=list(
            campaign.tries.exclude(status=S.ACCEPTED).select_related("delivery").order_by("-pk")[:10]
        ),
        goes_on_at=goes_on_at,
        is_shut=is_shut,
        grace_seconds=_find_grace(campaign, now),
    )


_NEXT_DUE = """
SELECT min(soonest.due_at) FROM unnest(%s::bigint[]) AS given (connection_id), LATERAL (
    SELECT due_at FROM mailing_delivery
    WHERE connection_id = given.connection_id AND campaign_id = %s AND due_at IS NOT NULL
    ORDER BY due_at LIMIT 1
) AS soonest
"""


def _find_next_sending(campaign: EmailCampaign, sums: Sums, now: datetime) -> tuple[datetime | None, bool]:
    """Find when mails leave again if none may leave now, and whether that is because of the campaign's hours."""
    if campaign.status != Campaign.Status.RUNNING or not sums.count(S.PENDING, S.DEFERRED):
        return None, False
    due_at = None
    if campaign.local_time and not sums.count(S.CLAIMED, S.IN_DATA):
        with connection.cursor() as cursor:
            cursor.execute(_NEXT_DUE, [[int(pk) for pk in campaign.planned], campaign.pk])
            due_at = cursor.fetchone()[0]
    soonest = max(now, due_at or now)
    if campaign.window is None:
        return (soonest, False) if soonest > now else (None, False)
    opens = max(soonest, campaign.window.find_stretch(soonest).opens)
    return (opens, not campaign.window.is_open(now)) if opens > now else (None, False)


def _find_grace(campaign: EmailCampaign, now: datetime) -> int:
    """Return the seconds in which no mail leaves yet because a person has just launched the campaign."""
    if campaign.status != Campaign.Status.RUNNING or campaign.first_mail_at is None:
        return 0
    return max(0, math.ceil((campaign.first_mail_at - now).total_seconds()))


def _seconds_of_sending(campaign: EmailCampaign, now: datetime) -> float:
    """Return the seconds from the preparation of its recipients until now, or until it ended."""
    return ((campaign.finished_at or now) - (campaign.prepared_at or now)).total_seconds()


def _rate(campaign: EmailCampaign, sums: Sums, now: datetime) -> float:
    """Return messages a second over the last RATE_WINDOW seconds or since its start; 0 unless it runs."""
    if campaign.status != Campaign.Status.RUNNING:
        return 0.0
    return sums.lately / max(1.0, min(RATE_WINDOW, _seconds_of_sending(campaign, now)))


def _percent(campaign: EmailCampaign, left: int) -> float:
    if campaign.prepared_at is None:
        return 0.0
    return 100.0 * (campaign.total - left) / campaign.total if campaign.total else 100.0


def _seconds_left(
    campaign: EmailCampaign, connections: list[ConnectionFigures], sums: Sums, now: datetime
) -> int | None:
    """Estimate the seconds left: at the pace of the last minutes, and not below what the limits allow."""
    if not sums.number_left:
        return 0
    if campaign.status != Campaign.Status.RUNNING or campaign.phase in (Phase.TESTING, Phase.WAITING):
        return None
    lower_bounds = [
        seconds_under_limits(campaign, [(each.connection, each.left) for each in connections], now)
    ]
    begun = campaign.prepared_at or now
    stretch = campaign.window.find_stretch(now) if campaign.window else None
    since = max(sums.going, begun, stretch.opens if stretch and stretch.holds(now) else begun)
    if pace := sums.trend / max(1.0, (now - since).total_seconds()):
        lower_bounds.append(sums.number_left / pace)
    longest = max(lower_bounds)
    # neither a pace, nor a limit, nor somebody due later
    if not longest and (campaign.last_due_at or now) <= now:
        return None
    ends = stretch_over_hours(campaign, now, longest)
    return max(1, round((ends - now).total_seconds())) if ends > now else None


def stretch_over_hours(campaign: EmailCampaign, now: datetime, seconds: float) -> datetime:
    """Return when so many seconds of sending end, counted in the campaign's hours and not before everybody is due."""
    begin = max(now, campaign.last_due_at or now)
    ends = max(now + timedelta(seconds=seconds), begin)
    if campaign.window is None:
        return ends
    ends = campaign.window.add_open_time(now, timedelta(seconds=seconds))
    return max(ends, campaign.window.add_open_time(begin, timedelta(0))) if begin > now else ends


def seconds_under_limits(
    campaign: EmailCampaign, shares: Iterable[tuple[SmtpConnection, float]], now: datetime
) -> float:
    """Return the seconds that the limits need at least for each connection's share; 0 without limits."""
    longest = total = 0.0
    for smtp, amount in shares:
        total += amount
        longest = max(longest, amount * Limit(smtp.per_second, smtp.per_minute).interval)
        if quotas := limits.limits_of(smtp, limits.day_of(now)):
            spent = smtp.pace.spent if hasattr(smtp, "pace") else {}
            longest = max(longest, limits.estimate_seconds(quotas, spent, now, round(amount)))
    limit = Limit(campaign.per_second, campaign.per_minute, campaign.per_hour)
    return max(longest, total * limit.interval)


def estimate_shortest_seconds(campaign: EmailCampaign, recipients: int) -> int:
    """Return the seconds that a campaign would take at least if it were launched now; 0 without limits."""
    shares = campaign.shares()
    whole = sum(share for _, share in shares) or 1
    parts = [(smtp, recipients * share / whole) for smtp, share in shares]
    now = database_time.now()
    seconds = seconds_under_limits(campaign, parts, now)
    if not seconds:
        return 0
    return round((stretch_over_hours(campaign, now, seconds) - now).total_seconds())


def _connections_of(campaign: EmailCampaign, sums: Sums) -> set[int]:
    """Return the keys of the connections that have recipients of the campaign or sent some of it."""
    return {int(pk) for pk in campaign.planned} | {pk for pk in sums.by_connection if pk}


def _read_connections(pks: Collection[int]) -> dict[int, SmtpConnection]:
    if not pks:
        return {}
    return {smtp.pk: smtp for smtp in SmtpConnection.objects.filter(pk__in=pks).select_related("pace")}


def _connection_figures(
    campaign: EmailCampaign, sums: Sums, smtps: Mapping[int, SmtpConnection]
) -> list[ConnectionFigures]:
    """Return the part of each connection in `smtps`."""
    pks = _connections_of(campaign, sums)
    connections = []
    is_running = campaign.status == Campaign.Status.RUNNING
    for smtp in smtps.values():
        if smtp.pk not in pks:
            continue
        counts = sums.by_connection.get(smtp.pk, {})
        pace = getattr(smtp, "pace", None)
        failing = pace.failing_since if pace and is_running and not pace.needs_person else None
        connections.append(
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
    return connections
