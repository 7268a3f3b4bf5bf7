"""The snapshot of the published rules that a process keeps: immutable, compiled once for each version.

Nothing has to be invalidated: the statement that reads the database for a sale reads the version too, and another
version needs another snapshot.
"""

import gc
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction
from msgspec import Struct

from campaigns import database_time
from promotions import earlier_rules, publish, published_promotions, stacking
from promotions.engine import CampaignTerms, RuleSet, StackingRules, compile_rules
from promotions.engine.rules import CustomerIs, FirstPurchase, InGroup
from promotions.publish.counters import correct_counters, find_wrong_counters
from promotions.published_promotions import PublishedPromotion


class Snapshot(Struct, frozen=True):
    """The rules of one version.

    `counters`: (whether of a campaign, id of the campaign or promotion) by the counter's id; `campaign_counters`,
    `promotion_counters`: the reverse. Only counters that count sales.
    `campaign_limits`, `promotion_limits`: how often one customer may use it, if that is limited.
    `personal`: the counters of rules that a customer or a group touches, whatever they buy.
    `due`: (when, campaign id) of coming steps by time, the soonest first.
    `promotions`, `campaigns`: the sources of the rules, by id, for the next version; only in a snapshot of now.
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
    promotions: Mapping[int, PublishedPromotion] = {}
    campaigns: Mapping[int, CampaignTerms] = {}

    @property
    def asks_customer(self) -> bool:
        """Whether any limit counts the uses of one customer."""
        return bool(self.campaign_limits or self.promotion_limits)


NOTHING = Snapshot(
    None, compile_rules([]), StackingRules(), {}, {}, {}, {}, {}, frozenset(), False, False, ()
)
"""What is published where nothing ever was."""

_latest = NOTHING
_loading = threading.Lock()
"""When many threads find a new version, one of them reads it."""


def get_loaded_snapshot() -> Snapshot:
    """Return the snapshot of this process. The version that the caller reads next tells whether it is current."""
    return _latest


def load_version(version: int | None) -> Snapshot:
    """Return a snapshot of `version` or later. Never inside a sale: it may take the exclusive rules lock."""
    global _latest  # noqa: PLW0603 (the one per process)
    with _loading:
        if _latest.version != version:
            _latest = NOTHING if version is None else read_snapshot(after=_latest)
        return _latest


def load_current_snapshot() -> Snapshot:
    """Return the rules of now; load them if this process has older ones. Like `load_version`, never inside a sale."""
    return load_version(_read_version())


_earlier: dict[tuple[int | None, int, int], Snapshot] = {}
# a till sends its sales in their order, over hours in which the rules changed a few times
EARLIER_SNAPSHOTS = 16


def load_snapshot_at(at: datetime) -> Snapshot:
    """Return the rules of the time `at`, with the limits of now. Like `load_version`, never inside a sale."""
    key = version, *later = earlier_rules.count_changes_since(at)
    if not any(later):
        return load_version(version)
    with _loading:
        if key not in _earlier:
            if len(_earlier) >= EARLIER_SNAPSHOTS:
                _earlier.clear()
            _earlier[key] = read_snapshot(at=at)
        return _earlier[key]


def read_snapshot(
    *,
    drafts: bool = False,
    of: int | None = None,
    at: datetime | None = None,
    after: Snapshot = NOTHING,
) -> Snapshot:
    """Read and compile the published rules; with `drafts` also the campaigns that are not published yet.

    `of`: of the drafts only this campaign and its promotions.

    `at`: as they were then. `after`: an earlier snapshot, from which unchanged rules are taken over. A counter that
    differs from its campaign, after a write that bypassed promotions.publish, is corrected.
    """
    if find_wrong_counters():
        correct_counters()
    with _pause_garbage_collector(), transaction.atomic():
        publish.lock_rules_shared()
        version = _read_version()
        campaigns, linked = (
            published_promotions.read_campaigns(after.campaigns, drafts=drafts, of=of),
            published_promotions.read_links(),
        )
        counters = _read_counters()
        rules_of_meeting = stacking.read_rules()
        if at is None:
            promotions = published_promotions.read_promotions(after.promotions)
        else:
            then = earlier_rules.read_earlier_rules(at)
            campaigns, linked = then.campaigns_of(campaigns), then.links_of(linked)
            rows = [row for row in published_promotions.read_rows_at(at) if then.has_promotion(row.id)]
            promotions = [published_promotions.read_promotion(then.promotion_of(row)) for row in rows]
            rules_of_meeting = then.stacking_of(rules_of_meeting)
        links, now = _campaigns_by_promotion(linked, campaigns), database_time.now()
        promotions = [
            published_promotions.add_rules(one, links, drafts=drafts, of=of, now=now) for one in promotions
        ]
        rules = after.rules.recompile([rule for one in promotions for rule in one.rules])
    campaign_counters = {campaign: pk for pk, campaign, _, counts, _ in counters if campaign and counts}
    promotion_counters = {promotion: pk for pk, _, promotion, counts, _ in counters if promotion and counts}
    by_id = {pk: (True, campaign) for campaign, pk in campaign_counters.items()}
    by_id |= {pk: (False, promotion) for promotion, pk in promotion_counters.items()}
    return Snapshot(
        version=version,
        rules=rules,
        stacking=rules_of_meeting,
        counters=by_id,
        campaign_counters=campaign_counters,
        promotion_counters=promotion_counters,
        campaign_limits={campaign: most for _, campaign, _, _, most in counters if campaign and most},
        promotion_limits={promotion: most for _, _, promotion, _, most in counters if promotion and most},
        personal=frozenset(_personal_counters(promotions, campaign_counters, promotion_counters)),
        asks_groups=any(InGroup in one.asks for one in promotions if one.rules),
        asks_first_purchase=any(FirstPurchase in one.asks for one in promotions if one.rules),
        due=tuple(sorted(_due_steps(campaigns.values()))) if at is None else (),
        promotions={one.row.id: one for one in promotions},
        campaigns=campaigns,
    )


@contextmanager
def _pause_garbage_collector() -> Iterator[None]:
    """Pause the garbage collector. It would find no cycles among so many lasting objects, and take half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_version() -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM promotions_rulesversion")
        row = cursor.fetchone()
    return row[0] if row else None


