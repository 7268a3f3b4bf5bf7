"""Segments: a tree of conditions on contacts, compiled to one SQL condition.

A tree is nested groups of conditions:

    {"all": [node, …]}   {"any": [node, …]}   {"none": [node, …]}
    {"field": "city", "op": "equals", "value": "Berlin"}
    {"list": 3}
    {"event": "opened", "done": true, "times": 2, "within": {"amount": 30, "unit": "day"}, "campaign": 5}
    {"rfm": "champions"}

A field is one of FIELDS or WORKED_OUT, a flag of FLAGS, or the name of an attribute. `done`, `times` (at least so
often, once unless it is said), `within` and `campaign` may be left out; what was bought at a till is of no e-mail
campaign, may say `of` what or where, and how much was `spent` in all at least, less what came back: minor units of its
`currency`; see mailing.purchases. `rfm` is a class of mailing.rfm.
A group without conditions has no say: it holds for everybody.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal

from django.conf import settings
from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns.annotations import Argument, Json, JsonObject
from campaigns.sentences import keep, mark
from campaigns.texts import is_storable
from mailing.comparing import Condition, compare, equals, is_among, is_impossible_date, negate
from mailing.countries import country_code
from mailing.languages import read_language
from mailing.local_time import read_zone
from mailing.purchases import PurchaseError, compile_purchase
from mailing.rfm import CLASSES, QUINTILES, compile_class

FIELDS = {
    "email": gettext_lazy("Address"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "phone": gettext_lazy("Phone"),
    "city": gettext_lazy("City"),
    "country": gettext_lazy("Country"),
    "score": gettext_lazy("Score"),
    "customer_id": gettext_lazy("Customer number"),
    "language": gettext_lazy("Language"),
    "time_zone": gettext_lazy("Time zone"),
}
# What is worked out from what they did.
WORKED_OUT = {"signup_date": gettext_lazy("Signup date"), "usual_location": gettext_lazy("Usual location")}
FLAGS = {
    "is_unsubscribed": gettext_lazy("Unsubscribed"),
    "is_bounced": gettext_lazy("Bounced"),
    "is_suppressed": gettext_lazy("Suppressed"),
}
OPERATORS = {
    "equals": gettext_lazy("is"),
    "not_equals": gettext_lazy("is not"),
    "contains": gettext_lazy("contains"),
    "starts_with": gettext_lazy("starts with"),
    "ends_with": gettext_lazy("ends with"),
    "greater_than": gettext_lazy("is greater than"),
    "less_than": gettext_lazy("is less than"),
    "between": gettext_lazy("is between"),
    "is_set": gettext_lazy("is set"),
    "is_not_set": gettext_lazy("is not set"),
}
EVENTS = {
    "sent": gettext_lazy("was sent a mail"),
    "opened": pgettext_lazy("what a contact did", "opened"),
    "clicked": pgettext_lazy("what a contact did", "clicked"),
    "bounced": pgettext_lazy("what a contact did", "bounced"),
    "complained": pgettext_lazy("what a contact did", "complained"),
    "unsubscribed": pgettext_lazy("what a contact did", "unsubscribed"),
    "bought": gettext_lazy("bought at a till"),
    "returned": gettext_lazy("returned something bought"),
    "first_bought": gettext_lazy("bought for the first time"),
    "redeemed": gettext_lazy("redeemed a discount at a till"),
}
PURCHASES = ("bought", "returned", "first_bought", "redeemed")
UNITS = ("minute", "hour", "day", "month", "year")
KINDS: dict[str, type] = {
    "field": str,
    "rfm": str,
    "op": str,
    "event": str,
    "of": dict,
    "within": dict,
    "currency": str,
}
LARGEST_KEY = 2**63 - 1
DEEPEST_TREE, MOST_CONDITIONS = 20, 200  # groups inside each other, and conditions: a person needs far fewer

_name = re.compile(r"[^\W\d]\w{0,63}").fullmatch


class SegmentError(ValueError):
    """The tree cannot be used; `str()` is a sentence that names the condition."""


def compile_tree(tree: JsonObject) -> Condition:
    """Return the whole tree as one condition.

    Raises:
        SegmentError: a segment cannot be used.
    """
    left = [MOST_CONDITIONS]
    return _compile_node(tree or {"all": []}, 0, left)


def _compile_node(node: Json, depth: int, left: list[int]) -> Condition:
    if not isinstance(node, dict):
        raise SegmentError(mark("A condition must name a field, a list or an event."))
    if depth > DEEPEST_TREE:
        raise SegmentError(keep("Groups may lie at most %(deepest_tree)s deep.", deepest_tree=DEEPEST_TREE))
    for word, build in GROUPS.items():
        if word in node:
            if len(node) > 1 or not isinstance(node[word], list):
                raise SegmentError(
                    keep("A group “%(word)s” holds a list of conditions and nothing else.", word=word)
                )
            inner = [_compile_node(child, depth + 1, left) for child in node[word]]
            if not inner:
                return Condition("true", [])
            return Condition(build([each.sql for each in inner]), [p for each in inner for p in each.params])
    left[0] -= 1
    if left[0] < 0:
        raise SegmentError(
            keep(
                "A segment may hold at most %(most_conditions)s conditions.", most_conditions=MOST_CONDITIONS
            )
        )
    if any(not isinstance(node.get(name), kind | None) for name, kind in KINDS.items()):
        raise SegmentError(mark("A condition names its field, its event and the rest in words and numbers."))
    for word, read in LEAVES.items():
        if word in node:
            return read(node)
    raise SegmentError(mark("A condition must name a field, a list or an event."))


GROUPS: dict[str, Callable[[list[str]], str]] = {
    "all": lambda inner: " AND ".join(f"({sql})" for sql in inner),
    "any": lambda inner: " OR ".join(f"({sql})" for sql in inner),
    # a comparison with what is not set is unknown, and a person of whom nothing is known is none of these
    "none": lambda inner: " AND ".join(f"({negate(sql)})" for sql in inner),
}


def _compile_field(node: JsonObject) -> Condition:
    name, op, value = node["field"], node.get("op", "equals"), node.get("value")
    if op not in OPERATORS:
        raise SegmentError(
            keep(
                "“%(op)s” is no way to compare; there are %(operators)s.",
                op=op,
                operators=", ".join(OPERATORS),
            )
        )
    if name in FLAGS:
        return _compile_flag(name, op, value)
    if name == "usual_location":
        return _compile_usual_location(node)
    if name == "signup_date":
        # of a setting, which holds no quotation mark: every name of a time zone is letters, digits and / _ + -
        text = f"to_char(contact.created_at AT TIME ZONE '{settings.TIME_ZONE}', 'YYYY-MM-DD')"
    elif name in FIELDS:
        text = f"contact.{name}::text"
    elif isinstance(name, str) and _name(name):
        text = f"contact.attributes ->> '{name}'"  # letters, digits and _ only
    else:
        raise SegmentError(keep("“%(name)s” is no name of a field.", name=name))
    if name == "country" and op in ("equals", "not_equals") and isinstance(value, str):
        value = country_code(value) or value  # contacts have the two letters of ISO
    if name == "language" and op in ("equals", "not_equals") and isinstance(value, str):
        value = read_language(value) or value
    if name == "time_zone" and op in ("equals", "not_equals") and isinstance(value, str):
        value = read_zone(value) or value
    has_numbers = name not in FIELDS or name == "score"
    return _compile_comparison(f"({text})", name, op, value, has_numbers=has_numbers)


def _compile_comparison(
    text: str, name: str, op: str, value: Json, *, has_numbers: bool = False
) -> Condition:
    """Compile a comparison of `text`, an SQL expression without parameters. `has_numbers`: 12.5 equals 12.50."""
    if op in ("is_set", "is_not_set"):
        says_something = f"coalesce(btrim({text}, E' \\t\\r\\n\\u00a0'), '') NOT IN ('', '[]', '{{}}')"
        return Condition(says_something if op == "is_set" else f"NOT ({says_something})", [])
    if op == "between":
        if not isinstance(value, list) or len(value) != 2:
            raise SegmentError(keep("“%(name)s” between needs two values.", name=name))
        low, high = (
            compare(text, sign, _read_text(one, name)) for sign, one in zip((">=", "<="), value, strict=True)
        )
        return Condition(f"{low.sql} AND {high.sql}", low.params + high.params)
    value = _read_text(value, name)
    if not value.isascii():
        text = f"normalize({text})"  # é may be written as two
    if op in ("greater_than", "less_than"):
        return compare(text, ">" if op == "greater_than" else "<", value)
    if op in ("equals", "not_equals"):
        same = equals(text, value) if has_numbers else Condition(f"lower({text}) = lower(%s)", [value])
        return same if op == "equals" else Condition(negate(same.sql), same.params)
    if op == "contains":
        return Condition(f"position(lower(%s) in lower({text})) > 0", [value])
    if op == "starts_with":
        return Condition(f"starts_with(lower({text}), lower(%s))", [value])
    return Condition(f"right(lower({text}), length(%s)) = lower(%s)", [value, value])


# The location where each customer bought most often; of two equal ones the last visited.
USUAL_LOCATION = """
SELECT DISTINCT ON (visits.customer) visits.customer, location.code, location.name
FROM (
    SELECT customer, location_id, count(*) AS times, max(at) AS last FROM pos_sale
    WHERE state = 'committed' AND customer <> '' GROUP BY customer, location_id
) AS visits JOIN pos_location AS location ON location.id = visits.location_id
ORDER BY visits.customer, visits.times DESC, visits.last DESC, location.id
"""


def _compile_usual_location(node: JsonObject) -> Condition:
    """Compile a condition on the usual location, by its name or code. A contact who never bought has none."""
    op, value = node.get("op", "equals"), node.get("value")
    is_negative = op in ("not_equals", "is_not_set")
    asked: Json = {"not_equals": "equals", "is_not_set": "is_set"}.get(op, op)
    name = _compile_comparison("usual.name", "usual_location", asked, value)
    sql, params = name
    if asked == "equals":
        sql, params = f"{sql} OR lower(usual.code) = lower(%s)", [*params, *params]
    found = is_among(
        "contact.customer_id", f"SELECT usual.customer FROM ({USUAL_LOCATION}) AS usual WHERE {sql}"
    )
    return Condition(negate(found) if is_negative else found, params)


def _read_text(value: Json, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float) or value == "" or "\0" in str(value):
        raise SegmentError(keep("“%(name)s” is compared with nothing: give a value.", name=name))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise SegmentError(
                keep("“%(name)s” is compared with %(value)s, which is no number.", name=name, value=value)
            )
        value = f"{Decimal(repr(value)).normalize():f}"  # 10000000000000000, not 1e+16
    text = unicodedata.normalize("NFC", str(value))
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise SegmentError(keep("“%(name)s” is compared with what no text may hold.", name=name))
    if is_impossible_date(text):
        raise SegmentError(
            keep("“%(name)s” is compared with %(text)s: there is no such day.", name=name, text=text)
        )
    return text


FLAG_REASONS = {
    "is_unsubscribed": "suppression.reason = 'unsubscribed'",
    "is_bounced": "suppression.reason IN ('hard_bounce', 'soft_bounce')",
    "is_suppressed": "true",
}


def _compile_flag(name: str, op: str, value: Json) -> Condition:
    if op not in ("equals", "not_equals") or not isinstance(value, bool):
        raise SegmentError(keep("“%(name)s” is or is not, true or false.", name=name))
    found = is_among(
        "contact.email",
        f"SELECT suppression.email FROM mailing_suppression AS suppression WHERE {FLAG_REASONS[name]}",
    )
    return Condition(found if value is (op == "equals") else negate(found), [])


def is_whole(value: Json, most: int) -> bool:
    """Return whether this is a whole number from 1 on. Python takes true and false for numbers."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most


