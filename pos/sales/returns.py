"""Returns: units that come back give back their share of each discount, exactly and once.

The line of the ledger keeps the discount of each unit. Units come back in that order, whichever the customer brings, so
that the parts of several returns add up to the whole.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

import msgspec
from django.utils.translation import gettext
from msgspec import Struct

from campaigns import database_time
from pos.api import schemas
from pos.api.answers import Answer, RequestRefused, replay_answer, taken_id_refusal
from pos.api.schemas import ReturnRequest
from pos.sales import ledger
from pos.sales.callers import Caller
from pos.sales.stored import StoredSale, lock_sale_and_read_facts, returned_units
from pos.sales.till_facts import TillFacts
from promotions import usage
from promotions.database.statements import Transaction, bytea_text, retry_on_lost_connection, run, send
from promotions.engine.allocation import spread
from promotions.usage import Runs


class ReturnableLine(Struct, frozen=True):
    """A line of the sale.

    Attributes:
        quantity: as it was sent.
        units: how many units it has.
        value: of all units before discounts, in minor units.
        runs: the discount of each unit.
    """

    quantity: int | str
    units: int
    value: int
    runs: Runs


def put_return(
    caller: Caller,
    reference: str,
    return_reference: str,
    request: ReturnRequest,
    now: datetime | None = None,
) -> Answer:
    """Take back units of a committed sale. The same return sent again gets the same answer.

    Returns:
        201, or 200 for a replay and for a dry run, which changes nothing.

    Raises:
        RequestRefused: 409 `exceeds_sold` when more comes back than is left, `not_committed` or `voided` for such a
            sale, `idempotency_mismatch` for another content under the same id, `return_id_taken` when another till
            has the id.
    """
    return retry_on_lost_connection(
        partial(_put_return, caller, reference, return_reference, request, now or database_time.now_at_till())
    )


# whole sentences, since other languages bend the word for the state
_NOTHING_CAN_COME_BACK: Mapping[str, Callable[[], str]] = {
    "held": lambda: gettext("The sale %(reference)s is held: nothing of it can come back."),
    "released": lambda: gettext("The sale %(reference)s is released: nothing of it can come back."),
    "voided": lambda: gettext("The sale %(reference)s is voided: nothing of it can come back."),
}


def _put_return(
    caller: Caller, reference: str, return_reference: str, request: ReturnRequest, now: datetime
) -> Answer:
    body_hash = hashlib.sha256(msgspec.json.encode(request)).digest()
    with Transaction():
        sale, facts = lock_sale_and_read_facts(caller, reference, now)
        earlier = None if request.dry_run else find_return(sale.id, return_reference)
        if earlier is not None:
            return replay_return(return_reference, earlier, body_hash, facts)
        if sale.state != "committed":
            error = "voided" if sale.state == "voided" else "not_committed"
            said = _NOTHING_CAN_COME_BACK[sale.answer_at(now).state]()
            raise RequestRefused(409, error, said % {"reference": reference})
        sold, back = read_returnable_lines(sale), returned_units(sale.id)
        units = count_units(request, sold, back)
        reversals = list(list_reversals(ledger.list_granted_lines(sale.id), units, back))
        answer = build_answer(sale, return_reference, sold, units, back, reversals, dry_run=request.dry_run)
        body = msgspec.json.encode(answer)
        if request.dry_run:
            return Answer(200, body)
        insert_return(sale.id, facts.till, return_reference, body_hash, units, answer, body, now)
        give_back_units(sale, reversals, now)
    return Answer(201, body)


FIND = """
    SELECT back.body_hash, back.answer, back.till_id, maker.name FROM pos_return back
    LEFT JOIN pos_till maker ON maker.id = back.till_id
    WHERE back.sale_id = %(sale)s::bigint AND back.reference = %(reference)s
