"""Contacts, lists and suppressions."""

from django import forms

from mailing.forms.fields import AddressField
from mailing.models import ContactList, Segment, Suppression


class ContactFilterForm(forms.Form):
    q = forms.CharField(label="Search", required=False, widget=forms.TextInput(attrs={"type": "search"}))
    list = forms.ModelChoiceField(ContactList.objects.all(), required=False, empty_label="All lists")
    segment = forms.ModelChoiceField(Segment.objects.all(), required=False, empty_label="All segments")


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
