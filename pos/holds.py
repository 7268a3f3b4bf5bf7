"""What happens to a sale after its commit: a hold is confirmed or released, a sale is voided or looked up.

What is given back goes to the same counters it was taken from, whatever became of the campaign since.
"""

from datetime import datetime
from functools import partial

import msgspec
from django.utils import timezone
from msgspec import Struct
from msgspec.structs import replace

from pos import keys, ledger, schemas
from pos.answers import Answer, Declined, replayed
from pos.facts import Asked, read
from pos.keys import Known
from promotions import usage
from promotions.statements import Transaction, again, run
from promotions.usage import Entry, Movement, Runs


class Stored(Struct, frozen=True):
    """A sale as it is stored. `answer`: what the till was answered."""

    id: int
    reference: str
    state: schemas.State
    customer: str
    expires_at: datetime | None
    reserved: tuple[Entry, ...]
    answer: schemas.Sale

    def is_held(self, now: datetime) -> bool:
        """Whether it still reserves something: past its time it counts as released at once."""
        return self.state == "held" and self.expires_at is not None and self.expires_at > now

    def at(self, now: datetime, **known: object) -> schemas.Sale:
        """The sale as a till sees it at `now`."""
        held = self.is_held(now)
        state = "released" if self.state == "held" and not held else self.state
        return replace(self.answer, state=state, expires_at=self.expires_at if held else None, **known)


SALE = """
    SELECT id, reference, state, customer, expires_at, reserved::text, answer
    FROM pos_sale WHERE id = %(sale)s::bigint
"""
SALE_LOCKED = f"{SALE} FOR UPDATE"
UNITS = "SELECT units::text FROM pos_return WHERE sale_id = %(sale)s::bigint ORDER BY id"


def stored(pk: int, *, lock: bool = False) -> Stored:
    """The sale with this id, and its row's lock."""
    row = run(SALE_LOCKED if lock else SALE, {"sale": str(pk)}).one()
    assert row is not None, "no sale is ever deleted"
    key, reference, state, customer, expires_at, reserved, answer = row
    return Stored(
        key,
        reference,
        state,
        customer,
        expires_at,
        reserved=msgspec.json.decode(reserved, type=tuple[Entry, ...]) if reserved else (),
        answer=msgspec.json.decode(answer, type=schemas.Sale),
    )


def find(key_hash: str, known: Known, reference: str, now: datetime) -> Stored:
    """The till's sale `reference`.

    Raises: Declined: 401, 403 the key is no good; 404 its location has no such sale.
    """
    if not schemas.is_reference(reference):
        keys.check(key_hash, now)
        raise no_such_sale(reference)
    touch = keys.is_touch_due(known)
    facts = keys.admitted(
        read(Asked(touch=touch, sale=True), key_hash=key_hash, now=now, reference=reference), key_hash
    )
    keys.remember(key_hash, known, facts, touched=touch)
    if facts.sale is None:
        raise no_such_sale(reference)
    return stored(facts.sale[0])


def no_such_sale(reference: str) -> Declined:
    return Declined(404, "no_such_sale", f"This location has no sale {reference}.")


def locked(key_hash: str, known: Known, reference: str, now: datetime) -> Stored:
    """The till's sale, with its locks until the transaction ends."""
    sale = find(key_hash, known, reference, now)
    ledger.lock(reference)
    return stored(sale.id, lock=True)


def show(key_hash: str, known: Known, reference: str, now: datetime | None = None) -> Answer:
    """A sale as it is stored, with what came back of it."""
    now = now or timezone.now()
    return again(partial(_show, key_hash, known, reference, now))


def _show(key_hash: str, known: Known, reference: str, now: datetime) -> Answer:
    sale = find(key_hash, known, reference, now)
    return Answer(200, msgspec.json.encode(sale.at(now, returned=returned_units(sale.id))))


def returned_units(sale: int) -> dict[str, int]:
    """How many units of each line came back so far."""
    units: dict[str, int] = {}
    for (text,) in run(UNITS, {"sale": str(sale)}).all():
        for line, count in msgspec.json.decode(text, type=dict[str, int]).items():
            units[line] = units.get(line, 0) + count
    return units


def confirm(key_hash: str, known: Known, reference: str, now: datetime | None = None) -> Answer:
    """Make a hold a sale: what it reserved is spent, so no limit can refuse it. Confirming it again changes nothing.

    Raises: Declined: 409 `hold_expired`, also when it was released; 409 `voided`.
    """
    return again(partial(_confirm, key_hash, known, reference, now or timezone.now()))


def _confirm(key_hash: str, known: Known, reference: str, now: datetime) -> Answer:
    with Transaction():
        sale = locked(key_hash, known, reference, now)
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


def ended(sale: Stored, state: schemas.State, now: datetime, *, is_replay: bool) -> Answer:
    body = msgspec.json.encode(replace(sale.at(now), state=state, expires_at=None))
    return replayed(body) if is_replay else Answer(200, body)


def release(key_hash: str, known: Known, reference: str, now: datetime | None = None) -> Answer:
    """Give back what a hold reserves. Releasing it again changes nothing.

    Raises: Declined: 409 `already_committed`: void it instead.
    """
    return again(partial(_end, key_hash, known, reference, now or timezone.now(), "released"))


def void(key_hash: str, known: Known, reference: str, now: datetime | None = None) -> Answer:
    """Give back all that is left of a sale, or of a hold. Voiding it again changes nothing."""
    return again(partial(_end, key_hash, known, reference, now or timezone.now(), "voided"))


def _end(key_hash: str, known: Known, reference: str, now: datetime, state: schemas.State) -> Answer:
    with Transaction():
        sale = locked(key_hash, known, reference, now)
        if sale.state == "committed" and state == "released":
            raise Declined(409, "already_committed", f"The sale {reference} is committed: void it instead.")
        is_replay = sale.state in ("released", "voided")
        if is_replay:
            state = sale.state
        elif sale.state == "held":
            give_back_hold(sale, state, now)
        else:
            give_back_sale(sale, now)
    return ended(sale, state, now, is_replay=is_replay)


def give_back_hold(sale: Stored, state: schemas.State, now: datetime) -> None:
    """Give back everything a held sale reserves."""
    movements = [
        Movement(entry.campaign, entry.promotion, entry.coupon, held=-entry.amount, uses=-1)
        for entry in sale.reserved
    ]
    ledger.set_state(sale.id, state)
    usage.uncount_customer(sale.customer, movements)
    usage.move(movements, now)


def give_back_sale(sale: Stored, now: datetime) -> None:
    """Void a committed sale: give back what earlier returns have left of each line."""
    back = returned_units(sale.id)
    reversals = [
        ledger.Reversal(
            line,
            line.amount,
            line.uses,
            {name: rest(runs, back.get(name, 0)) for name, runs in line.runs.items()},
        )
        for line in ledger.granted(sale.id)
        if line.amount or line.uses
    ]
    ledger.set_state(sale.id, "voided")
    give_back(sale, reversals, now)


def give_back(sale: Stored, reversals: list[ledger.Reversal], now: datetime) -> None:
    ledger.reverse(reversals, now)
    movements = [reversal.movement for reversal in reversals]
    usage.uncount_customer(sale.customer, movements)
    usage.move(movements, now)


def rest(runs: Runs, skipped: int, taken: int | None = None) -> Runs:
    """The runs of `taken` units, or of all that follow, after the first `skipped`."""
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
            give_back_hold(sale, "released", now)
