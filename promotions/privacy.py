"""What this app knows of a customer of the tills: shown to them, and forgotten when they ask for it."""

from django.db.models import Q

from campaigns.annotations import JsonObject
from promotions.models import Coupon, CustomerUse, GroupMember


def describe_customer(customer: str, *, made_for: int) -> JsonObject:
    """Return what is kept of a customer number, "" for none, and the codes made for a contact, as JSON can hold it."""
    own = Q(made_for=made_for) | (Q(customer=customer) if customer else Q(pk=None))
    uses = CustomerUse.objects.filter(customer=customer).select_related("campaign", "promotion", "coupon")
    return {
        "codes": [
            {
                "code": coupon.code,
                "promotion": str(coupon.promotion),
                "ends_at": coupon.ends_at,
                "uses": coupon.uses,
                "is_active": coupon.active,
            }
            for coupon in Coupon.objects.filter(own).select_related("promotion").order_by("pk")
        ],
        "customer_groups": list(
            GroupMember.objects.filter(customer=customer)
            .order_by("group")
            .values_list("group__code", flat=True)
        )
        if customer
        else [],
        "uses_counted": [
            {"of": str(use.campaign or use.promotion or use.coupon), "uses": use.uses}
            for use in (uses.order_by("pk") if customer else ())
        ],
    }


def forget_customer(customer: str, stand_in: str) -> None:
    """Put `stand_in` in the place of a customer number, which belongs to no group any more. No count changes.

    Codes that are only for this customer are good for nobody from now on. Needs a transaction.
    """
    GroupMember.objects.filter(customer=customer).delete()
    bound = Coupon.objects.filter(customer=customer).order_by("pk").select_for_update(no_key=True)
    Coupon.objects.filter(pk__in=[coupon.pk for coupon in bound]).update(customer=stand_in)
    CustomerUse.objects.filter(customer=customer).update(customer=stand_in)
