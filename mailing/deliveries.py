"""The rows of the ledger as a launch makes them: each recipient with its connection, its code, and when it is due.

Those who are held out get a row as well, which nothing ever sends.

One INSERT … SELECT makes them all.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.db import connection
from django.db.models import Max

from campaigns import database_time, zones
from mailing import audience, campaign_hold_out, codes, local_time
from mailing.models import Delivery, EmailCampaign, SmtpConnection
from mailing.sending import windows


class LaunchCounts(NamedTuple):
    """The funnel of recipients, and how many recipients each connection was given."""

    funnel: audience.Funnel
    planned: dict[str, int]


class DueTimes(NamedTuple):
    """SQL that works out when a recipient is due: an expression, the join it needs, and the join's parameters by name.

    The join reads the row of mailing_contact called `contact`.
    """

    due_at: str
    join: str = ""
    params: Mapping[str, list[str] | list[datetime]] = MappingProxyType({})


MAKE_DELIVERIES = """,
{parted}
recipients AS (
    SELECT contact_id{place} FROM {chosen} WHERE {are_chosen}
){draw},{dealt}
made AS (
    INSERT INTO mailing_delivery
        (campaign_id, contact_id, email, connection_id, status, due_at, attempts, reason, stage, enhanced_code, text,
         coupon_id)
    SELECT %s, recipients.contact_id, contact.email, route.connection_id, 'pending', {due_at}, 0, '', '', '', '',
           {coupon}
    FROM recipients JOIN {route} JOIN mailing_contact AS contact ON contact.id = recipients.contact_id{join}
    ORDER BY recipients.contact_id
)
SELECT counts.*, {held_out}, {planned} FROM ({counts}) AS counts
"""

ONE_ROUTE = "(SELECT %s::bigint AS connection_id) AS route ON true"


class Deal(NamedTuple):
    """How recipients are dealt to connections: parts of the statement, and their parameters.

    place: the column that numbers the recipients. dealt: the common table expressions that say which connection each
    place has. route: the relation with `connection_id` that recipients are joined with. planned: how many each
    connection has, as a JSON object; NULL for a single one, which has everybody. It needs no places: to number and deal
    a million takes half as long as to insert them.
    """

    place: str = ""
    dealt: str = ""
    dealt_params: tuple[list[int], ...] = ()
    route: str = ""
    route_params: tuple[int, ...] = ()
    planned: str = "NULL"


# Shares are exact by largest remainder: first what divides, then one more to each of those with the most left over.
# The connections take turns: each one's places lie as evenly among all as they can.
PLACE = ", row_number() OVER (ORDER BY contact_id) AS place"
DEAL = """
total AS (SELECT count(*) AS n FROM recipients),
quota AS (
    SELECT connection_id, position, n, n * share / whole AS base, n * share %% whole AS rest
    FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS route (connection_id, share, position),
         (SELECT sum(share)::bigint AS whole FROM unnest(%s::bigint[]) AS shares (share)) AS shares, total
),
given AS (
    SELECT connection_id, position, base
        + (row_number() OVER (ORDER BY rest DESC, position) <= n - sum(base) OVER ())::int AS amount
    FROM quota
),
turns AS (
    SELECT connection_id, row_number() OVER (ORDER BY (turn - 0.5::float8) / amount, position) AS place
    FROM given, generate_series(1, amount) AS turn
),"""
DEALT_ROUTE = "turns AS route USING (place)"
PLANNED = "(SELECT jsonb_object_agg(connection_id, amount) FROM given)"

# Those who are held out are of no connection, have no code, and are never due.
PARTED = """
parted AS (
    SELECT contact_id, {is_held_out} AS is_held_out FROM judged WHERE is_recipient
),
held_out AS (
    INSERT INTO mailing_delivery
        (campaign_id, contact_id, email, status, due_at, attempts, reason, stage, enhanced_code, text)
    SELECT %s, contact_id, contact.email, 'held_out', NULL, 0, '', '', '', ''
    FROM parted JOIN mailing_contact AS contact ON contact.id = contact_id WHERE is_held_out
    ORDER BY contact_id
),"""
NOTE_LAST_DUE = (
    "UPDATE mailing_emailcampaign SET last_due_at = greatest(last_due_at, %s) WHERE campaign_ptr_id = %s"
)

DUE_AT_ONCE = DueTimes("now()")
HELD = DueTimes("NULL")


def make_deliveries(
    campaign: EmailCampaign,
    chosen: audience.JudgedQuery,
    shares: list[tuple[SmtpConnection, int]],
    *,
    are_held: bool = False,
) -> LaunchCounts:
    """Make the deliveries of a campaign to the recipients of `chosen`, by the shares of its connections.

    Args:
        are_held: no delivery is due until it is released; see mailing.variants.
    """
    since = campaign.launched_at or database_time.now()
    due = HELD if are_held else write_due_times(campaign, since)
    # named where they stand in another statement, by their place in this one
    join = due.join % dict.fromkeys(due.params, "%s")
    given = codes.plan_codes(campaign)
    deal = plan_deal(shares)
    parted, held_out, those, are_chosen = "", "0", "judged", "is_recipient"
    if campaign.hold_out:
        is_held_out = campaign_hold_out.write_draw("contact_id", campaign)
        parted = PARTED.format(is_held_out=is_held_out)
        held_out, those, are_chosen = (
            "(SELECT count(*) FROM parted WHERE is_held_out)",
            "parted",
            "NOT is_held_out",
        )
    sql = chosen.sql + MAKE_DELIVERIES.format(
        parted=parted,
        chosen=those,
        are_chosen=are_chosen,
        held_out=held_out,
        counts=chosen.counts,
        due_at=due.due_at,
        join=join + given.join,
        draw=given.draw,
        coupon=given.coupon,
        place=deal.place,
        dealt=deal.dealt,
        route=deal.route,
        planned=deal.planned,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            [
                *chosen.params,
                *([campaign.pk] if campaign.hold_out else []),
                *given.draw_params,
                *deal.dealt_params,
                campaign.pk,
                *deal.route_params,
                *due.params.values(),
            ],
        )
        *counts, held, planned = cursor.fetchone()
        # without fresh statistics the first claims would sort the whole ledger
        cursor.execute("ANALYZE mailing_delivery")
    codes.refill_codes(campaign)
    codes.place_codes(campaign)
    if campaign.local_time is not None and not are_held:
        last = Delivery.objects.filter(campaign=campaign.pk).aggregate(last=Max("due_at"))["last"]
        note_last_due(campaign.pk, last)
    funnel = audience.read_funnel(tuple(counts))
    funnel = msgspec.structs.replace(funnel, recipients=funnel.recipients - held, held_out=held)
    if planned is None:  # one connection has everybody
        return LaunchCounts(funnel, {f"{shares[0][0].pk}": funnel.recipients})
    return LaunchCounts(funnel, msgspec.json.decode(planned))


def plan_deal(shares: list[tuple[SmtpConnection, int]]) -> Deal:
    """Return how the recipients are dealt to the connections, by their shares."""
    if len(shares) == 1:
        return Deal(route=ONE_ROUTE, route_params=(shares[0][0].pk,))
    parts = [share for _, share in shares]
    keys = [smtp.pk for smtp, _ in shares]
    return Deal(PLACE, DEAL, (keys, parts, parts), DEALT_ROUTE, planned=PLANNED)


def note_last_due(campaign_id: int, due_at: datetime | None) -> None:
    """Note that there is a recipient whose local time comes then; the last one counts."""
    with connection.cursor() as cursor:
        cursor.execute(NOTE_LAST_DUE, [due_at, campaign_id])


def write_due_times(campaign: EmailCampaign, since: datetime) -> DueTimes:
    """Return SQL for when the recipients are due: at once, or when clocks where they live next show its local time.

    Nobody is due before its grace period ends.

    Python says when that is in each zone, by the rule of `windows.find_instant`; the database finds each one's zone.
    """
    first = campaign.first_mail_at
    if campaign.local_time is None:
        return DueTimes(f"greatest(now(), '{first.isoformat()}'::timestamptz)") if first else DUE_AT_ONCE
    since = max(since, first) if first else since
    names = list(zones.list_names())
    instants = [windows.find_next_instant(campaign.local_time, ZoneInfo(name), since) for name in names]
    at_site = windows.find_next_instant(campaign.local_time, ZoneInfo(settings.TIME_ZONE), since)
    join = (
        " LEFT JOIN unnest(%(zones)s::text[], %(instants)s::timestamptz[]) AS local_clock (zone, due_at)"
        f" ON local_clock.zone = {local_time.write_zone_sql('contact')}"
    )
    return DueTimes(
        f"coalesce(local_clock.due_at, '{at_site.isoformat()}'::timestamptz)",
        join,
        {"zones": names, "instants": instants},
    )
