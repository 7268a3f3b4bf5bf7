"""The published rules as a process keeps them: immutable, compiled once per version.

There is nothing to invalidate: whoever reads the database for a sale reads the version in the same statement, and
takes another snapshot when it has moved.
"""

import logging
import re
import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from msgspec import Struct

from promotions import past, publish, stacking
from promotions.engine import CampaignTerms, Rule, RuleSet, StackingRules, compile_rules
from promotions.engine.rules import (
    Benefit,
    Caps,
    Condition,
    CustomerIs,
    FirstPurchase,
    InGroup,
    Stackable,
    Stacking,
    Target,
)
from promotions.past import Row
from promotions.publish.limits import keep_all, unkept

logger = logging.getLogger(__name__)

EXPLAINED = timedelta(days=1)  # so long after its end the till can still say that a campaign is over
MONEY = re.compile(r'"(amount|price|max_amount|unit_price_min|unit_price_max|at_least)":')


class Parts(Struct, frozen=True):
    """The JSON fields of a promotion, as the engine reads them."""

    benefit: Benefit
    target: Target = Target()
    conditions: tuple[Condition, ...] = ()
    stacking: Stacking | None = None
    caps: Caps = Caps()


class Snapshot(Struct, frozen=True):
    """The rules of one version.

    `counters`: (is it a campaign's, id of the campaign or promotion) by the counter's id; `campaign_counters`,
    `promotion_counters`: the other way round. Only those that sales are counted at.
    `campaign_limits`, `promotion_limits`: how often one customer may use it, where that is limited.
    `personal`: the counters of rules that a customer or a group touches, whatever is bought.
    `due`: (when, campaign id) of the steps the clock will owe, soonest first.
    """

    version: int | None
    rules: RuleSet
    stacking: StackingRules
    counters: Mapping[int, tuple[bool, int]]
    campaign_counters: Mapping[int, int]
    promotion_counters: Mapping[int, int]
    campaign_limits: Mapping[int, int]
    promotion_limits: Mapping[int, int]
    personal: frozenset[int]
    asks_groups: bool
    asks_first_purchase: bool
    due: tuple[tuple[datetime, int], ...]

    @property
    def asks_customer(self) -> bool:
        """Whether how often one customer used something is limited anywhere."""
        return bool(self.campaign_limits or self.promotion_limits)


NOTHING = Snapshot(
    None, compile_rules([]), StackingRules(), {}, {}, {}, {}, {}, frozenset(), False, False, ()
)
"""What is published where nothing ever was."""

_latest = NOTHING
_loading = threading.Lock()  # of many threads that find a new version, one reads it


def latest() -> Snapshot:
    """The snapshot this process has; whether it is still current, the caller's next look at the version tells."""
    return _latest


def of_version(version: int | None) -> Snapshot:
    """A snapshot of `version` or a later one. Not inside a sale's transaction: it may take the exclusive rules lock."""
    global _latest  # noqa: PLW0603 (the one per process)
    with _loading:
        if _latest.version != version:
            _latest = NOTHING if version is None else load()
        return _latest


_earlier: dict[tuple[int | None, int, int], Snapshot] = {}
EARLIER = 16  # a till sends its sales in their order, over hours in which the rules changed a few times


def as_of(at: datetime) -> Snapshot:
    """The rules that held at `at`, with the limits of now. Not inside a sale's transaction, as `of_version`."""
    key = version, *later = past.since(at)
    if not any(later):
        return of_version(version)
    with _loading:
        if key not in _earlier:
            if len(_earlier) >= EARLIER:
                _earlier.clear()
            _earlier[key] = load(at=at)
        return _earlier[key]


def load(*, drafts: bool = False, at: datetime | None = None) -> Snapshot:
    """Read and compile the published rules; with `drafts` also the campaigns that are not published yet.

    `at`: as they were then.
    A counter that does not say what its campaign says, after a write that went past promotions.publish, is put right.
    """
    if unkept():
        keep_all()
    with transaction.atomic():
        publish.lock_shared()
        version = _version()
        campaigns, rows, linked = _campaigns(drafts), _promotions(at), _linked()
        counters = _counters()
        rules_of_meeting = stacking.current()
        if at is not None:
            then = past.undone(at)
            campaigns, linked = then.campaigns_of(campaigns), then.links_of(linked)
            rows = [then.promotion_of(row) for row in rows]
            rules_of_meeting = then.stacking_of(rules_of_meeting)
    built = list(_rules(rows, _links(linked, campaigns), drafts))
    campaign_counters = {campaign: pk for pk, campaign, _, counts, _ in counters if campaign and counts}
    promotion_counters = {promotion: pk for pk, _, promotion, counts, _ in counters if promotion and counts}
    by_id = {pk: (True, campaign) for campaign, pk in campaign_counters.items()}
    by_id |= {pk: (False, promotion) for promotion, pk in promotion_counters.items()}
    return Snapshot(
        version=version,
        rules=compile_rules(built),
        stacking=rules_of_meeting,
        counters=by_id,
        campaign_counters=campaign_counters,
        promotion_counters=promotion_counters,
        campaign_limits={campaign: most for _, campaign, _, _, most in counters if campaign and most},
        promotion_limits={promotion: most for _, _, promotion, _, most in counters if promotion and most},
        personal=frozenset(_personal(built, campaign_counters, promotion_counters)),
        asks_groups=_asks(built, InGroup),
        asks_first_purchase=_asks(built, FirstPurchase),
        due=tuple(sorted(_due(campaigns.values()))) if at is None else (),
    )


def _version() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM promotions_rulesversion")
        row = cursor.fetchone()
    return row[0] if row else None


