"""Customer groups: who belongs to one. Counts from the very next sale."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection, transaction

from campaigns.refusals import Refused
from promotions.models import CustomerGroup, Promotion


def names(codes: Collection[str]) -> dict[str, str]:
    """The names of the groups with these codes, by code; of those that have one."""
    if not codes:
        return {}
    return dict(CustomerGroup.objects.filter(code__in=codes).exclude(name="").values_list("code", "name"))


def name(promotions: Sequence[Promotion]) -> None:
    """Tell `promotions` the names of the groups they are for, with one query for all, none where they are for none."""
    codes = {
        code
        for promotion in promotions
        for condition in promotion.conditions
        if isinstance(condition, dict) and condition.get("type") == "in_group"
        for code in condition.get("groups", ())
    }
    found = names(codes)
    for promotion in promotions:
        promotion.group_names = found


def set_members(group: CustomerGroup, customers: Iterable[str], *, by: Any = None) -> int:
    """Make `customers`, the till's ids of 1 to 64 characters, the members of `group`; returns how many they are.

    Raises: Refused: an id is too long, or `by` may not.
    """
    if by is not None and not by.has_perm("promotions.change_customergroup"):
        raise Refused("You may not change customer groups: ask an administrator for the right to.")
    members = list(dict.fromkeys(filter(None, (customer.strip() for customer in customers))))
    if long := [member for member in members if len(member) > 64]:
        raise Refused([("customers", f"“{long[0]}” is longer than 64 characters.")])
    with transaction.atomic(), connection.cursor() as cursor:
        CustomerGroup.objects.select_for_update().get(pk=group.pk)
        cursor.execute(
            "DELETE FROM promotions_groupmember WHERE group_id = %s AND customer <> ALL(%s::text[])",
            [group.pk, members],
        )
        cursor.execute(
            "INSERT INTO promotions_groupmember (group_id, customer) SELECT %s, unnest(%s::text[]) "
            "ON CONFLICT DO NOTHING",
            [group.pk, members],
        )
    return len(members)


def save(group: CustomerGroup, customers: Iterable[str], *, by: Any = None) -> CustomerGroup:
    """Save a new or a stored group together with its members.

    Raises: Refused: as `set_members`, or `by` may not add groups.
    """
    if by is not None and group._state.adding and not by.has_perm("promotions.add_customergroup"):
        raise Refused("You may not add customer groups: ask an administrator for the right to.")
    with transaction.atomic():
        group.save()
        set_members(group, customers, by=by)
    return group
