"""A contact, their attributes and their lists."""

from collections.abc import Mapping
from datetime import datetime

from django import forms
from django.utils.translation import gettext, gettext_lazy

from campaigns import dates
from campaigns.annotations import CleanedData, Columns
from campaigns.forms import Refusable
from campaigns.generics import FormData, ModelForm, ModelMultipleChoiceField
from mailing import contacts
from mailing.countries import country_code
from mailing.forms.fields import AddressField, LanguageField, TimeZoneField
from mailing.importing.rows import read_typed_value
from mailing.models import Contact, ContactList

BLANK_ROWS = 3  # rows for attributes they do not have yet


class ListsField(ModelMultipleChoiceField[ContactList]):
    """Lists to tick. A list that the contact has left says so."""

    widget = forms.CheckboxSelectMultiple
    left: Mapping[int, datetime] = {}

    def label_from_instance(self, row: ContactList) -> str:
        if row.pk in self.left:
            return gettext("%(list)s (unsubscribed on %(day)s)") % {
                "list": row,
                "day": dates.write_day_of(self.left[row.pk]),
            }
        return str(row)


class ContactForm(Refusable, ModelForm[Contact]):
    """A contact. Pairs of `attribute_name` and `attribute_value` are its attributes; one without a value is deleted."""

    email = AddressField(label=gettext_lazy("E-mail address"))
    language = LanguageField(label=gettext_lazy("Language"))
    time_zone = TimeZoneField(label=gettext_lazy("Time zone"))
    lists = ListsField(ContactList.objects.all(), required=False, label=gettext_lazy("In the lists"))

    class Meta:
        model = Contact
        fields = ["email", "first_name", "last_name", "phone", "city", "country", "language", "time_zone", "score",
            "customer_id", "frequency",
        ]  # fmt: skip
        labels = {"customer_id": gettext_lazy("Customer number")}
        help_texts = {
            "country": gettext_lazy("Two letters, as in DE."),
            "customer_id": gettext_lazy("What the till knows them by."),
        }

    def __init__(self, data: FormData = None, *, instance: Contact) -> None:
        super().__init__(data, instance=instance)
        if instance.pk:
            places = list(instance.memberships.values_list("list_id", "unsubscribed_at"))
            self.initial["lists"] = [pk for pk, left_at in places if left_at is None]
            lists = self.fields["lists"]
            assert isinstance(lists, ListsField)
            lists.left = {pk: left_at for pk, left_at in places if left_at}
        if data is not None:
            names, values = data.getlist("attribute_name"), data.getlist("attribute_value")
            self.pairs = [(name.strip(), value.strip()) for name, value in zip(names, values, strict=False)]
        else:
            self.pairs = [
                (name, contacts.write_attribute(value)) for name, value in sorted(instance.attributes.items())
            ]

    def rows(self) -> list[tuple[str, str]]:
        """Return the attributes to show, and empty pairs for more."""
        return [pair for pair in self.pairs if any(pair)] + [("", "")] * BLANK_ROWS

    def clean_country(self) -> str:
        code = country_code(self.cleaned_data["country"])
        if self.cleaned_data["country"] and not code:
            raise forms.ValidationError(gettext("Give the two letters of ISO 3166, as in DE."))
        return code

    def clean_customer_id(self) -> str | None:
        return self.cleaned_data["customer_id"] or None  # unique where there is one

    def clean(self) -> CleanedData:
        cleaned = super().clean() or {}
        before = self.instance.attributes
        attributes: Columns = {}
        for name, value in self.pairs:
            if not value:
                continue
            if not name:
                self.add_error(
                    None, gettext("Name the attribute whose value is “%(value)s”.") % {"value": value[:100]}
                )
            elif name in attributes:
                self.add_error(None, gettext("The attribute “%(name)s” is there twice.") % {"name": name})
            elif name not in before and (problem := contacts.find_attribute_problem(name)):
                self.add_error(None, problem)
            # one that was not touched keeps its type: a list stays a list
            elif name in before and value == contacts.write_attribute(before[name]):
                attributes[name] = before[name]
            else:
                attributes[name] = read_typed_value(value)
        self.instance.attributes = attributes
        return cleaned
