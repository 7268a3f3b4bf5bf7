"""Writes sales and their lines of the ledger. Lines are only added: what comes back is a line of its own.

Whatever changes a sale also adds a row for `pos.folding`, in the same statement.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from promotions.database.statements import bytea_text, run, send
from promotions.publish.version import RULES_LOCK
from promotions.usage import Entry, Movement, Runs

SALES, CUSTOMERS = 0x73616C65, 0x63757374  # classes of advisory locks with two keys: "sale", "cust"
LOCKS = f"""
    SELECT pg_advisory_xact_lock_shared({RULES_LOCK}), pg_advisory_xact_lock({SALES}, hashtext(%(reference)s))
"""
LOCKS_WITH_CUSTOMER = f"{LOCKS}, pg_advisory_xact_lock({CUSTOMERS}, hashtext(%(customer)s))"
TRY_LOCKS = f"""
    SELECT pg_advisory_xact_lock_shared({RULES_LOCK}), pg_try_advisory_xact_lock({SALES}, hashtext(%(reference)s))
"""


def take_locks(reference: str, customer: str = "") -> None:
    """Take the locks of a sale until the transaction ends.

    They are the rules lock, shared; a lock of the till's id of the sale, so that a sale sent twice at once is done
    once; and with `customer` a lock of the customer, so that their uses do not change meanwhile. This is a statement of
    its own, so that the next one sees everything that was committed before. Two keys may have one hash: then one waits.
    """
    if customer:
        send(LOCKS_WITH_CUSTOMER, {"reference": reference, "customer": customer})
    else:
        send(LOCKS, {"reference": reference})


def try_locks(reference: str) -> bool:
    """Take the locks of a sale unless another transaction has them, and return whether they were taken."""
    rows: list[tuple[object, bool]] = run(TRY_LOCKS, {"reference": reference}).all()
    ((_, is_taken),) = rows
    return is_taken


class SaleRecord(Struct, frozen=True):
    """A row of pos_sale; amounts in minor units.

    Attributes:
        basket, answer: JSON.
        reserved: the lines of the ledger that the confirmation of a hold will write.
    """

    location: int
    till: int
    reference: str
    state: str
    customer: str
    currency: str
    subtotal: int
    discount: int
    total: int
    body_hash: bytes
    basket: str
    answer: str
    at: datetime
    expires_at: datetime | None = None
    offline_at: datetime | None = None
    received_at: datetime | None = None
    reserved: Sequence[Entry] | None = None


LEDGER = """
    , ledger AS (
        INSERT INTO promotions_redemption (sale_id, campaign_id, promotion_id, coupon_id, amount, uses, runs, at)
        SELECT sale.id, entry.campaign, entry.promotion, entry.coupon, entry.amount, 1, entry.runs, %(at)s::timestamptz
        FROM sale, jsonb_to_recordset(%(entries)s::jsonb)
            AS entry(campaign bigint, promotion bigint, coupon bigint, amount bigint, runs jsonb)
    )
"""
INSERT = """
    WITH sale AS (
        INSERT INTO pos_sale (location_id, till_id, reference, state, customer, currency, subtotal, discount, total,
            body_hash, basket, answer, reserved, at, expires_at, offline_at, received_at)
        VALUES (%(location)s::bigint, %(till)s::bigint, %(reference)s, %(state)s, %(customer)s, %(currency)s,
            %(subtotal)s::bigint, %(discount)s::bigint, %(total)s::bigint, %(body_hash)s, %(basket)s::jsonb, %(answer)s,
            %(reserved)s::jsonb, %(at)s::timestamptz, %(expires_at)s::timestamptz, %(offline_at)s::timestamptz,
            %(received_at)s::timestamptz)
        RETURNING id
    ) {others}
    SELECT
