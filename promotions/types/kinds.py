"""The eight ready-made kinds."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy

from campaigns.annotations import Columns, Words
from promotions.engine import rules
from promotions.types import benefits
from promotions.types.answers import Answers


@dataclass(frozen=True)
class Kind:
    """One ready-made kind.

    `type`: a value of `Promotion.Type`. `summary`: what it does, for who picks one. `parts`: what its form asks,
    by the keys of `promotions.forms.parts`. `benefit` and `read_benefit` turn answers into a benefit and back, None
    for one this kind cannot show. `always`: conditions that make it what it is. `requires`: fields that are
    optional elsewhere.
    """

    type: str
    summary: Words
    level: rules.Level
    parts: tuple[str, ...]
    benefit: Callable[[Answers], rules.Benefit]
    read_benefit: Callable[[rules.Benefit], Columns | None]
    always: tuple[rules.Condition, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def has_items(self) -> bool:
        return "items" in self.parts


KINDS = {
    kind.type: kind
    for kind in [
        Kind(
            "sale",
            gettext_lazy("A percent, an amount or a gift on the whole sale."),
            "order",
            ("off_sale",),
            benefits.discount_on_sale,
            benefits.answers_of_discount_on_sale,
        ),
        Kind(
            "items",
            gettext_lazy("A percent or an amount off chosen articles, categories or brands."),
            "item",
            ("off_items", "items"),
            benefits.discount_on_items,
            benefits.answers_of_discount_on_items,
        ),
        Kind(
            "buy_get",
            gettext_lazy("Buy some, get some free or reduced."),
            "item",
            ("buy_get",),
            benefits.buy_get,
            benefits.answers_of_buy_get,
        ),
        Kind(
            "bundle",
            gettext_lazy("A set of articles for one price, or reduced."),
            "item",
            ("bundle",),
            benefits.bundle,
            benefits.answers_of_bundle,
        ),
        Kind(
            "tiered",
            gettext_lazy("The more is spent, the more is off; the highest tier reached counts."),
            "order",
            ("tiers", "items"),
            benefits.tiered_discount,
            benefits.answers_of_tiered_discount,
        ),
        Kind(
            "happy_hour",
            gettext_lazy("Chosen articles reduced at certain hours of certain days."),
            "item",
            ("off_items", "hours", "items"),
            benefits.discount_on_items,
            benefits.answers_of_discount_on_items,
            requires=("from_time", "to_time"),
        ),
        Kind(
            "flash",
            gettext_lazy("Chosen articles reduced for a short while, as long as the uses last."),
            "item",
            ("off_items", "when", "items"),
            benefits.discount_on_items,
            benefits.answers_of_discount_on_items,
            requires=("starts_at", "ends_at", "max_uses"),
        ),
        Kind(
            "first",
            gettext_lazy("A welcome to customers on their first purchase."),
            "order",
            ("off_sale",),
            benefits.discount_on_sale,
            benefits.answers_of_discount_on_sale,
            always=(rules.FirstPurchase(),),
        ),
    ]
}
