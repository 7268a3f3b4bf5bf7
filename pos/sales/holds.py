"""Holds: sales that reserve what they were granted until they are confirmed, released, or their time is over.

What a hold gives back goes to the counters from which it was taken, whatever became of the campaign since.
"""

from datetime import datetime
from functools import partial

from django.utils.translation import gettext

from campaigns import database_time
from pos.api import schemas
from pos.api.answers import Answer, RequestRefused
from pos.sales import ledger
from pos.sales.callers import Caller
from pos.sales.stored import StoredSale, answer_new_state, load_sale, lock_sale
from promotions import usage
from promotions.database.statements import Transaction, retry_on_lost_connection, run
from promotions.usage import Movement


def confirm(caller: Caller, reference: str, now: datetime | None = None) -> Answer:
    """Make a hold a sale. What it reserved is spent, so no limit can refuse it. Confirming it again changes nothing.

    Raises:
        RequestRefused: 409 `hold_expired` when its time is over or it was released, 409 `voided` when it was voided.
    """
    return retry_on_lost_connection(partial(_confirm, caller, reference, now or database_time.now_at_till()))


def _confirm(caller: Caller, reference: str, now: datetime) -> Answer:
    with Transaction():
        sale = lock_sale(caller, reference, now)
        is_replay = sale.state == "committed"
        if not is_replay:
            refuse_ended_hold(sale, now)
            ledger.confirm_sale(sale.id, sale.reserved, now)
            usage.write_movements(
                [
                    Movement(entry.campaign, entry.promotion, None, spent=entry.amount, held=-entry.amount)
                    for entry in sale.reserved
                ],
                now,
            )
    return answer_new_state(sale, "committed", now, is_replay=is_replay)


def refuse_ended_hold(sale: StoredSale, now: datetime) -> None:
    """Refuse to go on with a hold that reserves nothing any more. Its id stays taken.

    Raises:
        RequestRefused: 409 `hold_expired` when its time is over or it was released, 409 `voided` when it was voided.
    """
    if sale.state == "voided":
        raise RequestRefused(
            409, "voided", gettext("The sale %(reference)s was voided.") % {"reference": sale.reference}
        )
    if not sale.is_held(now):
        raise RequestRefused(
            409,
            "hold_expired",
            gettext("The hold %(reference)s is over: commit the sale anew, under another id.")
            % {"reference": sale.reference},
        )


def release(caller: Caller, reference: str, now: datetime | None = None) -> Answer:
    """Give back what a hold reserves. Releasing it again, or once it is voided, changes nothing.

    Raises:
        RequestRefused: 409 `already_committed`; such a sale can be voided instead.
    """
    return retry_on_lost_connection(partial(_release, caller, reference, now or database_time.now_at_till()))


def _release(caller: Caller, reference: str, now: datetime) -> Answer:
    with Transaction():
        sale = lock_sale(caller, reference, now)
        if sale.state == "committed":
            raise RequestRefused(
                409,
                "already_committed",
                gettext("The sale %(reference)s is committed: void it instead.") % {"reference": reference},
            )
        if sale.is_over:
            return answer_new_state(sale, sale.state, now, is_replay=True)
        give_back_hold(sale, "released", now)
    return answer_new_state(sale, "released", now, is_replay=False)


def give_back_hold(sale: StoredSale, state: schemas.State, now: datetime) -> None:
    """Give back everything that a held sale reserves."""
    movements = [
        Movement(entry.campaign, entry.promotion, entry.coupon, held=-entry.amount, uses=-1)
        for entry in sale.reserved
    ]
    ledger.set_sale_state(sale.id, state)
    usage.uncount_customer(sale.customer, movements)
    usage.write_movements(movements, now)


EXPIRED = "SELECT id FROM pos_sale WHERE state = 'held' AND expires_at <= %(now)s::timestamptz ORDER BY id"


def list_expired_holds(now: datetime) -> list[int]:
    """List the ids of the held sales whose time is over."""
    return [pk for (pk,) in run(EXPIRED, {"now": now.isoformat()}).all()]


def release_expired_holds(now: datetime) -> None:
    """Release every hold whose time is over. Waits for a hold that another transaction has locked."""
    for pk in list_expired_holds(now):
        release_expired_hold(pk, now, wait=True)


def release_expired_hold(pk: int, now: datetime, *, wait: bool = False) -> None:
    """Release one hold whose time is over, in a transaction of its own.

    Args:
        pk: id of the sale.
        now: aware.
        wait: wait for a hold that another transaction has locked, instead of leaving it.
    """
    with Transaction():
        reference = load_sale(pk).reference
        if wait:
            ledger.take_locks(reference)
        elif not ledger.try_locks(reference):
            return
        sale = load_sale(pk, lock=True)
        if sale.state == "held" and not sale.is_held(now):
            give_back_hold(sale, "released", now)
