"""Customer groups and their members. A change counts from the very next sale."""

from collections.abc import Collection, Iterable, Sequence

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns import editions, refusals
from campaigns.annotations import Argument
from campaigns.refusals import Refused
from campaigns.sentences import mark
from promotions.models import CustomerGroup, Promotion


def read_names(codes: Collection[str]) -> dict[str, str]:
    """Return the names of the groups with these codes, by code, without groups that have no name."""
    if not codes:
        return {}
    return dict(CustomerGroup.objects.filter(code__in=codes).exclude(name="").values_list("code", "name"))


def attach_names(promotions: Sequence[Promotion]) -> None:
    """Attach the names of their groups to `promotions`, with one query for all, or none if they name no groups."""
    codes = {
        code
        for promotion in promotions
        for condition in promotion.conditions
        if isinstance(condition, dict) and condition.get("type") == "in_group"
        for code in condition.get("groups", ())
    }
    found = read_names(codes)
    for promotion in promotions:
        promotion.group_names = found


def set_members(
    group: CustomerGroup,
    customers: Iterable[str],
    *,
    shown: Iterable[str] | None = None,
    by: User | None = None,
) -> int:
    """Make `customers`, the till's ids of 1 to 64 characters, the members of `group`; return how many there are.

    `shown`: the members that the form showed. Members who came or went meanwhile are not changed.

    Raises:
        Refused: an id is too long, a segment keeps the group, or `by` may not.
    """
    refusals.require(by, "promotions.change_customergroup", _("change customer groups"))
    if group.kept_by:
        raise Refused(
            _("The segment “%(kept_by)s” fills “%(group)s”: edit the segment.")
            % {"kept_by": group.kept_by, "group": group}
        )
    members = list(dict.fromkeys(filter(None, (customer.strip() for customer in customers))))
    if long := [member for member in members if len(member) > 64]:
        raise Refused([("customers", _("“%(long)s” is longer than 64 characters.") % {"long": long[0]})])
    with transaction.atomic():
        if shown is not None:
            CustomerGroup.objects.select_for_update(no_key=True).get(pk=group.pk)
            stored, before = set(group.members.values_list("customer", flat=True)), set(shown)
            came, gone = stored - before, before - stored
            members = [*(member for member in members if member not in gone), *(came - set(members))]
        return set_members_by(group, "SELECT unnest(%s::text[]) AS customer", [members])


# One statement sees the table as it was before it: those who stay are neither deleted nor inserted.
SET_MEMBERS = """
    WITH chosen AS MATERIALIZED ({chosen}),
    gone AS (
        DELETE FROM promotions_groupmember AS member
        WHERE member.group_id = %s AND NOT EXISTS (SELECT FROM chosen WHERE chosen.customer = member.customer)
    ),
    come AS (
        INSERT INTO promotions_groupmember (group_id, customer) SELECT %s, chosen.customer FROM chosen
        ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM chosen
"""


def set_members_by(group: CustomerGroup, chosen: str, parameters: Sequence[Argument]) -> int:
    """Make all customers whom a query chooses the members of `group`; return how many there are.

    `chosen`: SQL of the caller's own with one column, `customer`, each once. Only those who come and go are written.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        CustomerGroup.objects.select_for_update(no_key=True).get(pk=group.pk)
        cursor.execute(SET_MEMBERS.format(chosen=chosen), [*parameters, group.pk, group.pk])
        changed: int = cursor.fetchone()[0]
    return changed


# The same for some customers, whom the statement has as the table `asked`.
MOVE_MEMBERS = """
    WITH asked AS MATERIALIZED (SELECT DISTINCT customer FROM unnest(%s::text[]) AS customer),
    chosen AS MATERIALIZED ({chosen}),
    gone AS (
        DELETE FROM promotions_groupmember AS member
        WHERE member.group_id = %s AND member.customer IN (SELECT customer FROM asked)
          AND NOT EXISTS (SELECT FROM chosen WHERE chosen.customer = member.customer)
    )
    INSERT INTO promotions_groupmember (group_id, customer) SELECT %s, chosen.customer FROM chosen
    ON CONFLICT DO NOTHING
"""


def move_members_by(
    group: CustomerGroup, asked: Collection[str], chosen: str, parameters: Sequence[Argument]
) -> None:
    """Make those of the customers `asked` whom a query chooses members of `group`, and no others of them.

    `chosen`: as for `set_members_by`; it may read the table `asked` with its column `customer`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        CustomerGroup.objects.select_for_update(no_key=True).get(pk=group.pk)
        cursor.execute(MOVE_MEMBERS.format(chosen=chosen), [[*asked], *parameters, group.pk, group.pk])


def describe_group(group: CustomerGroup) -> dict[str, str]:
    """Return in words what people may change of a group, without its customers (see set_members)."""
    return editions.column_facts(group, ["code", "name"])


def save_group(
    group: CustomerGroup,
    customers: Iterable[str],
    *,
    shown: Iterable[str] | None = None,
    by: User | None = None,
    seen: str | None = None,
) -> CustomerGroup:
    """Save a new or stored group with its members (see `set_members`), unless a segment keeps them.

    `seen`: the edition that the form showed; None: whatever there is shall be overwritten.

    Raises:
        EditConflict: it was changed since.
        Refused: as `set_members`, or `by` may not add groups.
    """
    if group._state.adding:
        refusals.require(by, "promotions.add_customergroup", _("add customer groups"))
    with transaction.atomic():
        was = (
            CustomerGroup.objects.select_for_update(no_key=True).filter(pk=group.pk).first()
            if group.pk
            else None
        )
        before = describe_group(was) | _customers(was) if was else None
        if was:
            editions.refuse_edit_conflict(was, describe_group(was), seen)
        group.save()
        if not group.kept_by:
            set_members(group, customers, shown=shown, by=by)
        editions.record_edit(group, before, describe_group(group) | _customers(group), by=by)
    return group


def _customers(group: CustomerGroup) -> dict[str, str]:
    """Return in words who belongs to a group that people keep."""
    if group.kept_by:
        return {}
    return {
        mark("Customers"): ", ".join(group.members.order_by("customer").values_list("customer", flat=True))
    }


def set_keeper(group: CustomerGroup, kept_by: str, *, by: User | None = None) -> None:
    """Let the segment with the name `kept_by` keep the members of `group` from now on; empty: people do.

    Raises:
        Refused: `by` may not.
    """
    if group.kept_by != kept_by:
        refusals.require(by, "promotions.change_customergroup", _("change customer groups"))
        group.kept_by = kept_by
        group.save(update_fields=["kept_by"])