"""
UNFOLDED = ", unfolded AS (INSERT INTO pos_unfoldedsale (sale_id) SELECT id FROM sale)"
INSERT_HOLD = INSERT.format(others="")
INSERT_SALE, INSERT_BOTH = INSERT.format(others=UNFOLDED), INSERT.format(others=UNFOLDED + LEDGER)


def insert_sale(sale: SaleRecord, entries: Sequence[Entry]) -> None:
    """Write a sale and its lines in one statement. The caller holds the locks of the sale. A hold has no lines yet."""
    parameters: dict[str, str | None] = {
        "location": str(sale.location),
        "till": str(sale.till),
        "reference": sale.reference,
        "state": sale.state,
        "customer": sale.customer,
        "currency": sale.currency,
        "subtotal": str(sale.subtotal),
        "discount": str(sale.discount),
        "total": str(sale.total),
        "body_hash": bytea_text(sale.body_hash),
        "basket": sale.basket,
        "answer": sale.answer,
        "reserved": None if sale.reserved is None else encode_json(sale.reserved),
        "at": sale.at.isoformat(),
        "expires_at": sale.expires_at.isoformat() if sale.expires_at else None,
        "offline_at": sale.offline_at.isoformat() if sale.offline_at else None,
        "received_at": sale.received_at.isoformat() if sale.received_at else None,
    }
    if sale.state == "held":
        send(INSERT_HOLD, parameters)
    elif not entries:
        send(INSERT_SALE, parameters)
    else:
        parameters["entries"] = encode_json(entries)
        send(INSERT_BOTH, parameters)


OVERRUNS = """
    INSERT INTO promotions_overrun (redemption_id, amount, campaign_uses, promotion_uses, coupon_uses)
    SELECT line.id, over.over_amount, over.over_campaign_uses, over.over_promotion_uses, over.over_coupon_uses
    FROM pos_sale sale JOIN promotions_redemption line ON line.sale_id = sale.id
    JOIN jsonb_to_recordset(%(movements)s::jsonb)
        AS over(promotion bigint, over_amount bigint, over_campaign_uses integer, over_promotion_uses integer,
                over_coupon_uses integer)
        ON line.promotion_id = over.promotion
    WHERE sale.location_id = %(location)s::bigint AND sale.reference = %(reference)s
      AND (over.over_amount, over.over_campaign_uses, over.over_promotion_uses, over.over_coupon_uses) <> (0, 0, 0, 0)
"""


def record_overrun(location: int, reference: str, movements: Sequence[Movement]) -> None:
    """Write which part of a new sale's lines goes beyond the limits."""
    send(OVERRUNS, {"location": str(location), "reference": reference, "movements": encode_json(movements)})


CONFIRM = f"""
    WITH sale AS (
        UPDATE pos_sale SET state = 'committed', reserved = NULL, expires_at = NULL, at = %(at)s::timestamptz
        WHERE id = %(sale)s::bigint
        RETURNING id
    ) {UNFOLDED}
    INSERT INTO promotions_redemption (sale_id, campaign_id, promotion_id, coupon_id, amount, uses, runs, at)
    SELECT sale.id, entry.campaign, entry.promotion, entry.coupon, entry.amount, 1, entry.runs, %(at)s::timestamptz
    FROM sale, jsonb_to_recordset(%(entries)s::jsonb)
        AS entry(campaign bigint, promotion bigint, coupon bigint, amount bigint, runs jsonb)
"""


def confirm_sale(sale: int, entries: Sequence[Entry], now: datetime) -> None:
    """Make a held sale a committed one, and write the lines it reserved."""
    send(CONFIRM, {"sale": str(sale), "entries": encode_json(entries), "at": now.isoformat()})


END_SALE = f"""
    WITH sale AS (
        UPDATE pos_sale SET state = %(state)s, reserved = NULL, expires_at = NULL WHERE id = %(sale)s::bigint
        RETURNING id
    ) {UNFOLDED}
    SELECT
"""


def set_sale_state(sale: int, state: str) -> None:
    """Write that a sale was released or voided."""
    send(END_SALE, {"sale": str(sale), "state": state})


class GrantedLine(Struct, frozen=True):
    """A line of the ledger, with what is left of it after all returns.

    Attributes:
        runs: the discount of each unit by line id, as it was granted.
        amount, uses: what is left; the amount in minor units.
        over_amount, over_campaign_uses, over_promotion_uses, over_coupon_uses: the part of that beyond the limits.
    """

    id: int
    campaign: int | None
    promotion: int
    coupon: int | None
    runs: dict[str, Runs]
    amount: int
    uses: int
    over_amount: int
    over_campaign_uses: int
    over_promotion_uses: int
    over_coupon_uses: int


