"""Contacts, lists and suppressions."""

from typing import Any

from django import forms

from mailing.forms.fields import AddressField
from mailing.models import ContactList, Suppression

CSV_LIMIT = 500 * 1024 * 1024


class ContactFilterForm(forms.Form):
    q = forms.CharField(label="Search", required=False, widget=forms.TextInput(attrs={"type": "search"}))
    list = forms.ModelChoiceField(ContactList.objects.all(), required=False, empty_label="All lists")


class ImportForm(forms.Form):
    """A CSV file, and the list its contacts join: one that exists, or a new one."""

    file = forms.FileField(
        label="CSV file",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text="The first line names the columns. “email” is needed; first_name, last_name, phone, city, country, "
        "score and customer_id are known; every other column becomes an attribute of the contact.",
    )
    list = forms.ModelChoiceField(
        ContactList.objects.all(), label="Add them to the list", required=False, empty_label="No list"
    )
    new_list = forms.CharField(label="Or to a new list named", max_length=200, required=False)
    trial = forms.BooleanField(
        label="Only try it", required=False, help_text="Every row is judged, nothing is taken in."
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > CSV_LIMIT:
            raise forms.ValidationError(
                f"The file has {file.size // 2**20} MB; at most {CSV_LIMIT // 2**20} are taken."
            )
        return file

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        if chosen.get("list") and chosen.get("new_list"):
            self.add_error("new_list", "Choose a list or name a new one, not both.")
        if chosen.get("new_list") and ContactList.objects.filter(name=chosen["new_list"]).exists():
            self.add_error("new_list", "There is a list of that name: choose it above.")
        return chosen


class ListForm(forms.ModelForm):
    class Meta:
        model = ContactList
        fields = ["name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}


class SuppressionFilterForm(forms.Form):
    q = forms.CharField(label="Address", required=False, widget=forms.TextInput(attrs={"type": "search"}))
    reason = forms.ChoiceField(choices=[("", "All reasons"), *Suppression.Reason.choices], required=False)
    source = forms.ChoiceField(choices=[("", "All sources"), *Suppression.Source.choices], required=False)
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))


class SuppressionForm(forms.ModelForm):
    email = AddressField(label="Address")

    class Meta:
        model = Suppression
        fields = ["email", "reason", "detail"]
        labels = {"detail": "Note"}
        widgets = {"detail": forms.TextInput}

    def clean_email(self) -> str:
        email = self.cleaned_data["email"]
        if Suppression.objects.filter(email=email).exists():
            raise forms.ValidationError(f"“{email}” is suppressed already.")
        return email
