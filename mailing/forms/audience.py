"""Contacts, lists and suppressions."""

from django import forms

from campaigns.forms import DayField
from campaigns.generics import ModelForm
from mailing.forms.fields import AddressField
from mailing.models import ContactList, Segment, Suppression


class ContactFilterForm(forms.Form):
    q = forms.CharField(label="Search", required=False, widget=forms.TextInput(attrs={"type": "search"}))
    list = forms.ModelChoiceField(ContactList.objects.all(), required=False, empty_label="All lists")
    segment = forms.ModelChoiceField(Segment.objects.all(), required=False, empty_label="All segments")


class ListForm(ModelForm[ContactList]):
    class Meta:
        model = ContactList
        fields = ["name", "description", "is_public"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}


class SuppressionFilterForm(forms.Form):
    q = forms.CharField(label="Address", required=False, widget=forms.TextInput(attrs={"type": "search"}))
    reason = forms.ChoiceField(choices=[("", "All reasons"), *Suppression.Reason.choices], required=False)
    source = forms.ChoiceField(choices=[("", "All sources"), *Suppression.Source.choices], required=False)
    since = DayField(label="From", required=False)
    until = DayField(label="To", required=False)


class SuppressionForm(ModelForm[Suppression]):
    email = AddressField(label="Address")

    class Meta:
        model = Suppression
        fields = ["email", "reason", "detail"]
        labels = {"detail": "Note"}
        widgets = {"detail": forms.TextInput}

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if Suppression.objects.filter(email=email).exists():
            raise forms.ValidationError(f"“{email}” is suppressed already.")
        return email
