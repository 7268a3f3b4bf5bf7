"""What the search over everything finds of promotions and their codes."""

from django.urls import reverse

from campaigns.workspace.search import MOST_OF_A_SOURCE, Hit
from promotions.codes import code_key
from promotions.models import Coupon, Promotion


def find_promotions(words: str) -> list[Hit]:
    """Return promotions with these words in their names."""
    promotions = Promotion.objects.matching(words).order_by("name")[:MOST_OF_A_SOURCE]
    return [
        Hit(each.name, each.get_absolute_url(), "promotion", each.get_status_display()) for each in promotions
    ]


def find_coupons(words: str) -> list[Hit]:
    """Return the codes that begin like this, as a till would read it, with the promotion that each unlocks."""
    key = code_key(words)
    found = (
        Coupon.objects.filter(key__startswith=key).select_related("promotion")
        if key
        else Coupon.objects.none()
    )
    return [
        Hit(each.code, reverse("promotions:coupon", args=[each.pk]), "coupon", each.promotion.name)
        for each in found.order_by("key")[:MOST_OF_A_SOURCE]
    ]
