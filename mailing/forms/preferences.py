"""What contacts choose on their preference page, in their language."""

from django import forms
from django.utils.translation import gettext, gettext_lazy

from campaigns import zones
from campaigns.annotations import ColumnValue
from campaigns.generics import FormData, ModelMultipleChoiceField
from mailing.countries import NAME_LANGUAGES
from mailing.forms.fields import AddressField
from mailing.languages import name_in_itself
from mailing.models import ContactList
from mailing.models.audience import Frequency
from mailing.preferences import Choices

FREQUENCIES = {
    Frequency.EVERY: gettext_lazy("Every e-mail"),
    Frequency.WEEKLY: gettext_lazy("At most one a week"),
    Frequency.MONTHLY: gettext_lazy("At most one in four weeks"),
}


class PreferencesForm(forms.Form):
    """Lists, frequency, tracking, language and time zone of one contact."""

    lists = ModelMultipleChoiceField[ContactList](
        ContactList.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    frequency = forms.ChoiceField(required=False, choices=list(FREQUENCIES.items()), widget=forms.RadioSelect)
    is_tracked = forms.BooleanField(required=False)
    language = forms.ChoiceField(required=False)
    time_zone = forms.ChoiceField(required=False)

    def __init__(self, data: FormData = None, *, held: Choices) -> None:
        initial = {
            "lists": list(held.lists),
            "frequency": held.frequency,
            "is_tracked": held.is_tracked,
            "language": held.language,
            "time_zone": held.time_zone,
        }
        super().__init__(data, initial=initial)
        self.held = held
        lists, language, zone = (self.fields[name] for name in ("lists", "language", "time_zone"))
        assert isinstance(lists, forms.ModelMultipleChoiceField)
        assert isinstance(language, forms.ChoiceField)
        assert isinstance(zone, forms.ChoiceField)
        lists.queryset = ContactList.objects.filter(is_public=True).order_by("name")
        tags = dict.fromkeys([*NAME_LANGUAGES, *filter(None, [held.language])])
        language.choices = [("", "–"), *((tag, name_in_itself(tag)) for tag in tags)]
        zone.choices = [("", gettext("As in your country")), ("UTC", "UTC"), *zones.list_cities()]

    def read_choices(self) -> Choices:
        """Return what was chosen, once the form is valid."""
        chosen = self.cleaned_data
        return Choices(
            frozenset(each.pk for each in chosen["lists"]),
            chosen["frequency"],
            None if self.held.is_tracked is None else chosen["is_tracked"],
            chosen["language"],
            chosen["time_zone"],
        )


class OwnAddressField(AddressField):
    """An address as customers type it: what is wrong is said in their language."""

    def clean(self, value: ColumnValue) -> str:
        try:
            return super().clean(value)
        except forms.ValidationError as error:
            raise forms.ValidationError(
                gettext("Please write a complete e-mail address, as in name@example.com.")
            ) from error


class NewAddressForm(forms.Form):
    """The address that a contact wants our mail at from now on."""

    email = OwnAddressField(label=gettext_lazy("New e-mail address"))

    def __init__(self, data: FormData = None, *, now: str) -> None:
        super().__init__(data)
        self.now = now

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email == self.now:
            raise forms.ValidationError(gettext("Our mail already goes to this address."))
        return email
