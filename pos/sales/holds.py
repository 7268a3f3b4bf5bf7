"""Holds: sales that reserve what they were granted until they are confirmed, released, or their time is over.

What is given back goes to the same counters it was taken from, whatever became of the campaign since.
"""

from datetime import datetime
from functools import partial

from campaigns import database_time
from pos.api import schemas
from pos.api.answers import Answer, Declined
from pos.sales import ledger
from pos.sales.callers import Caller
from pos.sales.stored import Stored, ended, locked, stored
from promotions import usage
from promotions.statements import Transaction, again, run
from promotions.usage import Movement


def confirm(caller: Caller, reference: str, now: datetime | None = None) -> Answer:
    """Make a hold a sale: what it reserved is spent, so no limit can refuse it. Confirming it again changes nothing.

    Raises: Declined: 409 `hold_expired`, also when it was released; 409 `voided`.
    """
    return again(partial(_confirm, caller, reference, now or database_time.now_at_till()))


def _confirm(caller: Caller, reference: str, now: datetime) -> Answer:
    with Transaction():
        sale = locked(caller, reference, now)
        if sale.state == "voided":
            raise Declined(409, "voided", f"The sale {reference} was voided.")
        is_replay = sale.state == "committed"
        if not is_replay:
            if not sale.is_held(now):
                raise Declined(409, "hold_expired", f"The hold {reference} is over: commit the sale anew.")
            ledger.confirm(sale.id, sale.reserved, now)
            usage.move(
                [
                    Movement(entry.campaign, entry.promotion, None, spent=entry.amount, held=-entry.amount)
                    for entry in sale.reserved
                ],
                now,
            )
    return ended(sale, "committed", now, is_replay=is_replay)


def release(caller: Caller, reference: str, now: datetime | None = None) -> Answer:
    """Give back what a hold reserves. Releasing it again, or once it is voided, changes nothing.

    Raises: Declined: 409 `already_committed`: void it instead.
    """
    return again(partial(_release, caller, reference, now or database_time.now_at_till()))


def _release(caller: Caller, reference: str, now: datetime) -> Answer:
    with Transaction():
        sale = locked(caller, reference, now)
        if sale.state == "committed":
            raise Declined(409, "already_committed", f"The sale {reference} is committed: void it instead.")
        if sale.is_over:
            return ended(sale, sale.state, now, is_replay=True)
        give_back(sale, "released", now)
    return ended(sale, "released", now, is_replay=False)


def give_back(sale: Stored, state: schemas.State, now: datetime) -> None:
    """Give back everything a held sale reserves."""
    movements = [
        Movement(entry.campaign, entry.promotion, entry.coupon, held=-entry.amount, uses=-1)
        for entry in sale.reserved
    ]
    ledger.set_state(sale.id, state)
    usage.uncount_customer(sale.customer, movements)
    usage.move(movements, now)


EXPIRED = "SELECT id FROM pos_sale WHERE state = 'held' AND expires_at <= %(now)s::timestamptz ORDER BY id"


def expired(now: datetime) -> list[int]:
    """The held sales whose time is over, by id."""
    return [pk for (pk,) in run(EXPIRED, {"now": now.isoformat()}).all()]


def release_expired(now: datetime) -> None:
    """Write that holds whose time is over are released; waits for those that somebody is just at."""
    for pk in expired(now):
        release_one(pk, now, wait=True)


def release_one(pk: int, now: datetime, *, wait: bool = False) -> None:
    """Release one hold whose time is over, in a transaction of its own. `wait`: also for one that somebody is at."""
    with Transaction():
        reference = stored(pk).reference
        if wait:
            ledger.lock(reference)
        elif not ledger.try_lock(reference):
            return
        sale = stored(pk, lock=True)
        if sale.state == "held" and not sale.is_held(now):
            give_back(sale, "released", now)
