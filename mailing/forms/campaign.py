"""The editor of an e-mail campaign."""

from collections.abc import Iterable, Iterator
from typing import TypedDict

from django import forms
from django.conf import settings
from django.db.models import Q
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from campaigns import zones
from campaigns.annotations import Argument, CleanedData, Columns
from campaigns.forms import MomentField, Refusable
from campaigns.generics import ModelForm
from mailing import connections
from mailing.campaign_facts import FIELDS
from mailing.drafting import TEST_ADDRESSES
from mailing.forms.fields import AddressesField, AddressField, DaysField
from mailing.forms.offer import OfferFields, clean_offer, fill_offer_choices
from mailing.languages import list_languages, name_language
from mailing.models import (
    ContactList,
    EmailCampaign,
    Mode,
    Segment,
    SmtpConnection,
    Target,
    TrackingPolicy,
)
from mailing.models.offers import OFFER_COLUMNS

OFFER_NAMES = {"has_offer", *OFFER_COLUMNS}
WINDOW_NAMES = {"window_from", "window_until", "window_days", "window_zone"}


class SavableParts(TypedDict):
    """What `EmailCampaignForm.savable_parts` returns; None leaves what is stored."""

    changes: Columns
    targets: list[Target] | None
    routes: list[tuple[int, int]] | None


