"""What is on for everybody at some locations now, in plain words: for customers whose own offer is over."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db.models import F, Func, Q, TextField, Value

from campaigns.models import Campaign
from promotions import customer_words, groups
from promotions.models import Link, Promotion

MOST_DESCRIBED = 5
# conditions that a customer meets or not by who they are: no promise on a page for everybody
PERSONAL = frozenset({"in_group", "customer_is", "first_purchase"})


class CurrentPromotion(NamedTuple):
    """A promotion that is on: its name, as receipts have it, and what it does, in a sentence."""

    promotion: Promotion

    @property
    def name(self) -> str:
        return self.promotion.name

    @property
    def sentence(self) -> str:
        """In the language of the page that shows it; "" where that has no words for it."""
        return customer_words.write_sentence(self.promotion)


def describe_current_promotions(locations: Collection[int], now: datetime) -> list[CurrentPromotion]:
    """Describe the promotions that any sale may get at one of these locations now, those that come first first.

    Left out is what needs a code or is for some customers only.

    Args:
        locations: keys; none: all locations.
    """
    fault = Func(
        F("campaign_id"), Value(now), function="promotions_find_campaign_fault", output_field=TextField()
    )
    running = (
        Link.objects.filter(campaign__status=Campaign.Status.ACTIVE).annotate(fault=fault).filter(fault="")
    )
    here = Q(locations=None)
    if locations:
        here |= Q(locations__in=locations)
        running = running.filter(Q(campaign__locations=None) | Q(campaign__locations__in=locations))
    else:
        here = Q()
    found = (
        Promotion.objects.existing()
        .filter(here, status=Promotion.Status.ACTIVE, trigger=Promotion.Trigger.AUTOMATIC)
        .filter(Q(starts_at=None) | Q(starts_at__lte=now), Q(ends_at=None) | Q(ends_at__gt=now))
        .filter(Q(standalone=True) | Q(pk__in=running.values("promotion")))
        .select_related("counter")
        .distinct()
    )
    shown = [each for each in found if not each.is_used_up and not is_personal(each)][:MOST_DESCRIBED]
    groups.attach_names(shown)
    return [CurrentPromotion(each) for each in shown]


def is_personal(promotion: Promotion) -> bool:
    """Return whether some customers only get a promotion."""
    return any(condition.get("type") in PERSONAL for condition in promotion.conditions)
