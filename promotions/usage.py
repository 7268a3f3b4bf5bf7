"""Debits budgets and limits for what a sale was granted, and gives it back: counters, coupons, uses by customer.

Every function runs inside the transaction of a sale, which holds the shared rules lock and its customer's lock. Rows
are locked in one order by all: customer uses, coupons by id, counters by id; counters are the hot rows, so last.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from promotions.database.statements import array_text, run, send
from promotions.engine import Outcome
from promotions.snapshot import Snapshot

Runs = tuple[tuple[int, int], ...]
"""(units, minor units of each), in the order in which units are returned."""


class Entry(Struct, frozen=True, gc=False):
    """One line of the ledger: what a promotion, through a campaign or by itself, gives in a sale.

    `coupon`: the id of the coupon it used. `runs`: by line id.
    """

    campaign: int | None
    promotion: int
    coupon: int | None
    amount: int
    runs: dict[str, Runs]


def list_entries(outcome: Outcome, coupons: dict[str, int]) -> list[Entry]:
    """Return the lines of the ledger that an outcome makes. `coupons`: their ids by the code as typed.

    A line's discount is spread evenly over its units; of each unit's discount every promotion has its part, so that
    the parts of any number of units add up to what these units were given.
    """
    runs: dict[int, dict[str, Runs]] = {applied.promotion: {} for applied in outcome.applied}
    for line in outcome.lines:
        if len(line.applied) < 2:
            for share in line.applied:
                runs[share.promotion][line.id] = line.units
            continue
        units = sum([count for count, _ in line.units])
        before = 0
        for share in line.applied:
            runs[share.promotion][line.id] = split_runs(before, share.amount, units)
            before += share.amount
    return [
        Entry(
            applied.campaign,
            applied.promotion,
            None if applied.coupon is None else coupons[applied.coupon],
            applied.amount,
            runs[applied.promotion],
        )
        for applied in outcome.applied
    ]


def split_runs(before: int, amount: int, units: int) -> Runs:
    """Split an amount over the units of a line: 10 over 3 units gives 4, 3 and 3.

    `before` is what earlier promotions took of the same units, so that the sum of all is spread evenly, too. A part
    is spread(before + amount) − spread(before), unit by unit: never below 0, and the same for any number of
    promotions on a line.
    """
    if units == 1:
        return ((1, amount),)
    low, low_rest = divmod(before, units)
    high, high_rest = divmod(before + amount, units)
    each = high - low
    runs: Runs = ((units, each),)
    if low_rest < high_rest:
        runs = ((low_rest, each), (high_rest - low_rest, each + 1), (units - high_rest, each))
    elif low_rest > high_rest:
        runs = ((high_rest, each), (low_rest - high_rest, each - 1), (units - low_rest, each))
    return runs if runs[0][0] else runs[1:]


class CounterTake(Struct, frozen=True):
    """What one sale takes from one counter (a budget or a maximum): `spent` or `held` in minor units, and uses."""

    counter: int
    spent: int
    held: int
    uses: int


def list_takes(granted: Sequence[Entry], snapshot: Snapshot, *, held: bool) -> list[CounterTake]:
    """Return what `granted` takes from each counter, by its id: the order in which they are locked."""
    if not snapshot.counters:
        return []
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for entry in granted:
        for counter in (
            snapshot.campaign_counters.get(entry.campaign) if entry.campaign is not None else None,
            snapshot.promotion_counters.get(entry.promotion),
        ):
            if counter is not None:
                sums[counter][0] += entry.amount
                sums[counter][1] += 1
    return [
        CounterTake(counter, 0 if held else amount, amount if held else 0, uses)
        for counter, (amount, uses) in sorted(sums.items())
    ]


# Raises statements.GuardFailed, which undoes the sale, when the guarded UPDATE in it finds no row to change.
TAKE_OR_FAIL = (
    "WITH taken AS ({update} RETURNING id) SELECT promotions_unmet() WHERE NOT EXISTS (SELECT FROM taken)"
)
TAKE_FROM_COUNTER = TAKE_OR_FAIL.format(
    update="""
    UPDATE promotions_counter
    SET spent = spent + %(spent)s::bigint, held = held + %(held)s::bigint, uses = uses + %(uses)s::bigint,
        used_up_at = CASE WHEN spent + held + %(spent)s::bigint + %(held)s::bigint >= budget
                            OR uses + %(uses)s::bigint >= max_uses THEN %(now)s::timestamptz END
    WHERE id = %(counter)s::bigint AND is_open
      AND (opens_at IS NULL OR opens_at <= %(now)s::timestamptz)
      AND (closes_at IS NULL OR closes_at > %(now)s::timestamptz)
      AND (budget IS NULL OR spent + held + %(spent)s::bigint + %(held)s::bigint <= budget)
      AND (max_uses IS NULL OR uses + %(uses)s::bigint <= max_uses)
    """
)


def take_from_counter(wanted: CounterTake, now: datetime) -> None:
    """Debit everything in `wanted` from its counter in one guarded statement.

    Without enough room the transaction fails with GuardFailed. The statement itself sees a pause or a sale that came
    first: after a wait for the row's lock PostgreSQL judges the guard on the row as it is then. The statement travels
    with COMMIT, so the row is not locked for a round trip.
    """
    parameters = {
        "counter": str(wanted.counter),
        "spent": str(wanted.spent),
        "held": str(wanted.held),
        "uses": str(wanted.uses),
        "now": now.isoformat(),
    }
    send(TAKE_FROM_COUNTER, parameters)


TAKE_COUPON = TAKE_OR_FAIL.format(
    update="""
    UPDATE promotions_coupon SET uses = uses + 1
    WHERE id = %(coupon)s::bigint AND active
      AND uses < CASE kind WHEN 'one_time' THEN 1 ELSE coalesce(max_uses, uses + 1) END
    """
)


def take_coupons(granted: Sequence[Entry]) -> None:
    """Count one use of each coupon. The transaction fails with GuardFailed when one cannot be used."""
    for coupon in sorted([entry.coupon for entry in granted if entry.coupon is not None]):
        send(TAKE_COUPON, {"coupon": str(coupon)})


COUNT_CUSTOMER = """
    INSERT INTO promotions_customeruse AS known (customer, campaign_id, promotion_id, coupon_id, uses)
    SELECT %(customer)s, campaign, promotion, coupon, uses
    FROM jsonb_to_recordset(%(uses)s::jsonb) AS new(campaign bigint, promotion bigint, coupon bigint, uses integer)
    ORDER BY campaign, promotion, coupon
    ON CONFLICT (customer, campaign_id, promotion_id, coupon_id) DO UPDATE SET uses = known.uses + excluded.uses
