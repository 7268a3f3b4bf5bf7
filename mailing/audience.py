"""Who gets a campaign: lists and segments, less exclusions, unsubscriptions and suppressions, each address once."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec
from django.db import connection
from django.db.models.expressions import RawSQL

from campaigns.annotations import Argument, JsonObject, Row
from mailing import global_hold_out
from mailing.models import Contact, EmailCampaign, Segment, Target
from mailing.purchases import ask_some
from mailing.segments import SegmentError, compile_tree

compile = compile_tree
MOST_SEGMENTS_CHECKED = 100  # at most, for one contact
# The table of `ask_some`, with the one contact whom a statement is about.
ASKED = "WITH asked AS (SELECT customer_id AS customer FROM mailing_contact WHERE id = %s)"
NEWEST_CONTACTS = 500  # whose attributes are suggested

__all__ = [
    "STAGES",
    "Funnel",
    "JudgedQuery",
    "SegmentError",
    "Selection",
    "build_judged_query",
    "compile",
    "contact_keys",
    "count_at_domains",
    "count_contacts",
    "estimate",
    "find_attribute_names",
    "find_preview_reader",
    "is_in_segment",
    "list_attribute_names",
    "list_examples",
    "list_recent_attribute_names",
    "list_sample",
    "list_segments_of",
    "list_stage_contacts",
    "read_funnel",
    "read_selection",
    "read_selection_of",
]


class Selection(msgspec.Struct, frozen=True):
    """What a campaign includes and excludes, saved or not: keys of lists, and segments' trees by key.

    needs_customer: contacts without a customer number are left out.
    """

    lists: tuple[int, ...] = ()
    segments: tuple[tuple[int, JsonObject], ...] = ()
    without_lists: tuple[int, ...] = ()
    without_segments: tuple[tuple[int, JsonObject], ...] = ()
    needs_customer: bool = False


class Funnel(msgspec.Struct, frozen=True, omit_defaults=True):
    """The way from those who are named to the recipients; all are numbers of contacts.

    `by_target`: contacts in each list ("list 3") and segment ("segment 5"); who is in two counts in both.
    named − duplicates − unsubscribed − excluded − suppressed − without_customer − held_out_of_all − held_out
    = recipients. held_out_of_all: by the global hold-out.
    """

    by_target: dict[str, int]
    named: int
    duplicates: int
    unsubscribed: int
    excluded: int
    suppressed: int
    recipients: int
    without_customer: int = 0
    held_out_of_all: int = 0
    held_out: int = 0


def read_selection(targets: Iterable[Target], *, needs_customer: bool = False) -> Selection:
    """Return what these targets say; with `needs_customer` for a mail whose codes are bound to the customer."""
    lists: dict[str, list[int]] = {"include": [], "exclude": []}
    segments: dict[str, list[tuple[int, JsonObject]]] = {"include": [], "exclude": []}
    for target in targets:
        if target.list_id:
            lists[target.mode].append(target.list_id)
        elif target.segment is not None:  # what is deleted names nobody
            segments[target.mode].append((target.segment.pk, target.segment.tree))
    return Selection(
        tuple(lists["include"]),
        tuple(segments["include"]),
        tuple(lists["exclude"]),
        tuple(segments["exclude"]),
        needs_customer,
    )


def read_selection_of(campaign: EmailCampaign) -> Selection:
    """Return what the targets of a campaign say."""
    return read_selection(
        campaign.targets.select_related("segment"),
        needs_customer=campaign.offer_id is not None and campaign.code_is_bound,
    )


# `judged` has one row for each contact the targets name: how often (times), whether each list that names them has been
# left (has_left), what else stands against them, and whether nothing does (is_recipient). PostgreSQL guesses that half
# of the rows have that one column, but that one in 32 has none of the five reasons; a launch of a million would look up
# each contact by itself. Each reason is joined, never asked of a row by IN: what does not fit into the memory of a hash
# would be gone through again for each contact.
JUDGED = """
WITH named AS ({named}),
once AS ({once}),
excluded AS (SELECT DISTINCT contact_id FROM ({excluded}) AS named_by_exclusions),
suppressed AS (
    SELECT contact.id AS contact_id
    FROM mailing_suppression AS suppression JOIN mailing_contact AS contact ON contact.email = suppression.email
),
judged AS {kept} (
    SELECT once.contact_id, once.times, once.has_left,
           excluded.contact_id IS NOT NULL AS is_excluded,
           suppressed.contact_id IS NOT NULL AS is_suppressed,
           {lacks_customer} AS lacks_customer,
           {held_out_of_all} AS is_held_out_of_all,
           NOT once.has_left AND excluded.contact_id IS NULL AND suppressed.contact_id IS NULL
               AND NOT {lacks_customer} AND NOT {held_out_of_all} AS is_recipient
    FROM once
    LEFT JOIN excluded ON excluded.contact_id = once.contact_id
    LEFT JOIN suppressed ON suppressed.contact_id = once.contact_id{customers}
)"""
CUSTOMERS = """
    LEFT JOIN mailing_contact AS known ON known.id = once.contact_id"""
ONCE = "SELECT contact_id, bool_and(has_left) AS has_left, count(*) AS times FROM named GROUP BY contact_id"
ONE_TARGET = "SELECT contact_id, has_left, 1::bigint AS times FROM named"  # which names nobody twice
NOBODY = "SELECT NULL::bigint AS contact_id, true AS has_left, NULL::text AS target WHERE false"

STAGES = {
    "named": "true",
    "duplicates": "times > 1",
    "unsubscribed": "has_left",
    "excluded": "NOT has_left AND is_excluded",
    "suppressed": "NOT has_left AND NOT is_excluded AND is_suppressed",
    "without_customer": "NOT has_left AND NOT is_excluded AND NOT is_suppressed AND lacks_customer",
    "held_out_of_all": "NOT has_left AND NOT is_excluded AND NOT is_suppressed AND NOT lacks_customer"
    " AND is_held_out_of_all",
    "recipients": "is_recipient",
}

_COUNTED_STAGES = (
    "unsubscribed", "excluded", "suppressed", "recipients", "without_customer", "held_out_of_all",
)  # fmt: skip
_counted = ", ".join(f"count(*) FILTER (WHERE {STAGES[stage]})" for stage in _COUNTED_STAGES)
_COUNTS = (
    f"SELECT coalesce(sum(times), 0), coalesce(sum(times - 1), 0), {_counted}, {{by_target}} FROM judged"
)
_BY_TARGET = """
(SELECT coalesce(jsonb_object_agg(target, people), '{}')
 FROM (SELECT target, count(*) AS people FROM named GROUP BY target) AS by_target)"""
# that of one target, without going through those it names once more
_OF_ONE_TARGET = "CASE WHEN count(*) = 0 THEN '{{}}' ELSE jsonb_build_object('{target}', count(*)) END"


class JudgedQuery(NamedTuple):
    """The common table expressions that end in `judged`, their parameters, and a query of it that counts the stages.

    `read_funnel` reads the row of `counts`, which has no parameters.
    """

    sql: str
    params: list[Argument]
    counts: str


def build_judged_query(chosen: Selection, kept: str = "NOT MATERIALIZED") -> JudgedQuery:
    """Build the query of everybody whom a selection names.

    Args:
        kept: MATERIALIZED for a statement that reads `judged` more than once. Where it is not, and only the first rows
            are read, they come along the index of a list, and nobody after them is judged.

    Raises:
        SegmentError: a segment cannot be used.
    """
    named, params = _build_named_query(chosen.lists, chosen.segments)
    excluded, more = _build_named_query(chosen.without_lists, chosen.without_segments)
    targets = _list_target_names(chosen)
    is_one = len(targets) == 1
    sql = JUDGED.format(
        named=named,
        once=ONE_TARGET if is_one else ONCE,
        excluded=excluded,
        lacks_customer="(known.customer_id IS NULL)" if chosen.needs_customer else "false",
        customers=CUSTOMERS if chosen.needs_customer else "",
        held_out_of_all=global_hold_out.write_draw("once.contact_id"),
        kept=kept,
    )
    by_target = _OF_ONE_TARGET.format(target=targets[0]) if is_one else _BY_TARGET
    return JudgedQuery(sql, params + more, _COUNTS.format(by_target=by_target))


def _list_target_names(chosen: Selection) -> list[str]:
    return [f"list {pk}" for pk in chosen.lists] + [f"segment {pk}" for pk, _ in chosen.segments]


def _build_named_query(
    lists: Iterable[int], segments: Iterable[tuple[int, JsonObject]]
) -> tuple[str, list[Argument]]:
    queries: list[str] = []
    params: list[Argument] = []
    for pk in lists:
        queries.append(
            "SELECT contact_id, unsubscribed_at IS NOT NULL AS has_left, %s::text AS target"
            " FROM mailing_membership WHERE list_id = %s"
        )
        params += [f"list {pk}", pk]
    for pk, tree in segments:
        condition = compile_tree(tree)
        queries.append(
            "SELECT contact.id AS contact_id, false AS has_left, %s::text AS target"
            f" FROM mailing_contact AS contact WHERE {condition.sql}"
        )
        params += [f"segment {pk}", *condition.params]
    return " UNION ALL ".join(queries) or NOBODY, params


def estimate(chosen: Selection) -> Funnel:
    """Return the recipients as they would be now.

    Raises:
        SegmentError: a segment cannot be used.
    """
    judged = build_judged_query(chosen)
    with connection.cursor() as cursor:
        cursor.execute(f"{judged.sql} {judged.counts}", judged.params)
        return read_funnel(cursor.fetchone())


def read_funnel(counts: Row) -> Funnel:
    """Build the funnel from the row that `JudgedQuery.counts` returns."""
    *numbers, held_out_of_all, by_target = counts
    named, duplicates, unsubscribed, excluded, suppressed, recipients, without_customer = numbers
    if isinstance(by_target, str):  # Django leaves JSON of its own cursors undecoded
        by_target = msgspec.json.decode(by_target)
    return Funnel(
        by_target,
        int(named),
        int(duplicates),
        unsubscribed,
        excluded,
        suppressed,
        recipients,
        without_customer,
        held_out_of_all,
    )


def list_stage_contacts(chosen: Selection, stage: str, *, after: int = 0, most: int = 50) -> list[Contact]:
    """Return a page of the contacts in one stage of the funnel, in the order of their keys.

    Args:
        stage: a key of STAGES.
        after: the key of the last contact of the page before.

    Raises:
        SegmentError: a segment cannot be used.
        KeyError: there is no such stage.
    """
    judged = build_judged_query(chosen)
    where = f"{STAGES[stage]} AND contact_id > %s ORDER BY contact_id LIMIT %s"
    with connection.cursor() as cursor:
        cursor.execute(
            f"{judged.sql} SELECT contact_id FROM judged WHERE {where}",
            [*judged.params, after, most],
        )
        keys = [row[0] for row in cursor]
    return list(Contact.objects.filter(pk__in=keys).order_by("pk"))


def list_sample(chosen: Selection, most: int) -> list[Contact]:
    """Return some of the recipients, to try content on."""
    return list_stage_contacts(chosen, "recipients", most=most)


def count_at_domains(chosen: Selection, domains: Sequence[str]) -> int:
    """Return how many of the recipients have an address at one of these domains.

    Raises:
        SegmentError: a segment cannot be used.
    """
    judged = build_judged_query(chosen)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{judged.sql} SELECT count(*) FROM judged JOIN mailing_contact AS contact ON contact.id = contact_id"
            f" WHERE {STAGES['recipients']} AND split_part(contact.email, '@', 2) = ANY(%s)",
            [*judged.params, list(domains)],
        )
        return int(cursor.fetchone()[0])


def list_attribute_names() -> list[str]:
    """Return the names of all attributes that contacts have; reads every contact."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT jsonb_object_keys(attributes) FROM mailing_contact")
        return [row[0] for row in cursor]


