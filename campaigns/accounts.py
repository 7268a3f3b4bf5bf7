"""Who may manage whom: nobody gives rights that they do not have, nor takes over somebody who has more."""

from django.contrib.auth.models import AbstractUser, Group, Permission
from django.db.models import Q, QuerySet


def find_rights(user: AbstractUser) -> set[int]:
    """Return the permissions somebody has by themselves and by their roles, also while they are switched off."""
    return set(
        Permission.objects.filter(Q(user=user) | Q(group__user=user)).distinct().values_list("pk", flat=True)
    )


def may_manage(actor: AbstractUser, user: AbstractUser) -> bool:
    """Return whether `actor` may edit or delete somebody, or set their password: that means to be able to be them."""
    if actor.is_superuser:
        return True
    return not user.is_superuser and find_rights(user) <= find_rights(actor)


def grantable_groups(actor: AbstractUser) -> QuerySet[Group]:
    """Return the groups that `actor` may put somebody into: those that allow nothing `actor` is not allowed."""
    if actor.is_superuser:
        return Group.objects.all()
    beyond = Permission.objects.exclude(pk__in=find_rights(actor))
    return Group.objects.exclude(permissions__in=beyond)
