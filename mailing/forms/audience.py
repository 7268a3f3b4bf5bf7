"""Contacts, lists and suppressions."""

from django import forms
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from campaigns.forms import DayField, Refusable
from campaigns.generics import ModelForm
from mailing.forms.fields import AddressField
from mailing.models import ContactList, Segment, Suppression


class ContactFilterForm(forms.Form):
    q = forms.CharField(
        label=gettext_lazy("Search"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    list = forms.ModelChoiceField(
        ContactList.objects.all(),
        required=False,
        label=gettext_lazy("List"),
        empty_label=gettext_lazy("All lists"),
    )
    segment = forms.ModelChoiceField(
        Segment.objects.all(),
        required=False,
        label=gettext_lazy("Segment"),
        empty_label=gettext_lazy("All segments"),
    )


class ListForm(Refusable, ModelForm[ContactList]):
    class Meta:
        model = ContactList
        fields = ["name", "description", "is_public"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    COLUMNS = tuple(Meta.fields)


class SuppressionFilterForm(forms.Form):
    q = forms.CharField(
        label=gettext_lazy("Address"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        choices=[("", gettext_lazy("All reasons")), *Suppression.Reason.choices],
        required=False,
    )
    source = forms.ChoiceField(
        label=gettext_lazy("Source"),
        choices=[("", gettext_lazy("All sources")), *Suppression.Source.choices],
        required=False,
    )
    since = DayField(label=pgettext_lazy("first day", "From"), required=False)
    until = DayField(label=pgettext_lazy("last day", "To"), required=False)


class SuppressionForm(ModelForm[Suppression]):
    email = AddressField(label=gettext_lazy("Address"))

    class Meta:
        model = Suppression
        fields = ["email", "reason", "detail"]
        labels = {"detail": gettext_lazy("Note")}
        widgets = {"detail": forms.TextInput}

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if Suppression.objects.exclude(pk=self.instance.pk).filter(email=email).exists():
            raise forms.ValidationError(gettext("“%(email)s” is suppressed already.") % {"email": email})
        return email
