"""Gives a till the published rules, so that it can evaluate baskets without a connection."""

from datetime import datetime
from functools import partial

import msgspec
from msgspec import Struct

from campaigns import database_time
from pos.api import schemas
from pos.sales.callers import Caller
from pos.sales.till_facts import FactsQuery
from promotions import snapshot
from promotions.database.statements import retry_on_lost_connection
from promotions.engine.gates import locations
from promotions.snapshot import Snapshot


class PublishedRules(Struct, frozen=True):
    """The rules of one version for one location.

    Attributes:
        etag: names the version and the location.
        body: JSON of `schemas.Rules`.
    """

    etag: str
    body: bytes


def show_rules(caller: Caller, now: datetime | None = None) -> PublishedRules:
    """Return the rules of the latest version that concern the till's location."""
    return retry_on_lost_connection(partial(_show_rules, caller, now or database_time.now_at_till()))


def _show_rules(caller: Caller, now: datetime) -> PublishedRules:
    facts = caller.read_facts(FactsQuery(now))
    rules = snapshot.get_loaded_snapshot()
    if rules.version != facts.version:
        rules = snapshot.load_version(facts.version)
    place = (rules.version, facts.location_code, facts.currency, facts.time_zone)
    if place not in _encoded_rules:
        if len(_encoded_rules) >= MAX_KEPT_RULES:
            _encoded_rules.clear()
        _encoded_rules[place] = encode_rules(rules, *place[1:])
    return _encoded_rules[place]


MAX_KEPT_RULES = 256
# the tills of a shop ask again and again
_encoded_rules: dict[tuple[int | None, str, str, str], PublishedRules] = {}


def encode_rules(rules: Snapshot, location: str, currency: str, time_zone: str) -> PublishedRules:
    """Encode the rules that apply at a location."""
    concerned = tuple(
        promotion.rule
        for promotion in rules.rules.promotions
        if (places := locations(promotion.rule)) is None or location in places
    )
    body = msgspec.json.encode(
        schemas.Rules(rules.version or 0, location, currency, time_zone, rules.stacking, concerned)
    )
    return PublishedRules(f'"{rules.version or 0}-{location}"', body)