CAMPAIGNS = """
    SELECT c.id, c.status, c.starts_at, c.ends_at, p.priority, p.currency, p.on_budget_end, p.max_uses_per_customer,
           ARRAY(SELECT l.code FROM promotions_promotioncampaign_locations m JOIN pos_location l ON l.id = m.location_id
                 WHERE m.promotioncampaign_id = c.id)
    FROM campaigns_campaign c JOIN promotions_promotioncampaign p ON p.campaign_ptr_id = c.id
    WHERE c.status <> 'draft' OR %s
"""
OVER = ("expired", "cancelled")


def _campaigns(drafts: bool) -> dict[int, CampaignTerms]:
    with connection.cursor() as cursor:
        cursor.execute(CAMPAIGNS, [drafts])
        return {
            row[0]: CampaignTerms(
                id=row[0],
                status="active" if row[1] == "draft" else row[1],  # tried out: a draft's window decides
                starts_at=row[2],
                ends_at=row[3],
                priority=row[4],
                currency=row[5],
                on_budget_end=row[6],
                max_uses_per_customer=row[7],
                locations=frozenset(row[8]),
            )
            for row in cursor
        }


PROMOTIONS = """
    SELECT p.id, p.name, p.status = 'active', p.standalone, p.trigger, p.lane, p.priority, p.starts_at, p.ends_at,
           p.max_uses_per_customer,
           ARRAY(SELECT l.code FROM promotions_promotion_locations m JOIN pos_location l ON l.id = m.location_id
                 WHERE m.promotion_id = p.id),
           jsonb_build_object('benefit', p.benefit, 'target', p.target, 'conditions', p.conditions,
                              'stacking', nullif(p.stacking, '{}'), 'caps', p.caps)::text
    FROM promotions_promotion p WHERE p.deleted_at IS NULL
"""


def _promotions(at: datetime | None) -> list[Row]:
    """Those there are, and with `at` those there were then."""
    with connection.cursor() as cursor:
        cursor.execute(f"{PROMOTIONS} OR p.deleted_at > %s", [at])
        return [Row(*row) for row in cursor]


def _linked() -> list[tuple[int, int]]:
    """(campaign, promotion)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT campaign_id, promotion_id FROM promotions_link")
        return cursor.fetchall()


def _links(
    linked: Iterable[tuple[int, int]], campaigns: Mapping[int, CampaignTerms]
) -> dict[int, list[CampaignTerms]]:
    """The campaigns of each promotion, by its id."""
    links: dict[int, list[CampaignTerms]] = {}
    for campaign, promotion in linked:
        if campaign in campaigns:
            links.setdefault(promotion, []).append(campaigns[campaign])
    return links


def _counters() -> list[tuple[int, int | None, int | None, bool, int | None]]:
    """(id, campaign, promotion, whether sales are counted there, limit per customer)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, campaign_id, promotion_id, coalesce(budget, max_uses) IS NOT NULL, max_uses_per_customer "
            "FROM promotions_counter"
        )
        return cursor.fetchall()


def _rules(rows: Iterable[Row], links: Mapping[int, list[CampaignTerms]], drafts: bool) -> Iterable[Rule]:
    """One rule for each promotion and campaign that a sale may meet.

    Of campaigns that are over only those that ended lately, and those of promotions with a coupon: so that the till
    can say what became of a code somebody holds.
    """
    lately = timezone.now() - EXPLAINED
    for (
        pk,
        name,
        active,
        standalone,
        trigger,
        lane,
        priority,
        starts_at,
        ends_at,
        most,
        locations,
        text,
    ) in rows:
        terms: list[CampaignTerms | None] = [None] if standalone else []
        if not standalone:
            terms += [
                campaign
                for campaign in links.get(pk, [])
                if campaign.status not in OVER
                or trigger == "coupon"
                or (campaign.ends_at is not None and campaign.ends_at > lately)
            ]
        if not terms:
            continue
        try:
            parts = msgspec.json.decode(text, type=Parts)
        except msgspec.ValidationError:
            logger.exception("Promotion %s “%s” cannot be read and is left out", pk, name)
            continue
        for campaign in terms:
            yield Rule(
                promotion=pk,
                benefit=parts.benefit,
                label=name,
                target=parts.target,
                conditions=parts.conditions,
                lane=lane,
                stacking=parts.stacking or Stackable(),
                caps=parts.caps,
                trigger=trigger,
                active=active or drafts,
                starts_at=starts_at,
                ends_at=ends_at,
                priority=priority,
                locations=frozenset(locations),
                # a linked one is in its campaign's currency
                currency=settings.CURRENCY if campaign is None and MONEY.search(text) else "",
                max_uses_per_customer=most,
                campaign=campaign,
            )


def _personal(
    rules: Iterable[Rule], campaign_counters: Mapping[int, int], promotion_counters: Mapping[int, int]
) -> Iterable[int]:
    for rule in rules:
        if any(isinstance(condition, InGroup | CustomerIs) for condition in rule.conditions):
            if rule.campaign and rule.campaign.id in campaign_counters:
                yield campaign_counters[rule.campaign.id]
            if rule.promotion in promotion_counters:
                yield promotion_counters[rule.promotion]


def _asks(rules: Iterable[Rule], kind: type) -> bool:
    return any(isinstance(condition, kind) for rule in rules for condition in rule.conditions)


def _due(campaigns: Iterable[CampaignTerms]) -> Iterable[tuple[datetime, int]]:
    for campaign in campaigns:
        if campaign.status == "scheduled" and campaign.starts_at:
            yield campaign.starts_at, campaign.id
        elif campaign.status == "active" and campaign.ends_at:
            yield campaign.ends_at, campaign.id
