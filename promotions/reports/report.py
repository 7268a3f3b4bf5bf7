"""The query of a report, and its result: columns and rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any, NamedTuple, overload

from django.utils import timezone
from django.utils.translation import gettext_lazy

from campaigns import dates, zones
from campaigns.annotations import Words

Row = dict[str, Any]  # figures and words by column: of as many types
Key = Any  # what a report groups by: an id, a day, an hour; None for what has none


class Grouping(StrEnum):
    """What the rows of a report are of. Days and hours are those of the query's zone."""

    PROMOTION = "promotion"
    CAMPAIGN = "campaign"
    LOCATION = "location"
    DAY = "day"
    HOUR = "hour"


class SalesTouched(NamedTuple):
    """How many sales got something and are not voided, and their revenue less returns, in minor units."""

    sales: int = 0
    revenue: int = 0


@dataclass(frozen=True)
class ReportQuery:
    """The query of a report: days, both inclusive, and one currency.

    `location`, `campaign`: the key of the only one, None: all. `type`: of promotions, empty: all. `zone`: of days and
    hours: the chosen location's; None: the user's.
    """

    first: date
    last: date
    currency: str
    location: int | None = None
    campaign: int | None = None
    type: str = ""
    zone: tzinfo | None = None

    @property
    def since(self) -> datetime:
        return zones.begin_day(self.first, self.zone)

    @property
    def zone_name(self) -> str:
        return dates.name_zone(self.zone)

    @property
    def zone_key(self) -> str:
        """The zone as PostgreSQL knows it."""
        return str(self.zone or timezone.get_current_timezone())

    @property
    def until(self) -> datetime:
        """The end of the last day, which no longer counts."""
        return zones.begin_day(self.last + timedelta(days=1), self.zone)


@dataclass(frozen=True)
class Column:
    """`kind` says how its values are written: text, money, number, moment, ratio (hundredths) or badge.

    A row has under `badge` the status whose colours a badge takes; none: it is plain text.
    """

    key: str
    label: Words
    kind: str = "text"

    @property
    def is_figure(self) -> bool:
        return self.kind not in ("text", "badge")


class Rows(Sequence[Row]):
    """The rows of a report: the figures of all, and the words only of those that are looked at, which ask for more.

    `describe` returns rows of figures with the words that their columns show, in one query for all of them.
    """

    def __init__(self, figures: list[Row], describe: Callable[[list[Row]], list[Row]]) -> None:
        self.figures = figures
        self._describe = describe

    def __len__(self) -> int:
        return len(self.figures)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return self._describe(self.figures[place])
        return self._describe([self.figures[place]])[0]

    def __iter__(self) -> Iterator[Row]:
        return iter(self._describe(self.figures))


@dataclass(frozen=True)
class Report:
    """A table, and how it is drawn: `bars` beside its rows, `columns` over time, or nothing.

    `rows`: the values by the columns' keys, and under `url` the link of the first. `total`: of all rows, by the
    columns' keys; a sale in several rows counts once there. `groups`: of the rows, with `name`, `says`, `count` and
    `given`. `note`: what a reader of the figures should know.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    total: Row
    drawn: str = ""
    groups: list[Row] = field(default_factory=list)
    note: Words = ""

    @property
    def largest(self) -> int:
        figures = self.rows.figures if isinstance(self.rows, Rows) else self.rows
        return max((row["given"] for row in figures), default=0)


GIVEN = Column("given", gettext_lazy("Discount"), "money")
USES = Column("uses", gettext_lazy("Uses"), "number")
SALES = Column("sales", gettext_lazy("Sales"), "number")