def _compile_list(node: JsonObject) -> Condition:
    if not is_whole(node["list"], LARGEST_KEY):
        raise SegmentError(mark("A condition on a list needs the list."))
    found = is_among(
        "contact.id",
        "SELECT membership.contact_id FROM mailing_membership AS membership"
        " WHERE membership.list_id = %s AND membership.unsubscribed_at IS NULL",
    )
    return Condition(found, [node["list"]])


# Where each event is found: rows with the contact's id, the time and the campaign.
EVENT_ROWS = {
    "sent": "SELECT d.contact_id, d.sent_at AS at, d.campaign_id FROM mailing_delivery AS d"
    " WHERE d.sent_at IS NOT NULL",
    "bounced": "SELECT d.contact_id, a.at, d.campaign_id FROM mailing_attempt AS a"
    " JOIN mailing_delivery AS d ON d.id = a.delivery_id WHERE a.status = 'bounced'",
    "complained": "SELECT c.id AS contact_id, s.created_at AS at, NULL::bigint AS campaign_id"
    " FROM mailing_suppression AS s JOIN mailing_contact AS c ON c.email = s.email WHERE s.reason = 'complaint'",
} | {
    kind: "SELECT d.contact_id, e.at, e.campaign_id FROM mailing_event AS e"
    f" JOIN mailing_delivery AS d ON d.id = e.delivery_id WHERE e.kind = '{kind}'{of_people}"
    for kind, of_people in (
        ("opened", " AND e.origin = 'human'"),
        ("clicked", " AND e.origin = 'human'"),
        ("unsubscribed", ""),
    )
}


