"""The section of the editor that holds the offer of a mail."""

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.annotations import CleanedData
from campaigns.forms import MomentField
from campaigns.generics import ModelChoiceField
from campaigns.models import Campaign
from mailing.models import EmailCampaign
from pos.models import Location
from promotions.forms.fields import MoneyField
from promotions.forms.picker import PromotionField
from promotions.models import PromotionCampaign

OFFERED = (Campaign.Status.ACTIVE, Campaign.Status.SCHEDULED, Campaign.Status.PAUSED)


class OfferFields(forms.Form):
    """The fields of the offer. Without a tick at `has_offer` only the link to a promotion campaign counts of them."""

    has_offer = forms.BooleanField(label=_("This mail carries an offer"), required=False)
    offer = PromotionField(
        label=_("Promotion"),
        required=False,
        with_coupon=True,
        help_text=_("Only promotions that apply with a coupon code."),
    )
    promotion_campaign = ModelChoiceField(
        label=_("Stops with the promotion campaign"),
        required=False,
        queryset=PromotionCampaign.objects.none(),
        empty_label=_("The campaigns of the offer, if there is one"),
        help_text=_(
            "The campaign that the mail announces, with or without a code. The mail pauses when this campaign "
            "pauses or ends."
        ),
    )
    code_kind = forms.ChoiceField(
        label=_("Codes"),
        required=False,
        choices=EmailCampaign.CodeKind.choices,
        widget=forms.RadioSelect,
        initial=EmailCampaign.CodeKind.PERSONAL,
    )
    code_ends_at = MomentField(label=_("Codes end"), required=False)
    code_min_spend = MoneyField(
        _("Minimum spend with the code"),
        required=False,
        help_text=_("The promotion itself may ask for more."),
    )
    code_locations = forms.MultipleChoiceField(
        label=_("Where the codes are valid"),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        help_text=_("Choose none for all locations where the promotion applies."),
    )


def fill_offer_choices(form: forms.BaseForm, campaign: EmailCampaign) -> None:
    """Give the fields of the offer their choices: locations, and promotion campaigns that run or are to run."""
    places, linked = form.fields["code_locations"], form.fields["promotion_campaign"]
    assert isinstance(places, forms.MultipleChoiceField)
    assert isinstance(linked, ModelChoiceField)
    known = list(Location.objects.order_by("name").values_list("code", "name"))
    gone = [code for code in campaign.code_locations if code not in dict(known)]
    places.choices = [*known, *((code, _("%(location)s (gone)") % {"location": code}) for code in gone)]
    chosen = Q(pk=campaign.promotion_campaign_id)
    linked.queryset = (
        PromotionCampaign.objects.filter(Q(status__in=OFFERED) | chosen)
        .only("name", "status")
        .order_by("name", "pk")
    )


def clean_offer(form: forms.BaseForm, cleaned: CleanedData) -> None:
    """Judge what the fields of the offer say together."""
    cleaned["code_kind"] = cleaned.get("code_kind") or EmailCampaign.CodeKind.PERSONAL
    cleaned["code_min_spend"] = cleaned.get("code_min_spend") or 0
    if not cleaned.get("has_offer"):
        cleaned["offer"] = None
    elif not cleaned.get("offer") and "offer" not in form.errors:
        form.add_error("offer", _("Choose the promotion that the mail carries."))
    if cleaned.get("code_ends_at") and cleaned.get("code_days"):
        form.add_error("code_days", _("Give an end or a number of days, not both."))
