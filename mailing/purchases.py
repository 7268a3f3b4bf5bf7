"""Conditions on what somebody bought at a till: which articles, where, how often, for how much, and what came back.

They ask the sold lines (`pos.models.SoldLine`), codes the ledger of discounts, and where nothing is narrowed the sales
themselves. A condition is

    {"event": "bought", "of": {"sku": "TEA"}, "times": 2, "within": {"amount": 30, "unit": "day"}}

`of` may be left out; then `bought` counts every committed sale. An article that was given back whole was not bought,
and a sale that was paid back whole is nobody's first.

All of them are conditions on `contact.customer_id` alone, so that they hold for customers who are no contacts as well.
"""

from django.utils.translation import gettext_lazy

from campaigns.annotations import Argument, Json, JsonObject
from campaigns.sentences import keep, mark
from campaigns.texts import is_storable
from mailing.comparing import Condition, is_among, negate
from promotions.codes import code_key

UNNAMED = {
    "sku": mark("Say which SKU is meant."),
    "category": mark("Say which category is meant."),
    "brand": mark("Say which brand is meant."),
    "location": mark("Say which location is meant."),
    "promotion": mark("Say which promotion is meant."),
    "code": mark("Say which code is meant."),
}
ARTICLES = {
    "sku": "line.sku = %s",
    "category": "line.categories @> ARRAY[%s::varchar]",
    "brand": "lower(line.brand) = lower(%s)",
    "location": "line.location_id IN"
    " (SELECT id FROM pos_location WHERE lower(name) = lower(%s) OR lower(code) = lower(%s))",
}
OFFERS = {
    "promotion": "used.promotion_id IN (SELECT id FROM promotions_promotion WHERE lower(name) = lower(%s))",
    "code": "used.coupon_id IN (SELECT id FROM promotions_coupon WHERE key = %s)",
}
LABELS = {
    "sku": gettext_lazy("the SKU"),
    "category": gettext_lazy("the category"),
    "brand": gettext_lazy("the brand"),
    "location": gettext_lazy("the location"),
    "promotion": gettext_lazy("the promotion"),
    "code": gettext_lazy("the code"),
}
NAMED = "line.customer <> ''"
# the same in a statement that asks for some customers only, whom it has as the table `asked`
AMONG_ASKED = f"{NAMED} AND line.customer = ANY (ARRAY(SELECT customer FROM asked))"
LINES = f"SELECT line.customer FROM pos_soldline AS line WHERE {NAMED}"
SALES = f"SELECT line.customer FROM pos_sale AS line WHERE {NAMED} AND line.state = 'committed'"
KEPT_SALE = "({sale}.returned_total IS NULL OR {sale}.total > {sale}.returned_total)"
REDEEMED = f"""SELECT line.customer FROM promotions_redemption AS used JOIN pos_sale AS line ON line.id = used.sale_id
WHERE {NAMED} AND line.state = 'committed' AND used.reverses_id IS NULL"""
KEPT = "line.quantity > line.returned_quantity"


class PurchaseError(ValueError):
    """The condition cannot be used; `str()` is a sentence."""


def compile_purchase(node: JsonObject, since: Condition | None, times: int, spent: int | None) -> Condition:
    """Return who has bought, or given back, what the condition says, as a condition on `contact`.

    Args:
        since: SQL for the moment from which on it counts, where there is one.
        times: in how many sales at least.
        spent: for how much in all at least, in minor units of the node's currency.

    Raises:
        PurchaseError: it names something that cannot be asked for.
    """
    event = node["event"]
    if event == "first_bought":
        sql, params = _compile_first(since)
    else:
        sql, params = _compile_times(node, since, times, spent)
    found = is_among("contact.customer_id", sql)
    return Condition(found if node.get("done", True) else negate(found), params)


def ask_some(condition: Condition) -> Condition:
    """Return the same condition for a statement whose table `asked` holds the customers whom it is about.

    Each part that asks what they bought is narrowed to them, so that few customers cost little.
    """
    return Condition(condition.sql.replace(NAMED, AMONG_ASKED), condition.params)


def _compile_first(since: Condition | None) -> Condition:
    kept = f"{SALES} AND {KEPT_SALE.format(sale='line')}"
    if since is None:
        return Condition(kept, [])
    earlier = f"""NOT EXISTS (
        SELECT FROM pos_sale AS earlier WHERE earlier.customer = line.customer AND earlier.state = 'committed'
        AND earlier.at <= {since.sql} AND {KEPT_SALE.format(sale="earlier")}
    )"""
    return Condition(f"{kept} AND line.at > {since.sql} AND {earlier}", since.params * 2)


def _compile_times(node: JsonObject, since: Condition | None, times: int, spent: int | None) -> Condition:
    event = node["event"]
    wanted, params = _compile_articles(event, node.get("of") or {})
    sale, kept = "count(DISTINCT line.sale_id)", "line.total - line.returned_total"
    if event == "redeemed":
        sql, sale = REDEEMED, "count(DISTINCT line.id)"
    elif event == "bought" and not wanted:
        sql, sale = SALES, "count(*)"
        kept = "line.total - coalesce(line.returned_total, 0)"
    elif event == "returned":
        sql = f"{LINES} AND line.returned_quantity > 0"
    else:
        sql = f"{LINES} AND {KEPT}"
    sql += "".join(f" AND {each}" for each in wanted)
    if since:
        sql += f" AND line.at > {since.sql}"
        params += since.params
    having = []
    if spent is not None:
        sql += " AND line.currency = %s"
        params.append(str(node.get("currency", "")))
        having.append(f"sum({kept}) >= %s")
    if times > 1:
        having.append(f"{sale} >= %s")
    if having:
        sql += f" GROUP BY line.customer HAVING {' AND '.join(having)}"
        params += [each for each in (spent, times if times > 1 else None) if each is not None]
    return Condition(sql, params)


def _compile_articles(event: str, of: Json) -> tuple[list[str], list[Argument]]:
    known = OFFERS if event == "redeemed" else ARTICLES
    if not isinstance(of, dict) or not of.keys() <= known.keys():
        raise PurchaseError(
            keep("What was %(event)s can be narrowed to %(known)s.", event=event, known=", ".join(known))
        )
    wanted: list[str] = []
    params: list[Argument] = []
    for name, value in of.items():
        if not isinstance(value, str) or not value.strip() or not is_storable(value) or len(value) > 200:
            raise PurchaseError(UNNAMED[name])
        wanted.append(known[name])
        text = code_key(value) if name == "code" else value.strip()
        params += [text] * known[name].count("%s")
    return wanted, params
