"""Tries out a basket in the workspace: evaluates it as for a till, with a reason for everything that gave nothing."""

from datetime import datetime

import msgspec

from campaigns import database_time
from campaigns.annotations import JsonObject
from pos.api import body
from pos.api.schemas import Quote, QuoteRequest
from pos.models import Location
from pos.sales.baskets import evaluate_basket, read_basket_facts
from pos.sales.callers import WorkspaceCaller
from pos.sales.quotes import build_quote
from promotions import snapshot


def try_basket(
    location: Location,
    request: QuoteRequest | JsonObject,
    *,
    at: datetime | None = None,
    drafts: bool = False,
    campaign: int | None = None,
) -> Quote:
    """Work out what a basket at `location` would get at the time `at`. Nothing is written.

    Args:
        location: where the basket is bought.
        request: as a till sends it, or its JSON as a dict; the currency is the location's.
        at: aware; now when None. Limits and uses are those of now in any case.
        drafts: draft campaigns, and promotions that are switched off, take part as if they were active.
        campaign: id of the only draft campaign that takes part, with its promotions; None for all.

    Raises:
        pos.api.answers.RequestRefused: a value cannot be; its problem names each such value by its path.
    """
    at = at or database_time.now()
    if isinstance(request, dict):
        request = body.read_request(msgspec.json.encode(request), QuoteRequest)
    rules = snapshot.read_snapshot(drafts=True, of=campaign) if drafts else snapshot.load_current_snapshot()
    facts = read_basket_facts(WorkspaceCaller(location), request, rules, database_time.now())
    outcome = evaluate_basket(request, facts, rules, at, explain="all")
    return build_quote(outcome, rules, at, facts.time_zone)
