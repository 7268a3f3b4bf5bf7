"""The parts of a promotion's form. The names of their fields are those of the answers in `promotions.types`."""

from collections.abc import Sequence

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.annotations import Argument, CleanedData, Words
from campaigns.forms import MomentField
from campaigns.generics import FormData
from promotions.coupons import MAX_CODES_OF_BATCH
from promotions.forms import window
from promotions.forms.fields import ClockField, CodesField, MoneyField, PercentField
from promotions.forms.part import FormPart, RowSet, offer_sold_codes, rows_of
from promotions.models import CustomerGroup, Promotion

PICKS = [("cheapest", _("the cheapest")), ("dearest", _("the most expensive"))]
WEEKDAYS = [
    (1, _("Mon")),
    (2, _("Tue")),
    (3, _("Wed")),
    (4, _("Thu")),
    (5, _("Fri")),
    (6, _("Sat")),
    (7, _("Sun")),
]
MOST_USES = 10**12
CHECK = {"class": "form-check-input"}


def count_field(label: Words, *, least: int = 1, most: int = 10**6, **kwargs: Argument) -> forms.IntegerField:
    """Build a field for a whole number from `least`, as the engine counts units and uses."""
    kwargs.setdefault("required", False)
    return forms.IntegerField(label=label, min_value=least, max_value=most, **kwargs)


def choice_field(label: Words, choices: Sequence[tuple[str, Words]], **kwargs: Argument) -> forms.ChoiceField:
    """Build a field with a choice of these pairs of value and label."""
    return forms.ChoiceField(label=label, choices=choices, **kwargs)


def tick_field(label: Words, **kwargs: Argument) -> forms.BooleanField:
    """Build a tick box, which may stay empty."""
    return forms.BooleanField(label=label, required=False, **kwargs)


class OffItems(FormPart):
    key = "off_items"
    heading = _("Discount")
    advanced = ("of_original",)
    needs = {
        "reduction": {
            "percent": ["percent"],
            "amount": ["amount"],
            "price": ["amount"],
            "cheapest": ["units"],
        }
    }
    reduction = choice_field(
        _("Reduce by"),
        [
            ("percent", _("a percent off each item")),
            ("amount", _("an amount off each item")),
            ("price", _("a fixed price for each item")),
            ("cheapest", _("the cheapest free")),
        ],
    )
    percent = PercentField(_("Percent"), required=False)
    amount = MoneyField(_("Amount"), required=False)
    units = count_field(_("Free items"))
    of_original = tick_field(_("Of the original price, even if another promotion has reduced it"))


class OffSale(FormPart):
    key = "off_sale"
    heading = _("Discount")
    advanced = (
        "of_original",
        "over_floors",
    )
    needs = {"reduction": {"percent": ["percent"], "amount": ["amount"], "gift": ["gift_sku"]}}
    reduction = choice_field(
        _("Reduce by"),
        [
            ("percent", _("a percent off the sale")),
            ("amount", _("an amount off the sale")),
            ("gift", _("a free gift")),
        ],
    )
    percent = PercentField(_("Percent"), required=False)
    amount = MoneyField(_("Amount"), required=False)
    gift_sku = forms.CharField(label=_("Gift, its SKU"), max_length=64, required=False)
    gift_quantity = count_field(_("How many"), help_text=_("Leave blank for one."))
    of_original = tick_field(_("Of the original price, even if another promotion has reduced it"))
    over_floors = tick_field(_("If an article has reached its lowest price, take its share off the others"))


class Items(FormPart):
    key = "items"
    heading = _("Which articles")
    advanced = (
        "unit_price_min",
        "unit_price_max",
        "max_units",
        "pick",
        "max_units_per_line",
        "only_undiscounted",
    )
    skus = CodesField(label=_("SKUs"))
    categories = CodesField(label=_("Categories"))
    brands = CodesField(label=_("Brands"))
    unit_price_min = MoneyField(_("Price from"), required=False)
    unit_price_max = MoneyField(_("Price up to"), required=False)
    max_units = count_field(_("Max items per sale"), help_text=_("Leave blank for all."))
    pick = choice_field(_("Discount first"), PICKS, required=False, initial="cheapest")
    max_units_per_line = count_field(_("Max items per line"), help_text=_("Leave blank for all."))
    only_undiscounted = tick_field(_("Only articles that the till has not reduced already"))

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        low, high = cleaned.get("unit_price_min"), cleaned.get("unit_price_max")
        if low is not None and high is not None and low > high:
            self.add_error("unit_price_max", gettext("This is below the lowest price."))
        return cleaned