def _compile_event(node: JsonObject) -> Condition:
    if node["event"] not in EVENTS:
        raise SegmentError(
            keep(
                "“%(event)s” is no event; there are %(events)s.",
                event=node["event"],
                events=", ".join(EVENTS),
            )
        )
    if node["event"] in PURCHASES:
        return _compile_purchase(node)
    if node.get("of"):
        raise SegmentError(mark("Only what was bought, returned or redeemed is of an article or a place."))
    sql: str = f"SELECT event.contact_id FROM ({EVENT_ROWS[node['event']]}) AS event"
    params: list[Argument] = []
    where = ["event.contact_id IS NOT NULL"]
    if campaign := node.get("campaign"):
        if not is_whole(campaign, LARGEST_KEY):
            raise SegmentError(mark("A campaign is named by its number."))
        where.append("event.campaign_id = %s")
        params.append(campaign)
    if since := _compile_since(node):
        where.append(f"event.at > {since.sql}")
        params += since.params
    _read_spent(node)
    found = f"{sql} WHERE {' AND '.join(where)}"
    times = _read_times(node)
    if times > 1:
        found += " GROUP BY event.contact_id HAVING count(*) >= %s"
        params.append(times)
    has_done = is_among("contact.id", found)
    return Condition(has_done if node.get("done", True) else negate(has_done), params)


