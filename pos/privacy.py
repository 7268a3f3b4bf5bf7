"""What the tills know of a customer: shown to them, and forgotten when they ask for it."""

from collections.abc import Collection

import msgspec
from django.db import connection
from django.db.models import Q

from campaigns.annotations import JsonObject
from pos.models import Sale
from pos.sales import ledger

# The request as it was sent names the customer too. Sold lines are not folded anew: nothing else of them changes.
FORGET_IN_SALES = """
UPDATE pos_sale SET customer = %(stand_in)s,
    basket = CASE WHEN jsonb_typeof(basket -> 'customer') = 'object'
                  THEN jsonb_set(basket, '{customer,id}', to_jsonb(%(stand_in)s::text)) ELSE basket END
WHERE customer = %(customer)s
"""
FORGET_IN_LINES = (
    "UPDATE pos_soldline SET customer = %(stand_in)s WHERE customer = %(customer)s AND customer <> ''"
)


def describe_sales(customer: str, *, others: Collection[int] = ()) -> list[JsonObject]:
    """Return every sale of a customer number, "" for none, and those of the keys `others`, with lines and returns."""
    own = Q(pk__in=others)
    if customer:  # an index has those that are committed, another one all others
        is_committed = Q(state=Sale.State.COMMITTED)
        own |= Q(is_committed, customer=customer) | Q(~is_committed, customer=customer)
    sales = (
        Sale.objects.filter(own).select_related("location").prefetch_related("returns").order_by("at", "pk")
    )
    return [
        {
            "id": sale.reference,
            "at": sale.at,
            "location": str(sale.location),
            "state": sale.state,
            "customer": sale.customer,
            "currency": sale.currency,
            "discount": sale.discount,
            "total": sale.total,
            "basket": sale.basket,
            "returns": [
                {"id": back.reference, "at": back.at, "answer": msgspec.json.decode(back.answer)}
                for back in sale.returns.all()
            ],
        }
        for sale in sales.iterator(chunk_size=500)
    ]


def forget_customer(customer: str, stand_in: str) -> int:
    """Put `stand_in` in the place of a customer number in all sales; return how many. Needs a transaction.

    All sales of one customer get the same, so that first purchases and limits stay what they were.
    """
    ledger.take_locks("", customer)
    with connection.cursor() as cursor:
        cursor.execute(FORGET_IN_SALES, {"customer": customer, "stand_in": stand_in})
        sales: int = cursor.rowcount
        cursor.execute(FORGET_IN_LINES, {"customer": customer, "stand_in": stand_in})
    return sales