def list_recent_attribute_names() -> list[str]:
    """Return the names of attributes that the newest contacts have: all would be read to find a few more."""
    newest = Contact.objects.order_by("-pk").values_list("attributes", flat=True)[:NEWEST_CONTACTS]
    return sorted({name for attributes in newest for name in attributes})


ATTRIBUTES = """
SELECT DISTINCT name FROM mailing_contact AS contact, unnest(%(names)s::text[]) AS name
WHERE contact.attributes ?| %(names)s::text[] AND contact.attributes ? name
"""


def find_attribute_names(names: Collection[str]) -> set[str]:
    """Return those of `names` that an attribute of any contact has; reads every contact once."""
    with connection.cursor() as cursor:
        cursor.execute(ATTRIBUTES, {"names": list(names)})
        return {name for (name,) in cursor.fetchall()}


def count_contacts(tree: JsonObject) -> int:
    """Return how many contacts a tree of conditions chooses now; a SegmentError says why it cannot be used."""
    sql, params = compile_tree(tree)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM mailing_contact AS contact WHERE {sql}", params)
        contacts: int = cursor.fetchone()[0]
    return contacts


def list_examples(tree: JsonObject, most: int) -> list[Contact]:
    """Return a few of the contacts that a tree of conditions chooses; a SegmentError says why it cannot be used."""
    return list(Contact.objects.filter(pk__in=contact_keys(tree)).order_by("pk")[:most])


