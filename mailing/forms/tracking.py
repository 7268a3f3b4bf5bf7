from campaigns.generics import ModelForm
from mailing.models import TrackingPolicy


class TrackingPolicyForm(ModelForm[TrackingPolicy]):
    """What this installation notes of opens and clicks."""

    class Meta:
        model = TrackingPolicy
        fields = ["mode"]
