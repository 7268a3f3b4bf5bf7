"""The form of a report."""

from datetime import timedelta
from typing import Any

from django import forms
from django.apps import apps
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import zones
from campaigns.annotations import CleanedData, Columns, JsonObject
from campaigns.forms import DayField
from campaigns.generics import ModelChoiceField
from promotions.forms.campaign import currencies
from promotions.forms.filters import read_key
from promotions.models import Promotion, PromotionCampaign
from promotions.reports import REPORTS, ReportQuery

LONGEST = timedelta(days=366)


class ReportForm(forms.Form):
    """Days, a location, a type of promotion, a campaign and a currency.

    The defaults are the current month, or the days since a campaign's start and its currency.
    """

    fields: Columns
    by = forms.ChoiceField(
        choices=[(key, title) for key, (title, _) in REPORTS.items()], widget=forms.HiddenInput
    )
    first = DayField(label=gettext_lazy("From"))
    last = DayField(label=gettext_lazy("To"))
    # Any: the model belongs to `pos`, which promotions do not import
    location: ModelChoiceField[Any] = ModelChoiceField(
        queryset=None, required=False, empty_label=gettext_lazy("All locations")
    )
    type = forms.ChoiceField(
        choices=[("", gettext_lazy("All types")), *Promotion.Type.choices], required=False
    )
    campaign: ModelChoiceField[PromotionCampaign] = ModelChoiceField(
        queryset=PromotionCampaign.objects.all(), required=False, widget=forms.HiddenInput
    )
    currency = forms.ChoiceField()

    def __init__(self, data: QueryDict) -> None:
        today = timezone.localdate()
        said: JsonObject = {
            "by": "promotion",
            "first": today.replace(day=1),
            "last": today,
            "currency": settings.CURRENCY,
        }
        if campaign := PromotionCampaign.objects.filter(pk=read_key(data.get("campaign"))).first():
            since = timezone.localdate(campaign.starts_at) if campaign.starts_at else today
            said |= {"first": max(min(since, today), today - LONGEST), "currency": campaign.currency}
        super().__init__(said | {name: value for name, value in data.items() if value})
        self.fields["location"].queryset = apps.get_model("pos.Location").objects.all()
        self.fields["currency"].choices = [(code, code) for code in currencies(said["currency"])]

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", _("The last day is before the first."))
        elif first and last and last - first > LONGEST:
            self.add_error("last", _("A report covers a year at most."))
        return cleaned

    def read_query(self) -> ReportQuery:
        said = self.cleaned_data
        location, campaign = (said[name].pk if said[name] else None for name in ("location", "campaign"))
        zone = zones.find_zone(said["location"].time_zone) if said["location"] else None
        return ReportQuery(
            said["first"], said["last"], said["currency"], location, campaign, said["type"], zone
        )
