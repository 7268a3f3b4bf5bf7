"""Works out the published rules of an earlier time, by undoing the later steps and edits.

A sale made offline is judged by the rules of its time. The history and the records of edits hold the values before each
step and edit, so the old rules are the present ones with later changes undone. Coupons have no such record.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import connection
from msgspec import Struct

from campaigns.annotations import Columns, ColumnValue, StoredValue
from promotions.engine import CampaignTerms, StackingRules
from promotions.engine.rules import Level, Trigger
from promotions.models import Change

STEPS = """
    FROM campaigns_transition t JOIN promotions_promotioncampaign c ON c.campaign_ptr_id = t.campaign_id
    WHERE t.at > %s AND t.was <> t.now
"""
EDITS = """
    FROM promotions_change WHERE at > %s
     AND what IN ('created', 'edited', 'activated', 'deactivated', 'linked', 'unlinked', 'deleted')
"""
WAS_ON_BEFORE = {Change.What.ACTIVATED: False, Change.What.DEACTIVATED: True, Change.What.CREATED: False}
WAS_LINKED_BEFORE = {Change.What.LINKED: False, Change.What.UNLINKED: True}


def count_changes_since(at: datetime) -> tuple[int | None, int, int]:
    """Return the version of the rules, and how many steps and how many edits came after `at`.

    The three numbers together identify the rules of the time `at`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT (SELECT version FROM promotions_rulesversion), "
            f"(SELECT count(*) {STEPS}), (SELECT count(*) {EDITS})",
            [at, at],
        )
        steps: tuple[int | None, int, int] = cursor.fetchone()
    return steps


class StoredPromotion(NamedTuple):
    """A promotion as it is stored. `locations`: codes. `parts`: its JSON fields, in one object."""

    id: int
    name: str
    active: bool
    standalone: bool
    trigger: Trigger
    level: Level
    priority: int
    starts_at: datetime | None
    ends_at: datetime | None
    max_uses_per_customer: int | None
    locations: Sequence[str]
    parts: str


class EarlierRules(Struct, frozen=True):
    """What was different: values by field, of campaigns and promotions by id, as JSON holds them.

    `links`: by (campaign, promotion), whether it was there.
    """

    campaigns: dict[int, Columns] = {}
    promotions: dict[int, Columns] = {}
    links: dict[tuple[int, int], bool] = {}
    stacking: Columns = {}

    def campaigns_of(self, now: Mapping[int, CampaignTerms]) -> dict[int, CampaignTerms]:
        """Return the campaigns of then, from those of now, by id."""
        then = {
            pk: msgspec.convert(msgspec.to_builtins(terms) | self.campaigns.get(pk, {}), CampaignTerms)
            for pk, terms in now.items()
        }
        return {pk: terms for pk, terms in then.items() if terms.status != "draft"}

    def has_promotion(self, pk: int) -> bool:
        """Return whether this promotion existed. The record of one that was made since says that it did not."""
        return self.promotions.get(pk, {}).get("benefit") != {}

    def promotion_of(self, row: StoredPromotion) -> StoredPromotion:
        """Return one promotion as it was."""
        was = self.promotions.get(row.id)
        if was is None:
            return row
        parts = msgspec.json.decode(row.parts)
        parts |= {name: value for name, value in was.items() if name in parts}
        parts["stacking"] = parts["stacking"] or None
        columns = {name: value for name, value in was.items() if name in StoredPromotion._fields}
        for name in ("starts_at", "ends_at"):
            if isinstance(text := columns.get(name), str):
                columns[name] = datetime.fromisoformat(text)
        return row._replace(**columns, parts=msgspec.json.encode(parts).decode())

    def links_of(self, now: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the pairs (campaign, promotion) that were linked."""
        there = dict.fromkeys(now, True) | self.links
        return [pair for pair, was_there in there.items() if was_there]

    def stacking_of(self, now: StackingRules) -> StackingRules:
        return msgspec.convert(msgspec.to_builtins(now) | self.stacking, StackingRules)


def read_earlier_rules(at: datetime) -> EarlierRules:
    """Read what was different at `at`: for each changed value, the one before the first change since then."""
    past = EarlierRules()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t.campaign_id, t.was {STEPS} ORDER BY t.at, t.id", [at])
        for campaign, status in cursor:
            past.campaigns.setdefault(campaign, {}).setdefault("status", status)
        cursor.execute(
            f"SELECT what, campaign_id, promotion_id, detail::text {EDITS} ORDER BY at, id",
            [at],
        )
        for what, campaign, promotion, text in cursor:
            _undo(past, what, campaign, promotion, msgspec.json.decode(text))
    return past


def _undo(
    past: EarlierRules,
    what: str,
    campaign: int | None,
    promotion: int | None,
    detail: dict[str, list[StoredValue]],
) -> None:
    found = {name: before for name, (before, _) in detail.items()}
    if campaign is not None and promotion is not None:
        past.links.setdefault((campaign, promotion), WAS_LINKED_BEFORE[Change.What(what)])
    elif campaign is not None:
        before, after = (set(keys) for keys in detail.get("promotions", ((), ())))
        for key in before ^ after:
            past.links.setdefault((campaign, key), key in before)
        keep_first_values(past.campaigns.setdefault(campaign, {}), found)
    elif promotion is not None:
        if what in WAS_ON_BEFORE:
            found["active"] = WAS_ON_BEFORE[Change.What(what)]
        elif what == Change.What.DELETED:
            found["active"] = found["status"] == "active"
            for key in found["campaigns"]:
                past.links.setdefault((key, promotion), True)
        keep_first_values(past.promotions.setdefault(promotion, {}), found)
    else:
        keep_first_values(past.stacking, found)


def keep_first_values(known: Columns, found: Mapping[str, ColumnValue]) -> None:
    """Add to `known` the values of `found` that it does not have yet."""
    for name, value in found.items():
        known.setdefault(name, value)
