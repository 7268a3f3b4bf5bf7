"""Reads what the database knows about a sale in one SELECT: the till, the version of the rules, what limits leave."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Literal

import msgspec
from msgspec import Struct

from campaigns import database_time
from promotions.codes import code_key
from promotions.coupons import KnownCoupon
from promotions.database import statements

TILL = """
    {touched}
    SELECT t.id, t.key_hash, t.revoked_at IS NOT NULL, l.id, l.code, l.time_zone, l.currency,
           (SELECT version FROM promotions_rulesversion), t.unknown_codes_per_minute, l.apply_personal_offers {columns}
    FROM {till} JOIN pos_location l ON l.id = t.location_id {joins}
    WHERE t.key_hash = %(key)s
"""
OF_KEY = "pos_till t"
# stands for a till when somebody in the workspace tries out a basket
OF_WORKSPACE = """(SELECT 0 AS id, %(key)s::text AS key_hash, NULL::timestamptz AS revoked_at,
                       %(workspace)s::bigint AS location_id, NULL::integer AS unknown_codes_per_minute) t"""
# writes when a key was last used; the request that does so needs no statement more
TOUCHED = """
    WITH touched AS (
        UPDATE pos_till SET last_used_at = %(now)s::timestamptz WHERE key_hash = %(key)s AND revoked_at IS NULL
    )
"""
TILL_COLUMNS = 10  # how many columns TILL has by itself
SALE = ", s.id, s.body_hash, s.answer, s.till_id, maker.name, t.may_send_offline, t.offline_days"
SALE_JOIN = """
    LEFT JOIN pos_sale s ON s.location_id = l.id AND s.reference = %(reference)s
    LEFT JOIN pos_till maker ON maker.id = s.till_id
"""
SOME_COUNTERS = """,
    (SELECT array_agg(ARRAY[c.id, c.budget - c.spent - c.held, c.max_uses - c.uses])
     FROM promotions_counter c
     WHERE coalesce(c.budget, c.max_uses) IS NOT NULL AND (c.id = ANY(%(counters)s::bigint[]) {or_others}))
"""
COUNTERS = SOME_COUNTERS.format(or_others="")
PRESENTED = """
    jsonb_to_recordset(%(codes)s::jsonb) AS typed(code text, key text)
    JOIN promotions_coupon p ON p.key = typed.key
"""
# the counters of what the codes unlock; asked for when there are too many counters to read all
OF_COUPONS = f"""
    OR c.promotion_id IN (SELECT p.promotion_id FROM {PRESENTED})
    OR c.campaign_id IN (SELECT k.campaign_id
                         FROM {PRESENTED} JOIN promotions_link k ON k.promotion_id = p.promotion_id)
"""
COUNTERS_AND_COUPONS = SOME_COUNTERS.format(or_others=OF_COUPONS)
_CELLS = """p.id, p.promotion_id, p.benefit::text, p.active, p.starts_at,
            p.ends_at, p.min_subtotal, CASE p.kind WHEN 'one_time' THEN 1 ELSE p.max_uses END,
            p.max_uses_per_customer, p.uses, p.customer, coalesce(u.uses, 0),
            ARRAY(SELECT o.code FROM promotions_coupon_locations m JOIN pos_location o ON o.id = m.location_id
                  WHERE m.coupon_id = p.id)"""
COUPONS = f""",
    (SELECT json_agg(json_build_array(typed.code, {_CELLS}))::text
     FROM {PRESENTED}
     LEFT JOIN promotions_customeruse u ON u.customer = %(customer)s AND u.coupon_id = p.id)
