"""Users: who may manage whom, and what people choose for themselves.

Nobody can give rights that they do not have, or take over an account that has more.
"""

from collections.abc import Iterable
from functools import partial

from django.contrib.auth.models import AbstractUser, Group, Permission, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_q.tasks import async_task

from campaigns import editions, refusals
from campaigns.formats import thousands
from campaigns.models import UserSettings
from campaigns.refusals import Refused
from campaigns.sentences import mark

# each chooses where mails of ours go
POSTMASTER = ("mailing.add_smtpconnection", "mailing.change_smtpconnection")
EXPORT = "mailing.export_contact"  # beside the roles: somebody may be given it, or be kept from it


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


def find_weaker_postmaster(user: AbstractUser) -> User | None:
    """Find somebody who may not manage `user`, but may change the connection through which a link to them is mailed.

    Returns:
        one of them; None when there is nobody.
    """
    for permission in POSTMASTER:
        for postmaster in User.objects.with_perm(permission, include_superusers=False).order_by("pk"):
            if not may_manage(postmaster, user):
                return postmaster
    return None


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


# ── people in the workspace ──────────────────────────────────────────────────────────────────────────────────────────


def invite_person(
    *,
    by: User,
    username: str,
    email: str,
    first_name: str,
    last_name: str,
    roles: Iterable[Group],
    exports: bool,
) -> User:
    """Make an account without a password, and queue a mail with a link to set one.

    Raises:
        Refused: the username is taken, `by` may not add people, or would give what they do not have.
    """
    refusals.require(by, "auth.add_user", _("add people"))
    user = User(username=username, email=email, first_name=first_name, last_name=last_name)
    user.set_unusable_password()
    with transaction.atomic():
        try:
            user.full_clean()
        except ValidationError as wrong:
            raise Refused(
                [(name, said) for name, all_of in wrong.message_dict.items() for said in all_of]
            ) from wrong
        user.save()
        _set_rights(user, by, list(roles), exports=exports)
        _queue_invitation(user)
    return user


def invite_again(user: User, *, by: User) -> None:
    """Queue another mail with a link, to somebody who has set no password yet."""
    with transaction.atomic():
        user = _lock_person(user, by)
        if user.has_usable_password():
            raise Refused(_("This person has set a password already."))
        _queue_invitation(user)


def set_rights(
    user: User, *, by: User, roles: Iterable[Group], exports: bool, seen: str | None = None
) -> None:
    """Give a person exactly these roles, and the right to export contacts or not.

    Args:
        seen: the edition of `list_rights` that the form showed; None overwrites whatever there is.

    Raises:
        EditConflict: somebody changed the rights since.
        Refused: `by` may not manage this person, or would give what they do not have.
    """
    with transaction.atomic():
        user = _lock_person(user, by)
        before = list_rights(user)
        editions.refuse_edit_conflict(user, before, seen)
        _set_rights(user, by, list(roles), exports=exports)
        editions.record_edit(user, before, list_rights(user), by=by)


def list_rights(user: User) -> dict[str, str]:
    """Return a person's roles and their own right to export contacts, as facts of `campaigns.editions`."""
    roles = user.groups.order_by("name").values_list("name", flat=True)
    return {
        mark("Roles"): ", ".join(roles),
        mark("May export contacts"): "yes" if has_own_export(user) else "no",
    }


def switch_person(user: User, on: bool, *, by: User) -> None:
    """Let a person sign in again, or keep them out: who is switched off is signed out at once.

    Raises:
        Refused: it is `by`, or `by` may not manage this person.
    """
    with transaction.atomic():
        user = _lock_person(user, by)
        if user.pk == by.pk:
            raise Refused(_("You cannot switch off yourself."))
        user.is_active = on
        user.save(update_fields=["is_active"])


def describe_traces(user: User, count: int) -> str:
    """Return why a person cannot be deleted who made or changed `count` things, and what to do instead."""
    return ngettext(
        "“%(name)s” made or changed %(count)s thing whose history names them, so this person stays. "
        "Switch them off instead: take away “Active”, and they are signed out at once.",
        "“%(name)s” made or changed %(count)s things whose history names them, so this person stays. "
        "Switch them off instead: take away “Active”, and they are signed out at once.",
        count,
    ) % {"name": user.get_username(), "count": thousands(count)}


def has_own_export(user: User) -> bool:
    """Return whether a person may export contacts beside their roles."""
    return user.user_permissions.filter(pk=_export_permission().pk).exists()


def _export_permission() -> Permission:
    app_label, codename = EXPORT.split(".")
    return Permission.objects.get(content_type__app_label=app_label, codename=codename)


def _lock_person(user: User, by: User) -> User:
    # both rows, always in the same order: two who keep each other out at the same moment would leave nobody
    locked = {
        each.pk: each
        for each in User.objects.select_for_update(no_key=True).filter(pk__in=[user.pk, by.pk]).order_by("pk")
    }
    user, by = locked[user.pk], locked[by.pk]
    refusals.require(by, "auth.change_user", _("change people"))
    if not may_manage(by, user):
        raise Refused(_("You may not change this person, who has rights that you do not have."))
    return user


def _set_rights(user: User, by: User, roles: list[Group], *, exports: bool) -> None:
    if user.pk == by.pk and not by.is_superuser:
        raise Refused(_("You cannot change your own roles."))
    grantable = set(grantable_groups(by).values_list("pk", flat=True))
    if beyond := [role for role in roles if role.pk not in grantable]:
        raise Refused([("roles", _("You may not give the role “%(role)s”.") % {"role": beyond[0]})])
    if exports and not by.has_perm(EXPORT):
        raise Refused([("exports", _("You may not let others export contacts: you may not do it yourself."))])
    user.groups.set(roles)
    if exports:
        user.user_permissions.add(_export_permission())
    else:
        user.user_permissions.remove(_export_permission())


def _queue_invitation(user: User) -> None:
    if find_weaker_postmaster(user):
        raise Refused(
            _(
                "The link would open an account that may do more than some who may change the connection that mails "
                "it. Add this person in the administration, with a password."
            )
        )
    task = partial(async_task, "mailing.tasks.send_invitation", user.pk, cluster="mail", save=False)
    transaction.on_commit(task)
