"""The forms of coupons: one code, and many at once."""

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns.annotations import Argument, CleanedData, Columns
from campaigns.forms import MomentField, Refusable
from campaigns.generics import FormData
from promotions.codes import MIN_SAFE_LENGTH
from promotions.coupons import MAX_CODES_OF_BATCH
from promotions.forms import window
from promotions.forms.fields import MoneyField, PercentField
from promotions.forms.parts import CHECK, MOST_USES, count_field
from promotions.forms.picker import PromotionField
from promotions.models import Coupon

COLUMNS = ("kind", "starts_at", "ends_at", "min_subtotal", "max_uses", "max_uses_per_customer", "customer")


class CouponTerms(Refusable, forms.Form):
    """The fields of one code and of many: what they give, how often, when, where and to whom."""

    fields: Columns
    promotion = PromotionField(
        with_coupon=True,
        help_text=gettext_lazy("Only promotions that apply with a coupon code."),
        error_messages={"required": gettext_lazy("Choose the promotion that the codes unlock.")},
    )
    discount = forms.ChoiceField(
        choices=[
            ("promotion", gettext_lazy("as the promotion")),
            ("percent", gettext_lazy("its own percent")),
            ("amount", gettext_lazy("its own amount")),
        ],
        help_text=gettext_lazy("The conditions are always those of the promotion."),
    )
    percent = PercentField(gettext_lazy("Percent"), required=False)
    amount = MoneyField(gettext_lazy("Amount"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("May be used"), choices=Coupon.Kind.choices)
    max_uses = count_field(
        gettext_lazy("Maximum uses"), most=MOST_USES, help_text=gettext_lazy("Leave blank for no limit.")
    )
    max_uses_per_customer = count_field(
        gettext_lazy("Maximum uses per customer"),
        help_text=gettext_lazy("A sale without a customer cannot use it then. Leave blank for no limit."),
    )
    min_subtotal = MoneyField(gettext_lazy("Minimum spend"), required=False)
    starts_at = MomentField(label=gettext_lazy("Starts"), required=False)
    ends_at = MomentField(label=gettext_lazy("Ends"), required=False)
    customer = forms.CharField(
        label=gettext_lazy("Only for the customer with this id"),
        max_length=64,
        required=False,
        empty_value="",
    )
    locations = Coupon._meta.get_field("locations").formfield(
        widget=forms.CheckboxSelectMultiple(attrs=CHECK)
    )

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        chosen = cleaned.get("discount")
        if chosen in ("percent", "amount") and chosen not in self.errors and cleaned.get(chosen) is None:
            self.add_error(chosen, _("This is needed for what you chose."))
        window.refuse_end_before_start(self)
        return cleaned

    def columns(self) -> Columns:
        """Return the columns of a coupon, without its code, promotion and locations."""
        cleaned = self.cleaned_data
        benefit = None
        if cleaned["discount"] == "percent":
            benefit = {"type": "percent", "percent": cleaned["percent"]}
        elif cleaned["discount"] == "amount":
            benefit = {"type": "fixed_total", "amount": cleaned["amount"]}
        columns = {name: cleaned[name] for name in COLUMNS} | {"benefit": benefit}
        return columns | {"min_subtotal": cleaned["min_subtotal"] or 0}

    def forgive(self) -> None:
        """Show no errors about missing values, while the form is still being filled in."""
        self.errors.clear()


class CouponForm(CouponTerms):
    """One code, new or stored."""

    code = forms.CharField(
        max_length=40,
        help_text=format_lazy(
            gettext_lazy(
                "Capital and small letters are the same. A code of fewer than {count} letters is soon guessed."
            ),
            count=MIN_SAFE_LENGTH,
        ),
    )
    active = forms.BooleanField(label=pgettext_lazy("code", "Switched on"), required=False, initial=True)
    field_order = ["code", "promotion"]

    def __init__(
        self,
        data: FormData = None,
        *,
        coupon: Coupon | None = None,
        **kwargs: Argument,
    ) -> None:
        initial = kwargs.pop("initial", {})
        if coupon:
            initial = stored_answers(coupon)
        super().__init__(data, initial=initial, **kwargs)
        self.coupon = coupon
        if coupon:
            del self.fields["promotion"]
            if initial["discount"] == "kept":
                self.fields["discount"].choices = [
                    *self.fields["discount"].choices,
                    ("kept", _("its own, as it is")),
                ]

    def columns(self) -> Columns:
        columns = super().columns() | {
            "code": self.cleaned_data["code"],
            "active": self.cleaned_data["active"],
        }
        if self.coupon:
            if self.cleaned_data["discount"] == "kept":
                columns["benefit"] = self.coupon.benefit
            columns = window.keep_seconds(columns, self.coupon)
        return columns


def stored_answers(coupon: Coupon) -> Columns:
    """Return a stored coupon as the answers of the form."""
    answers = {name: getattr(coupon, name) for name in (*COLUMNS, "code", "active")}
    answers |= {**window.window_to_the_minute(coupon), "locations": list(coupon.locations.all())}
    match coupon.benefit:
        case None:
            return answers | {"discount": "promotion"}
        case {"type": "percent", "percent": percent, **rest} if not rest:
            return answers | {"discount": "percent", "percent": percent}
        case {"type": "fixed_total", "amount": amount}:
            return answers | {"discount": "amount", "amount": amount}
    return answers | {"discount": "kept"}


class GenerateForm(CouponTerms):
    """Many codes of random letters."""

    number = forms.IntegerField(
        label=gettext_lazy("How many codes"), min_value=1, max_value=MAX_CODES_OF_BATCH, initial=100
    )
    begins = forms.CharField(
        label=gettext_lazy("Prefix"),
        max_length=20,
        required=False,
        help_text=gettext_lazy("What every code begins with, such as MAIL-."),
    )
    length = forms.IntegerField(
        label=gettext_lazy("Length"),
        min_value=8,
        max_value=30,
        initial=10,
        help_text=gettext_lazy("Of the random part; shorter can be guessed."),
    )
    batch = forms.CharField(
        label=gettext_lazy("Name of the batch"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("Leave blank to name it after the time."),
    )
    field_order = ["promotion", "number", "begins", "length", "batch"]

    def __init__(self, data: FormData = None, **kwargs: Argument) -> None:
        super().__init__(data, **kwargs)
        self.fields["kind"].initial = Coupon.Kind.ONE_TIME
