"""Segments at the till: keeps a customer group equal to what a segment chooses, so that promotions can name it.

A group holds the customer numbers of the contacts. No till knows a contact without one. Where all conditions are about
purchases it also holds the customers who are no contacts: nobody needs an address to buy.

The group is filled when the segment is saved and again every `FILL_EVERY`, since contacts come and go by what they do.
A sale moves its customer in or out at once where all conditions are about purchases: the fold calls `move_buyers`. RFM
classes are the exception: one sale may move anybody from one fifth to the next.
"""

import json
import logging
from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q
from django.utils.text import slugify
from django_q.tasks import async_task

from campaigns import database_time, editions
from campaigns.annotations import JsonObject
from campaigns.models import Edit
from campaigns.sentences import mark
from mailing import deletion
from mailing.models import Segment
from mailing.purchases import ask_some
from mailing.segments import PURCHASES, SegmentError, compile_tree, list_leaves
from promotions import groups
from promotions.models import CustomerGroup

logger = logging.getLogger(__name__)

FILL_EVERY = timedelta(minutes=5)
CUSTOMERS = """
    SELECT contact.customer_id AS customer FROM mailing_contact AS contact
    WHERE contact.customer_id <> '' AND ({sql})
"""
BUYERS = """
    SELECT contact.customer_id AS customer FROM (
        SELECT customer_id FROM mailing_contact WHERE customer_id <> ''
        UNION SELECT customer FROM pos_sale WHERE state = 'committed' AND customer <> ''
    ) AS contact (customer_id) WHERE {sql}
"""
SOME_BUYERS = "SELECT contact.customer_id AS customer FROM asked AS contact (customer_id) WHERE {sql}"
CUSTOMERS_OF_SALES = "SELECT DISTINCT customer FROM pos_sale WHERE id = ANY(%s) AND customer <> ''"


def describe_segment(segment: Segment) -> dict[str, str]:
    """Return what people may change of a segment, in words."""
    told = editions.column_facts(segment, ["name", "description", "is_active"])
    return told | {
        mark("Customer group at the till"): "yes" if segment.group_id else "no",
        mark("Conditions"): json.dumps(segment.tree, ensure_ascii=False),
    }


def save_segment(
    segment: Segment, *, at_till: bool, by: User | None = None, seen: str | None = None
) -> Segment:
    """Save a new or stored segment, and make (`at_till`) or end its customer group.

    The change counts from the very next sale. An ended group keeps its customers, and people edit it from then on.
    `seen`: the edition that the form showed; None: whatever there is shall be overwritten.

    Raises:
        EditConflict: it was changed since.
        Refused: `by` may not make or change customer groups.
        SegmentError: the tree cannot be used.
    """
    with transaction.atomic():
        was = (
            Segment.objects.select_for_update(of=["self"], no_key=True).filter(pk=segment.pk).first()
            if segment.pk
            else None
        )
        before = describe_segment(was) if was else None
        if was and before:
            editions.refuse_edit_conflict(was, before, seen)
            segment.group_id = was.group_id
        segment.save()
        if at_till and segment.group is None:
            segment.group = groups.save_group(
                CustomerGroup(name=segment.name, code=_find_free_code(segment)), (), by=by
            )
        if not at_till and segment.group is not None:
            _end_group(segment, by=by)
        if segment.group is not None:
            groups.set_keeper(segment.group, segment.name, by=by)
            fill_group(segment)
        editions.record_edit(segment, before, describe_segment(segment), by=by)
    return segment


def _find_free_code(segment: Segment) -> str:
    """Return a code made of the segment's name, with its number when another group has that code."""
    code = slugify(segment.name)[:40] or "segment"
    return f"{code}-{segment.pk}" if CustomerGroup.objects.filter(code=code).exists() else code


def _end_group(segment: Segment, *, by: User | None = None) -> None:
    group, segment.group, segment.filled_at = segment.group, None, None
    assert group is not None, "only a segment with a group leaves it"
    segment.save(update_fields=["group", "filled_at"])
    groups.set_keeper(group, "", by=by)


def delete_segment(segment: Segment, *, by: User | None = None) -> None:
    """Delete a segment. Its customer group stays as it is, and people edit it from then on.

    Raises:
        Refused: a campaign that may still send names it.
    """
    with transaction.atomic():
        if segment.group is not None:
            _end_group(segment, by=by)
        Edit.objects.about(segment).delete()
        deletion.delete_segment(segment)


def fill_group(segment: Segment) -> int:
    """Fill the segment's group with exactly the customers it chooses now; return how many. Safe to run twice."""
    assert segment.group is not None, "only a segment at the till is filled"
    condition = compile_tree(segment.tree)
    chosen = BUYERS if is_of_purchases(segment.tree) else CUSTOMERS
    with transaction.atomic():
        members = groups.set_members_by(segment.group, chosen.format(sql=condition.sql), condition.params)
        segment.filled_at = database_time.now()
        segment.save(update_fields=["group", "filled_at"])
    return members


def refill_group(segment_id: int) -> int:
    """Fill the group of a segment; return how many customers, 0 when the segment has no group any more."""
    with transaction.atomic():
        segment = Segment.objects.select_for_update(of=["self"], no_key=True).filter(pk=segment_id).first()
        return fill_group(segment) if segment and segment.group else 0


def queue_due_fillings(now: datetime) -> None:
    """Queue the filling of groups filled more than `FILL_EVERY` ago, each once however many clocks run."""
    due = Q(filled_at=None) | Q(filled_at__lte=now - FILL_EVERY)
    for pk in Segment.objects.filter(due).exclude(group=None).values_list("pk", flat=True):
        if Segment.objects.filter(due, pk=pk).update(filled_at=now):
            async_task("mailing.tasks.fill_group", pk)


# ── what a sale changes ──────────────────────────────────────────────────────────────────────────────────────────────


def is_of_purchases(tree: JsonObject) -> bool:
    """Return whether all conditions of a tree that compiles are about purchases, and there is one."""
    leaves = list_leaves(tree)
    return bool(leaves) and all("rfm" in leaf or leaf.get("event") in PURCHASES for leaf in leaves)


def moves_with_sales(tree: JsonObject) -> bool:
    """Return whether a sale changes for its own customer only whether a tree that compiles chooses them."""
    return is_of_purchases(tree) and not any("rfm" in leaf for leaf in list_leaves(tree))


def move_buyers(sales: Collection[int], most: int) -> int:
    """Move the customers of these sales into and out of the groups that are kept by purchases alone; return 0.

    Called by the fold, which counts what its followers do of their own: this one has no queue.
    """
    if not sales:
        return 0
    kept = Segment.objects.exclude(group=None).select_related("group").order_by("group")
    moving = [segment for segment in kept if moves_with_sales(segment.tree)]
    if not moving:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(CUSTOMERS_OF_SALES, [[*sales]])
        customers = [customer for (customer,) in cursor]
    for segment in moving if customers else ():
        try:
            condition = ask_some(compile_tree(segment.tree))
        except SegmentError:
            logger.exception("The group of segment %s does not follow sales", segment.pk)
            continue
        assert segment.group is not None, "chosen for having one"
        groups.move_members_by(
            segment.group, customers, SOME_BUYERS.format(sql=condition.sql), condition.params
        )
    return 0