class BuyGet(FormPart):
    key = "buy_get"
    heading = _("Buy and get")
    advanced = (
        "pick",
        "max_get_units",
    )
    needs = {"reward": {"percent": ["percent"], "amount": ["amount"]}}
    buy_quantity = count_field(_("Buy"), required=True, initial=1)
    buy_skus = CodesField(label=_("of SKUs"))
    buy_categories = CodesField(label=_("of categories"))
    buy_brands = CodesField(label=_("of brands"))
    get_quantity = count_field(_("Get"), required=True, initial=1)
    get_same = tick_field(_("of the same articles"), initial=True)
    get_skus = CodesField(label=_("of SKUs"))
    get_categories = CodesField(label=_("of categories"))
    get_brands = CodesField(label=_("of brands"))
    reward = choice_field(
        _("They are"),
        [("free", _("free")), ("percent", _("a percent off")), ("amount", _("an amount off each"))],
    )
    percent = PercentField(_("Percent"), required=False)
    amount = MoneyField(_("Amount"), required=False)
    pick = choice_field(_("Reduced are"), PICKS, required=False, initial="cheapest")
    max_get_units = count_field(_("Max discounted items per sale"), help_text=_("Leave blank for no limit."))


class BundleRow(forms.Form):
    quantity = count_field(_("Quantity"), widget=forms.NumberInput(attrs={"placeholder": 1}))
    skus = CodesField(label=_("SKUs"), help_text="")
    categories = CodesField(label=_("Categories"), help_text="")
    brands = CodesField(label=_("Brands"), help_text="")

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        offer_sold_codes(self.fields)

    def clean_quantity(self) -> int:
        return self.cleaned_data["quantity"] or 1


class Bundle(FormPart):
    key = "bundle"
    heading = _("The set")
    advanced = ("pick",)
    needs = {"reduction": {"percent": ["percent"], "amount": ["amount"], "price": ["amount"]}}
    reduction = choice_field(
        _("Together"),
        [("price", _("for one price")), ("percent", _("a percent off")), ("amount", _("an amount off"))],
    )
    percent = PercentField(_("Percent"), required=False)
    amount = MoneyField(_("Amount"), required=False)
    pick = choice_field(_("Of several that fit, take"), PICKS, required=False, initial="cheapest")

    rows: RowSet

    class Rows(RowSet):
        noun = _("Part of the set")
        one_more = _("One more part of the set")
        nothing_filled = _("Fill in at least one part of the set.")

    def __init__(self, data: FormData = None, **kwargs: Argument) -> None:
        super().__init__(data, **kwargs)
        self.rows = rows_of(BundleRow, self.Rows, data, "parts", self.initial.get("parts"), most=20)

    def clean(self) -> CleanedData:
        super().clean()
        return self.cleaned_data | {"parts": self.rows.read_rows()}


class TierRow(forms.Form):
    at_least = MoneyField(_("From"), required=False)
    at_least_units = count_field(_("From (articles)"))
    percent = PercentField(_("Percent"), required=False)
    amount = MoneyField(_("or amount"), required=False)

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        if not self.errors and (cleaned.get("percent") is None) == (cleaned.get("amount") is None):
            raise forms.ValidationError(gettext("A tier has either a percent or an amount."))
        return cleaned


class Tiers(FormPart):
    key = "tiers"
    heading = _("Tiers")
    by = choice_field(
        _("Measured by"), [("subtotal", _("what is spent")), ("quantity", _("how many articles"))]
    )

    rows: RowSet

    class Rows(RowSet):
        noun = _("Tier")
        one_more = _("One more tier")
        nothing_filled = _("Fill in at least one tier.")

    def __init__(self, data: FormData = None, **kwargs: Argument) -> None:
        super().__init__(data, **kwargs)
        self.rows = rows_of(TierRow, self.Rows, data, "tiers", self.initial.get("tiers"), most=50)

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        step = "at_least_units" if cleaned.get("by") == "quantity" else "at_least"
        tiers = self.rows.read_rows()
        if any(tier.get(step) is None for tier in tiers):
            raise forms.ValidationError(gettext("Say where each tier starts."))
        return cleaned | {"tiers": sorted(tiers, key=lambda tier: tier[step])}


