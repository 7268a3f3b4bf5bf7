"""Forms of the pages that both kinds share, and fields for times."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from campaigns import formats, instants, logins, zones
from campaigns.annotations import Argument, Columns, ColumnValue
from campaigns.generics import FormData, ModelChoiceField, ModelForm
from campaigns.lifecycle import lifecycle_of
from campaigns.models import Campaign, Tag, UserSettings
from campaigns.workspace import calendar, listing

AT = "%Y-%m-%dT%H:%M"  # what <input type="datetime-local"> sends


class TypedMoment(str):
    """The text typed into a MomentInput, and the zone that its form named, "" for none."""

    __slots__ = ("zone",)
    zone: str

    def __new__(cls, text: str, zone: str) -> "TypedMoment":
        made = super().__new__(cls, text)
        made.zone = zone
        return made


class MomentInput(forms.DateTimeInput):
    """A local time, with the zone that the page showed in a hidden input, so that the time has one meaning.

    A time that comes twice in a night names no instant. For a shown time the instant stands after the zone, and counts
    if the time is not changed: Europe/Berlin@2027-10-31T01:30:00+00:00.
    """

    def __init__(self) -> None:
        super().__init__(format=AT, attrs={"type": "datetime-local"})

    def render(
        self, name: str, value: ColumnValue, attrs: Argument = None, renderer: Argument = None
    ) -> SafeString:
        control = super().render(name, value, attrs, renderer)
        return format_html(
            '{}<input type="hidden" name="{}_zone" value="{}">', control, name, _name_zone(value)
        )

    def value_from_datadict(
        self, data: Mapping[str, Argument], files: Argument, name: str
    ) -> TypedMoment | None:
        typed = super().value_from_datadict(data, files, name)
        return None if typed is None else TypedMoment(str(typed), str(data.get(f"{name}_zone") or ""))


def _name_zone(value: ColumnValue) -> str:
    """Return the text for the hidden input: the zone of what a MomentInput shows."""
    if isinstance(value, str) and value:  # it was typed, and is shown again
        return getattr(value, "zone", "") or str(timezone.get_default_timezone())
    zone = timezone.get_current_timezone()
    if isinstance(value, datetime):
        first, second = (value.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() != second.utcoffset():
            shown = (second if value.fold else first).astimezone(UTC)
            return f"{zone}@{shown.isoformat(timespec='minutes')}"
    return str(zone)


class MomentField(forms.DateTimeField):
    """A date and a time to the minute, in the zone that its form names, else in the site's."""

    def __init__(self, **kwargs: Argument) -> None:
        super().__init__(widget=MomentInput(), input_formats=[AT, "%Y-%m-%d %H:%M"], **kwargs)

    def to_python(self, value: ColumnValue) -> datetime | None:
        """Read an instant. Refuse one outside of campaigns.instants, and a time that the clocks skip or repeat."""
        named, _, shown = getattr(value, "zone", "").partition("@")
        zone = zones.find_zone(named) if named else timezone.get_default_timezone()
        if zone is None:
            raise ValidationError(
                gettext("“%(named)s” is not a time zone.") % {"named": named[:64]}, code="invalid"
            )
        moment = _read_shown(value, shown, zone) or self._read_typed(value, zone)
        if moment is not None and not instants.is_possible(moment):
            raise ValidationError(instants.SENTENCE, code="invalid")
        return moment and instants.with_storable_offset(moment)

    def _read_typed(self, value: ColumnValue, zone: tzinfo) -> datetime | None:
        try:
            with timezone.override(zone):
                return super().to_python(value)
        except ValidationError as error:
            if error.code != "ambiguous_timezone" or not error.params:
                raise
            sentence = instants.describe_clock_change(error.params["datetime"], zone)
            raise ValidationError(sentence, code="invalid") from error


def _read_shown(typed: ColumnValue, shown: str, zone: tzinfo) -> datetime | None:
    """Return the instant that the form showed, if its local time is what is typed; None otherwise."""
    try:
        moment = datetime.fromisoformat(shown)
        local = moment.astimezone(zone) if moment.tzinfo else None
    except (ValueError, OverflowError):  # nothing, or no instant of ours
        return None
    return moment.astimezone(UTC) if local and typed == local.strftime(AT) else None


class DayField(forms.DateField):
    """A day, which begins and ends in the user's zone."""

    def __init__(self, **kwargs: Argument) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(widget=widget, **kwargs)

    def to_python(self, value: ColumnValue) -> date | None:
        """Read a day. Refuse one outside of campaigns.instants."""
        day = super().to_python(value)
        if day is not None and not instants.is_possible(datetime.combine(day, time(12), UTC)):
            raise ValidationError(instants.SENTENCE, code="invalid")
        return day


class Refusable(forms.BaseForm):
    """A form that shows why a domain function refused its values."""

    def refuse(self, reasons: list[tuple[str, str]]) -> None:
        """Show each of the `reasons` of a Refused at its field, or above the form when it has no field."""
        for name, sentence in reasons:
            self.add_error(name if name in self.fields else None, sentence)


class OwnerField(ModelChoiceField[User]):
    """Somebody who has made a campaign, by their name."""

    def label_from_instance(self, obj: User) -> str:
        return formats.person(obj)


