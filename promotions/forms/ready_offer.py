"""The small form in which somebody who writes a mail makes its promotion."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.annotations import CleanedData, Columns
from campaigns.forms import MomentField, Refusable
from campaigns.generics import FormData
from promotions.forms import window
from promotions.forms.fields import MoneyField, PercentField
from promotions.forms.parts import CHECK
from promotions.models import Coupon

NEEDED = {"percent": "percent", "amount": "amount", "gift": "gift_sku"}


class ReadyOfferForm(Refusable, forms.Form):
    """A percent, an amount or a gift on the whole sale, with a code. What takes more has the form of a promotion."""

    fields: Columns
    name = forms.CharField(
        max_length=200, help_text=gettext_lazy("Printed on the receipt, and what the mail calls the offer.")
    )
    reduction = forms.ChoiceField(
        label=gettext_lazy("It gives"),
        choices=[
            ("percent", gettext_lazy("a percent off the sale")),
            ("amount", gettext_lazy("an amount off the sale")),
            ("gift", gettext_lazy("a free article")),
        ],
    )
    percent = PercentField(gettext_lazy("Percent"), smallest=1, required=False)
    amount = MoneyField(gettext_lazy("Amount"), smallest=1, required=False)
    gift_sku = forms.CharField(label=gettext_lazy("Article of the gift"), max_length=64, required=False)
    min_subtotal = MoneyField(gettext_lazy("Minimum spend"), required=False)
    starts_at = MomentField(
        label=gettext_lazy("Starts"), required=False, help_text=gettext_lazy("Leave blank for at once.")
    )
    ends_at = MomentField(
        label=gettext_lazy("Ends"), required=False, help_text=gettext_lazy("Leave blank for no end.")
    )
    locations = Coupon._meta.get_field("locations").formfield(
        widget=forms.CheckboxSelectMultiple(attrs=CHECK)
    )

    def __init__(self, data: FormData = None) -> None:
        super().__init__(data, auto_id="id_ready_%s")  # the form of the mail is on the same page

    def clean(self) -> CleanedData:
        """Ask for the value of what was chosen."""
        super().clean()
        cleaned = self.cleaned_data
        needed = NEEDED.get(cleaned.get("reduction", ""))
        if needed and needed not in self.errors and not cleaned.get(needed):
            self.add_error(needed, _("This is needed for what you chose."))
        window.refuse_end_before_start(self)
        return cleaned

    def answers(self) -> Columns:
        """Return what it gives and from which spend on, as `promotions.types` has it."""
        names = ("reduction", "percent", "amount", "gift_sku", "min_subtotal")
        return {name: self.cleaned_data[name] for name in names}
