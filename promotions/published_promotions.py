"""Reads campaigns and promotions from the database as rules of the engine.

Rows that have not changed since the last time are not read again. The stamp of a promotion's row tells: the transaction
that wrote it, and its place. So a write by SQL counts like any other.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import connection
from msgspec import Struct
from msgspec.structs import replace

from campaigns.annotations import Argument
from promotions.earlier_rules import StoredPromotion
from promotions.engine import CampaignTerms, Rule
from promotions.engine.rules import Benefit, Caps, Condition, Stackable, Stacking, Target

logger = logging.getLogger(__name__)

EXPLAIN_ENDED_FOR = timedelta(days=1)  # so long after its end the till can still say that a campaign is over
MONEY = re.compile(r'"(amount|price|max_amount|unit_price_min|unit_price_max|at_least)":')
OVER = ("expired", "cancelled")

Stamp = tuple[str, str, Sequence[str]]
"""The transaction that wrote a row, its place in the table, and the codes of its locations."""


class Parts(Struct, frozen=True, gc=False):
    """The JSON fields of a promotion, as the engine reads them."""

    benefit: Benefit
    target: Target = Target()
    conditions: tuple[Condition, ...] = ()
    stacking: Stacking | None = None
    caps: Caps = Caps()


class PublishedPromotion(Struct, frozen=True, gc=False):
    """One promotion as it was read. `parts` None: it cannot be read. `rules`: one for each campaign that counts.

    `asks`: the kinds of its conditions.
    """

    stamp: Stamp | None
    row: StoredPromotion
    parts: Parts | None
    names_money: bool
    asks: frozenset[type]
    rules: tuple[Rule, ...] = ()


CAMPAIGNS = """
    SELECT c.id, c.status, c.starts_at, c.ends_at, p.priority, p.currency, p.on_budget_end, p.max_uses_per_customer,
           p.exclusive,
           ARRAY(SELECT l.code FROM promotions_promotioncampaign_locations m JOIN pos_location l ON l.id = m.location_id
                 WHERE m.promotioncampaign_id = c.id)
    FROM campaigns_campaign c JOIN promotions_promotioncampaign p ON p.campaign_ptr_id = c.id
    WHERE c.status <> 'draft' OR (%s AND c.id = coalesce(%s, c.id))
"""


def read_campaigns(
    known: Mapping[int, CampaignTerms], *, drafts: bool, of: int | None = None
) -> dict[int, CampaignTerms]:
    """Return the published campaigns by id, or with `drafts` all; unchanged ones are the `known` objects.

    `of`: the one campaign among the drafts; None: all of them.
    """
    with connection.cursor() as cursor:
        cursor.execute(CAMPAIGNS, [drafts, of])
        found = [
            CampaignTerms(
                id=row[0],
                status="active" if row[1] == "draft" else row[1],  # tried out: a draft's window decides
                starts_at=row[2],
                ends_at=row[3],
                priority=row[4],
                currency=row[5],
                on_budget_end=row[6],
                max_uses_per_customer=row[7],
                exclusive=row[8],
                locations=frozenset(row[9]),
            )
            for row in cursor
        ]
    return {terms.id: terms if known.get(terms.id) != terms else known[terms.id] for terms in found}


def read_links() -> list[tuple[int, int]]:
    """Return (campaign, promotion)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT campaign_id, promotion_id FROM promotions_link")
        links: list[tuple[int, int]] = cursor.fetchall()
    return links


PROMOTIONS = """
    SELECT p.id, p.name, p.status = 'active', p.standalone, p.trigger, p.level, p.priority, p.starts_at, p.ends_at,
           p.max_uses_per_customer,
           ARRAY(SELECT l.code FROM promotions_promotion_locations m JOIN pos_location l ON l.id = m.location_id
                 WHERE m.promotion_id = p.id),
           jsonb_build_object('benefit', p.benefit, 'target', p.target, 'conditions', p.conditions,
                              'stacking', nullif(p.stacking, '{}'), 'caps', p.caps)::text
    FROM promotions_promotion p
"""
STAMPS = "SELECT id, xmin::text, ctid::text FROM promotions_promotion WHERE deleted_at IS NULL"
LOCATIONS = """
    SELECT m.promotion_id, array_agg(l.code ORDER BY l.code)
    FROM promotions_promotion_locations m JOIN pos_location l ON l.id = m.location_id GROUP BY m.promotion_id
"""


