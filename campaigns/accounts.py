"""What belongs to users: who may manage whom, and what people choose for themselves.

Nobody gives rights that they do not have, nor takes over somebody who has more.
"""

from django.contrib.auth.models import AbstractUser, Group, Permission, User
from django.db.models import Q, QuerySet

from campaigns.models import UserSettings


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


def settings_of(user: User) -> UserSettings:
    """Return what somebody chose; unsaved, and of the site's values, where they chose nothing yet."""
    return UserSettings.objects.filter(user=user).first() or UserSettings(user=user)


def save_settings(chosen: UserSettings) -> None:
    """Store what somebody chose. Two pages of theirs that are saved at once make one row."""
    UserSettings.objects.update_or_create(user=chosen.user, defaults={"time_zone": chosen.time_zone})