class Hours(FormPart):
    key = "hours"
    heading = _("Days and hours")
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Days"),
        choices=WEEKDAYS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs=CHECK),
        help_text=_("Choose none for every day."),
    )
    from_time = ClockField(label=_("From"), help_text=_("In the time zone of the location."))
    to_time = ClockField(label=_("Until"), help_text=_("Before the start: until that time of the next day."))


class Conditions(FormPart):
    key = "conditions"
    heading = _("Conditions")
    min_subtotal = MoneyField(_("Minimum spend"), required=False)
    min_quantity = count_field(_("Minimum quantity"))
    count_chosen = tick_field(_("Count only the chosen articles towards these minimums"))
    every_line_over = MoneyField(_("Every line worth more than"), required=False)
    contains_skus = CodesField(label=_("The sale holds one of these SKUs"))
    contains_categories = CodesField(label=_("of these categories"))
    contains_brands = CodesField(label=_("of these brands"))
    groups = forms.MultipleChoiceField(
        label=_("Customer groups"),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs=CHECK),
        help_text=_("Choose none for everybody, known or not."),
    )
    first_purchase = tick_field(_("Only on a customer's first purchase"))
    payment_methods = CodesField(
        label=_("Paid by"), help_text=_("As the till names it, such as card; separated by commas.")
    )
    customers = CodesField(label=_("Only customers with these ids"), widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, data: FormData = None, **kwargs: Argument) -> None:
        super().__init__(data, **kwargs)
        known = dict(CustomerGroup.objects.values_list("code", "name"))
        named = [*self.initial.get("groups", ()), *(data.getlist("groups") if data is not None else ())]
        known = {code: code for code in named} | known  # a till may send groups that are not stored here
        self.fields["groups"].choices = [(code, name) for code, name in known.items()]
        if not known:
            del self.fields["groups"]


class When(FormPart):
    key = "when"
    heading = _("When and where")
    starts_at = MomentField(label=_("Starts"), required=False)
    ends_at = MomentField(label=_("Ends"), required=False)
    locations = Promotion._meta.get_field("locations").formfield(
        widget=forms.CheckboxSelectMultiple(attrs=CHECK)
    )
    max_uses = count_field(
        _("Maximum uses"), most=MOST_USES, help_text=_("Leave blank for no limit of its own.")
    )
    max_uses_per_customer = count_field(
        _("Maximum uses per customer"), help_text=_("Leave blank for no limit of its own.")
    )

    def clean(self) -> CleanedData:
        super().clean()
        window.refuse_end_before_start(self)
        return self.cleaned_data


class WithOthers(FormPart):
    key = "with_others"
    heading = _("With other promotions")
    needs = {"stacking": {"best_of": ["stacking_group"]}}
    priority = forms.IntegerField(
        min_value=1, max_value=10**6, initial=100, help_text=_("1 is applied first.")
    )
    stacking = choice_field(
        _("Together with others"),
        [
            ("stackable", _("Yes, on what they leave")),
            ("best_of", _("The best of a group counts")),
            ("exclusive", _("Never: alone in the sale")),
        ],
        initial="stackable",
    )
    stacking_group = forms.CharField(
        label=_("Group"), max_length=64, required=False, help_text=_("Choose any name.")
    )
    max_amount = MoneyField(_("At most in a sale"), required=False, help_text=_("Leave blank for no limit."))
    max_applications = count_field(_("Max sets per sale"), help_text=_("Of sets and buy-and-get groups."))


class Identity(FormPart):
    key = "identity"
    heading = _("Promotion")
    name = forms.CharField(max_length=200, help_text=_("Printed on the receipt and used in reports."))
    trigger = choice_field(
        _("Applies"), [("automatic", _("automatically")), ("coupon", _("with a coupon code"))]
    )
    codes = count_field(
        _("Codes to generate"),
        most=MAX_CODES_OF_BATCH,
        help_text=_("Random codes, each for one sale. Leave blank to make codes later."),
    )
    standalone = tick_field(_("Standalone: applies without a campaign"))


ALL_PARTS: list[type[FormPart]] = [
    OffItems,
    OffSale,
    Items,
    BuyGet,
    Bundle,
    Tiers,
    Hours,
    Conditions,
    When,
    WithOthers,
]
PARTS = {part.key: part for part in ALL_PARTS}