def read_rows_at(at: datetime) -> list[StoredPromotion]:
    """Return the promotions of now and those of the time `at`."""
    return _read_rows("WHERE p.deleted_at IS NULL OR p.deleted_at > %s", [at])


def _read_rows(where: str, values: list[Argument]) -> list[StoredPromotion]:
    with connection.cursor() as cursor:
        cursor.execute(f"{PROMOTIONS} {where}", values)
        return [StoredPromotion(*row) for row in cursor]


def read_promotions(known: Mapping[int, PublishedPromotion]) -> list[PublishedPromotion]:
    """Return all promotions; unchanged ones are the `known` objects, the others have no rules yet."""
    with connection.cursor() as cursor:
        cursor.execute(LOCATIONS)
        places = dict(cursor.fetchall())
        cursor.execute(STAMPS)
        stamps: dict[int, Stamp] = {
            pk: (written_by, place, places.get(pk, ())) for pk, written_by, place in cursor.fetchall()
        }
    kept = [one for one in known.values() if stamps.get(one.row.id) == one.stamp]
    unread = list(stamps.keys() - {one.row.id for one in kept})
    return (
        kept + [read_promotion(row, stamps[row.id]) for row in _read_rows("WHERE p.id = ANY(%s)", [unread])]
        if unread
        else kept
    )


def read_promotion(row: StoredPromotion, stamp: Stamp | None = None) -> PublishedPromotion:
    """Return a promotion as it is stored, without rules. One that cannot be read is logged."""
    try:
        parts = msgspec.json.decode(row.parts, type=Parts)
    except msgspec.ValidationError:
        logger.exception("Promotion %s “%s” cannot be read and is left out", row.id, row.name)
        return PublishedPromotion(stamp, row, None, False, frozenset())
    asks = frozenset([type(condition) for condition in parts.conditions])
    return PublishedPromotion(stamp, row._replace(parts=""), parts, MONEY.search(row.parts) is not None, asks)


def add_rules(
    promotion: PublishedPromotion,
    links: Mapping[int, list[CampaignTerms]],
    *,
    drafts: bool,
    of: int | None = None,
    now: datetime,
) -> PublishedPromotion:
    """Return `promotion` with one rule for each campaign of its `links` (by promotion) that counts.

    Of ended campaigns only those count that ended lately, or whose promotion has a coupon, so that the till can explain
    a code that somebody holds.
    """
    row, parts = promotion.row, promotion.parts
    if parts is None:
        return promotion
    lately = now - EXPLAIN_ENDED_FOR
    terms: list[CampaignTerms | None] = [None] if row.standalone else []
    if not row.standalone:
        terms += [
            campaign
            for campaign in links.get(row.id, ())
            if campaign.status not in OVER
            or row.trigger == "coupon"
            or (campaign.ends_at is not None and campaign.ends_at > lately)
        ]
    if [rule.campaign for rule in promotion.rules] == terms:
        return promotion
    rules = [
        Rule(
            promotion=row.id,
            benefit=parts.benefit,
            label=row.name,
            target=parts.target,
            conditions=parts.conditions,
            level=row.level,
            stacking=parts.stacking or Stackable(),
            caps=parts.caps,
            trigger=row.trigger,
            active=row.active or (drafts and (of is None or (campaign is not None and campaign.id == of))),
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            priority=row.priority,
            locations=frozenset(row.locations),
            # a linked one is in its campaign's currency
            currency=settings.CURRENCY if campaign is None and promotion.names_money else "",
            max_uses_per_customer=row.max_uses_per_customer,
            campaign=campaign,
        )
        for campaign in terms
    ]
    return replace(promotion, rules=tuple(rules))
