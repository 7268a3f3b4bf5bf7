"""Quotes: what a basket would get. Nothing is written."""

from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from campaigns import database_time
from pos.api import schemas
from pos.api.answers import Answer, Declined
from pos.api.schemas import QuoteRequest
from pos.sales import holds
from pos.sales.callers import Caller
from pos.sales.evaluation import evaluate_basket, read_basket_facts
from promotions import reasons, snapshot
from promotions.engine import CouponOutcome, Outcome
from promotions.snapshot import Snapshot
from promotions.statements import retry_on_lost_connection

MAX_ATTEMPTS = 8  # to read one version of the rules, and to be quicker than the others: two are the rule


def quote(caller: Caller, request: QuoteRequest, now: datetime | None = None) -> Answer:
    """What a basket would get. One SELECT while the rules stand still."""
    return retry_on_lost_connection(partial(_quote, caller, request, now or database_time.now_at_till()))


def _quote(caller: Caller, request: QuoteRequest, now: datetime) -> Answer:
    released = False
    for _ in range(MAX_ATTEMPTS):
        rules = snapshot.latest()
        facts = read_basket_facts(caller, request, rules, now)
        if facts.version != rules.version:
            snapshot.of_version(facts.version)
        elif facts.has_expired and not released:
            holds.release_expired_holds(now)
            released = True
        else:
            outcome = evaluate_basket(request, facts, rules, now, guesses=caller.guesses)
            return Answer(200, msgspec.json.encode(build_quote(outcome, rules, now, facts.time_zone)))
    raise busy_refusal()


def busy_refusal() -> Declined:
    return Declined(
        503, "busy", "The rules are changing all the time: try again.", headers={"Retry-After": "1"}
    )


def build_quote(outcome: Outcome, rules: Snapshot, at: datetime, zone: str) -> schemas.Quote:
    """The answer to a quote; the arguments are those of `given`."""
    return schemas.Quote(*quote_fields(outcome, rules, at, zone))


def quote_fields(outcome: Outcome, rules: Snapshot, at: datetime, zone: str) -> tuple[Any, ...]:
    """The fields of a schemas.Quote, and first of a schemas.Sale, in their order.

    `zone`: the IANA name of the location's time zone, in which its customers are told times.
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
    """What became of a code, with the sentence for its customer where it was refused."""
    code, status, need, have = coupon.code, coupon.status, coupon.need, coupon.have
    if status == "applied":
        return schemas.Coupon(code, status, need, have)
    sentence = reasons.write_reason(status, need, have, currency=currency, zone=ZoneInfo(zone))
    return schemas.Coupon(code, status, need, have, sentence)
