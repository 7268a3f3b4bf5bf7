from campaigns.generics import ModelForm
from mailing.models import TrackingPolicy


class TrackingPolicyForm(ModelForm[TrackingPolicy]):
    """What the site records of opens and clicks."""

    class Meta:
        model = TrackingPolicy
        fields = ["mode"]
