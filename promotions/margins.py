"""The margin of sales: what was paid for the articles whose cost is known, less that cost.

Costs are those of now, of one unit or of one whole unit of what is weighed, on the basis that prices have: with taxes
or without. Only a cost in the currency of the sale counts.
"""

from typing import Final

from django.db import connection
from msgspec import Struct

# over the sold lines called `line`
KNOWN_COSTS: Final = (
    "LEFT JOIN pos_articlecost AS known ON known.sku = line.sku AND known.currency = line.currency"
)
SUMS: Final = """
    coalesce(sum(line.total - line.returned_total), 0)::bigint,
    coalesce(sum(line.total - line.returned_total) FILTER (WHERE known.cost IS NOT NULL), 0)::bigint,
    coalesce(round(sum(known.cost * (line.quantity - line.returned_quantity))), 0)::bigint
"""


class Margin(Struct, frozen=True):
    """In minor units. revenue: of all articles; known: of those whose cost is known; cost: of these."""

    revenue: int = 0
    known: int = 0
    cost: int = 0

    @property
    def amount(self) -> int:
        return self.known - self.cost

    @property
    def percent_known(self) -> float:
        """How much of the revenue is of articles whose cost is known."""
        return 100 * self.known / self.revenue if self.revenue > 0 else 0.0

    @property
    def is_known(self) -> bool:
        return bool(self.known or self.cost)


def is_any_cost_known() -> bool:
    """Return whether anybody has told a cost: without one no margin is worked out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pos_articlecost)")
        is_known: bool = cursor.fetchone()[0]
    return is_known
