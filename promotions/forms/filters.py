"""What narrows the lists; what is no choice narrows nothing."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from promotions.models import Coupon, Promotion
from promotions.models.promotion import PromotionQuerySet

SEARCH = {"type": "search"}


class PromotionFilter(forms.Form):
    q = forms.CharField(label="Search", required=False, widget=forms.TextInput(attrs=SEARCH))
    type = forms.ChoiceField(choices=[("", "All types"), *Promotion.Type.choices], required=False)
    state = forms.ChoiceField(
        label="State",
        choices=[
            ("", "All"),
            ("active", "Switched on"),
            ("inactive", "Switched off"),
            ("standalone", "Standalone"),
            ("loose", "In no campaign"),
        ],
        required=False,
    )

    def narrowed(self, promotions: PromotionQuerySet) -> QuerySet[Promotion]:
        """Those of `promotions` that were asked for."""
        chosen = self.cleaned_data
        promotions = promotions.matching(chosen.get("q", ""))
        if chosen.get("type"):
            promotions = promotions.filter(type=chosen["type"])
        match chosen.get("state"):
            case "active" | "inactive" as status:
                return promotions.filter(status=status)
            case "standalone":
                return promotions.filter(standalone=True)
            case "loose":
                return promotions.filter(standalone=False, links=None)
        return promotions


class CouponFilter(forms.Form):
    fields: dict[str, Any]
    q = forms.CharField(label="Code", required=False, widget=forms.TextInput(attrs=SEARCH))
    promotion = forms.ModelChoiceField(
        queryset=Promotion.objects.none(), required=False, empty_label="All promotions"
    )
    state = forms.ChoiceField(choices=[("", "All states"), *Coupon.State.choices], required=False)
    batch = forms.CharField(required=False)

    def __init__(self, data: Any, *, promotions: QuerySet[Promotion]) -> None:
        super().__init__(data)
        self.fields["promotion"].queryset = promotions

    def narrowed(self, coupons: QuerySet[Coupon]) -> QuerySet[Coupon]:
        """Those of `coupons`, which carry their state, that were asked for."""
        chosen = self.cleaned_data
        wanted = {
            "code__icontains": chosen.get("q"),
            "promotion": chosen.get("promotion"),
            "state": chosen.get("state"),
            "batch__icontains": chosen.get("batch"),
        }
        return coupons.filter(**{lookup: value for lookup, value in wanted.items() if value})
