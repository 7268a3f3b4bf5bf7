"""The form of the sandbox, where a marketer types a basket."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from django import forms
from django.forms import formset_factory
from django.utils.translation import gettext, gettext_lazy

from campaigns.annotations import Argument, CleanedData, JsonObject
from campaigns.forms import MomentField
from campaigns.generics import FormData, ModelChoiceField
from campaigns.typed_numbers import describe_ambiguity, is_ambiguous
from pos.api.schemas import Line, SaleRequest
from pos.models import Location
from promotions.forms.fields import CodesField, MoneyField
from promotions.models import CustomerGroup, PromotionCampaign

MAX_LINES = 50
QUANTITY = r"^\d{1,6}([.,]\d{1,3})?$"


class LineForm(forms.Form):
    """One line of the basket. A quantity with a point is a weight; its price is that of one whole unit."""

    fields: JsonObject
    sku = forms.CharField(label=gettext_lazy("Article"), max_length=200, required=False)
    categories = CodesField(label=gettext_lazy("Categories"), help_text="")
    brand = forms.CharField(max_length=64, required=False)
    quantity = forms.RegexField(
        regex=QUANTITY,
        required=False,
        error_messages={"invalid": gettext_lazy("A number, such as 2 or 0.350.")},
        widget=forms.TextInput(attrs={"inputmode": "decimal", "placeholder": "1"}),
    )
    unit_price = MoneyField(gettext_lazy("Price"), required=False)

    def __init__(self, *args: Argument, currency: str, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit_price"].in_currency(currency)
        self.fields["sku"].widget.attrs |= {"list": "goods", "autocomplete": "off"}

    def clean_quantity(self) -> str:
        typed: str = self.cleaned_data["quantity"] or "1"
        if "," in typed and is_ambiguous(typed):
            raise forms.ValidationError(describe_ambiguity(typed))
        return typed.replace(",", ".")

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        if self.has_changed() and "unit_price" not in self.errors and cleaned.get("unit_price") is None:
            self.add_error("unit_price", gettext("What does one cost?"))
        return cleaned


class SandboxForm(forms.Form):
    """Where, when and for whom a basket is tried out, and its lines (`lines`)."""

    fields: JsonObject
    location = forms.ModelChoiceField(queryset=Location.objects.all(), empty_label=None)
    at = MomentField(
        label=gettext_lazy("When"), required=False, help_text=gettext_lazy("Leave blank for now.")
    )
    customer = forms.CharField(label=gettext_lazy("Customer id"), max_length=64, required=False)
    groups = forms.MultipleChoiceField(
        label=gettext_lazy("Groups named by the till"),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
    )
    payment_method = forms.CharField(label=gettext_lazy("Paid by"), max_length=64, required=False)
    coupons = CodesField(
        label=gettext_lazy("Coupon codes"), help_text=gettext_lazy("Separated by commas or spaces.")
    )
    drafts = forms.BooleanField(
        label=gettext_lazy("Include drafts"),
        required=False,
        help_text=gettext_lazy(
            "Draft campaigns and promotions that are switched off take part as if they were on."
        ),
    )

    campaign: ModelChoiceField[PromotionCampaign] = ModelChoiceField(
        queryset=PromotionCampaign.objects.all(), required=False, widget=forms.HiddenInput
    )

    def __init__(
        self, data: FormData, *, locations: Sequence[Location], of: PromotionCampaign | None = None
    ) -> None:
        """Make the form.

        Args:
            data: what was typed; None for a new basket.
            locations: all there are, at least one.
            of: the campaign from whose page the basket is tried out; only its drafts take part.
        """
        super().__init__(data, initial={"campaign": of, "drafts": of is not None})
        if of is not None:
            self.fields["drafts"].label = gettext("Include the drafts of “%(of)s”") % {"of": of}
            self.fields["drafts"].help_text = gettext("It and its promotions take part as if they were on.")
        self.fields["groups"].choices = list(CustomerGroup.objects.values_list("code", "name"))
        self.currency = self._currency(locations)
        self.lines = formset_factory(LineForm, extra=2, max_num=MAX_LINES, validate_max=True)(
            data, prefix="lines", form_kwargs={"currency": self.currency}
        )

    def _currency(self, locations: Sequence[Location]) -> str:
        """Return the currency of the chosen location. Prices are typed in it."""
        asked = self.data.get("location", "")
        return next((place.currency for place in locations if str(place.pk) == asked), locations[0].currency)

    def is_valid(self) -> bool:
        return all([super().is_valid(), self.lines.is_valid()])

    def clean_coupons(self) -> list[str]:
        return [code for text in self.cleaned_data["coupons"] for code in text.split()]

    def basket(self, articles: Sequence[Line] = ()) -> JsonObject:
        """Return the basket as a till would send it.

        Args:
            articles: those that tills have sold; a line may name one by barcode or name instead of its SKU.
        """
        said = self.cleaned_data
        basket: JsonObject = {
            "currency": said["location"].currency,
            "coupons": said["coupons"],
            "payment_method": said["payment_method"],
            "lines": [
                _build_line(number, line.cleaned_data, articles)
                for number, line in enumerate(self.lines, start=1)
                if line.has_changed()
            ],
        }
        if said["customer"] or said["groups"]:
            basket["customer"] = {"id": said["customer"], "groups": said["groups"]}
        return basket


def _build_line(number: int, said: JsonObject, articles: Sequence[Line]) -> JsonObject:
    article = _find_article(said["sku"], articles)
    line = {
        "id": str(number),
        "sku": article.sku if article else said["sku"] or f"line {number}",
        "categories": said["categories"] or (article.categories if article else ()),
        "brand": said["brand"] or (article.brand if article else ""),
        "unit_price": said["unit_price"],
        "quantity": int(said["quantity"]) if said["quantity"].isdigit() else said["quantity"],
    }
    if isinstance(line["quantity"], str):  # weighed: the till sends what the whole of it costs
        total = Decimal(said["quantity"]) * said["unit_price"]
        line["line_total"] = int(total.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return line


def _find_article(text: str, articles: Sequence[Line]) -> Line | None:
    """Find the article with this barcode or name; None when `text` is a SKU or unknown."""
    if not text or any(article.sku == text for article in articles):
        return None
    named = [
        one for one in articles if text in (one.barcode, one.name) or one.name.casefold() == text.casefold()
    ]
    return named[0] if named else None


def form_fields_of(location: Location, sold: SaleRequest) -> JsonObject:
    """Return the fields of a SandboxForm, by name, as they would be typed for this basket."""
    lines = sold.lines[:MAX_LINES]
    fields: JsonObject = {
        "location": location.pk,
        "customer": sold.customer.id if sold.customer else "",
        "groups": sold.customer.groups if sold.customer else (),
        "payment_method": sold.payment_method,
        "coupons": ", ".join(sold.coupons),
        "lines-INITIAL_FORMS": 0,
        "lines-TOTAL_FORMS": len(lines),
    }
    for number, line in enumerate(lines):
        of_line = {
            "quantity": line.quantity,
            "sku": line.sku,
            "categories": ", ".join(line.categories),
            "brand": line.brand,
            "unit_price": write_price(line.unit_price, sold.currency),
        }
        fields |= {f"lines-{number}-{name}": value for name, value in of_line.items()}
    return fields


def write_price(amount: int, currency: str) -> str:
    """Write an amount in minor units as it is typed."""
    return str(MoneyField("", currency=currency).prepare_value(amount))