GRANTED = """
    SELECT line.id, line.campaign_id, line.promotion_id, line.coupon_id, line.runs::text,
           (line.amount + coalesce(sum(back.amount), 0))::bigint, (line.uses + coalesce(sum(back.uses), 0))::bigint,
           (coalesce(line_over.amount, 0) + coalesce(sum(back_over.amount), 0))::bigint,
           (coalesce(line_over.campaign_uses, 0) + coalesce(sum(back_over.campaign_uses), 0))::bigint,
           (coalesce(line_over.promotion_uses, 0) + coalesce(sum(back_over.promotion_uses), 0))::bigint,
           (coalesce(line_over.coupon_uses, 0) + coalesce(sum(back_over.coupon_uses), 0))::bigint
    FROM promotions_redemption line
    LEFT JOIN promotions_overrun line_over ON line_over.redemption_id = line.id
    LEFT JOIN promotions_redemption back ON back.reverses_id = line.id
    LEFT JOIN promotions_overrun back_over ON back_over.redemption_id = back.id
    WHERE line.sale_id = %(sale)s::bigint AND line.reverses_id IS NULL
    GROUP BY line.id, line_over.id
    ORDER BY line.id
"""


def list_granted_lines(sale: int) -> list[GrantedLine]:
    """List the lines of a sale in the order in which they applied, with what is left of each."""
    return [
        GrantedLine(pk, campaign, promotion, coupon, msgspec.json.decode(runs, type=dict[str, Runs]), *left)
        for pk, campaign, promotion, coupon, runs, *left in run(GRANTED, {"sale": str(sale)}).all()
    ]


class Reversal(Struct, frozen=True):
    """What comes back of one line.

    Attributes:
        amount: in minor units, 0 or more.
        uses: 1 or 0.
        runs: the discount of each returned unit, by line id.
    """

    line: GrantedLine
    amount: int
    uses: int
    runs: dict[str, Runs]

    @property
    def movement(self) -> Movement:
        """What the counters get back. The part beyond the budget comes back first."""
        line, over = self.line, min(self.amount, self.line.over_amount)
        return Movement(
            campaign=line.campaign,
            promotion=line.promotion,
            coupon=line.coupon,
            spent=over - self.amount,
            uses=-self.uses,
            over_amount=-over,
            over_campaign_uses=-line.over_campaign_uses * self.uses,
            over_promotion_uses=-line.over_promotion_uses * self.uses,
            over_coupon_uses=-line.over_coupon_uses * self.uses,
        )


REVERSE = """
    WITH back AS (
        SELECT * FROM jsonb_to_recordset(%(reversals)s::jsonb)
            AS back(line bigint, amount bigint, uses integer, runs jsonb, over_amount bigint,
                    over_campaign_uses integer, over_promotion_uses integer, over_coupon_uses integer)
    ), written AS (
        INSERT INTO promotions_redemption
            (sale_id, campaign_id, promotion_id, coupon_id, amount, uses, runs, reverses_id, at)
        SELECT line.sale_id, line.campaign_id, line.promotion_id, line.coupon_id, -back.amount, -back.uses, back.runs,
               line.id, %(at)s::timestamptz
        FROM back JOIN promotions_redemption line ON line.id = back.line
        RETURNING id, reverses_id
    )
    INSERT INTO promotions_overrun (redemption_id, amount, campaign_uses, promotion_uses, coupon_uses)
    SELECT written.id, over_amount, over_campaign_uses, over_promotion_uses, over_coupon_uses
    FROM written JOIN back ON back.line = written.reverses_id
    WHERE (over_amount, over_campaign_uses, over_promotion_uses, over_coupon_uses) <> (0, 0, 0, 0)
"""


def write_reversals(reversals: Iterable[Reversal], now: datetime) -> None:
    """Write a line of the ledger for each reversal."""
    rows = []
    for reversal in reversals:
        movement = reversal.movement
        rows.append(
            {
                "line": reversal.line.id,
                "amount": reversal.amount,
                "uses": reversal.uses,
                "runs": reversal.runs,
                "over_amount": movement.over_amount,
                "over_campaign_uses": movement.over_campaign_uses,
                "over_promotion_uses": movement.over_promotion_uses,
                "over_coupon_uses": movement.over_coupon_uses,
            }
        )
    if rows:
        send(REVERSE, {"reversals": encode_json(rows), "at": now.isoformat()})


def encode_json(value: object) -> str:
    """Encode a value as JSON text."""
    return msgspec.json.encode(value).decode()