"""


class CustomerUses(Struct, frozen=True, omit_defaults=True):
    """So many uses by one customer, of one of the three."""

    uses: int
    campaign: int | None = None
    promotion: int | None = None
    coupon: int | None = None


def customer_uses(granted: Iterable[Entry], snapshot: Snapshot) -> list[CustomerUses]:
    """Return the uses of `granted` that are counted by customer: where that is limited, and of every coupon."""
    by_campaign: dict[int, int] = defaultdict(int)
    found = []
    for entry in granted:
        if entry.campaign is not None and entry.campaign in snapshot.campaign_limits:
            by_campaign[entry.campaign] += 1
        if entry.promotion in snapshot.promotion_limits:
            found.append(CustomerUses(1, promotion=entry.promotion))
        if entry.coupon is not None:
            found.append(CustomerUses(1, coupon=entry.coupon))
    return [CustomerUses(uses, campaign=campaign) for campaign, uses in by_campaign.items()] + found


def count_customer(customer: str, uses: Sequence[CustomerUses]) -> None:
    """Count uses by a customer.

    It needs no guard: the sale has held the customer's lock since before it read what is left.
    """
    if uses:
        send(COUNT_CUSTOMER, {"customer": customer, "uses": msgspec.json.encode(uses).decode()})


UNCOUNT_CUSTOMER = """
    UPDATE promotions_customeruse AS known SET uses = known.uses - gone.uses
    FROM jsonb_to_recordset(%(uses)s::jsonb) AS gone(campaign bigint, promotion bigint, coupon bigint, uses integer)
    WHERE known.customer = %(customer)s
      AND (known.campaign_id = gone.campaign OR known.promotion_id = gone.promotion OR known.coupon_id = gone.coupon)
"""


def uncount_customer(customer: str, movements: Iterable["Movement"]) -> None:
    """Give a customer's uses back, where they are counted."""
    uses: dict[tuple[str, int], int] = defaultdict(int)
    for movement in movements:
        for thing in ("campaign", "promotion", "coupon"):
            if getattr(movement, thing) is not None:
                uses[thing, getattr(movement, thing)] -= movement.uses
    gone = [CustomerUses(count, **{thing: pk}) for (thing, pk), count in uses.items() if count]
    if customer and gone:
        send(LOCK_CUSTOMER, {"customer": customer})
        send(UNCOUNT_CUSTOMER, {"customer": customer, "uses": msgspec.json.encode(gone).decode()})


