"""The doctor: proves what must always hold. Each app yields a sentence for each breach."""

from collections.abc import Iterator

from django.conf import settings
from django.db.models import F, OuterRef, Subquery
from django.utils.module_loading import import_string

from campaigns.lifecycle import kinds
from campaigns.models import Campaign, Transition


def find_breaches() -> Iterator[str]:
    """Yield every breach that the functions named in settings.DOCTOR find."""
    for name in settings.DOCTOR:
        yield from import_string(name)()


def list_breaches() -> Iterator[str]:
    """Yield a sentence for each campaign whose status lies outside its lifecycle or disagrees with its history."""
    for kind, model in kinds().items():
        for campaign in Campaign.objects.filter(kind=kind).exclude(status__in=model.STATES):
            yield f"Campaign {campaign.pk} is {campaign.status}, which is not a state of its kind."
    last = Transition.objects.filter(campaign=OuterRef("pk")).order_by("-pk").values("now")[:1]
    for campaign in (
        Campaign.objects.annotate(last=Subquery(last)).exclude(last=None).exclude(last=F("status"))
    ):
        yield f"Campaign {campaign.pk} is {campaign.status}, but its last step led to {campaign.last}."
