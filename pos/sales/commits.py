"""Sales: what a basket gets, committed exactly once.

A commit is one transaction of two round trips. The first takes its locks and reads in one SELECT everything that is
judged. After the evaluation in memory the second writes the sale with its lines of the ledger, takes what it was
granted from each limit by a guarded UPDATE, and commits. So the hot row of a campaign is locked only while PostgreSQL
goes from one statement to the next. When another sale was quicker, a guard finds too little left. Then everything is
rolled back and done again behind row locks.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec
from django.db import transaction
from django.utils.translation import gettext
from django_q.tasks import async_task
from msgspec import Struct

from campaigns import database_time, instants
from pos.api import schemas
from pos.api.answers import Answer, RequestRefused, invalid_values_refusal, replay_answer, taken_id_refusal
from pos.api.schemas import SaleRequest
from pos.sales import holds, ledger, offline
from pos.sales.baskets import (
    READ_ALL_COUNTERS_UP_TO,
    evaluate_basket,
    list_reachable_counters,
    read_basket_facts,
)
from pos.sales.callers import Caller
from pos.sales.quotes import MAX_ATTEMPTS, build_quote, busy_refusal, quote_fields
from pos.sales.stored import load_sale
from pos.sales.till_facts import KnownSale, TillFacts
from promotions import snapshot, usage
from promotions.database.statements import GuardFailed, Transaction, retry_on_lost_connection
from promotions.engine import Outcome
from promotions.snapshot import Snapshot
from promotions.usage import Entry, Movement

HOLD_SECONDS = 300
MAX_CLOCK_AHEAD = timedelta(minutes=5)  # how far a till's clock may be ahead of the database's


class SnapshotOutdated(Exception):
    """The published rules have another version than the snapshot that this process has."""

    def __init__(self, version: int | None) -> None:
        self.version = version
        super().__init__(version)


class ExpiredHolds(Exception):
    """Holds whose time is over still reserve discounts."""


class SentSale(Struct, frozen=True, gc=False):
    """A sale as a till sent it.

    Attributes:
        reference: the till's own id of the sale.
        body: the JSON that `request` was read from.
    """

    caller: Caller
    reference: str
    request: SaleRequest
    body: bytes
    now: datetime

    @property
    def customer(self) -> str:
        return self.request.customer.id if self.request.customer else ""

    @property
    def is_offline(self) -> bool:
        """Whether the till made it without a connection."""
        return self.request.offline_at is not None

    @property
    def is_held(self) -> bool:
        return self.request.state == "held"

    @property
    def at(self) -> datetime:
        """When it was made."""
        return self.made_offline_at or self.now

    @property
    def made_offline_at(self) -> datetime | None:
        """When it was made without a connection, as the database can read it."""
        at = self.request.offline_at
        return instants.with_storable_offset(at) if at else None


def commit(
    caller: Caller, reference: str, request: SaleRequest, body: bytes, now: datetime | None = None
) -> Answer:
    """Commit or hold a sale. The same sale sent again gets the same answer.

    Args:
        caller: the till.
        reference: the till's own id of the sale, unique per location.
        request: the checked sale.
        body: the JSON as it was sent; it is stored with the sale.
        now: aware; the database's time when None.

    Returns:
        201, or 200 when the sale had been answered before.

    Raises:
        RequestRefused: nothing was changed. 409 `idempotency_mismatch` when the id stands for another sale,
            `sale_id_taken` when another till has it, `hold_expired` and `voided` when it was a hold that is over,
            `quote_changed` when the discount is not the expected one.
            403, 422 and 429: see pos.sales.offline.
    """
    now = now or database_time.now_at_till()
    if request.offline_at is not None and request.offline_at > now + MAX_CLOCK_AHEAD:
        raise invalid_values_refusal({"offline_at": [gettext("A sale made offline must be in the past.")]})
    try:
        return retry_on_lost_connection(partial(_commit, SentSale(caller, reference, request, body, now)))
    except offline.RefusedSale as refused:
        offline.note_refusal(refused, now)
        raise


def _commit(sent: SentSale) -> Answer:
    safely = sent.is_offline
    for _ in range(MAX_ATTEMPTS):
        rules = snapshot.load_snapshot_at(sent.at) if sent.is_offline else snapshot.get_loaded_snapshot()
        try:
            with Transaction():
                answer = _attempt(sent, rules, safely=safely)
            queue_due_steps(snapshot.get_loaded_snapshot(), sent.now)
            return answer
        except SnapshotOutdated as moved:
            snapshot.load_version(moved.version)
        except ExpiredHolds:
            holds.release_expired_holds(sent.now)
        except GuardFailed:
            safely = True
    raise busy_refusal()


def _attempt(sent: SentSale, rules: Snapshot, *, safely: bool) -> Answer:
    body_hash = hashlib.sha256(msgspec.json.encode(sent.request)).digest()
    ledger.take_locks(sent.reference, sent.customer)
    facts = read_basket_facts(sent.caller, sent.request, rules, sent.now, reference=sent.reference)
    if safely:
        lock_rows(sent, facts, rules)
        facts = read_basket_facts(sent.caller, sent.request, rules, sent.now, reference=sent.reference)
    if facts.sale is not None:
        return replay_sale(sent, facts.sale, body_hash, facts.till)
    offline.refuse_offline_sale(sent.request.offline_at, facts, sent.now)
    if facts.version != rules.version:
        raise SnapshotOutdated(facts.version)
    if facts.has_expired:
        raise ExpiredHolds
    outcome = evaluate_basket(
        sent.request, facts, rules, sent.at, guesses=sent.caller.guesses, unlimited=sent.is_offline
    )
    if sent.is_offline:
        offline.refuse_throttled(outcome)
    refuse_changed_discount(sent, outcome, rules, facts.time_zone)
    expires_at = sent.now + timedelta(seconds=sent.request.ttl or HOLD_SECONDS) if sent.is_held else None
    answer = encode_answer(sent, outcome, rules, expires_at, facts.time_zone)
    entries = usage.list_entries(
        outcome, {presented.typed: presented.id for presented in facts.usable_coupons}
    )
    ledger.insert_sale(
        ledger.SaleRecord(
            location=facts.location,
            till=facts.till,
            reference=sent.reference,
            state=sent.request.state,
            customer=sent.customer,
            currency=outcome.currency,
            subtotal=outcome.subtotal,
            discount=outcome.discount,
            total=outcome.total,
            body_hash=body_hash,
            basket=sent.body.decode(),
            answer=answer.decode(),
            at=sent.at,
            expires_at=expires_at,
            offline_at=sent.made_offline_at,
            received_at=sent.now if sent.is_offline else None,
            reserved=entries if sent.is_held else None,
        ),
        () if sent.is_held else entries,
    )
    take_from_limits(sent, entries, facts, rules)
    return Answer(201, answer)


def take_from_limits(sent: SentSale, entries: Sequence[Entry], facts: TillFacts, rules: Snapshot) -> None:
    """Take what the sale was granted from the limits, or reserve it for a hold."""
    if sent.customer:
        usage.count_customer(sent.customer, usage.customer_uses(entries, rules))
    if sent.is_offline:
        movements = movements_with_overruns(entries, facts, rules)
        ledger.record_overrun(facts.location, sent.reference, movements)
        usage.write_movements(movements, sent.now)
    else:
        usage.take_coupons(entries)
        for wanted in usage.list_takes(entries, rules, held=sent.is_held):
            usage.take_from_counter(wanted, sent.now)


def lock_rows(sent: SentSale, facts: TillFacts, rules: Snapshot) -> None:
    """Lock every row from which this sale may take, before it reads what is left."""
    few = len(rules.counters) <= READ_ALL_COUNTERS_UP_TO
    usage.lock_rows(
        sent.customer,
        [presented.id for presented in facts.usable_coupons],
        rules.counters
        if few
        else list_reachable_counters(sent.request, rules, facts.location_code, sent.now),
    )


def replay_sale(sent: SentSale, sale: KnownSale, body_hash: bytes, till: int) -> Answer:
    """Repeat the answer that was given to a sale before.

    Raises:
        RequestRefused: 409 when another till of the location sent it, or this till with another content, or when it
            is a hold that reserves nothing any more.
    """
    reference = sent.reference
    same_body = bytes(sale.body_hash) == body_hash
    if sale.till_name is not None and sale.till != till:
        raise taken_id_refusal("sale", reference, sale.till_name, same_body=same_body)
    if not same_body:
        raise RequestRefused(
            409,
            "idempotency_mismatch",
            gettext("The sale %(reference)s was sent before with another content.")
            % {"reference": reference},
        )
    if sent.is_held:
        stored = load_sale(sale.id)
        if stored.state != "committed":
            holds.refuse_ended_hold(stored, sent.now)
    return replay_answer(sale.answer.encode())


def refuse_changed_discount(sent: SentSale, outcome: Outcome, rules: Snapshot, zone: str) -> None:
    """Decline a sale whose discount is not the expected one, when the till asked for that.

    A sale made offline has happened already: it is accepted unless the till says otherwise.
    """
    expected = sent.request.expect_discount
    if expected is None or expected == outcome.discount:
        return
    default = "accept" if sent.is_offline else "reject"
    if (sent.request.on_change or default) == "reject":
        raise RequestRefused(
            409,
            "quote_changed",
            gettext("The discount is %(discount)s now; %(expected)s was expected.")
            % {"discount": outcome.discount, "expected": expected},
            quote=build_quote(outcome, rules, sent.at, zone),
        )


def encode_answer(
    sent: SentSale, outcome: Outcome, rules: Snapshot, expires_at: datetime | None, zone: str
) -> bytes:
    """Encode the answer to a sale as it is stored and sent."""
    return msgspec.json.encode(
        schemas.Sale(
            *quote_fields(outcome, rules, sent.at, zone),
            sale_id=sent.reference,
            state=sent.request.state,
            expires_at=expires_at,
            offline_at=sent.request.offline_at,
        )
    )


def movements_with_overruns(entries: Sequence[Entry], facts: TillFacts, rules: Snapshot) -> list[Movement]:
    """Split what a sale made offline was granted into what the limits still allow and what goes beyond them."""
    amounts = {counter: max(0, amount) for counter, amount, _ in facts.counters if amount is not None}
    uses = {counter: max(0, left) for counter, _, left in facts.counters if left is not None}
    coupons = {presented.id: presented for presented in facts.coupons}

    def count_use_beyond_limit(counter: int | None) -> int:
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
                over_campaign_uses=count_use_beyond_limit(counter),
                over_promotion_uses=count_use_beyond_limit(rules.promotion_counters.get(entry.promotion)),
                over_coupon_uses=int(
                    coupon is not None and coupon.limit is not None and coupon.uses >= coupon.limit
                ),
            )
        )
    return movements


# (version, campaign) of the steps that are queued already, so that one sale queues them and not each
_queued: set[tuple[int | None, int]] = set()


def queue_due_steps(rules: Snapshot, now: datetime) -> None:
    """Queue the steps that the clock owes. A sale judges by a campaign's window and changes no status itself."""
    for due_at, campaign in rules.due:
        if due_at > now:
            break
        if (rules.version, campaign) not in _queued:
            if len(_queued) > 1000:
                _queued.clear()
            _queued.add((rules.version, campaign))
            transaction.on_commit(
                partial(async_task, "promotions.tasks.write_owed_steps", campaign), robust=True
            )
