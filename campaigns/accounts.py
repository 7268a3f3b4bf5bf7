"""Users: who may manage whom, and what people choose for themselves.

Nobody can give rights that they do not have, or take over an account that has more.
"""

from django.contrib.auth.models import AbstractUser, Group, Permission, User
from django.db.models import Q, QuerySet

from campaigns.models import UserSettings


def find_rights(user: AbstractUser) -> set[int]:
    """Return the permissions of a user, their own and those of their roles, also while the user is inactive."""
    return set(
        Permission.objects.filter(Q(user=user) | Q(group__user=user)).distinct().values_list("pk", flat=True)
    )


def may_manage(actor: AbstractUser, user: AbstractUser) -> bool:
    """Return whether `actor` may edit or delete a user or set their password, which gives `actor` all their rights."""
    if actor.is_superuser:
        return True
    return not user.is_superuser and find_rights(user) <= find_rights(actor)


def grantable_groups(actor: AbstractUser) -> QuerySet[Group]:
    """Return the groups that `actor` may give to a user: those without a right that `actor` lacks."""
    if actor.is_superuser:
        return Group.objects.all()
    beyond = Permission.objects.exclude(pk__in=find_rights(actor))
    return Group.objects.exclude(permissions__in=beyond)


def settings_of(user: User) -> UserSettings:
    """Return a user's settings; an unsaved row with the site's values when they chose nothing yet."""
    return UserSettings.objects.filter(user=user).first() or UserSettings(user=user)


def save_settings(chosen: UserSettings) -> None:
    """Save a user's settings. Two saves at the same time make one row."""
    UserSettings.objects.update_or_create(
        user=chosen.user,
        defaults={"time_zone": chosen.time_zone, "theme": chosen.theme, "language": chosen.language},
    )
