"""Quotes and sales: what a basket gets, and committing it exactly once.

A commit is one transaction of two round trips. The first takes its locks and reads in one SELECT everything that is
judged. After the evaluation in memory the second writes the sale with its lines of the ledger, takes what it was
granted from each limit by a guarded UPDATE, and commits. So the hot row of a campaign is locked only while PostgreSQL
goes from one statement to the next. Where another sale was quicker and a guard finds too little left, all of it is
rolled back and done again behind row locks, so that nobody can be quicker.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from pos import holds, keys, ledger, schemas
from pos.answers import Answer, Declined, invalid, replayed
from pos.evaluation import FEW, look, near, outcome_of
from pos.facts import Facts
from pos.keys import Known
from pos.schemas import QuoteRequest, SaleRequest
from promotions import snapshot, usage
from promotions.engine import Outcome
from promotions.snapshot import Snapshot
from promotions.statements import Transaction, Unmet, again
from promotions.usage import Entry, Movement

ATTEMPTS = 8  # to read one version of the rules, and to be quicker than the others: two are the rule
HOLD_SECONDS = 300
FUTURE = timedelta(minutes=5)  # so far a till's clock may be ahead


class Moved(Exception):
    """The rules have another version than the snapshot at hand."""

    def __init__(self, version: int | None) -> None:
        self.version = version
        super().__init__(version)


class Lapsed(Exception):
    """Holds whose time is over still reserve something."""


def quote(key_hash: str, known: Known, request: QuoteRequest, now: datetime | None = None) -> Answer:
    """What a basket would get; nothing is written. One SELECT while the rules stand still."""
    return again(partial(_quote, key_hash, known, request, now or timezone.now()))


def _quote(key_hash: str, known: Known, request: QuoteRequest, now: datetime) -> Answer:
    touch, released = keys.is_touch_due(known), False
    for _ in range(ATTEMPTS):
        rules = snapshot.latest()
        facts = look(request, rules, key_hash=key_hash, now=now, location=known.location, touch=touch)
        keys.remember(key_hash, known, facts, touched=touch)
        touch = False
        if facts.version != rules.version:
            snapshot.of_version(facts.version)
        elif facts.has_expired and not released:
            holds.release_expired(now)
            released = True
        else:
            outcome = outcome_of(request, facts, rules, now)
            return Answer(200, msgspec.json.encode(quoted(outcome, rules, now)))
    raise busy()


def busy() -> Declined:
    return Declined(
        503, "busy", "The rules are changing all the time: try again.", headers={"Retry-After": "1"}
    )


def quoted(outcome: Outcome, rules: Snapshot, now: datetime) -> schemas.Quote:
    return schemas.Quote(*_given(outcome, rules, now))


def _given(outcome: Outcome, rules: Snapshot, at: datetime) -> tuple[Any, ...]:
    """The fields of a schemas.Quote, and first of a schemas.Sale, in their order."""
    return (
        rules.version or 0,
        at,
        outcome.currency,
        outcome.subtotal,
        outcome.discount,
        outcome.total,
        outcome.lines,
        outcome.applied,
        outcome.coupons,
        outcome.not_applied,
        outcome.gifts,
    )


def commit(
    key_hash: str,
    known: Known,
    reference: str,
    request: SaleRequest,
    body: bytes,
    now: datetime | None = None,
) -> Answer:
    """Commit or hold a sale; the same sale again is answered as it was.

    Args:
        reference: the till's id of the sale, unique per location.
        request: checked; body: as it was sent, kept beside it.
    Returns: 201, or 200 for one that was answered before.
    Raises: Declined: 409 `idempotency_mismatch` the id stands for another sale, `quote_changed` the discount is not
        the one expected; nothing was changed.
    """
    now = now or timezone.now()
    if request.offline_at is not None and request.offline_at > now + FUTURE:
        raise invalid({"offline_at": ["A sale made offline lies in the past."]})
    return again(partial(_commit, key_hash, known, reference, request, body, now))


def _commit(
    key_hash: str, known: Known, reference: str, request: SaleRequest, body: bytes, now: datetime
) -> Answer:
    safely = request.offline_at is not None
    for _ in range(ATTEMPTS):
        rules = snapshot.latest() if request.offline_at is None else snapshot.as_of(request.offline_at)
        try:
            with Transaction():
                answer = _attempt(key_hash, known, reference, request, body, rules, now, safely=safely)
            settle_due(snapshot.latest(), now)
            return answer
        except Moved as moved:
            snapshot.of_version(moved.version)
        except Lapsed:
            holds.release_expired(now)
        except Unmet:
            safely = True
    raise busy()


def _attempt(
    key_hash: str,
    known: Known,
    reference: str,
    request: SaleRequest,
    body: bytes,
    rules: Snapshot,
    now: datetime,
    *,
    safely: bool,
) -> Answer:
    customer = request.customer.id if request.customer else ""
    touch = keys.is_touch_due(known)
    body_hash = hashlib.sha256(msgspec.json.encode(request)).digest()
    ledger.lock(reference, customer)
    ask = partial(
        look, request, rules, key_hash=key_hash, now=now, location=known.location, reference=reference
    )
    if safely:
        lock_rows(request, ask(), rules, customer, now)
    facts = ask(touch=touch)
    keys.remember(key_hash, known, facts, touched=touch)
    if facts.sale is not None:
        return replay(reference, facts.sale, body_hash)
    if facts.version != rules.version:
        raise Moved(facts.version)
    if facts.has_expired:
        raise Lapsed
    at = request.offline_at or now
    outcome = outcome_of(request, facts, rules, at, unlimited=request.offline_at is not None)
    refuse_change(request, outcome, rules, at)
    held = request.state == "held"
    expires_at = now + timedelta(seconds=request.ttl or HOLD_SECONDS) if held else None
    answer = answered(reference, request, outcome, rules, at, expires_at)
    entries = usage.entries(outcome, {presented.typed: presented.id for presented in facts.coupons})
    ledger.insert(
        ledger.Record(
            location=facts.location,
            till=facts.till,
            reference=reference,
            state=request.state,
            customer=customer,
            currency=outcome.currency,
            subtotal=outcome.subtotal,
            discount=outcome.discount,
            total=outcome.total,
            body_hash=body_hash,
            basket=body.decode(),
            answer=answer.decode(),
            at=at,
            expires_at=expires_at,
            offline_at=request.offline_at,
            reserved=entries if held else None,
        ),
        () if held else entries,
    )
    if customer:
        usage.count_customer(customer, usage.customer_uses(entries, rules))
    if request.offline_at is not None:
        movements = overrunning(entries, facts, rules)
        ledger.record_overrun(facts.location, reference, movements)
        usage.move(movements, now)
    else:
        usage.take_coupons(entries)
        for wanted in usage.takes(entries, rules, held=held):
            usage.take(wanted, now)
    return Answer(201, answer)


def lock_rows(request: SaleRequest, facts: Facts, rules: Snapshot, customer: str, now: datetime) -> None:
    """Lock every row this sale may draw on, before it reads what is left."""
    few = len(rules.counters) <= FEW
    usage.lock_rows(
        customer,
        [presented.id for presented in facts.coupons],
        rules.counters if few else near(request, rules, facts.location_code, now),
    )


def replay(reference: str, sale: tuple[int, bytes, str], body_hash: bytes) -> Answer:
    """The answer that was given to a sale before."""
    _, known_hash, answer = sale
    if bytes(known_hash) != body_hash:
        raise Declined(
            409, "idempotency_mismatch", f"The sale {reference} was sent before with another content."
        )
    return replayed(answer.encode())


def refuse_change(request: SaleRequest, outcome: Outcome, rules: Snapshot, at: datetime) -> None:
    """Decline a sale whose discount is not the expected one, where the till asked for that.

    A sale made offline is over: it is taken as it is unless the till says otherwise.
    """
    if request.expect_discount is None or request.expect_discount == outcome.discount:
        return
    default = "reject" if request.offline_at is None else "accept"
    if (request.on_change or default) == "reject":
        raise Declined(
            409,
            "quote_changed",
            f"The discount is {outcome.discount} now; {request.expect_discount} was expected.",
            quote=quoted(outcome, rules, at),
        )


def answered(
    reference: str,
    request: SaleRequest,
    outcome: Outcome,
    rules: Snapshot,
    at: datetime,
    expires_at: datetime | None,
) -> bytes:
    return msgspec.json.encode(
        schemas.Sale(
            *_given(outcome, rules, at),
            sale_id=reference,
            state=request.state,
            expires_at=expires_at,
            offline_at=request.offline_at,
        )
    )


def overrunning(entries: Sequence[Entry], facts: Facts, rules: Snapshot) -> list[Movement]:
    """What a sale made offline adds to the counters: what they still allow, and beside it what goes beyond."""
    amounts = {counter: max(0, amount) for counter, amount, _ in facts.counters if amount is not None}
    uses = {counter: max(0, left) for counter, _, left in facts.counters if left is not None}
    coupons = {presented.id: presented for presented in facts.coupons}

    def beyond(counter: int | None) -> int:
        if counter not in uses:
            return 0
        uses[counter] -= 1
        return 0 if uses[counter] >= 0 else 1

    movements = []
    for entry in entries:
        counter = None if entry.campaign is None else rules.campaign_counters.get(entry.campaign)
        within = entry.amount
        if counter in amounts:
            within = min(entry.amount, amounts[counter])
            amounts[counter] -= within
        coupon = coupons.get(entry.coupon) if entry.coupon is not None else None
        movements.append(
            Movement(
                campaign=entry.campaign,
                promotion=entry.promotion,
                coupon=entry.coupon,
                spent=within,
                uses=1,
                over_amount=entry.amount - within,
                over_campaign_uses=beyond(counter),
                over_promotion_uses=beyond(rules.promotion_counters.get(entry.promotion)),
                over_coupon_uses=int(
                    coupon is not None and coupon.limit is not None and coupon.uses >= coupon.limit
                ),
            )
        )
    return movements


_queued: set[tuple[int | None, int]] = set()  # (version, campaign): so that one sale asks for it, not each


def settle_due(rules: Snapshot, now: datetime) -> None:
    """Have the steps written that the clock owes: a sale judges by the window and changes no status itself."""
    for due_at, campaign in rules.due:
        if due_at > now:
            break
        if (rules.version, campaign) not in _queued:
            if len(_queued) > 1000:
                _queued.clear()
            _queued.add((rules.version, campaign))
            transaction.on_commit(partial(async_task, "promotions.tasks.settle", campaign), robust=True)
