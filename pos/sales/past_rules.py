"""The published rules for a till that must be able to do without a connection."""

from datetime import datetime
from functools import partial

import msgspec
from msgspec import Struct

from campaigns import database_time
from pos.api import schemas
from pos.sales.callers import Caller
from pos.sales.facts import FactsQuery
from promotions import snapshot
from promotions.engine.gates import locations
from promotions.snapshot import Snapshot
from promotions.statements import retry_on_lost_connection


class PublishedRules(Struct, frozen=True):
    """`body`: the JSON of schemas.Rules. `etag`: names this version for this location."""

    etag: str
    body: bytes


def show_rules(caller: Caller, now: datetime | None = None) -> PublishedRules:
    """The rules of the latest version that concern the till's location."""
    return retry_on_lost_connection(partial(_show_rules, caller, now or database_time.now_at_till()))


def _show_rules(caller: Caller, now: datetime) -> PublishedRules:
    facts = caller.read_facts(FactsQuery(), now)
    rules = snapshot.latest()
    if rules.version != facts.version:
        rules = snapshot.of_version(facts.version)
    place = (rules.version, facts.location_code, facts.currency, facts.time_zone)
    if place not in _encoded_rules:
        if len(_encoded_rules) >= MAX_KEPT_RULES:
            _encoded_rules.clear()
        _encoded_rules[place] = encode_rules(rules, *place[1:])
    return _encoded_rules[place]


MAX_KEPT_RULES = 256
_encoded_rules: dict[
    tuple[int | None, str, str, str], PublishedRules
] = {}  # the tills of a shop ask again and again


def encode_rules(rules: Snapshot, location: str, currency: str, time_zone: str) -> PublishedRules:
    """The rules that hold at a location, encoded."""
    concerned = tuple(
        promotion.rule
        for promotion in rules.rules.promotions
        if (places := locations(promotion.rule)) is None or location in places
    )
    body = msgspec.json.encode(
        schemas.Rules(rules.version or 0, location, currency, time_zone, rules.stacking, concerned)
    )
    return PublishedRules(f'"{rules.version or 0}-{location}"', body)
