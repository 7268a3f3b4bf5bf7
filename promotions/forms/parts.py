"""The parts of a promotion's form. The names of their fields are those of the answers in `promotions.types`."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from campaigns.annotations import Argument, CleanedData, Columns, StoredValue
from campaigns.forms import MomentField
from campaigns.generics import BaseFormSet, FormData
from promotions.forms import window
from promotions.forms.fields import ClockField, CodesField, MoneyField, PercentField
from promotions.models import CustomerGroup, Promotion
from promotions.sold_articles import NOUNS

PICKS = [("cheapest", "the cheapest"), ("dearest", "the most expensive")]
WEEKDAYS = [(1, "Mon"), (2, "Tue"), (3, "Wed"), (4, "Thu"), (5, "Fri"), (6, "Sat"), (7, "Sun")]
MOST_USES = 10**12
CHECK = {"class": "form-check-input"}


def count_field(label: str, *, least: int = 1, most: int = 10**6, **kwargs: Argument) -> forms.IntegerField:
    """Build a field for a whole number from `least`, as the engine counts units and uses."""
    kwargs.setdefault("required", False)
    return forms.IntegerField(label=label, min_value=least, max_value=most, **kwargs)


def choice_field(label: str, choices: Sequence[tuple[str, str]], **kwargs: Argument) -> forms.ChoiceField:
    """Build a field with a choice of these pairs of value and label."""
    return forms.ChoiceField(label=label, choices=choices, **kwargs)


def tick_field(label: str, **kwargs: Argument) -> forms.BooleanField:
    """Build a tick box, which may stay empty."""
    return forms.BooleanField(label=label, required=False, **kwargs)


def offer_sold_codes(fields: Mapping[str, forms.Field]) -> None:
    """Connect each field of SKUs, categories or brands with the page's list of what tills have sold."""
    for name, field in fields.items():
        if isinstance(field, CodesField) and (kind := name.split("_")[-1]) in NOUNS:
            field.widget.attrs |= {"list": f"sold-{kind}", "data-sold": kind, "autocomplete": "off"}


class FormPart(forms.Form):
    """A part of a promotion's form: some fields under a heading.

    `needs`: by the name of a field, and by its answer, the fields that must be filled in then.
    """

    fields: Columns
    key = ""
    heading = ""
    needs: Mapping[str, Mapping[str, Sequence[str]]] = {}
    rows: "RowSet | None" = None
    folds = False  # shown closed until something of it is filled in

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        offer_sold_codes(self.fields)

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        for field, by_answer in self.needs.items():
            for needed in by_answer.get(cleaned.get(field, ""), ()):
                if needed not in self.errors and cleaned.get(needed) in (None, "", ()):
                    self.add_error(needed, "This is needed for what you chose.")
        return cleaned

    def is_typed(self, name: str) -> bool:
        """Return whether something is typed in the field `name`."""
        return name in self.fields and self[name].value() not in (None, "", [], ())

    @property
    def is_filled(self) -> bool:
        """Whether a value differs from that of a new form, or is wrong."""
        if self.is_bound and self.errors:
            return True
        return any(bound.field.has_changed(bound.field.initial, bound.value()) for bound in self)

    def forgive(self) -> None:
        """Say nothing of what is missing: the form is still being filled in."""
        self.errors.clear()
        if self.rows is not None:
            self.rows.non_form_errors().clear()
            for row in self.rows:
                row.errors.clear()

    def is_valid(self) -> bool:
        rows_are = self.rows is None or self.rows.is_valid()
        return super().is_valid() and rows_are


class RowSet(BaseFormSet[forms.Form]):
    """Rows of a part, such as tiers. Empty rows are left out."""

    noun = ""

    def initial_form_count(self) -> int:
        """Return 0, so that a stored row may be emptied too."""
        return 0

    def read_rows(self) -> list[Columns]:
        """Return the values of the rows, in their order; of typed rows only those that can be read."""
        return [row.cleaned_data for row in self if row.is_valid() and row.has_changed()]

    def clean(self) -> None:
        if not any(self.errors) and not self.read_rows():
            raise forms.ValidationError(f"Fill in at least one {self.noun}.")


def rows_of(
    row: type[forms.Form], rows: type[RowSet], data: FormData, prefix: str, stored: StoredValue, *, most: int
) -> RowSet:
    """Build the rows of a part from `data` or from the `stored` rows: at least two, and always an empty one."""
    known = stored if data is None and isinstance(stored, list) else []
    extra = max(2, len(known) + 1)
    # Any: the stubs know nothing of a set that is derived from our own class
    made: Any = forms.formset_factory(row, formset=rows, extra=extra, max_num=most, validate_max=True)
    filled: RowSet = made(data, prefix=prefix, initial=known)
    return filled


