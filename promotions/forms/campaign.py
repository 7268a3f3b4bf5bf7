"""The form of a promotion campaign."""

from django import forms
from django.apps import apps
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from campaigns.annotations import CleanedData, Columns
from campaigns.forms import MomentField, Refusable
from campaigns.generics import FormData, ModelForm
from campaigns.models import Campaign
from promotions.forms import window
from promotions.forms.fields import MoneyField
from promotions.forms.parts import MOST_USES, count_field
from promotions.models import PromotionCampaign

Status = Campaign.Status


class CampaignForm(Refusable, ModelForm[PromotionCampaign]):
    """The form of a campaign. Amounts are typed in its currency, the window in the site's zone."""

    fields: Columns
    starts_at = MomentField(label=_("Starts"), required=False)
    ends_at = MomentField(label=_("Ends"), required=False, help_text=_("Leave blank for no end."))
    budget = MoneyField(
        _("Budget"),
        smallest=1,
        required=False,
        help_text=_("All discounts together. Leave blank for no limit."),
    )
    max_uses = count_field(
        _("Maximum uses"),
        most=MOST_USES,
        help_text=_("Each promotion that gives something in a sale is one use. Leave blank for no limit."),
    )
    max_uses_per_customer = count_field(
        _("Maximum uses per customer"),
        help_text=_("Sales without a customer get nothing then. Leave blank for no limit."),
    )
    priority = count_field(_("Priority"), required=True, initial=100, help_text=_("1 is applied first."))
    currency = forms.ChoiceField()

    class Meta:
        model = PromotionCampaign
        fields = [
            "name",
            "description",
            "starts_at",
            "ends_at",
            "currency",
            "budget",
            "on_budget_end",
            "max_uses",
            "max_uses_per_customer",
            "priority",
            "exclusive",
            "locations",
        ]
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
            "locations": forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        }
        labels = {"on_budget_end": _("When the budget ends")}

    def __init__(
        self, data: FormData = None, *, instance: PromotionCampaign, initial: Columns | None = None
    ) -> None:
        stored = window.window_to_the_minute(instance)
        super().__init__(data, instance=instance, initial=stored | (initial or {}))
        self.fields["currency"].choices = [(code, code) for code in currencies(self.instance.currency)]
        chosen = self.data.get("currency") if self.is_bound else self.instance.currency
        if chosen in dict(self.fields["currency"].choices):
            self.fields["budget"].in_currency(chosen)
        if instance.status in (Status.ACTIVE, Status.PAUSED):
            self.fields["starts_at"].disabled = True
            self.fields["starts_at"].help_text = _("It has started: its start stays.")

    def clean(self) -> CleanedData:
        super().clean()
        window.refuse_end_before_start(self)
        return self.cleaned_data

    def changes(self) -> Columns:
        """Return the changed columns, or all of a new campaign, without the locations."""
        names = self.changed_data if self.instance.pk else self.fields
        return {name: self.cleaned_data[name] for name in names if name != "locations"}


def currencies(*more: str) -> list[str]:
    """Return the currencies money can be typed in: the site's, those of the locations, and `more`."""
    locations = (
        apps.get_model("pos.Location").objects.order_by().values_list("currency", flat=True).distinct()
    )
    return sorted({settings.CURRENCY, *locations, *more})