"""
MOST_PERSONAL = 20  # codes of one customer that a sale looks at, those that end first
# Codes that belong to the customer: those of mails that were sent to them, and those made for their number by hand.
_PERSONAL = f"""(
    SELECT json_agg(json_build_array(p.code, {_CELLS}) ORDER BY p.ends_at, p.id)::text
    FROM (
        SELECT own.* FROM (
            SELECT mailed.* FROM promotions_coupon mailed
            WHERE mailed.made_for = (SELECT id FROM mailing_contact WHERE customer_id = %(customer)s)
              AND EXISTS (SELECT FROM mailing_delivery d WHERE d.coupon_id = mailed.id
                          AND d.status IN ('accepted', 'uncertain'))
            UNION ALL
            SELECT named.* FROM promotions_coupon named
            WHERE named.customer = %(customer)s AND named.customer <> '' AND named.made_for IS NULL
        ) own
        WHERE own.active AND (own.starts_at IS NULL OR own.starts_at <= %(now)s::timestamptz)
          AND (own.ends_at IS NULL OR own.ends_at > %(now)s::timestamptz)
          AND own.uses < coalesce(CASE own.kind WHEN 'one_time' THEN 1 ELSE own.max_uses END, own.uses + 1)
        ORDER BY own.ends_at, own.id LIMIT {MOST_PERSONAL}
    ) p
    LEFT JOIN promotions_customeruse u ON u.customer = %(customer)s AND u.coupon_id = p.id
)"""
PERSONAL = f", {_PERSONAL}"
PERSONAL_TO_APPLY = f", CASE WHEN l.apply_personal_offers THEN {_PERSONAL} END"
OF_PERSONAL = """
    OR c.promotion_id IN (SELECT m.promotion_id FROM promotions_coupon m
                          WHERE m.made_for = (SELECT id FROM mailing_contact WHERE customer_id = %(customer)s))
    OR c.campaign_id IN (SELECT k.campaign_id FROM promotions_coupon m
                         JOIN promotions_link k ON k.promotion_id = m.promotion_id
                         WHERE m.made_for = (SELECT id FROM mailing_contact WHERE customer_id = %(customer)s))
"""
COUNTERS_AND_PERSONAL = SOME_COUNTERS.format(or_others=OF_PERSONAL)
COUNTERS_COUPONS_AND_PERSONAL = SOME_COUNTERS.format(or_others=OF_COUPONS + OF_PERSONAL)
COUNTERS_OF = {
    (False, False): COUNTERS,
    (True, False): COUNTERS_AND_COUPONS,
    (False, True): COUNTERS_AND_PERSONAL,
    (True, True): COUNTERS_COUPONS_AND_PERSONAL,
}
CUSTOMER_USES = """,
    (SELECT array_agg(ARRAY[campaign_id, promotion_id, uses]) FROM promotions_customeruse
     WHERE customer = %(customer)s AND coupon_id IS NULL)
"""
GROUPS = """,
    (SELECT array_agg(g.code) FROM promotions_groupmember m JOIN promotions_customergroup g ON g.id = m.group_id
     WHERE m.customer = %(customer)s)
"""
FIRST_PURCHASE = """,
    NOT EXISTS (SELECT FROM pos_sale WHERE customer = %(customer)s AND state = 'committed')
"""
EXPIRED = """,
    EXISTS (SELECT FROM pos_sale WHERE state = 'held' AND expires_at <= %(now)s::timestamptz)
