"""What a report is asked for, what it is made of, and the sums over the ledger that all have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from promotions.models import Redemption

Row = dict[str, Any]
WIDE = 4


@dataclass(frozen=True)
class Asked:
    """What a report is about: days, both inclusive, one currency, and a location's key (None: all)."""

    first: date
    last: date
    currency: str
    location: int | None = None

    @property
    def since(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.first, time.min))

    @property
    def until(self) -> datetime:
        """The end of the last day, which no longer counts."""
        return timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time.min))


@dataclass(frozen=True)
class Column:
    """`kind` says how its values are written: text, money, number, moment, ratio (hundredths) or badge.

    A row has under `badge` the status whose colours a badge takes; none: it is plain text.
    """

    key: str
    label: str
    kind: str = "text"

    @property
    def is_figure(self) -> bool:
        return self.kind not in ("text", "badge")


@dataclass(frozen=True)
class Report:
    """A table, and how it is drawn: `bars` beside its rows, `columns` over time, or nothing.

    `rows`: the values by the columns' keys, and under `url` where the first leads. `total`: of all rows, by the
    columns' keys; a sale in several rows counts once there. `groups`: of the rows, with `name`, `says`, `count` and
    `given`. `note`: what a reader of the figures should know.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: list[Row]
    total: Row
    drawn: str = ""
    groups: list[Row] = field(default_factory=list)
    note: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether its columns are too many for a small screen."""
        return len(self.columns) > WIDE

    @property
    def largest(self) -> int:
        return max((row["given"] for row in self.rows), default=0)


GIVEN = Column("given", "Discount", "money")
USES = Column("uses", "Uses", "number")
SALES = Column("sales", "Sales", "number")


def ledger(asked: Asked) -> QuerySet[Redemption]:
    """The lines that a report sums up."""
    lines = Redemption.objects.filter(
        at__gte=asked.since, at__lt=asked.until, sale__currency=asked.currency
    ).order_by()
    return lines if asked.location is None else lines.filter(sale__location=asked.location)


def figures() -> Mapping[str, Any]:
    """Discount and uses as the ledger has them, and the sales that were granted something and are not voided."""
    return {
        "given": Sum("amount", default=0),
        "uses": Sum("uses", default=0),
        "sales": Count("sale", distinct=True, filter=Q(sale__state="committed", reverses=None)),
    }


def total(asked: Asked) -> Row:
    return ledger(asked).aggregate(**figures())