class EmailCampaignForm(Refusable, OfferFields, ModelForm[EmailCampaign]):
    """All sections but the A/B test. Targets and connections are rows of their own: see `targets` and `routes`.

    A draft may be unfinished, so only the name is required. `mailing.launch.find_problems` says what a launch needs.
    """

    from_email = AddressField(label=_("Sender address"), required=False)
    reply_to = AddressField(
        label=_("Reply to"), required=False, help_text=_("Leave blank for the sender’s address.")
    )
    starts_at = MomentField(
        label=_("Planned for"),
        required=False,
        help_text=_("Only sends after you click Schedule."),
    )

    window_days = DaysField(label=_("Send on"), required=False, help_text=_("Choose none for every day."))
    window_zone = forms.ChoiceField(
        label=_("Time zone of these hours"), choices=zones.list_choices, required=False
    )
    language = forms.ChoiceField(
        required=False,
        help_text=_("Screen readers pronounce the mail in it; dates and amounts are written as it does."),
    )

    class Meta:
        model = EmailCampaign
        fields = FIELDS
        labels = {
            "sharing": _("Sending server"),
            "per_hour": _("Maximum per hour"),
            "retry_hours": _("Retry for (hours)"),
        }
        help_texts = {
            "tracking": _("A campaign can only record less than the site’s setting."),
            "connection": _("Its default sender is used if you leave the sender blank."),
            "window_until": _("Leave both blank for any hour. An end before the start is on the next day."),
        }
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "body": forms.Textarea(attrs={"rows": 22, "class": "code", "spellcheck": "true"}),
            "text": forms.Textarea(attrs={"rows": 8, "class": "code"}),
            **{
                name: forms.TimeInput(format="%H:%M", attrs={"type": "time"})
                for name in ("window_from", "window_until", "local_time")
            },
        }

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk and not self.initial.get("connection"):
            self.initial["connection"] = connections.find_usual_connection()
        language = self.fields["language"]
        assert isinstance(language, forms.ChoiceField)
        site = name_language(settings.DEFAULT_LANGUAGE)
        language.choices = [("", _("The site’s (%(language)s)") % {"language": site}), *list_languages()]
        self.initial["has_offer"] = self.instance.offer_id is not None
        self.initial["code_min_spend"] = self.instance.code_min_spend or None
        fill_offer_choices(self, self.instance)
        self._name_blank_choices()
        self.target_names = self._add_targets()
        self.route_names = self._add_routes()

    def _name_blank_choices(self) -> None:
        """Say what a select that is left blank means."""
        tracking, connection = self.fields["tracking"], self.fields["connection"]
        assert isinstance(tracking, forms.ChoiceField)
        assert isinstance(connection, forms.ModelChoiceField)
        policy = TrackingPolicy.read_row().get_mode_display()
        tracking.choices = [
            ("", _("The site’s setting (%(setting)s)") % {"setting": policy.lower()}),
            *Mode.choices,
        ]
        connection.empty_label = _("Choose a connection")
        after = self.fields["after_acceptance"]
        assert isinstance(after, forms.ChoiceField)
        after.choices = [("", _("The site’s setting")), *EmailCampaign.AfterAcceptance.choices]

    def clean(self) -> CleanedData:
        """Fill an empty sender with the connection's default sender."""
        cleaned = super().clean() or {}
        if smtp := cleaned.get("connection"):
            for name in ("from_email", "from_name"):
                if name not in self.errors and not cleaned.get(name):
                    cleaned[name] = getattr(smtp, name)
        clean_offer(self, cleaned)
        return cleaned

    def clean_hold_out(self) -> int:
        """Hold nobody out where nothing is typed."""
        return self.cleaned_data["hold_out"] or 0

    def _add_targets(self) -> dict[str, tuple[str, int]]:
        """Add a field for each list and segment (not used, included, excluded); return what each field is for."""
        chosen = {}
        if self.instance.pk:
            chosen = {(t.list_id, t.segment_id): t.mode for t in self.instance.targets.all()}
        names = {}
        modes = [("", _("Not used")), *Target.Mode.choices]
        offered = Q(is_active=True) | Q(pk__in=[segment for _, segment in chosen if segment])
        for what, rows in (("list", ContactList.objects.all()), ("segment", Segment.objects.filter(offered))):
            for row in rows:
                name = f"target_{what}_{row.pk}"
                key = (row.pk, None) if what == "list" else (None, row.pk)
                self.fields[name] = forms.ChoiceField(
                    label=row.name,
                    choices=modes,
                    required=False,
                    initial=chosen.get(key, ""),
                )
                names[name] = (what, row.pk)
        return names

    def _add_routes(self) -> dict[str, int]:
        """Add fields for the share and the place of each connection; return the connection's key for each share."""
        chosen = {}
        if self.instance.pk:
            chosen = {route.connection_id: route for route in self.instance.routes.all()}
        names = {}
        for smtp in SmtpConnection.objects.all():
            route = chosen.get(smtp.pk)
            self.fields[f"share_{smtp.pk}"] = forms.IntegerField(
                label=_("Share of %(connection)s") % {"connection": smtp},
                min_value=0,
                max_value=32_767,
                required=False,
                initial=route.share if route else None,
            )
            self.fields[f"position_{smtp.pk}"] = forms.IntegerField(
                label=_("Order of %(connection)s") % {"connection": smtp},
                min_value=0,
                max_value=32_767,
                required=False,
                initial=route.position if route else None,
            )
            names[f"share_{smtp.pk}"] = smtp.pk
        return names

    def target_fields(self, what: str) -> Iterator[forms.BoundField]:
        return (self[name] for name, (kind, _) in self.target_names.items() if kind == what)

    def list_fields(self) -> Iterator[forms.BoundField]:
        return self.target_fields("list")

    def segment_fields(self) -> Iterator[forms.BoundField]:
        return self.target_fields("segment")

    def route_fields(self) -> Iterator[tuple[SmtpConnection, forms.BoundField, forms.BoundField]]:
        rows = SmtpConnection.objects.in_bulk(self.route_names.values())
        for name, pk in self.route_names.items():
            yield rows[pk], self[name], self[f"position_{pk}"]

    def changes(self) -> Columns:
        """Return the campaign's own columns by name."""
        return {name: self.cleaned_data[name] for name in self.Meta.fields}

    def wrong_names(self) -> set[str]:
        """Return the names of the fields whose values cannot be saved, those that a wrong one takes along included."""
        wrong = set(self.errors)
        for together in (OFFER_NAMES, WINDOW_NAMES, set(self.target_names), self._route_names()):
            if wrong & together:
                wrong |= together
        return wrong

    def savable_parts(self) -> SavableParts:
        """Return what can be saved of a form in which something may be wrong: arguments of `drafting.save_campaign`."""
        wrong = self.wrong_names()
        return {
            "changes": {name: self.cleaned_data[name] for name in self.Meta.fields if name not in wrong},
            "targets": None if wrong & set(self.target_names) else self.targets(),
            "routes": None if wrong & self._route_names() else self.routes(),
        }

    def _route_names(self) -> set[str]:
        return {*self.route_names, *(f"position_{pk}" for pk in self.route_names.values())}

    def targets(self) -> list[Target]:
        """Return the lists and segments to include and exclude, as far as they can be read: rows without a campaign."""
        return [
            Target(mode=mode, **{f"{what}_id": pk})
            for name, (what, pk) in self.target_names.items()
            if (mode := self.cleaned_data.get(name))
        ]

    def routes(self) -> list[tuple[int, int]]:
        """Return (key of the connection, share) in the order of their places, without those that have no share."""
        given = [
            (self.cleaned_data[f"position_{pk}"] or 0, pk, self.cleaned_data[name])
            for name, pk in self.route_names.items()
            if self.cleaned_data[name] is not None
        ]
        return [(pk, share) for _, pk, share in sorted(given)]


class TestMailForm(forms.Form):
    """Where to send a test mail, and which variant of an A/B test.

    Args:
        variants: (number, letter and subject) of each; the first is sent when none is chosen.
    """

    variant = forms.ChoiceField(label=_("Variant"), required=False)
    to = AddressesField(
        label=_("Send a test mail to"),
        most=TEST_ADDRESSES,
        help_text=format_lazy(
            _("Up to {most} addresses, separated by commas. Nothing in a test mail is tracked."),
            most=TEST_ADDRESSES,
        ),
    )

    def __init__(self, *args: Argument, variants: Iterable[tuple[int, str]] = (), **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        choices = list(variants)
        self.fields["variant"].choices = choices  # type: ignore[attr-defined]  # it is a field of choices
        if len(choices) < 2:
            del self.fields["variant"]


class PreviewForm(forms.Form):
    contact = AddressField(label=_("As the contact"), required=False)