class OffItems(FormPart):
    key = "off_items"
    heading = "Discount"
    needs = {
        "reduction": {
            "percent": ["percent"],
            "amount": ["amount"],
            "price": ["amount"],
            "cheapest": ["units"],
        }
    }
    reduction = choice_field(
        "Reduce by",
        [
            ("percent", "a percent off each item"),
            ("amount", "an amount off each item"),
            ("price", "a fixed price for each item"),
            ("cheapest", "the cheapest free"),
        ],
    )
    percent = PercentField("Percent", required=False)
    amount = MoneyField("Amount", required=False)
    units = count_field("Free items")
    of_original = tick_field("Of the original price, even if another promotion has reduced it")


class OffSale(FormPart):
    key = "off_sale"
    heading = "Discount"
    needs = {"reduction": {"percent": ["percent"], "amount": ["amount"], "gift": ["gift_sku"]}}
    reduction = choice_field(
        "Reduce by",
        [
            ("percent", "a percent off the sale"),
            ("amount", "an amount off the sale"),
            ("gift", "a free gift"),
        ],
    )
    percent = PercentField("Percent", required=False)
    amount = MoneyField("Amount", required=False)
    gift_sku = forms.CharField(label="Gift, its SKU", max_length=64, required=False)
    gift_quantity = count_field("How many", help_text="Leave blank for one.")
    of_original = tick_field("Of the original price, even if another promotion has reduced it")
    over_floors = tick_field("If an article has reached its lowest price, take its share off the others")


class Items(FormPart):
    key = "items"
    heading = "Which articles"
    skus = CodesField(label="SKUs")
    categories = CodesField(label="Categories")
    brands = CodesField(label="Brands")
    unit_price_min = MoneyField("Price from", required=False)
    unit_price_max = MoneyField("Price up to", required=False)
    max_units = count_field("Max items per sale", help_text="Leave blank for all.")
    pick = choice_field("Discount first", PICKS, required=False)
    max_units_per_line = count_field("Max items per line", help_text="Leave blank for all.")
    only_undiscounted = tick_field("Only articles that the till has not reduced already")

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        low, high = cleaned.get("unit_price_min"), cleaned.get("unit_price_max")
        if low is not None and high is not None and low > high:
            self.add_error("unit_price_max", "This is below the lowest price.")
        return cleaned


class BuyGet(FormPart):
    key = "buy_get"
    heading = "Buy and get"
    needs = {"reward": {"percent": ["percent"], "amount": ["amount"]}}
    buy_quantity = count_field("Buy", required=True, initial=1)
    buy_skus = CodesField(label="of SKUs")
    buy_categories = CodesField(label="of categories")
    buy_brands = CodesField(label="of brands")
    get_quantity = count_field("Get", required=True, initial=1)
    get_same = tick_field("of the same articles", initial=True)
    get_skus = CodesField(label="of SKUs")
    get_categories = CodesField(label="of categories")
    get_brands = CodesField(label="of brands")
    reward = choice_field(
        "They are", [("free", "free"), ("percent", "a percent off"), ("amount", "an amount off each")]
    )
    percent = PercentField("Percent", required=False)
    amount = MoneyField("Amount", required=False)
    pick = choice_field("Reduced are", PICKS, required=False)
    max_get_units = count_field("Max discounted items per sale", help_text="Leave blank for no limit.")


class BundleRow(forms.Form):
    quantity = count_field("Quantity", widget=forms.NumberInput(attrs={"placeholder": 1}))
    skus = CodesField(label="SKUs", help_text="")
    categories = CodesField(label="Categories", help_text="")
    brands = CodesField(label="Brands", help_text="")

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        offer_sold_codes(self.fields)

    def clean_quantity(self) -> int:
        return self.cleaned_data["quantity"] or 1


class Bundle(FormPart):
    key = "bundle"
    heading = "The set"
    needs = {"reduction": {"percent": ["percent"], "amount": ["amount"], "price": ["amount"]}}
    reduction = choice_field(
        "Together",
        [("price", "for one price"), ("percent", "a percent off"), ("amount", "an amount off")],
    )
    percent = PercentField("Percent", required=False)
    amount = MoneyField("Amount", required=False)
    pick = choice_field("Of several that fit, take", PICKS, required=False)

    rows: RowSet

    class Rows(RowSet):
        noun = "part of the set"

    def __init__(self, data: FormData = None, **kwargs: Argument) -> None:
        super().__init__(data, **kwargs)
        self.rows = rows_of(BundleRow, self.Rows, data, "parts", self.initial.get("parts"), most=20)

    def clean(self) -> CleanedData:
        super().clean()
        return self.cleaned_data | {"parts": self.rows.read_rows()}


