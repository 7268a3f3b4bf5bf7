"""Choosing one promotion among thousands: by a part of its name, never from a list of all."""

from typing import Any

from django import forms

from promotions.models import Promotion

OFFERED = 8  # at once


class PromotionField(forms.ModelChoiceField):
    """One promotion. Drawn by the tag `picker`: a search, and what it found as radio buttons.

    `with_coupon`: only those that apply with a coupon code.
    """

    def __init__(self, *, with_coupon: bool = False, **kwargs: Any) -> None:
        self.with_coupon = with_coupon
        super().__init__(queryset=choices(with_coupon), widget=forms.HiddenInput, **kwargs)


def choices(with_coupon: bool) -> Any:
    kept = Promotion.objects.kept()
    return kept.filter(trigger=Promotion.Trigger.COUPON) if with_coupon else kept


def offer(name: str, *, with_coupon: bool, find: str, chosen: Any) -> dict[str, Any]:
    """What promotions/_offer.html shows for the field `name`: the promotions offered, and how many more there are.

    `find`: a part of the name, empty for those changed last. `chosen`: the key of the one that is chosen already, which
    comes first; whatever is no key chooses none.
    """
    kept = choices(with_coupon)
    key = str(chosen or "")
    first = kept.filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None
    found = kept.matching(find).exclude(pk=first.pk if first else None)
    ordered = found.order_by("name", "pk") if find else found.order_by("-updated_at", "-pk")
    offered = list(ordered[: OFFERED + 1])
    return {
        "name": name,
        "find": find,
        "chosen": first,
        "promotions": [*([first] if first else []), *offered[:OFFERED]],
        "is_more": len(offered) > OFFERED,
        "is_none": not offered,
    }