"""


class EarlierReturn(Struct, frozen=True):
    """A return that has the id already.

    Attributes:
        till, till_name: the till that sent it.
    """

    body_hash: bytes
    answer: str
    till: int | None
    till_name: str | None


def find_return(sale: int, reference: str) -> EarlierReturn | None:
    """Find a return of the sale by the till's id; None where there is none."""
    row = run(FIND, {"sale": str(sale), "reference": reference}).one()
    return EarlierReturn(*row) if row else None


def replay_return(reference: str, earlier: EarlierReturn, body_hash: bytes, facts: TillFacts) -> Answer:
    """Repeat the answer that was given to a return before.

    Raises:
        RequestRefused: 409 when another till sent it, or this till with another content.
    """
    same_body = bytes(earlier.body_hash) == body_hash
    if earlier.till_name is not None and earlier.till != facts.till:
        raise taken_id_refusal("return", reference, earlier.till_name, same_body=same_body)
    if not same_body:
        raise RequestRefused(
            409,
            "idempotency_mismatch",
            gettext("The return %(reference)s was sent before with another content.")
            % {"reference": reference},
        )
    return replay_answer(earlier.answer.encode())


def insert_return(
    sale: int,
    till: int,
    reference: str,
    body_hash: bytes,
    units: dict[str, int],
    answer: schemas.Return,
    body: bytes,
    now: datetime,
) -> None:
    """Insert the row of a return and note on its sale what was paid back; `body` is the answer as it is sent."""
    send(
        """
        WITH changed AS (INSERT INTO pos_unfoldedsale (sale_id) VALUES (%(sale)s::bigint)),
        paid_back AS (
            UPDATE pos_sale SET returned_total = coalesce(returned_total, 0) + %(total)s::bigint
            WHERE id = %(sale)s::bigint
        )
        INSERT INTO pos_return (sale_id, till_id, reference, body_hash, units, discount, answer, at)
        VALUES (%(sale)s::bigint, %(till)s::bigint, %(reference)s, %(body_hash)s, %(units)s::jsonb,
                %(discount)s::bigint, %(answer)s, %(at)s::timestamptz)
        """,
        {
            "sale": str(sale),
            "till": str(till),
            "reference": reference,
            "body_hash": bytea_text(body_hash),
            "units": msgspec.json.encode(units).decode(),
            "discount": str(answer.discount),
            "total": str(answer.total),
            "answer": body.decode(),
            "at": now.isoformat(),
        },
    )


def read_returnable_lines(sale: StoredSale) -> dict[str, ReturnableLine]:
    """Read the lines of a sale, by line id, from the stored request and the stored answer."""
    ((text,),) = run(
        "SELECT basket::text FROM pos_sale WHERE id = %(sale)s::bigint", {"sale": str(sale.id)}
    ).all()
    sent = {line.id: line.quantity for line in msgspec.json.decode(text, type=schemas.SaleRequest).lines}
    return {
        line.id: ReturnableLine(
            quantity=sent[line.id],
            units=sum(count for count, _ in line.units),
            value=line.discount + line.total,
            runs=line.units,
        )
        for line in sale.answer.lines
    }


def count_units(
    request: ReturnRequest, sold: dict[str, ReturnableLine], back: dict[str, int]
) -> dict[str, int]:
    """Count the units of each line that come back.

    Raises:
        RequestRefused: 409 when more comes back than was sold and is still left.
    """
    units, fields = {}, {}
    for number, line in enumerate(request.lines):
        known = sold.get(line.id)
        if known is None:
            fields[f"lines.{number}.id"] = [gettext("The sale has no line “%(id)s”.") % {"id": line.id}]
        elif isinstance(line.quantity, str) or isinstance(known.quantity, str):
            if line.quantity != known.quantity or back.get(line.id):
                fields[f"lines.{number}.quantity"] = [
                    (
                        gettext("%(quantity)s was sold as one piece, which came back.")
                        if back.get(line.id)
                        else gettext("%(quantity)s was sold as one piece, whole.")
                    )
                    % {"quantity": known.quantity}
                ]
            units[line.id] = 1
        else:
            left = known.units - back.get(line.id, 0)
            if line.quantity > left:
                fields[f"lines.{number}.quantity"] = [
                    gettext("%(units)s were sold and %(left)s can still come back.")
                    % {"units": known.units, "left": left}
                ]
            units[line.id] = line.quantity
    if fields:
        path, said = next(iter(fields.items()))
        raise RequestRefused(409, "exceeds_sold", f"{path}: {said[0]}", fields=fields)
    return units


