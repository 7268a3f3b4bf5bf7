"""Quotes: what a basket would get. A quote sells and reserves nothing; it may release holds whose time is over."""

from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import msgspec
from django.utils.translation import gettext
from msgspec.structs import replace

from campaigns import database_time
from campaigns.annotations import Row
from pos.api import schemas
from pos.api.answers import Answer, RequestRefused
from pos.api.schemas import QuoteRequest
from pos.sales import holds
from pos.sales.baskets import evaluate_basket, list_available, read_basket_facts
from pos.sales.callers import Caller
from promotions import reasons, snapshot
from promotions.database.statements import retry_on_lost_connection
from promotions.engine import CouponOutcome, Outcome
from promotions.snapshot import Snapshot

# tries to read one version of the rules, and to be quicker than other sales; two are usually enough
MAX_ATTEMPTS = 8


def quote(caller: Caller, request: QuoteRequest, now: datetime | None = None) -> Answer:
    """Answer what a basket would get. Takes one SELECT while the rules do not change."""
    return retry_on_lost_connection(partial(_quote, caller, request, now or database_time.now_at_till()))


def _quote(caller: Caller, request: QuoteRequest, now: datetime) -> Answer:
    released = False
    for _ in range(MAX_ATTEMPTS):
        rules = snapshot.get_loaded_snapshot()
        facts = read_basket_facts(caller, request, rules, now)
        if facts.version != rules.version:
            snapshot.load_version(facts.version)
        elif facts.has_expired and not released:
            holds.release_expired_holds(now)
            released = True
        else:
            outcome = evaluate_basket(request, facts, rules, now, guesses=caller.guesses)
            answer = build_quote(outcome, rules, now, facts.time_zone)
            if facts.personal and (available := list_available(request, facts, rules, outcome, now)):
                answer = replace(answer, available=available)
            return Answer(200, msgspec.json.encode(answer))
    raise busy_refusal()


def busy_refusal() -> RequestRefused:
    """Build the 503 for rules that changed during each attempt."""
    return RequestRefused(
        503, "busy", gettext("The rules are changing all the time: try again."), headers={"Retry-After": "1"}
    )


def build_quote(outcome: Outcome, rules: Snapshot, at: datetime, zone: str) -> schemas.Quote:
    """Build the answer to a quote. The arguments are those of `quote_fields`."""
    return schemas.Quote(*quote_fields(outcome, rules, at, zone))


def quote_fields(outcome: Outcome, rules: Snapshot, at: datetime, zone: str) -> Row:
    """Return the fields of a `schemas.Quote` in their order. A `schemas.Sale` begins with the same fields.

    Args:
        outcome: of the evaluation.
        rules: the snapshot that was evaluated.
        at: aware.
        zone: IANA name of the location's time zone; sentences for customers give times in it.
    """
    return (
        rules.version or 0,
        at,
        outcome.currency,
        outcome.subtotal,
        outcome.discount,
        outcome.total,
        outcome.lines,
        outcome.applied,
        tuple([describe_coupon(coupon, outcome.currency, zone) for coupon in outcome.coupons]),
        outcome.not_applied,
        outcome.gifts,
    )


def describe_coupon(coupon: CouponOutcome, currency: str, zone: str) -> schemas.Coupon:
    """Build what a till is told about a code, with the sentence for the customer when it was refused."""
    code, status, need, have = coupon.code, coupon.status, coupon.need, coupon.have
    if status == "applied":
        return schemas.Coupon(code, status, need, have)
    sentence = reasons.write_reason(status, need, have, currency=currency, zone=ZoneInfo(zone))
    return schemas.Coupon(code, status, need, have, sentence)
