from django import forms
from django.utils.translation import gettext_lazy

from mailing.models import HeldReport

Decision = HeldReport.Decision


class HeldReportForm(forms.Form):
    """What a person decides about a held report; each decision is a button."""

    address = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=254,
        required=False,
        help_text=gettext_lazy("Whom the message is about. “Ignore” needs no address."),
    )
    decision = forms.ChoiceField(
        choices=[(choice.value, choice.label) for choice in Decision if choice != Decision.WAITING],
        error_messages={"required": gettext_lazy("Choose one of the three buttons.")},
        widget=forms.HiddenInput,
    )