class FilterForm(forms.Form):
    """The filters of the list of campaigns. A value that is no choice filters nothing."""

    fields: Columns
    q = forms.CharField(
        label=gettext_lazy("Search"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    kind = forms.ChoiceField(choices=[("", gettext_lazy("Any kind")), *Campaign.Kind.choices], required=False)
    tag: ModelChoiceField[Tag] = ModelChoiceField(
        queryset=Tag.objects.all(), required=False, empty_label=gettext_lazy("Any tag")
    )
    owner = OwnerField(
        queryset=None, required=False, empty_label=gettext_lazy("Anybody"), label=gettext_lazy("Created by")
    )
    since = DayField(label=gettext_lazy("Starts from"), required=False)
    until = DayField(label=gettext_lazy("Starts until"), required=False)
    status = forms.ChoiceField(
        choices=[("", gettext_lazy("Any status")), *Campaign.Status.choices],
        required=False,
        widget=forms.HiddenInput,
    )
    archived = forms.BooleanField(required=False, widget=forms.HiddenInput)
    sort = forms.ChoiceField(
        choices=[(way + name, name) for name in listing.SORTS for way in ("", "-")],
        required=False,
        widget=forms.HiddenInput,
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        tag = self.fields["tag"]
        self.known_tags = [(str(key), str(label)) for key, label in tag.choices][1:]
        tag.widget.choices = [
            ("", tag.empty_label),
            *self.known_tags,
        ]  # asked for once, though they stand there twice
        makers = Campaign.objects.order_by().values("created_by")
        self.fields["owner"].queryset = User.objects.filter(pk__in=makers).order_by("username")

    def read_filters(self) -> listing.Filters:
        """Return the filters that were chosen."""
        self.is_valid()  # what is no choice is left out of cleaned_data
        return listing.Filters.of_form(self.cleaned_data)


class CalendarForm(forms.Form):
    """What the calendar shows. A value that is no choice filters nothing."""

    fields: Columns
    view = forms.ChoiceField(
        choices=[(view, view) for view in ("month", "week", "timeline")],
        required=False,
        widget=forms.HiddenInput,
    )
    day = forms.CharField(required=False, widget=forms.HiddenInput)
    kind = forms.ChoiceField(choices=[("", gettext_lazy("Any kind")), *Campaign.Kind.choices], required=False)
    # Any: the model belongs to `pos`, which campaigns do not import
    location: ModelChoiceField[Any] = ModelChoiceField(
        queryset=None,
        required=False,
        empty_label=gettext_lazy("Any location"),
        help_text=gettext_lazy("A location shows what applies at its tills. E-mails belong to none."),
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.fields["location"].queryset = apps.get_model("pos.Location").objects.all()

    def read_shown(self) -> calendar.Shown:
        """Return the kind and the location that were chosen."""
        self.is_valid()  # what is no choice is left out of cleaned_data
        return calendar.Shown(self.cleaned_data.get("kind", ""), self.cleaned_data.get("location"))


class StepForm(forms.Form):
    """The question before a step: why, for the history."""

    why = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Kept in the history."),
    )

    def arguments(self) -> Columns:
        """Return the arguments of the step for lifecycle.fire."""
        return dict(self.cleaned_data)


class ScheduleForm(StepForm):
    """When a campaign is to start. The lifecycle refuses a missing time."""

    at = MomentField(label=gettext_lazy("Send at"), required=False)
    field_order = ["at", "why"]

    def __init__(self, *args: Argument, label: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        self.fields["at"].label = label

    def arguments(self) -> Columns:
        said = super().arguments()
        return said if said["at"] else {"why": said["why"]}


def step_form(campaign: Campaign, verb: str, data: FormData = None) -> StepForm:
    """Return the form of `verb`, filled in with `data` or with the campaign's own time."""
    if label := lifecycle_of(campaign).TIME_LABELS.get(verb):
        return ScheduleForm(data, initial={"at": campaign.starts_at}, label=label)
    return StepForm(data)


def read_proposed_start(data: QueryDict) -> dict[str, datetime]:
    """Return the start that an address proposes for a new draft, as initial values of its form; {} for none."""
    try:
        start = datetime.fromisoformat(data.get("start", ""))
        start = timezone.make_aware(start) if start.tzinfo is None else start
    except (ValueError, OverflowError):
        return {}
    return {"starts_at": start} if instants.is_possible(start) else {}


class UserSettingsForm(ModelForm[UserSettings]):
    """The settings of one user."""

    class Meta:
        model = UserSettings
        fields = ["time_zone", "theme", "language"]

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        chosen, choices = self.instance.time_zone, zones.list_choices()
        names = {name for _, group in choices if isinstance(group, list) for name, _ in group}
        if chosen not in names | {"", "UTC"}:
            choices.append((chosen, chosen))
        self.fields["time_zone"] = forms.ChoiceField(
            choices=choices,
            required=False,
            initial=chosen,
            help_text=gettext("Every page shows times in it, and reads in it what you type."),
        )
        self.fields["language"] = forms.ChoiceField(
            choices=[("", gettext("Same as my browser")), *settings.LANGUAGES],
            required=False,
            initial=self.instance.language,
            help_text=gettext("Of the pages, and of the mails that Fanfare itself writes to you."),
        )


if TYPE_CHECKING:  # generic in the stubs only
    SetPassword = SetPasswordForm[User]
else:
    SetPassword = SetPasswordForm


class NewPasswordForm(SetPassword):
    """Django's own form, with our label for the second field."""

    new_password1, new_password2 = SetPasswordForm.create_password_fields(
        gettext_lazy("New password"), gettext_lazy("New password, once more")
    )


class OwnPasswordForm(PasswordChangeForm):
    """Django's own form, with our label for the last field; guesses of the old password are held up like logins."""

    new_password1, new_password2 = NewPasswordForm.create_password_fields(
        gettext_lazy("New password"), gettext_lazy("New password, once more")
    )

    def clean_old_password(self) -> str:
        attempt = logins.OwnPasswordAttempt(self.user.get_username())
        if wait := attempt.count(logins.read_clock()):
            raise logins.TooManyLogins(logins.write_wait_sentence(wait), code="throttled")
        password: str = super().clean_old_password()
        attempt.take_back(logins.read_clock())
        return password
