"""The fields `starts_at` and `ends_at`, which are typed to the minute."""

from collections.abc import Mapping
from datetime import datetime

from django import forms
from django.db.models import Model
from django.utils.translation import gettext as _

from campaigns.annotations import Columns, ColumnValue


def window_to_the_minute(row: Model) -> dict[str, datetime | None]:
    """Return the window of a stored row as the fields can show it."""
    return {name: _to_the_minute(getattr(row, name)) for name in ("starts_at", "ends_at")}


def keep_seconds(typed: Mapping[str, ColumnValue], row: Model) -> Columns:
    """Return the `typed` columns; an instant that was not changed keeps the seconds of `row`."""
    stored = {name: getattr(row, name) for name, at in window_to_the_minute(row).items() if typed[name] == at}
    return {**typed, **stored}


def refuse_end_before_start(form: forms.BaseForm) -> None:
    """Refuse an end that is not after the start. The form's `clean` calls it."""
    starts_at, ends_at = (form.cleaned_data.get(name) for name in ("starts_at", "ends_at"))
    if starts_at and ends_at and ends_at <= starts_at:
        form.add_error("ends_at", _("The end must be after the start."))


def _to_the_minute(at: datetime | None) -> datetime | None:
    return at and at.replace(second=0, microsecond=0)
