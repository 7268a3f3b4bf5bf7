"""The published rules for a till that must be able to do without a connection."""

from datetime import datetime
from functools import partial

import msgspec
from msgspec import Struct

from campaigns import database_time
from pos.api import schemas
from pos.sales.callers import Caller
from pos.sales.facts import Asked
from promotions import snapshot
from promotions.engine.gates import locations
from promotions.snapshot import Snapshot
from promotions.statements import again


class Published(Struct, frozen=True):
    """`body`: the JSON of schemas.Rules. `etag`: names this version for this location."""

    etag: str
    body: bytes


def show(caller: Caller, now: datetime | None = None) -> Published:
    """The rules of the latest version that concern the till's location."""
    return again(partial(_show, caller, now or database_time.now_at_till()))


def _show(caller: Caller, now: datetime) -> Published:
    facts = caller.read(Asked(), now)
    rules = snapshot.latest()
    if rules.version != facts.version:
        rules = snapshot.of_version(facts.version)
    place = (rules.version, facts.location_code, facts.currency, facts.time_zone)
    if place not in _kept:
        if len(_kept) >= KEPT:
            _kept.clear()
        _kept[place] = published(rules, *place[1:])
    return _kept[place]


KEPT = 256
_kept: dict[tuple[int | None, str, str, str], Published] = {}  # the tills of a shop ask again and again


def published(rules: Snapshot, location: str, currency: str, time_zone: str) -> Published:
    """The rules that hold at a location, encoded."""
    concerned = tuple(
        promotion.rule
        for promotion in rules.rules.promotions
        if (places := locations(promotion.rule)) is None or location in places
    )
    body = msgspec.json.encode(
        schemas.Rules(rules.version or 0, location, currency, time_zone, rules.stacking, concerned)
    )
    return Published(f'"{rules.version or 0}-{location}"', body)
