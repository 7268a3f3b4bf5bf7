from campaigns.forms import Refusable
from campaigns.generics import ModelForm
from mailing.models import TrackingPolicy


class TrackingPolicyForm(Refusable, ModelForm[TrackingPolicy]):
    """What the site records of opens and clicks."""

    class Meta:
        model = TrackingPolicy
        fields = ["mode"]

    COLUMNS = tuple(Meta.fields)
