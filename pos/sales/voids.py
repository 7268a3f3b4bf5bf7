"""Voids: a sale made by mistake gives back all that is left of it, a hold what it reserves."""

from datetime import datetime
from functools import partial

from campaigns import database_time
from pos.api.answers import Answer
from pos.sales import holds, ledger, returns
from pos.sales.callers import Caller
from pos.sales.stored import StoredSale, answer_new_state, lock_sale, returned_units
from promotions.database.statements import Transaction, retry_on_lost_connection


def void(caller: Caller, reference: str, now: datetime | None = None) -> Answer:
    """Give back all that is left of a sale or a hold. Voiding it again changes nothing."""
    return retry_on_lost_connection(partial(_void, caller, reference, now or database_time.now_at_till()))


def _void(caller: Caller, reference: str, now: datetime) -> Answer:
    with Transaction():
        sale = lock_sale(caller, reference, now)
        if sale.is_over:
            return answer_new_state(sale, sale.state, now, is_replay=True)
        if sale.state == "held":
            holds.give_back_hold(sale, "voided", now)
        else:
            give_back_rest(sale, now)
    return answer_new_state(sale, "voided", now, is_replay=False)


def give_back_rest(sale: StoredSale, now: datetime) -> None:
    """Give back what earlier returns left of each line of a committed sale."""
    back = returned_units(sale.id)
    reversals = [
        ledger.Reversal(
            line,
            line.amount,
            line.uses,
            {name: returns.skip_runs(runs, back.get(name, 0)) for name, runs in line.runs.items()},
        )
        for line in ledger.list_granted_lines(sale.id)
        if line.amount or line.uses
    ]
    ledger.set_sale_state(sale.id, "voided")
    returns.give_back_units(sale, reversals, now)