def _compile_purchase(node: JsonObject) -> Condition:
    if node.get("campaign"):
        raise SegmentError(mark("What was bought at a till is of no e-mail campaign."))
    try:
        return compile_purchase(node, _compile_since(node), _read_times(node), _read_spent(node))
    except PurchaseError as error:
        raise SegmentError(str(error)) from error


def _compile_since(node: JsonObject) -> Condition | None:
    """Return SQL for the moment from which on something counts; None where it always does."""
    within = node.get("within")
    if not within:
        return None
    amount, unit = within.get("amount"), within.get("unit")
    if unit not in UNITS or not is_whole(amount, 100_000):
        raise SegmentError(keep("A time is a number of one of %(units)s.", units=", ".join(UNITS)))
    return Condition(f"now() - %s * interval '1 {unit}'", [amount])


def _read_spent(node: JsonObject) -> int | None:
    spent = node.get("spent")
    if spent is None:
        return None
    if node["event"] != "bought" or not is_whole(spent, 10**15):
        raise SegmentError(mark("What was spent is an amount above 0, and only bought goods have one."))
    if not is_storable(node.get("currency", "")):
        raise SegmentError(mark("What was spent needs a currency."))
    return int(spent)


def _read_times(node: JsonObject) -> int:
    times = node.get("times", 1)
    if not is_whole(times, 100_000):
        raise SegmentError(mark("How often something was done is a whole number above 0."))
    return int(times)


def _compile_class(node: JsonObject) -> Condition:
    name = node["rfm"]
    if name not in CLASSES and name not in QUINTILES:
        raise SegmentError(
            keep(
                "“%(name)s” is no class; there are %(value)s.",
                name=name,
                value=", ".join([*CLASSES, *QUINTILES]),
            )
        )
    return compile_class(name)


LEAVES: dict[str, Callable[[JsonObject], Condition]] = {
    "field": _compile_field,
    "list": _compile_list,
    "event": _compile_event,
    "rfm": _compile_class,
}


def list_leaves(tree: JsonObject) -> list[JsonObject]:
    """Return every condition of a tree that compiles."""
    for word in GROUPS:
        if word in tree:
            return [leaf for child in tree[word] for leaf in list_leaves(child)]
    return [tree] if tree else []