"""
# read once a minute, when the key's last use is written
CLOCK = ", extract(epoch FROM clock_timestamp())::float8"


class FactsQuery(Struct, frozen=True):
    """What one request asks of the database. What it does not name is left out of the statement.

    Attributes:
        now: aware.
        reference: the till's own id of the sale, to find the one that has it already; "" for a quote.
        counters: ids of those to read; None when there are none at all.
        of_coupons: also the counters of what the codes unlock.
        codes: coupon codes as they were typed.
        customer: the till's id of the customer; "" when it named none.
        customer_uses, groups, first_purchase: whether to read these of the customer.
        personal: whether to read the codes that belong to the customer: never, always, or where the location applies
            them by itself. of_personal: also the counters of what these unlock.
    """

    now: datetime
    reference: str = ""
    counters: Iterable[int] | None = None
    of_coupons: bool = False
    codes: Sequence[str] = ()
    customer: str = ""
    customer_uses: bool = False
    groups: bool = False
    first_purchase: bool = False
    personal: Literal["never", "always", "to apply"] = "never"
    of_personal: bool = False


class KnownSale(Struct, frozen=True):
    """The sale that has the till's reference already.

    Attributes:
        till, till_name: the till that sent it.
    """

    id: int
    body_hash: bytes
    answer: str
    till: int | None
    till_name: str | None


class TillFacts(Struct, frozen=True):
    """What the database knows about a till and its sale.

    Attributes:
        version: of the published rules.
        unknown_codes: unknown coupon codes that the till may try a minute; None in the workspace.
        sale: the sale that has the till's reference already.
        may_send_offline, offline_days: the till's own; read only when `FactsQuery.reference` is set.
        counters: (id, amount left in minor units, uses left); None where there is no such limit.
        customer_uses: (campaign, promotion, uses); campaign or promotion is None.
        has_expired: holds whose time is over still reserve discounts.
        personal: usable codes that belong to the customer. applies_personal: the location takes them as presented.
    """

    till: int
    key_hash: str
    is_revoked: bool
    location: int
    location_code: str
    time_zone: str
    currency: str
    version: int | None
    unknown_codes: int | None = None
    sale: KnownSale | None = None
    may_send_offline: bool = True
    offline_days: int | None = None
    counters: Sequence[tuple[int, int | None, int | None]] = ()
    coupons: Sequence[KnownCoupon] = ()
    customer_uses: Sequence[tuple[int | None, int | None, int]] = ()
    groups: Sequence[str] = ()
    first_purchase: bool | None = None
    has_expired: bool = False
    personal: Sequence[KnownCoupon] = ()
    applies_personal: bool = False

    @property
    def usable_coupons(self) -> Sequence[KnownCoupon]:
        """The coupons that this sale may use: those that were sent, and those that the location applies by itself."""
        if not self.personal or not self.applies_personal:
            return self.coupons
        sent = {coupon.id for coupon in self.coupons}
        return [*self.coupons, *(coupon for coupon in self.personal if coupon.id not in sent)]


def select_facts(
    query: FactsQuery, *, key_hash: str, workspace_location: int = 0, touch: bool = False
) -> TillFacts | None:
    """Run the SELECT and return its facts; None when no till has this key.

    Args:
        query: what is needed.
        key_hash: SHA-256 of the till's key, in hexadecimal.
        workspace_location: id of the location for which the workspace asks; 0 for a till.
        touch: write when the key was last used.
    """
    parameters: dict[str, str | None] = {"key": key_hash}
    columns: list[str] = []
    if workspace_location:
        parameters["workspace"] = str(workspace_location)
    if query.reference:
        parameters["reference"] = query.reference
        columns.append(SALE)
    if query.counters is not None:
        parameters["counters"] = statements.array_text(query.counters)
        columns.append(COUNTERS_OF[query.of_coupons, query.of_personal])
    if query.codes:
        typed = [{"code": code, "key": code_key(code)} for code in query.codes]
        parameters["codes"] = msgspec.json.encode(typed).decode()
        parameters["customer"] = query.customer
        columns.append(COUPONS)
    if query.customer_uses:
        columns.append(CUSTOMER_USES)
    # expired holds that still reserve discounts change only what limits leave
    reads_limits = query.counters is not None or bool(query.codes) or query.customer_uses
    if query.groups:
        columns.append(GROUPS)
    if query.first_purchase:
        columns.append(FIRST_PURCHASE)
    if query.customer_uses or query.groups or query.first_purchase:
        parameters["customer"] = query.customer
    if reads_limits:
        columns.append(EXPIRED)
    if query.personal != "never":
        parameters["customer"] = query.customer
        columns.append(PERSONAL if query.personal == "always" else PERSONAL_TO_APPLY)
    if touch or reads_limits or query.personal != "never":
        parameters["now"] = query.now.isoformat()
    row = statements.run(build_statement(tuple(columns), bool(workspace_location), touch), parameters).one()
    if row is None:
        return None
    cells = iter(row[TILL_COLUMNS:])
    sale = KnownSale(*islice(cells, 5)) if query.reference else None
    may_send_offline, offline_days = islice(cells, 2) if query.reference else (True, None)
    till, stored, is_revoked, location, code, time_zone, currency, version, unknown_codes, applies = row[
        :TILL_COLUMNS
    ]
    found = TillFacts(
        till,
        stored,
        is_revoked,
        location,
        code,
        time_zone,
        currency,
        version,
        unknown_codes,
        sale=sale if sale and sale.id is not None else None,
        may_send_offline=may_send_offline,
        offline_days=offline_days,
        counters=(next(cells) if query.counters is not None else None) or (),
        coupons=_decode_coupons(next(cells)) if query.codes else (),
        customer_uses=(next(cells) if query.customer_uses else None) or (),
        groups=(next(cells) if query.groups else None) or (),
        first_purchase=next(cells) if query.first_purchase else None,
        has_expired=next(cells) if reads_limits else False,
        personal=_decode_coupons(next(cells)) if query.personal != "never" else (),
        applies_personal=applies,
    )
    if touch:
        database_time.note(next(cells))
    return found


@cache
def build_statement(columns: tuple[str, ...], is_for_workspace: bool = False, touch: bool = False) -> str:
    """Write the SELECT with these columns beside those of TILL."""
    return TILL.format(
        till=OF_WORKSPACE if is_for_workspace else OF_KEY,
        touched=TOUCHED if touch else "",
        joins=SALE_JOIN if SALE in columns else "",
        columns="".join((*columns, CLOCK) if touch else columns),
    )


def _decode_coupons(text: str | None) -> tuple[KnownCoupon, ...]:
    return msgspec.json.decode(text, type=tuple[KnownCoupon, ...]) if text else ()
