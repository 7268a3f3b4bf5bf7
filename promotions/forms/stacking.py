"""The stacking rules as one form, and the question whether two promotions can meet."""

from typing import Any

from django import forms

from promotions.forms.fields import MoneyField, PercentField
from promotions.forms.parts import CHECK, count
from promotions.models import ExcludedPair, Promotion, StackingSettings
from promotions.stacking import FIELDS


class StackingForm(forms.Form):
    """All rules at once. Excluded pairs: those still ticked stay, and one may be added."""

    fields: dict[str, Any]
    precedence = forms.ChoiceField(label="Where several compete", choices=StackingSettings.Precedence.choices)
    max_promotions = count("Promotions of one sale, at most", help_text="Empty: no limit. 1: the best alone.")
    max_discount_percent = PercentField(
        "Discount of one sale, at most percent", required=False, help_text="Empty: no limit."
    )
    max_discount = MoneyField("Discount of one sale, at most", required=False, help_text="Empty: no limit.")
    coupons_with_promotions = forms.BooleanField(
        label="Coupons may meet automatic promotions in one sale", required=False
    )
    item_with_order = forms.BooleanField(
        label="Promotions on items and on the whole sale may meet in one sale", required=False
    )
    buy_get_replaces = forms.BooleanField(
        label="Units that a buy-and-get promotion uses get no other discount on items", required=False
    )
    thresholds_on_original = forms.BooleanField(
        label="Thresholds and tiers of sale discounts are measured before any discount", required=False
    )
    pairs = forms.MultipleChoiceField(
        label="Promotions that never meet",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs=CHECK),
        help_text="Untick a pair to let them meet again.",
    )
    first = forms.ModelChoiceField(
        queryset=Promotion.objects.none(), required=False, label="One more pair", empty_label="choose one"
    )
    second = forms.ModelChoiceField(
        queryset=Promotion.objects.none(), required=False, label="never with", empty_label="choose one"
    )

    def __init__(self, data: Any = None) -> None:
        settings = StackingSettings.objects.first() or StackingSettings()
        pairs = list(
            ExcludedPair.objects.select_related("first", "second").order_by("first__name", "second__name")
        )
        initial = {name: getattr(settings, name) for name in FIELDS}
        super().__init__(data, initial=initial | {"pairs": [_key(pair) for pair in pairs]})
        self.fields["pairs"].choices = [(_key(pair), f"{pair.first} and {pair.second}") for pair in pairs]
        if not pairs:
            del self.fields["pairs"]
        for name in ("first", "second"):
            self.fields[name].queryset = Promotion.objects.kept().order_by("name", "pk")

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        first, second = cleaned.get("first"), cleaned.get("second")
        if bool(first) != bool(second):
            self.add_error("second" if first else "first", "A pair has two promotions.")
        elif first and first == second:
            self.add_error("second", "A promotion cannot exclude itself.")
        return cleaned

    def columns(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in FIELDS}

    def excluded_pairs(self) -> list[tuple[int, int]]:
        """All pairs that never meet, by their keys."""
        pairs = []
        for key in self.cleaned_data.get("pairs", []):
            first, second = key.split("-")
            pairs.append((int(first), int(second)))
        if self.cleaned_data["first"]:
            pairs.append((self.cleaned_data["first"].pk, self.cleaned_data["second"].pk))
        return pairs

    def refuse(self, reasons: list[tuple[str, str]]) -> None:
        """Show why the rules could not be saved, each reason at its field."""
        for name, sentence in reasons:
            self.add_error(name if name in self.fields else None, sentence)


def _key(pair: ExcludedPair) -> str:
    return f"{pair.first_id}-{pair.second_id}"


class MeetingForm(forms.Form):
    """Which two promotions are asked about."""

    fields: dict[str, Any]
    one = forms.ModelChoiceField(queryset=Promotion.objects.none(), label="Can", empty_label="choose one")
    other = forms.ModelChoiceField(queryset=Promotion.objects.none(), label="meet", empty_label="choose one")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        for name in self.fields:
            self.fields[name].queryset = (
                Promotion.objects.kept().prefetch_related("locations").order_by("name", "pk")
            )
