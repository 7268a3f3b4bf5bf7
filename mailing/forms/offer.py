"""The section of the editor that holds the offer of a mail."""

from django import forms

from campaigns.annotations import CleanedData
from campaigns.forms import MomentField
from mailing.models import EmailCampaign
from promotions.forms.picker import PromotionField

OFFER_FIELDS = (
    "offer",
    "code_kind",
    "code_prefix",
    "code_ends_at",
    "code_days",
    "code_is_bound",
    "resumes_with_offer",
)


class OfferFields(forms.Form):
    """The fields of the offer. Without a tick at `has_offer` nothing else of them counts."""

    has_offer = forms.BooleanField(label="This mail carries an offer", required=False)
    offer = PromotionField(
        label="Promotion",
        required=False,
        with_coupon=True,
        help_text="Only promotions that apply with a coupon code.",
    )
    code_kind = forms.ChoiceField(
        label="Codes",
        required=False,
        choices=EmailCampaign.CodeKind.choices,
        widget=forms.RadioSelect,
        initial=EmailCampaign.CodeKind.PERSONAL,
    )
    code_ends_at = MomentField(label="Codes end", required=False)


def clean_offer(form: forms.BaseForm, cleaned: CleanedData) -> None:
    """Judge what the fields of the offer say together."""
    cleaned["code_kind"] = cleaned.get("code_kind") or EmailCampaign.CodeKind.PERSONAL
    if not cleaned.get("has_offer"):
        cleaned["offer"] = None
    elif not cleaned.get("offer") and "offer" not in form.errors:
        form.add_error("offer", "Choose the promotion that the mail carries.")
    if cleaned.get("code_ends_at") and cleaned.get("code_days"):
        form.add_error("code_days", "Give an end or a number of days, not both.")