def contact_keys(tree: JsonObject) -> RawSQL:
    """Return the keys of the contacts a tree chooses, for a query on contacts.

    Raises:
        SegmentError: a segment cannot be used.
    """
    sql, params = compile_tree(tree)
    return RawSQL(f"(SELECT contact.id FROM mailing_contact AS contact WHERE {sql})", params)


def is_in_segment(segment: Segment, contact: Contact) -> bool:
    """Return whether the segment chooses this contact now."""
    sql, params = ask_some(compile_tree(segment.tree))
    with connection.cursor() as cursor:
        cursor.execute(
            f"{ASKED} SELECT EXISTS (SELECT FROM mailing_contact AS contact WHERE contact.id = %s AND ({sql}))",
            [contact.pk, contact.pk, *params],
        )
        is_chosen: bool = cursor.fetchone()[0]
    return is_chosen


def list_segments_of(contact: Contact) -> list[Segment]:
    """Return the active segments that choose this contact now; one that cannot be used chooses nobody."""
    found, params = [], []
    segments = {
        segment.pk: segment for segment in Segment.objects.filter(is_active=True)[:MOST_SEGMENTS_CHECKED]
    }
    for pk, segment in segments.items():
        try:
            condition = ask_some(compile_tree(segment.tree))
        except SegmentError:
            continue  # its own page says why
        found.append(
            f"SELECT %s::bigint FROM mailing_contact AS contact WHERE contact.id = %s AND ({condition.sql})"
        )
        params += [pk, contact.pk, *condition.params]
    if not found:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"{ASKED} {' UNION ALL '.join(found)}", [contact.pk, *params])
        return sorted((segments[pk] for (pk,) in cursor), key=lambda segment: segment.name)


def find_preview_reader() -> Contact:
    """Return some contact to show a mail to; an invented one when there is none."""
    return Contact.objects.order_by("pk").first() or Contact(email="someone@example.com", first_name="Sam")