def list_reversals(
    granted: list[ledger.GrantedLine], units: dict[str, int], back: dict[str, int]
) -> Iterable[ledger.Reversal]:
    """Yield what comes back of each line of the ledger.

    A use comes back when nothing is left of what its campaign gave, or its promotion when that has no campaign.
    """
    parts = []
    for line in granted:
        runs = {
            name: skip_runs(runs, back.get(name, 0), units[name])
            for name, runs in line.runs.items()
            if name in units
        }
        parts.append((line, sum(count * each for part in runs.values() for count, each in part), runs))
    left: dict[tuple[bool, int], int] = {}
    for line, amount, _ in parts:
        left[budget_owner(line)] = left.get(budget_owner(line), 0) + line.amount - amount
    for line, amount, runs in parts:
        uses = line.uses if left[budget_owner(line)] == 0 else 0
        if amount or uses:
            yield ledger.Reversal(line, amount, uses, runs)


def give_back_units(sale: StoredSale, reversals: list[ledger.Reversal], now: datetime) -> None:
    """Write the reversals to the ledger, and give back the uses and the budget."""
    ledger.write_reversals(reversals, now)
    movements = [reversal.movement for reversal in reversals]
    usage.uncount_customer(sale.customer, movements)
    usage.write_movements(movements, now)


def skip_runs(runs: Runs, skipped: int, taken: int | None = None) -> Runs:
    """Return the runs after the first `skipped` units: those of the next `taken` units, or all when it is None."""
    found = []
    wanted = sum(count for count, _ in runs) if taken is None else taken
    for count, each in runs:
        passed = min(skipped, count)
        kept = min(count - passed, wanted)
        skipped -= passed
        wanted -= kept
        if kept:
            found.append((kept, each))
    return tuple(found)


def budget_owner(line: ledger.GrantedLine) -> tuple[bool, int]:
    """Return (True, campaign) of a line, or (False, promotion) when it has no campaign."""
    return (False, line.promotion) if line.campaign is None else (True, line.campaign)


def build_answer(
    sale: StoredSale,
    reference: str,
    sold: dict[str, ReturnableLine],
    units: dict[str, int],
    back: dict[str, int],
    reversals: list[ledger.Reversal],
    *,
    dry_run: bool,
) -> schemas.Return:
    """Build the answer to a return."""
    lines = []
    for name, count in units.items():
        before = back.get(name, 0)
        runs = skip_runs(sold[name].runs, before, count)
        discount = sum_runs(runs)
        value = sum_runs(skip_runs(spread(sold[name].value, sold[name].units), before, count))
        lines.append(schemas.ReturnedLine(name, runs, value, discount, value - discount))
    return schemas.Return(
        sale_id=sale.reference,
        return_id=reference,
        currency=sale.answer.currency,
        subtotal=sum(line.subtotal for line in lines),
        discount=sum(line.discount for line in lines),
        total=sum(line.total for line in lines),
        lines=tuple(lines),
        applied=tuple(
            schemas.ReturnedPart(reversal.line.promotion, reversal.line.campaign, reversal.amount)
            for reversal in reversals
            if reversal.amount
        ),
        dry_run=dry_run,
    )


def sum_runs(runs: Runs) -> int:
    """Add up runs of (units, minor units each)."""
    return sum(count * each for count, each in runs)
