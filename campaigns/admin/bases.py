"""Kinds of admin pages that the apps share."""

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Model
from django.forms import JSONField
from django.forms import ModelForm as SomeForm
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from campaigns import editions, texts
from campaigns.annotations import AdminRow, Argument, Columns, ColumnValue
from campaigns.formats import money
from campaigns.refusals import Refused

if TYPE_CHECKING:  # generic in the stubs only; Any, as the pages of every model come from these
    ModelAdmin = admin.ModelAdmin[AdminRow]
    TabularInline = admin.TabularInline[AdminRow, AdminRow]
    ModelForm = SomeForm[AdminRow]
else:
    ModelAdmin, TabularInline, ModelForm = admin.ModelAdmin, admin.TabularInline, SomeForm

SECRET_FIELDS = {
    "password", "key_hash", "session_key", "session_data", "payload", "private_key", "secret", "signing_key",
    "client_secret", "access_token", "refresh_token", "token", "token_url",
}  # fmt: skip


class EditionForm(ModelForm):
    """A form of the administration, which carries the edition that it showed, as those of the pages do."""

    latest: str | None = None  # the edition that it would overwrite, once it was refused for that
    locks_row = True

    def clean(self) -> Columns | None:
        cleaned = super().clean()
        rows = type(self.instance)._default_manager.filter(pk=self.instance.pk)
        stored = (rows.select_for_update(no_key=True) if self.locks_row else rows).first()
        if stored is not None:
            try:
                editions.refuse_edit_conflict(
                    stored, type(self)(instance=stored).facts(), self.data.get("seen")
                )
            except editions.EditConflict as conflict:
                self.latest = conflict.latest
                self.add_error(None, str(conflict))
        return cleaned

    def facts(self) -> dict[str, str]:
        """Return all that the form can change of its row, as facts of `campaigns.editions`."""
        asked = [name for name, field in self.fields.items() if not field.disabled]
        columns = {
            field.name for field in (*self._meta.model._meta.fields, *self._meta.model._meta.many_to_many)
        }
        facts = editions.column_facts(self.instance, [name for name in asked if name in columns])
        others = {
            str(self[name].label): str(self[name].value() or "") for name in asked if name not in columns
        }
        return facts | others


class GuardedAdmin(ModelAdmin):
    """Lets nobody overwrite what somebody else saved meanwhile, and refuses filters on secrets.

    By such a filter somebody could find a secret: they ask which rows' secrets begin how.
    """

    locks_row = True  # before it compares; not where a domain function has its own order of locks

    def get_form(
        self, request: HttpRequest, obj: AdminRow = None, change: bool = False, **kwargs: Argument
    ) -> "type[SomeForm[Any]]":
        if change:
            form = kwargs.get("form", self.form)
            kwargs["form"] = type(form.__name__, (EditionForm, form), {"locks_row": self.locks_row})
        return super().get_form(request, obj, change=change, **kwargs)

    def render_change_form(
        self,
        request: HttpRequest,
        context: AdminRow,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: AdminRow = None,
    ) -> HttpResponse:
        form = context["adminform"].form
        if change and isinstance(form, EditionForm):
            seen = form.latest or form.data.get("seen") or editions.edition_of(form.facts())
            context["seen"] = seen
        return super().render_change_form(request, context, add, change, form_url, obj)

    def lookup_allowed(self, lookup: str, value: Argument, request: HttpRequest | None = None) -> bool:
        return SECRET_FIELDS.isdisjoint(lookup.split("__")) and super().lookup_allowed(lookup, value, request)


class ReadOnlyAdmin(GuardedAdmin):
    """For ledgers and histories: rows can be read, and not written by hand."""

    def has_add_permission(self, request: HttpRequest, obj: AdminRow = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AdminRow = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AdminRow = None) -> bool:
        return False


class ReadOnlyInline(TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: AdminRow = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AdminRow = None) -> bool:
        return False


MAX_JSON_DEPTH = 50  # lists and objects inside each other: what is typed by hand has a few


class BoundedDecoder(json.JSONDecoder):
    """Reads JSON that is at most DEEPEST levels deep. No recursion could show or copy deeper JSON."""

    def decode(self, text: str, *args: Argument) -> AdminRow:
        """Decode JSON. JSON that is nested too deep is refused like a text that is no JSON."""
        try:
            found = super().decode(text, *args)
        except json.JSONDecodeError:
            raise
        except (RecursionError, ValueError) as error:  # Python reads no number of more than 4,300 digits
            raise json.JSONDecodeError("too deep or too long", text, 0) from error
        level = [found]
        for _ in range(MAX_JSON_DEPTH):
            level = [part for each in level for part in parts_of(each)]
        if level:
            raise json.JSONDecodeError("too deep", text, 0)
        return found


def parts_of(value: Argument) -> Iterable[AdminRow]:
    """Return the values directly inside a list or an object of JSON."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


class StorableJsonField(JSONField):
    """JSON whose texts can be stored. Other JSON is shown again as it was typed, with an error.

    An empty field means the value of a new row, since most columns hold an object and take no NULL.
    """

    def to_python(self, value: Argument) -> AdminRow:
        found = super().to_python(value)
        if not texts.is_storable(found):
            raise ValidationError(texts.SENTENCE)
        if found is None and callable(self.initial):  # Django gives the model field's default here
            return self.initial()
        return found

    def bound_data(self, data: ColumnValue, initial: ColumnValue) -> AdminRow:
        found = super().bound_data(data, initial)
        return found if texts.is_storable(found) else InvalidJSONInput(data)


JSON_FIELDS: AdminRow = {models.JSONField: {"form_class": StorableJsonField, "decoder": BoundedDecoder}}
"""`formfield_overrides` of every admin page with JSON to be typed."""


class RefusingAdmin(GuardedAdmin):
    """Saves through domain functions. A refusal of theirs becomes a message, and nothing is written."""

    formfield_overrides = JSON_FIELDS
    locks_row = False

    actions = None  # deleting goes through them too, one by one

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Argument = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect(request.path)

    def get_deleted_objects(
        self, objs: AdminRow, request: HttpRequest
    ) -> tuple[list[AdminRow], dict[AdminRow, AdminRow], set[AdminRow], list[AdminRow]]:
        deleted, counts, _, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected  # what goes with it needs no permission of its own

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Argument = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Refused as refused:
            messages.error(request, str(refused))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)


def read_changed_fields(form: "SomeForm[Any]", names: Iterable[str]) -> Columns:
    """Return the values of the fields in `names` that a form has; for a stored row only the edited ones."""
    given = form.changed_data if form.instance.pk else form.cleaned_data
    return {name: form.cleaned_data[name] for name in given if name in names}


def copy_state(obj: Model, saved: Model) -> None:
    """Copy the row that a domain function has saved into the form's instance."""
    obj.__dict__.update(saved.__dict__)


def money_column(
    name: str, label: str, currency: Callable[[AdminRow], str]
) -> Callable[[AdminRow, AdminRow], str]:
    """Return a column that shows the minor units in the field `name` as money; `currency` returns that of a row."""

    @admin.display(description=label, ordering=name)
    def show_amount(_admin: AdminRow, row: AdminRow) -> str:
        amount = getattr(row, name)
        return "" if amount is None else money(amount, currency(row))

    return show_amount
