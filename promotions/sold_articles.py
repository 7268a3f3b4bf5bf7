"""Finds what tills sold lately, to offer SKUs, categories and brands, and to warn of codes that no article has."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import msgspec
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import Struct

from campaigns import database_time
from campaigns.annotations import ColumnValue
from promotions.engine import Rule
from promotions.engine.rules import Match

LATEST_SALES = 1000
"""How many sales are looked at."""
CODES_OFFERED = 500
"""How many codes of each kind a form offers."""
LATELY = timedelta(days=30)
"""How far back sales are counted, and articles taken for examples."""
UNSOLD = {
    "skus": gettext_lazy("No till has sold anything of the SKU “%(code)s” lately."),
    "categories": gettext_lazy("No till has sold anything of the category “%(code)s” lately."),
    "brands": gettext_lazy("No till has sold anything of the brand “%(code)s” lately."),
}

NOUNS = tuple(UNSOLD)

SOLD_ARTICLES = """
    SELECT line ->> 'sku', line -> 'categories', line ->> 'brand'
    FROM (SELECT basket FROM pos_sale WHERE state = 'committed' ORDER BY id DESC LIMIT %s) AS sale,
         jsonb_array_elements(CASE jsonb_typeof(basket -> 'lines') WHEN 'array' THEN basket -> 'lines' ELSE '[]' END)
         AS line
    GROUP BY 1, 2, 3
"""

# the price is that of the latest sale; what is weighed has none of a unit
PRICED_ARTICLES = """
    WITH sale AS (
        SELECT id, basket FROM pos_sale
        WHERE state = 'committed' AND currency = %s AND at >= %s ORDER BY id DESC LIMIT %s
    ), line AS (
        SELECT sale.id, line
        FROM sale, jsonb_array_elements(
            CASE jsonb_typeof(basket -> 'lines') WHEN 'array' THEN basket -> 'lines' ELSE '[]' END) AS line
        WHERE jsonb_typeof(line -> 'quantity') = 'number' AND jsonb_typeof(line -> 'unit_price') = 'number'
    )
    SELECT (SELECT count(*) FROM sale), line ->> 'sku', coalesce(max(line ->> 'name'), ''),
           line -> 'categories', coalesce(line ->> 'brand', ''),
           (array_agg((line ->> 'unit_price')::numeric::bigint ORDER BY id DESC))[1], array_agg(DISTINCT id)
    FROM line GROUP BY 2, 4, 5 ORDER BY count(DISTINCT id) DESC, 2
"""


class PricedArticle(Struct, frozen=True):
    """An article as tills sold it. `price`: of a unit, in minor units; `sales`: the keys of the sales that hold it."""

    sku: str
    name: str
    categories: tuple[str, ...]
    brand: str
    price: int
    sales: frozenset[int]

    def fits(self, match: Match) -> bool:
        """Return whether `match` means this article."""
        low, high = match.unit_price_min, match.unit_price_max
        return (
            (not match.skus or self.sku in match.skus)
            and (not match.categories or not set(match.categories).isdisjoint(self.categories))
            and (not match.brands or self.brand in match.brands)
            and (low is None or self.price >= low)
            and (high is None or self.price <= high)
        )


class RecentSales(Struct, frozen=True):
    """What was sold lately in one currency. `articles`: those in most sales first; `count`: the sales looked at.

    `is_cut`: there are more sales than are looked at.
    """

    articles: tuple[PricedArticle, ...] = ()
    count: int = 0

    @property
    def is_cut(self) -> bool:
        return self.count >= LATEST_SALES

    def count_matches(self, match: Match) -> tuple[int, int]:
        """Return how many articles `match` means, and how many sales hold one of them."""
        fitting = [article for article in self.articles if article.fits(match)]
        skus = {article.sku for article in fitting}
        return len(skus), len(frozenset[int]().union(*(article.sales for article in fitting)))


def read_recent_sales(currency: str) -> RecentSales:
    """Return the articles of the latest sales of the last 30 days in `currency`, with their prices."""
    articles: list[PricedArticle] = []
    count = 0
    with connection.cursor() as cursor:
        cursor.execute(PRICED_ARTICLES, [currency, database_time.now() - LATELY, LATEST_SALES])
        for count, sku, name, listed, brand, price, sales in cursor:  # noqa: B007 (the count stands in each row)
            codes = _read_codes(listed)
            articles.append(PricedArticle(sku, name, codes, brand, price, frozenset(sales)))
    return RecentSales(tuple(articles), count)


def _read_codes(listed: ColumnValue) -> tuple[str, ...]:
    """Return the categories of a line, which the driver gives as text."""
    codes: Sequence[str] = msgspec.json.decode(listed) if isinstance(listed, str) else listed or ()
    return tuple(codes)


class SoldArticles(Struct, frozen=True):
    """The codes of sold articles, each once, in alphabetical order."""

    skus: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()

    def offers_by_kind(self) -> dict[str, tuple[str, ...]]:
        """Return the offers of a form, by kind of code."""
        return {kind: getattr(self, kind)[:CODES_OFFERED] for kind in NOUNS}


def read_sold_articles() -> SoldArticles:
    """Return the articles of the latest sales."""
    skus: set[str] = set()
    categories: set[str] = set()
    brands: set[str] = set()
    with connection.cursor() as cursor:
        cursor.execute(SOLD_ARTICLES, [LATEST_SALES])
        for sku, listed, brand in cursor:
            skus.add(sku)
            categories.update(_read_codes(listed))
            brands.add(brand)
    return SoldArticles(*(tuple(sorted(filter(None, codes))) for codes in (skus, categories, brands)))


def warn_of_unsold_codes(rule: Rule) -> Iterator[str]:
    """Yield a sentence for each code of `rule` that no sold article has, once there are sales."""
    goods = read_sold_articles()
    if not goods.skus:
        return
    named = dict.fromkeys(_list_codes(msgspec.to_builtins([rule.target, rule.conditions, rule.benefit])))
    for kind, code in named:
        known = getattr(goods, kind)
        if code not in known:
            alike = next((other for other in known if other.casefold() == code.casefold()), None)
            said = UNSOLD[kind] % {"code": code}
            yield f"{said} {_('Do you mean “%(alike)s”?') % {'alike': alike}}" if alike else said


def _list_codes(value: ColumnValue) -> Iterator[tuple[str, str]]:
    """Yield (kind, code) for all codes in rules as plain values. The SKU of a gift is left out, since it may be new."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name in NOUNS:
                yield from ((name, code) for code in part)
            else:
                yield from _list_codes(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _list_codes(part)
