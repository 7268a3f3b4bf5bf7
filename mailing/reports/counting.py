"""Counts a whole ledger for a report, in one statement, so that all figures are of one moment."""

from datetime import datetime

import msgspec
from django.db import connection

from campaigns.waits import limit_waits

COUNT_WAIT_SECONDS = 120.0
CLICKERS_KEPT = 100
DOMAINS_NAMED = CITIES_NAMED = 20  # the largest; the rest stand together under ""

# `done` has few rows: each event belongs to one of some hundred kinds. Each kind is counted under its link, its device,
# its mail program and its operating system. The honeypot link has no number, and so no line among the links.
_COUNT = """
WITH done AS (
    SELECT kind, origin, true AS is_named, link, device, client, system, count(*) AS amount
    FROM mailing_event WHERE campaign_id = %(campaign)s AND kind IN ('opened', 'clicked') GROUP BY 1, 2, 4, 5, 6, 7
    UNION ALL
    SELECT kind, origin, was_named, link, device, client, system, sum(amount)
    FROM mailing_eventcount WHERE campaign_id = %(campaign)s AND kind IN ('opened', 'clicked')
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
events AS (
    SELECT part, coalesce(value, '') AS value, kind, origin, is_named, sum(amount)::bigint AS amount
    FROM done, LATERAL (VALUES
        ('link', link::text), ('device', device), ('client', client), ('system', system)
    ) AS cut (part, value)
    GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) <> 0 ORDER BY 1, 2, 3, 4, 5
),
clicks AS (
    SELECT delivery_id, link FROM mailing_event
    WHERE campaign_id = %(campaign)s AND kind = 'clicked' AND origin = 'human' AND link IS NOT NULL
),
people AS (SELECT link, count(DISTINCT delivery_id) AS amount FROM clicks GROUP BY 1 ORDER BY 1),
clickers AS (
    SELECT delivery_id AS delivery, count(*) AS clicks, count(DISTINCT link) AS links FROM clicks
    GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1 LIMIT %(clickers)s
),
cells AS (
    SELECT split_part(email, '@', 2) AS domain, code, count(*) AS amount
    FROM mailing_delivery WHERE campaign_id = %(campaign)s AND status <> 'held_out' GROUP BY 1, 2
),
ranked AS (
    SELECT domain, row_number() OVER (ORDER BY sum(amount) DESC, domain) AS place FROM cells GROUP BY 1
),
replies AS (
    SELECT CASE WHEN place <= %(domains)s THEN domain ELSE '' END AS domain, code, sum(amount)::bigint AS amount
    FROM cells JOIN ranked USING (domain) GROUP BY 1, 2 ORDER BY 1, 2
),
places AS (
    SELECT coalesce(contact.country, '') AS country, coalesce(contact.city, '') AS city,
           count(*) FILTER (WHERE status IN ('accepted', 'uncertain') OR (status = 'bounced' AND sent_at IS NOT NULL))
           AS sent, count(opened_at) AS opened, count(clicked_at) AS clicked
    FROM mailing_delivery AS delivery LEFT JOIN mailing_contact AS contact ON contact.id = delivery.contact_id
    WHERE campaign_id = %(campaign)s AND status <> 'held_out' GROUP BY 1, 2
),
countries AS (
    SELECT country, sum(sent)::bigint AS sent, sum(opened)::bigint AS opened, sum(clicked)::bigint AS clicked
    FROM places GROUP BY 1 ORDER BY 2 DESC, 1
),
named AS (
    SELECT country, city, sent, opened, clicked, row_number() OVER (ORDER BY sent DESC, city, country) AS place
    FROM places WHERE city <> '' AND (sent > 0 OR opened > 0 OR clicked > 0)
),
cities AS (
    SELECT CASE WHEN place <= %(cities)s THEN country ELSE '' END AS country,
           CASE WHEN place <= %(cities)s THEN city ELSE '' END AS city, count(*) AS amount,
           sum(sent)::bigint AS sent, sum(opened)::bigint AS opened, sum(clicked)::bigint AS clicked
    FROM named GROUP BY 1, 2 ORDER BY min(place)
),
forgotten AS (
    SELECT coalesce(sum(amount), 0)::bigint AS amount FROM mailing_eventcount
    WHERE campaign_id = %(campaign)s AND was_named
),
tallies AS (
    SELECT measure, sum(amount)::bigint AS amount FROM mailing_tally WHERE campaign_id = %(campaign)s
    GROUP BY 1 HAVING sum(amount) <> 0
)
SELECT json_build_object(
    'at', now(),
    'domains', (SELECT count(*) FROM ranked),
    'forgotten', (SELECT amount FROM forgotten),
    'events', (SELECT coalesce(json_agg(events), '[]') FROM events),
    'people', (SELECT coalesce(json_agg(people), '[]') FROM people),
    'clickers', (SELECT coalesce(json_agg(clickers), '[]') FROM clickers),
    'replies', (SELECT coalesce(json_agg(replies), '[]') FROM replies),
    'countries', (SELECT coalesce(json_agg(countries), '[]') FROM countries),
    'cities', (SELECT coalesce(json_agg(cities), '[]') FROM cities),
    'tallies', (SELECT coalesce(json_object_agg(measure, amount), '{}') FROM tallies)
)::text
"""


class EventSum(msgspec.Struct, frozen=True):
    """Events of one kind and origin, under one `value` of a `part`: link, device, client or system."""

    part: str
    value: str
    kind: str
    origin: str
    is_named: bool
    amount: int


class LinkPeople(msgspec.Struct, frozen=True):
    link: int
    amount: int


class Clicker(msgspec.Struct, frozen=True):
    """A delivery whose links people followed most often, and how many different ones."""

    delivery: int
    clicks: int
    links: int


class Replies(msgspec.Struct, frozen=True):
    """How many recipients of one domain had one code in their last answer; `domain` "": all smaller domains."""

    domain: str
    code: int | None
    amount: int


class CountryFigures(msgspec.Struct, frozen=True):
    """How many recipients live in one country; `country` "": nobody knows it."""

    country: str
    sent: int
    opened: int
    clicked: int


class CityFigures(msgspec.Struct, frozen=True):
    """Recipients whose contacts live in a city of a country; `city` is "" for the `amount` smaller ones together."""

    country: str
    city: str
    amount: int
    sent: int
    opened: int
    clicked: int


class Counts(msgspec.Struct, frozen=True):
    """A ledger counted at one moment.

    forgotten: opens and clicks that became too old to name anybody. tallies: the sums over tallies at the same moment,
    to compare the counts with.
    """

    at: datetime
    domains: int
    forgotten: int
    events: list[EventSum]
    people: list[LinkPeople]
    clickers: list[Clicker]
    replies: list[Replies]
    countries: list[CountryFigures]
    tallies: dict[str, int]
    cities: list[CityFigures] = []


def count_ledger(campaign_id: int) -> Counts:
    """Count the ledger and the events of a campaign."""
    values = {
        "campaign": campaign_id,
        "clickers": CLICKERS_KEPT,
        "domains": DOMAINS_NAMED,
        "cities": CITIES_NAMED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        (text,) = cursor.fetchone()
    return msgspec.json.decode(text, type=Counts)


def count_large_ledger(campaign_id: int) -> Counts:
    """Count a large ledger, in the queue: it takes longer than a page may."""
    with limit_waits(each=COUNT_WAIT_SECONDS):
        return count_ledger(campaign_id)