# in the order in which COUNT_CUSTOMER takes the rows
LOCK_CUSTOMER = """
    SELECT FROM promotions_customeruse WHERE customer = %(customer)s
    ORDER BY campaign_id, promotion_id, coupon_id FOR NO KEY UPDATE
"""
LOCK_COUPONS = (
    "SELECT FROM promotions_coupon WHERE id = ANY(%(coupons)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
)
LOCK_COUNTERS = (
    "SELECT FROM promotions_counter WHERE id = ANY(%(counters)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
)


def lock_rows(customer: str, coupons: Iterable[int], counters: Iterable[int]) -> None:
    """Lock what a sale may draw on, before it reads what is left: no other sale can take it in between."""
    if customer:
        send(LOCK_CUSTOMER, {"customer": customer})
    send(LOCK_COUPONS, {"coupons": array_text(coupons)})
    send(LOCK_COUNTERS, {"counters": array_text(counters)})


class Movement(Struct, frozen=True):
    """What one entry adds to the counters, or, below 0, gives back: minor units and uses.

    `over_*`: the part beyond the limits of the budget, the campaign, the promotion and the coupon; not part of `spent`.
    """

    campaign: int | None
    promotion: int
    coupon: int | None
    spent: int = 0
    held: int = 0
    uses: int = 0
    over_amount: int = 0
    over_campaign_uses: int = 0
    over_promotion_uses: int = 0
    over_coupon_uses: int = 0


LOCK_COUNTERS_OF = """
    SELECT id, campaign_id, promotion_id FROM promotions_counter
    WHERE coalesce(budget, max_uses) IS NOT NULL
      AND (campaign_id = ANY(%(campaigns)s::bigint[]) OR promotion_id = ANY(%(promotions)s::bigint[]))
    ORDER BY id FOR NO KEY UPDATE
"""
MOVE_COUNTER = """
    UPDATE promotions_counter
    SET spent = spent + %(spent)s::bigint, held = held + %(held)s::bigint, uses = uses + %(uses)s::bigint,
        overrun = overrun + %(overrun)s::bigint, overrun_uses = overrun_uses + %(overrun_uses)s::bigint,
        used_up_at = CASE WHEN spent + held + %(spent)s::bigint + %(held)s::bigint >= budget
                            OR uses + %(uses)s::bigint >= max_uses
                          THEN coalesce(used_up_at, %(now)s::timestamptz) END
    WHERE id = %(counter)s::bigint
"""
MOVE_COUPON = """
    UPDATE promotions_coupon SET uses = uses + %(uses)s::bigint, overrun_uses = overrun_uses + %(overrun)s::bigint
    WHERE id = %(coupon)s::bigint
"""


def write_movements(movements: Sequence[Movement], now: datetime) -> None:
    """Write movements to coupons and counters without a guard, also when they are closed.

    Uses by customer are written by `count_customer` and `uncount_customer`.
    """
    by_coupon: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for movement in movements:
        if movement.coupon is not None:
            by_coupon[movement.coupon][0] += movement.uses - movement.over_coupon_uses
            by_coupon[movement.coupon][1] += movement.over_coupon_uses
    for coupon, (uses, overrun) in sorted(by_coupon.items()):
        if uses or overrun:
            send(MOVE_COUPON, {"coupon": str(coupon), "uses": str(uses), "overrun": str(overrun)})
    counters = run(
        LOCK_COUNTERS_OF,
        {
            "campaigns": array_text(
                {movement.campaign for movement in movements if movement.campaign is not None}
            ),
            "promotions": array_text({movement.promotion for movement in movements}),
        },
    ).all()
    for counter, campaign, promotion in counters:
        own = [
            movement
            for movement in movements
            if (movement.campaign == campaign if campaign is not None else movement.promotion == promotion)
        ]
        over = [
            movement.over_campaign_uses if campaign is not None else movement.over_promotion_uses
            for movement in own
        ]
        send(
            MOVE_COUNTER,
            {
                "counter": str(counter),
                "spent": str(sum(movement.spent for movement in own)),
                "held": str(sum(movement.held for movement in own)),
                "uses": str(sum(movement.uses for movement in own) - sum(over)),
                "overrun": str(sum(movement.over_amount for movement in own)),
                "overrun_uses": str(sum(over)),
                "now": now.isoformat(),
            },
        )