def _campaigns_by_promotion(
    linked: Iterable[tuple[int, int]], campaigns: Mapping[int, CampaignTerms]
) -> dict[int, list[CampaignTerms]]:
    """Return the campaigns of each promotion, by its id."""
    links: dict[int, list[CampaignTerms]] = {}
    for campaign, promotion in linked:
        if campaign in campaigns:
            links.setdefault(promotion, []).append(campaigns[campaign])
    return links


def _read_counters() -> list[tuple[int, int | None, int | None, bool, int | None]]:
    """Return (id, campaign, promotion, whether sales are counted there, limit per customer)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, campaign_id, promotion_id, coalesce(budget, max_uses) IS NOT NULL, max_uses_per_customer "
            "FROM promotions_counter"
        )
        counters: list[tuple[int, int | None, int | None, bool, int | None]] = cursor.fetchall()
    return counters


def _personal_counters(
    promotions: Sequence[PublishedPromotion],
    campaign_counters: Mapping[int, int],
    promotion_counters: Mapping[int, int],
) -> Iterable[int]:
    for one in promotions:
        if InGroup in one.asks or CustomerIs in one.asks:
            for rule in one.rules:
                if rule.campaign and rule.campaign.id in campaign_counters:
                    yield campaign_counters[rule.campaign.id]
                if rule.promotion in promotion_counters:
                    yield promotion_counters[rule.promotion]


def _due_steps(campaigns: Iterable[CampaignTerms]) -> Iterable[tuple[datetime, int]]:
    for campaign in campaigns:
        if campaign.status == "scheduled" and campaign.starts_at:
            yield campaign.starts_at, campaign.id
        elif campaign.status == "active" and campaign.ends_at:
            yield campaign.ends_at, campaign.id
