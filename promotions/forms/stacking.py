"""The form of the stacking rules, and the form that asks whether two promotions can meet."""

from django import forms
from django.utils.translation import gettext_lazy

from campaigns.annotations import Columns
from campaigns.forms import Refusable
from campaigns.generics import FormData
from promotions.forms.fields import MoneyField, PercentField
from promotions.forms.parts import count_field
from promotions.forms.picker import PromotionField
from promotions.models import StackingSettings
from promotions.stacking import FIELDS


class StackingForm(Refusable, forms.Form):
    """All stacking rules."""

    fields: Columns
    precedence = forms.ChoiceField(
        label=gettext_lazy("When several compete"), choices=StackingSettings.Precedence.choices
    )
    max_promotions = count_field(
        gettext_lazy("Maximum promotions per sale"),
        least=0,
        help_text=gettext_lazy("Leave blank or 0 for no limit. 1: only the best."),
    )
    max_discount_percent = PercentField(
        gettext_lazy("Maximum discount per sale, percent"),
        required=False,
        help_text=gettext_lazy("Leave blank for no limit."),
    )
    max_discount = MoneyField(
        gettext_lazy("Maximum discount per sale"),
        required=False,
        help_text=gettext_lazy("It does not limit sales in another currency. Leave blank for no limit."),
    )
    coupons_with_promotions = forms.BooleanField(
        label=gettext_lazy("Coupons and automatic promotions may combine in one sale"), required=False
    )
    item_with_order = forms.BooleanField(
        label=gettext_lazy("Promotions on items and on the whole sale may combine in one sale"),
        required=False,
    )
    buy_get_replaces = forms.BooleanField(
        label=gettext_lazy("Units that a buy-and-get promotion uses get no other discount on items"),
        required=False,
    )
    thresholds_on_original = forms.BooleanField(
        label=gettext_lazy("Thresholds and tiers of sale discounts are measured before any discount"),
        required=False,
    )

    def __init__(self, data: FormData = None) -> None:
        settings = StackingSettings.objects.first() or StackingSettings()
        super().__init__(data, initial={name: getattr(settings, name) for name in FIELDS})

    def columns(self) -> Columns:
        return {name: self.cleaned_data[name] for name in FIELDS}


class CombinationForm(forms.Form):
    """The two promotions to compare."""

    one = PromotionField(label=gettext_lazy("One promotion"))
    other = PromotionField(label=gettext_lazy("The other"))
