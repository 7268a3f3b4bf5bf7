"""Finds what tills sold lately, to try it out again: whole baskets, and the articles in them."""

from collections.abc import Iterable

import msgspec

from pos.api.schemas import Line, SaleRequest
from pos.models import Sale


def latest_sales(most: int) -> list[Sale]:
    """Return the sales that tills committed last, at most `most`, newest first."""
    committed = Sale.objects.filter(state=Sale.State.COMMITTED).exclude(basket={})
    return list(committed.select_related("location").defer("answer").order_by("-pk")[:most])


def read_basket(sale: Sale) -> SaleRequest:
    """Read the request that the till sent."""
    return msgspec.convert(sale.basket, SaleRequest)


def list_articles(sold: Iterable[Sale], currency: str) -> list[Line]:
    """List each article of `sold` once, by SKU, as the newest sale in `currency` had it."""
    found: dict[str, Line] = {}
    for sale in sold:
        if sale.currency == currency:
            for line in read_basket(sale).lines:
                found.setdefault(line.sku, line)
    return [found[sku] for sku in sorted(found)]
