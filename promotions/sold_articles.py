"""Finds what tills sold lately, to offer SKUs, categories and brands, and to warn of codes that no article has."""

from collections.abc import Iterator

import msgspec
from django.db import connection
from msgspec import Struct

from campaigns.annotations import ColumnValue
from promotions.engine import Rule

LATEST_SALES = 1000
"""How many sales are looked at."""
CODES_OFFERED = 500
"""How many codes of each kind a form offers."""
NOUNS = {"skus": "SKU", "categories": "category", "brands": "brand"}

SOLD_ARTICLES = """
    SELECT line ->> 'sku', line -> 'categories', line ->> 'brand'
    FROM (SELECT basket FROM pos_sale WHERE state = 'committed' ORDER BY id DESC LIMIT %s) AS sale,
         jsonb_array_elements(CASE jsonb_typeof(basket -> 'lines') WHEN 'array' THEN basket -> 'lines' ELSE '[]' END)
         AS line
    GROUP BY 1, 2, 3
"""


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
            categories.update(msgspec.json.decode(listed) if isinstance(listed, str) else listed or ())
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
            hint = f" Do you mean “{alike}”?" if alike else ""
            yield f"No till has sold anything of the {NOUNS[kind]} “{code}” lately.{hint}"


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
