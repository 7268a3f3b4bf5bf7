"""What people type on the pages that both kinds share."""

from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from campaigns import instants, workspace
from campaigns.models import Campaign

AT = "%Y-%m-%dT%H:%M"  # what <input type="datetime-local"> sends, in the site's zone


class MomentField(forms.DateTimeField):
    """A date and a time to the minute, in the site's zone."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(format=AT, attrs={"type": "datetime-local"})
        super().__init__(widget=widget, input_formats=[AT, "%Y-%m-%d %H:%M"], **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """Raises ValidationError: also a time outside of campaigns.instants, or that the clocks skip or repeat."""
        try:
            moment = super().to_python(value)
        except ValidationError as error:
            if error.code != "ambiguous_timezone" or not error.params:
                raise
            sentence = instants.describe_clock_change(
                error.params["datetime"], timezone.get_current_timezone()
            )
            raise ValidationError(sentence, code="invalid") from error
        if moment is not None and not instants.is_possible(moment):
            raise ValidationError(instants.SENTENCE, code="invalid")
        return moment and instants.with_storable_offset(moment)


class DayField(forms.DateField):
    """A day of the site's zone."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(widget=widget, **kwargs)

    def to_python(self, value: Any) -> date | None:
        """Raises ValidationError: also a day outside of campaigns.instants."""
        day = super().to_python(value)
        if day is not None and not instants.is_possible(datetime.combine(day, time(12), UTC)):
            raise ValidationError(instants.SENTENCE, code="invalid")
        return day


class Refusable(forms.BaseForm):
    """A form that shows why a domain function refused what it says."""

    def refuse(self, reasons: list[tuple[str, str]]) -> None:
        """Show each of the `reasons`, as Refused has them, at its field, or above the form where it has none."""
        for name, sentence in reasons:
            self.add_error(name if name in self.fields else None, sentence)


class FilterForm(forms.Form):
    """What narrows the list of campaigns; what is no choice narrows nothing."""

    q = forms.CharField(label="Search", required=False, widget=forms.TextInput(attrs={"type": "search"}))
    kind = forms.ChoiceField(choices=[("", "Any kind"), *Campaign.Kind.choices], required=False)
    status = forms.ChoiceField(
        choices=[("", "Any status"), *Campaign.Status.choices], required=False, widget=forms.HiddenInput
    )
    archived = forms.BooleanField(required=False, widget=forms.HiddenInput)
    sort = forms.ChoiceField(
        choices=[(way + name, name) for name in workspace.SORTS for way in ("", "-")],
        required=False,
        widget=forms.HiddenInput,
    )


class StepForm(forms.Form):
    """A question before a step: why, for the history."""

    why = forms.CharField(label="Reason", required=False, max_length=500, help_text="Kept in the history.")

    def arguments(self) -> dict[str, Any]:
        """What lifecycle.fire is told besides the verb."""
        return dict(self.cleaned_data)


class ScheduleForm(StepForm):
    """When a campaign is to begin by itself. No time at all is for the lifecycle to refuse."""

    at = MomentField(label="Send at", required=False)
    field_order = ["at", "why"]

    def __init__(self, *args: Any, label: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["at"].label = label

    def arguments(self) -> dict[str, Any]:
        said = super().arguments()
        return said if said["at"] else {"why": said["why"]}


def step_form(campaign: Campaign, verb: str, data: Any = None) -> StepForm:
    """The form of `verb`, filled in with `data` or with what the campaign proposes."""
    if verb == "schedule":
        label = "Send at" if campaign.kind == Campaign.Kind.EMAIL else "Starts"
        return ScheduleForm(data, initial={"at": campaign.starts_at}, label=label)
    return StepForm(data)