class TierRow(forms.Form):
    at_least = MoneyField("From", required=False)
    at_least_units = count_field("From (articles)")
    percent = PercentField("Percent", required=False)
    amount = MoneyField("or amount", required=False)

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        if not self.errors and (cleaned.get("percent") is None) == (cleaned.get("amount") is None):
            raise forms.ValidationError("A tier has either a percent or an amount.")
        return cleaned


class Tiers(FormPart):
    key = "tiers"
    heading = "Tiers"
    by = choice_field("Measured by", [("subtotal", "what is spent"), ("quantity", "how many articles")])

    rows: RowSet

    class Rows(RowSet):
        noun = "tier"

    def __init__(self, data: FormData = None, **kwargs: Argument) -> None:
        super().__init__(data, **kwargs)
        self.rows = rows_of(TierRow, self.Rows, data, "tiers", self.initial.get("tiers"), most=50)

    def clean(self) -> CleanedData:
        super().clean()
        cleaned = self.cleaned_data
        step = "at_least_units" if cleaned.get("by") == "quantity" else "at_least"
        tiers = self.rows.read_rows()
        if any(tier.get(step) is None for tier in tiers):
            raise forms.ValidationError("Say where each tier starts.")
        return cleaned | {"tiers": sorted(tiers, key=lambda tier: tier[step])}


class Hours(FormPart):
    key = "hours"
    heading = "Days and hours"
    weekdays = forms.TypedMultipleChoiceField(
        label="Days",
        choices=WEEKDAYS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs=CHECK),
        help_text="Choose none for every day.",
    )
    from_time = ClockField(label="From", help_text="In the time zone of the location.")
    to_time = ClockField(label="Until", help_text="Before the start: until that time of the next day.")


class Conditions(FormPart):
    key = "conditions"
    heading = "Conditions"
    min_subtotal = MoneyField("Minimum spend", required=False)
    min_quantity = count_field("Minimum quantity")
    count_chosen = tick_field("Count only the chosen articles towards these minimums")
    every_line_over = MoneyField("Every line worth more than", required=False)
    contains_skus = CodesField(label="The sale holds one of these SKUs")
    contains_categories = CodesField(label="of these categories")
    contains_brands = CodesField(label="of these brands")
    groups = forms.MultipleChoiceField(
        label="Customer groups",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs=CHECK),
        help_text="Choose none for everybody, known or not.",
    )
    first_purchase = tick_field("Only on a customer's first purchase")
    payment_methods = CodesField(
        label="Paid by", help_text="As the till names it, such as card; separated by commas."
    )
    customers = CodesField(label="Only customers with these ids", widget=forms.Textarea(attrs={"rows": 2}))

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
    heading = "When and where"
    starts_at = MomentField(label="Starts", required=False)
    ends_at = MomentField(label="Ends", required=False)
    locations = Promotion._meta.get_field("locations").formfield(
        widget=forms.CheckboxSelectMultiple(attrs=CHECK)
    )
    max_uses = count_field("Maximum uses", most=MOST_USES, help_text="Leave blank for no limit of its own.")
    max_uses_per_customer = count_field(
        "Maximum uses per customer", help_text="Leave blank for no limit of its own."
    )

    def clean(self) -> CleanedData:
        super().clean()
        window.refuse_end_before_start(self)
        return self.cleaned_data


class WithOthers(FormPart):
    key = "with_others"
    heading = "With other promotions"
    needs = {"stacking": {"best_of": ["stacking_group"]}}
    priority = forms.IntegerField(min_value=1, max_value=10**6, initial=100, help_text="1 is applied first.")
    stacking = choice_field(
        "Together with others",
        [
            ("stackable", "Yes, on what they leave"),
            ("best_of", "The best of a group counts"),
            ("exclusive", "Never: alone in the sale"),
        ],
        initial="stackable",
    )
    stacking_group = forms.CharField(
        label="Group", max_length=64, required=False, help_text="Choose any name."
    )
    max_amount = MoneyField("At most in a sale", required=False, help_text="Leave blank for no limit.")
    max_applications = count_field("Max sets per sale", help_text="Of sets and buy-and-get groups.")


class Identity(FormPart):
    key = "identity"
    heading = "Promotion"
    name = forms.CharField(max_length=200, help_text="Printed on the receipt and used in reports.")
    trigger = choice_field("Applies", [("automatic", "automatically"), ("coupon", "with a coupon code")])
    standalone = tick_field("Standalone: applies without a campaign")


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
