"""A field to choose one promotion among thousands, by a part of its name and never from a list of all."""

from django import forms

from campaigns.annotations import Argument, Columns, RowOrKey
from campaigns.generics import ModelChoiceField
from promotions import groups
from promotions.models import Promotion
from promotions.models.promotion import PromotionQuerySet

FOUND_AT_ONCE = 8  # of what a search finds, at once
LATEST_OFFERED = 5  # offered before anything is typed


class PromotionField(ModelChoiceField[Promotion]):
    """One promotion. The tag `picker` draws it: a search, and its results as radio buttons.

    `with_coupon`: only those that apply with a coupon code.
    """

    def __init__(self, *, with_coupon: bool = False, **kwargs: Argument) -> None:
        self.with_coupon = with_coupon
        super().__init__(queryset=promotions_to_choose(with_coupon), widget=forms.HiddenInput, **kwargs)


def promotions_to_choose(with_coupon: bool) -> PromotionQuerySet:
    """Return the promotions that a form offers: all, or those with coupon codes."""
    kept = Promotion.objects.existing()
    return kept.filter(trigger=Promotion.Trigger.COUPON) if with_coupon else kept


def find_promotions(name: str, *, with_coupon: bool, find: str, chosen: RowOrKey) -> Columns:
    """Return what promotions/_offer.html shows for the field `name`: the promotions, and how many more there are.

    `find`: a part of the name; when it is empty and none is chosen, the promotions that were changed last. `chosen`:
    the key of the chosen one, which comes first; any other text chooses none.
    """
    kept = promotions_to_choose(with_coupon)
    key = str(chosen or "")
    first = kept.filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None
    others = kept.exclude(pk=first.pk) if first else kept
    if find:
        most, offered = FOUND_AT_ONCE, list(others.matching(find).order_by("name", "pk")[: FOUND_AT_ONCE + 1])
    else:
        most = 0 if first else LATEST_OFFERED
        offered = list(others.order_by("-updated_at", "-pk")[: most + 1])
    promotions = [*([first] if first else []), *offered[:most]]
    groups.attach_names(promotions)
    return {
        "name": name,
        "find": find,
        "chosen": first,
        "promotions": promotions,
        "is_more": len(offered) > most,
        "is_none": not offered,
    }
