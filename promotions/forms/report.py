"""What a report is asked for."""

from datetime import timedelta
from typing import Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.utils import timezone

from promotions.forms.campaign import currencies
from promotions.reports import REPORTS, Asked

LONGEST = timedelta(days=366)
DAY = {"type": "date"}


class ReportForm(forms.Form):
    """Days, a location and a currency; the current month unless said otherwise."""

    fields: dict[str, Any]
    by = forms.ChoiceField(
        choices=[(key, title) for key, (title, _) in REPORTS.items()], widget=forms.HiddenInput
    )
    first = forms.DateField(label="From", widget=forms.DateInput(format="%Y-%m-%d", attrs=DAY))
    last = forms.DateField(label="To", widget=forms.DateInput(format="%Y-%m-%d", attrs=DAY))
    location: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, required=False, empty_label="All locations"
    )
    currency = forms.ChoiceField()

    def __init__(self, data: Any) -> None:
        today = timezone.localdate()
        said = {
            "by": "promotion",
            "first": today.replace(day=1),
            "last": today,
            "currency": settings.CURRENCY,
        }
        super().__init__(said | {name: value for name, value in data.items() if value})
        self.fields["location"].queryset = apps.get_model("pos.Location").objects.all()
        self.fields["currency"].choices = [(code, code) for code in currencies()]

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", "The last day lies before the first.")
        elif first and last and last - first > LONGEST:
            self.add_error("last", "A report covers a year at most.")
        return cleaned

    def asked(self) -> Asked:
        said = self.cleaned_data
        location = said["location"].pk if said["location"] else None
        return Asked(said["first"], said["last"], said["currency"], location)
