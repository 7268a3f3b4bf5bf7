"""What tills sold lately, to try it out again: whole baskets, and the goods in them."""

from collections.abc import Iterable

import msgspec

from pos.api.schemas import Line, SaleRequest
from pos.models import Sale


def latest_sales(most: int) -> list[Sale]:
    """The sales that tills committed last, `most` at most, newest first."""
    committed = Sale.objects.filter(state=Sale.State.COMMITTED).exclude(basket={})
    return list(committed.select_related("location").defer("answer").order_by("-pk")[:most])


def read_basket(sale: Sale) -> SaleRequest:
    """What the till sent."""
    return msgspec.convert(sale.basket, SaleRequest)


def list_articles(sold: Iterable[Sale], currency: str) -> list[Line]:
    """Each article of `sold` once, as the newest sale in `currency` had it, by SKU."""
    found: dict[str, Line] = {}
    for sale in sold:
        if sale.currency == currency:
            for line in read_basket(sale).lines:
                found.setdefault(line.sku, line)
    return [found[sku] for sku in sorted(found)]
