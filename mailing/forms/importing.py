"""Forms of imports: the file with its encoding, what each column is, or why the addresses are suppressed."""

from collections.abc import Iterator, Sequence

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy

from campaigns.annotations import CleanedData
from campaigns.generics import FormData
from campaigns.typed_numbers import is_ambiguous
from mailing import importing
from mailing.forms.fields import CsvField
from mailing.models import ContactList, Suppression, Upload

CSV_LIMIT = 500 * 1024 * 1024
TAKEN_FOR = [
    (gettext_lazy("Contact"), list(importing.FIELDS.items())),
    (gettext_lazy("Consent"), list(importing.CONSENT.items())),
    (
        gettext_lazy("Attributes and lists"),
        [
            (importing.ATTRIBUTE_NAMED, gettext_lazy("Attribute named …")),
            (importing.LIST, gettext_lazy("Lists to add them to")),
        ],
    ),
    (gettext_lazy("Leave out"), [(importing.LEFT_OUT, gettext_lazy("Do not import"))]),
]


class EncodingForm(forms.Form):
    """How the letters of a file are written."""

    encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding"),
        choices=[
            ("", gettext_lazy("Detect automatically")),
            *((name, gettext_lazy(label)) for name, label in importing.ENCODINGS.items()),
        ],
        required=False,
        help_text=gettext_lazy("Change it only if letters with accents or other alphabets look wrong."),
    )


class UploadForm(EncodingForm):
    file = CsvField(
        limit=CSV_LIMIT,
        help_text=format_lazy(
            gettext_lazy("Its first line names the columns. Up to {size} MB."), size=CSV_LIMIT // 2**20
        ),
    )


class SuppressionImportForm(EncodingForm):
    file = CsvField(
        limit=CSV_LIMIT,
        help_text=format_lazy(
            gettext_lazy(
                "Its first line names the columns; the one that holds e-mail addresses is found. Up to {size} MB."
            ),
            size=CSV_LIMIT // 2**20,
        ),
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=Suppression.Reason.choices,
        initial=Suppression.Reason.LIST_IMPORT,
    )
    detail = forms.CharField(label=gettext_lazy("Note"), max_length=300, required=False)


class ColumnsForm(forms.Form):
    """What each column of an upload is, and the list that everybody joins: a stored or a new one."""

    list = forms.ModelChoiceField(
        ContactList.objects.all(),
        label=gettext_lazy("Add everybody to the list"),
        required=False,
        empty_label=gettext_lazy("No list"),
    )
    new_list = forms.CharField(label=gettext_lazy("Or a new list named"), max_length=200, required=False)

    def __init__(self, data: FormData = None, *, upload: Upload, examples: Sequence[Sequence[str]]) -> None:
        super().__init__(data, initial={"list": upload.list_id, "new_list": upload.new_list})
        self.upload = upload
        self.examples = examples
        for place, (name, taken) in enumerate(upload.columns):
            is_attribute = bool(taken) and taken not in importing.RESERVED
            self.fields[f"column_{place}"] = forms.ChoiceField(
                label=gettext("What “%(name)s” is") % {"name": name},
                choices=TAKEN_FOR,
                required=False,
                initial=importing.ATTRIBUTE_NAMED if is_attribute else taken,
            )
            self.fields[f"name_{place}"] = forms.CharField(
                label=gettext("Name of the attribute “%(name)s”") % {"name": name},
                max_length=64,
                required=False,
                initial=taken if is_attribute else "",
                widget=forms.TextInput(
                    attrs={"list": "attributes", "placeholder": gettext("name"), "autocomplete": "off"}
                ),
            )

    def rows(self) -> Iterator[tuple[str, Sequence[str], forms.BoundField, forms.BoundField, str]]:
        """Yield for each column its name, examples, the two fields, and a number that may mean two."""
        for place, (name, _) in enumerate(self.upload.columns):
            fields = self[f"column_{place}"], self[f"name_{place}"]
            yield name, self.examples[place], *fields, self.ambiguous_number(place)

    def ambiguous_number(self, place: int) -> str:
        """Return an example of an attribute whose numbers may all have thousands set apart; "" when they have not."""
        if self.upload.columns[place][1] in importing.RESERVED:
            return ""
        numbers = [text for text in self.examples[place] if text[-1:].isdigit() and "." in text]
        return numbers[0] if numbers and all(map(is_ambiguous, numbers)) else ""

    def says_consent(self) -> bool:
        """Return whether a column seems to hold consents."""
        return any(taken in importing.CONSENT for _, taken in self.upload.columns)

    def column_meanings(self) -> Sequence[str]:
        """Return what each column is, as `importing.choose_columns` takes it."""
        chosen = []
        for place in range(len(self.upload.columns)):
            what = self.cleaned_data.get(f"column_{place}", importing.LEFT_OUT)
            chosen.append(self.cleaned_data[f"name_{place}"] if what == importing.ATTRIBUTE_NAMED else what)
        return chosen

    def clean(self) -> CleanedData:
        cleaned = super().clean() or {}
        for place in range(len(self.upload.columns)):
            if cleaned.get(f"column_{place}") == importing.ATTRIBUTE_NAMED and not cleaned.get(
                f"name_{place}"
            ):
                self.add_error(f"name_{place}", gettext("Give the attribute a name."))
        if not self.errors:
            for place, sentence in importing.find_column_problems(self.column_meanings()):
                self.add_error(f"column_{place}" if place >= 0 else None, sentence)
        if cleaned.get("list") and cleaned.get("new_list"):
            self.add_error("new_list", gettext("Choose a list or name a new one, not both."))
        if cleaned.get("new_list") and ContactList.objects.filter(name=cleaned["new_list"]).exists():
            self.add_error("new_list", gettext("There is a list of that name: choose it instead."))
        return cleaned
