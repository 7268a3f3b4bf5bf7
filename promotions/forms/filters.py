"""The filters of the lists. A value that is no choice filters nothing."""

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from campaigns.generics import ModelChoiceField
from promotions.codes import code_key
from promotions.models import Coupon, Promotion
from promotions.models.promotion import PromotionQuerySet

SEARCH = {"type": "search"}


class PromotionFilter(forms.Form):
    q = forms.CharField(label=gettext_lazy("Search"), required=False, widget=forms.TextInput(attrs=SEARCH))
    type = forms.ChoiceField(
        choices=[("", gettext_lazy("All types")), *Promotion.Type.choices], required=False
    )
    state = forms.ChoiceField(
        label=gettext_lazy("State"),
        choices=[
            ("", gettext_lazy("All")),
            ("active", gettext_lazy("Switched on")),
            ("inactive", gettext_lazy("Switched off")),
            ("standalone", gettext_lazy("Standalone")),
            ("loose", gettext_lazy("In no campaign")),
        ],
        required=False,
    )

    def narrow(self, promotions: PromotionQuerySet) -> QuerySet[Promotion]:
        """Return the `promotions` that match the filters."""
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
    """Words, a state, and what a link from elsewhere narrows to: one promotion, one batch by its whole name."""

    q = forms.CharField(
        label=gettext_lazy("Code, promotion or batch"), required=False, widget=forms.TextInput(attrs=SEARCH)
    )
    state = forms.ChoiceField(
        choices=[("", gettext_lazy("All states")), *Coupon.State.choices], required=False
    )
    promotion: ModelChoiceField[Promotion] = ModelChoiceField(
        queryset=Promotion.objects.all(), required=False, widget=forms.HiddenInput
    )
    batch = forms.CharField(required=False, widget=forms.HiddenInput)

    def narrow(self, coupons: QuerySet[Coupon]) -> QuerySet[Coupon]:
        """Return the `coupons`, which carry their state, that match the filters."""
        chosen = self.cleaned_data
        if words := chosen.get("q"):
            named = Promotion.objects.matching(words).values("pk")
            coupons = coupons.filter(
                Q(key__contains=code_key(words)) | Q(batch__icontains=words) | Q(promotion__in=named)
            )
        exactly = {name: chosen[name] for name in ("promotion", "batch", "state") if chosen.get(name)}
        return coupons.filter(**exactly)


def read_key(text: str | None) -> int:
    """Return a key that was sent; 0, which no row has, for any other text."""
    return int(text) if text and text.isdecimal() and len(text) < 19 else 0


def read_edition(text: str | None) -> int | None:
    """Return the edition that a form sends back; None when it sends none."""
    return read_key(text) if text else None
