"""Django admin of users and roles. Superusers change roles; giving a role needs all the rights of that role."""

from typing import TYPE_CHECKING, Any

import django.contrib.auth.admin as theirs
from django.contrib import admin, messages
from django.contrib.auth.models import Group, User
from django.db.models import ManyToManyField
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from campaigns import accounts
from campaigns.admin.bases import GuardedAdmin, ReadOnlyAdmin
from campaigns.annotations import Argument
from campaigns.forms import UserSettingsForm
from campaigns.models import CalendarFeed, SavedView, UserSettings

SUPERUSERS_ONLY = ("is_superuser", "user_permissions")

# autodiscovery comes to Django's own registration before or after this module; importing it settles that
admin.site.unregister([User, Group])


if TYPE_CHECKING:  # generic in the stubs only
    from django.contrib.admin.options import _FieldsetSpec

    DjangoUserAdmin = theirs.UserAdmin[User]
else:
    DjangoUserAdmin = theirs.UserAdmin


@admin.register(User)
class UserAdmin(GuardedAdmin, DjangoUserAdmin):
    """Django's own page, but nobody can give rights that they lack, or take over a user who has more."""

    actions = None  # deleting asks for each user whether one may

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        fields = [*super().get_readonly_fields(request, obj), "last_login", "date_joined"]
        return fields if _actor(request).is_superuser else [*fields, *SUPERUSERS_ONLY]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> "_FieldsetSpec":
        sets = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return sets
        # Whoever may only look gets no password field: it has a button to a page that would refuse them.
        return [
            (name, {**options, "fields": [field for field in options["fields"] if field != "password"]})
            for name, options in sets
        ]

    def formfield_for_manytomany(
        self, db_field: "ManyToManyField[Any, Any]", request: HttpRequest, **kwargs: object
    ) -> "ModelMultipleChoiceField[Any] | None":
        if db_field.name == "groups":
            kwargs["queryset"] = accounts.grantable_groups(_actor(request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_deleted_objects(
        self, objs: Argument, request: HttpRequest
    ) -> tuple[list[Argument], dict[Argument, Argument], set[Argument], list[Argument]]:
        deleted, counts, _, protected = super().get_deleted_objects(objs, request)
        # views and calendar feeds are a person's own, and go with them
        return deleted, counts, set(), protected

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Argument = None
    ) -> HttpResponse:
        """Ask and delete. Who made or changed something is switched off instead, since history names them."""
        user = self.get_object(request, object_id)
        if user and self.has_delete_permission(request, user):
            *_, protected = self.get_deleted_objects([user], request)
            if protected:
                messages.error(request, accounts.describe_traces(user, len(protected)))
                return redirect("admin:auth_user_change", object_id)
        return super().delete_view(request, object_id, extra_context)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_manage(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_manage(request, obj)

    def _may_manage(self, request: HttpRequest, obj: User | None) -> bool:
        return obj is None or accounts.may_manage(_actor(request), obj)


@admin.register(Group)
class GroupAdmin(GuardedAdmin, theirs.GroupAdmin):
    """Roles, which superusers make and change."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _actor(request).is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return _actor(request).is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return _actor(request).is_superuser


@admin.register(UserSettings)
class UserSettingsAdmin(GuardedAdmin):
    """The settings of users."""

    actions = None
    list_display = ["user", "time_zone", "theme", "language"]
    search_fields = ["user__username"]
    form = UserSettingsForm
    fields = ["user", "time_zone", "theme", "language"]

    def get_readonly_fields(self, request: HttpRequest, obj: UserSettings | None = None) -> list[str]:
        return ["user"] if obj else []


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    """What people saved for themselves."""

    list_display = ["name", "user", "query", "made_at"]
    list_select_related = ["user"]


@admin.register(CalendarFeed)
class CalendarFeedAdmin(GuardedAdmin):
    """The calendar feeds of people. A superuser can end one; only its owner makes one, and sees its address once."""

    actions = None
    list_display = ["user", "made_at"]
    list_select_related = ["user"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: CalendarFeed | None = None) -> bool:
        return False


def _actor(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin lets in staff only
    return request.user
