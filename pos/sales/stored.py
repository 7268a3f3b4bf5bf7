"""Finds, locks and shows stored sales by the till's own id."""

from datetime import datetime
from functools import partial

import msgspec
from django.utils.translation import gettext
from msgspec import Struct
from msgspec.structs import replace

from campaigns import database_time
from pos.api import schemas
from pos.api.answers import Answer, RequestRefused, replay_answer
from pos.sales import ledger
from pos.sales.callers import Caller
from pos.sales.till_facts import FactsQuery, TillFacts
from promotions.database.statements import retry_on_lost_connection, run
from promotions.usage import Entry


class StoredSale(Struct, frozen=True):
    """A sale as it is stored.

    Attributes:
        reserved: what a hold reserves.
        answer: what the till was answered.
    """

    id: int
    reference: str
    state: schemas.State
    customer: str
    expires_at: datetime | None
    reserved: tuple[Entry, ...]
    answer: schemas.Sale

    def is_held(self, now: datetime) -> bool:
        """Return whether it is a hold whose time is not over. After its time a hold counts as released."""
        return self.state == "held" and self.expires_at is not None and self.expires_at > now

    @property
    def is_over(self) -> bool:
        """Whether it was released or voided, so that nothing is left to give back."""
        return self.state in ("released", "voided")

    def answer_at(self, now: datetime, **known: object) -> schemas.Sale:
        """Return the answer that a till gets at `now`, with the fields in `known` replaced."""
        held = self.is_held(now)
        state = "released" if self.state == "held" and not held else self.state
        return replace(self.answer, state=state, expires_at=self.expires_at if held else None, **known)


SALE = """
    SELECT id, reference, state, customer, expires_at, reserved::text, answer
    FROM pos_sale WHERE id = %(sale)s::bigint
"""
SALE_LOCKED = f"{SALE} FOR NO KEY UPDATE"
UNITS = "SELECT units::text FROM pos_return WHERE sale_id = %(sale)s::bigint ORDER BY id"


def load_sale(pk: int, *, lock: bool = False) -> StoredSale:
    """Load the sale with this id; with `lock`, lock its row."""
    row = run(SALE_LOCKED if lock else SALE, {"sale": str(pk)}).one()
    assert row is not None, "no sale is ever deleted"
    key, reference, state, customer, expires_at, reserved, answer = row
    return StoredSale(
        key,
        reference,
        state,
        customer,
        expires_at,
        reserved=msgspec.json.decode(reserved, type=tuple[Entry, ...]) if reserved else (),
        answer=msgspec.json.decode(answer, type=schemas.Sale),
    )


def find_sale(caller: Caller, reference: str, now: datetime) -> tuple[StoredSale, TillFacts]:
    """Find a sale by the till's own id, and read the facts about the till.

    Raises:
        RequestRefused: 401 or 403 when the key is not valid, 404 when its location has no such sale.
    """
    if not schemas.is_reference(reference):
        caller.read_facts(FactsQuery(now))
        raise unknown_sale_refusal(reference)
    facts = caller.read_facts(FactsQuery(now, reference))
    if facts.sale is None:
        raise unknown_sale_refusal(reference)
    return load_sale(facts.sale.id), facts


def unknown_sale_refusal(reference: str) -> RequestRefused:
    """Build the 404 for a sale that the location does not have."""
    return RequestRefused(
        404, "no_such_sale", gettext("This location has no sale %(reference)s.") % {"reference": reference}
    )


def lock_sale(caller: Caller, reference: str, now: datetime) -> StoredSale:
    """Find a sale by the till's own id and lock it until the transaction ends."""
    return lock_sale_and_read_facts(caller, reference, now)[0]


def lock_sale_and_read_facts(caller: Caller, reference: str, now: datetime) -> tuple[StoredSale, TillFacts]:
    """Find and lock a sale until the transaction ends, and read the facts about the till."""
    sale, facts = find_sale(caller, reference, now)
    ledger.take_locks(reference)
    return load_sale(sale.id, lock=True), facts


def show_sale(caller: Caller, reference: str, now: datetime | None = None) -> Answer:
    """Answer a stored sale, with the units that came back."""
    now = now or database_time.now_at_till()
    return retry_on_lost_connection(partial(_show_sale, caller, reference, now))


def _show_sale(caller: Caller, reference: str, now: datetime) -> Answer:
    sale, _ = find_sale(caller, reference, now)
    return Answer(200, msgspec.json.encode(sale.answer_at(now, returned=returned_units(sale.id))))


def returned_units(sale: int) -> dict[str, int]:
    """Count the units of each line that came back so far."""
    units: dict[str, int] = {}
    for (text,) in run(UNITS, {"sale": str(sale)}).all():
        for line, count in msgspec.json.decode(text, type=dict[str, int]).items():
            units[line] = units.get(line, 0) + count
    return units


def answer_new_state(sale: StoredSale, state: schemas.State, now: datetime, *, is_replay: bool) -> Answer:
    """Build the answer to a step of a sale; `is_replay`: it was taken before."""
    body = msgspec.json.encode(replace(sale.answer_at(now), state=state, expires_at=None))
    return replay_answer(body) if is_replay else Answer(200, body)
