"""What the parts of a promotion's form have in common: simple and advanced fields, and rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext

from campaigns.annotations import Argument, CleanedData, Columns, StoredValue, Words
from campaigns.generics import BaseFormSet, FormData
from promotions.forms.fields import CodesField
from promotions.sold_articles import NOUNS


def offer_sold_codes(fields: Mapping[str, forms.Field]) -> None:
    """Connect each field of SKUs, categories or brands with the page's list of what tills have sold."""
    for name, field in fields.items():
        if isinstance(field, CodesField) and (kind := name.split("_")[-1]) in NOUNS:
            field.sold_kind = kind
            field.widget.attrs |= {"list": f"sold-{kind}", "data-sold": kind, "autocomplete": "off"}


class FormPart(forms.Form):
    """A part of a promotion's form: some fields under a heading.

    `advanced`: the fields that stand under Advanced, away from the simple ones.
    `needs`: by the name of a field, and by its answer, the fields that must be filled in then.
    """

    fields: Columns
    key = ""
    heading: Words = ""
    advanced: Sequence[str] = ()
    needs: Mapping[str, Mapping[str, Sequence[str]]] = {}
    rows: "RowSet | None" = None
    is_advanced = False  # all of it stands under Advanced

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        offer_sold_codes(self.fields)

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        for field, by_answer in self.needs.items():
            for needed in by_answer.get(cleaned.get(field, ""), ()):
                if needed not in self.errors and cleaned.get(needed) in (None, "", ()):
                    self.add_error(needed, gettext("This is needed for what you chose."))
        return cleaned

    def is_typed(self, name: str) -> bool:
        """Return whether something is typed in the field `name`."""
        return name in self.fields and self[name].value() not in (None, "", [], ())

    def list_pickers(self) -> list[BoundField]:
        """Return the fields of SKUs, categories and brands, with those of the rows."""
        asked: list[forms.Form] = [self, *(self.rows or ())]
        return [bound for form in asked for bound in form if getattr(bound.field, "sold_kind", "")]

    @property
    def simple_fields(self) -> list[BoundField]:
        """The fields that are always seen."""
        return [] if self.is_advanced else [bound for bound in self if bound.name not in self.advanced]

    @property
    def advanced_fields(self) -> list[BoundField]:
        """The fields under Advanced."""
        return [bound for bound in self if self.is_advanced or bound.name in self.advanced]

    @property
    def is_advanced_filled(self) -> bool:
        """Whether a value under Advanced differs from that of a new form, or is wrong."""
        if self.is_advanced and self.is_bound and self.non_field_errors():
            return True
        return any(
            bool(self.is_bound and bound.errors)
            or bound.field.has_changed(bound.field.initial, bound.value())
            for bound in self.advanced_fields
        )

    def forgive(self) -> None:
        """Say nothing of what is missing: the form is still being filled in."""
        self.errors.clear()
        if self.rows is not None:
            self.rows.non_form_errors().clear()
            for row in self.rows:
                row.errors.clear()

    def is_valid(self) -> bool:
        rows_are = self.rows is None or self.rows.is_valid()
        return super().is_valid() and rows_are


class RowSet(BaseFormSet[forms.Form]):
    """Rows of a part, such as tiers. Empty rows are left out."""

    noun: Words = ""
    one_more: Words = ""
    nothing_filled: Words = ""

    def initial_form_count(self) -> int:
        """Return 0, so that a stored row may be emptied too."""
        return 0

    def read_rows(self) -> list[Columns]:
        """Return the values of the rows, in their order; of typed rows only those that can be read."""
        return [row.cleaned_data for row in self if row.is_valid() and row.has_changed()]

    def clean(self) -> None:
        if not any(self.errors) and not self.read_rows():
            raise forms.ValidationError(self.nothing_filled)


def rows_of(
    row: type[forms.Form], rows: type[RowSet], data: FormData, prefix: str, stored: StoredValue, *, most: int
) -> RowSet:
    """Build the rows of a part from `data` or from the `stored` rows: at least two, and always an empty one."""
    known = stored if data is None and isinstance(stored, list) else []
    extra = max(2, len(known) + 1)
    # Any: the stubs know nothing of a set that is derived from our own class
    made: Any = forms.formset_factory(row, formset=rows, extra=extra, max_num=most, validate_max=True)
    filled: RowSet = made(data, prefix=prefix, initial=known)
    return filled
