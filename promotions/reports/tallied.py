"""Figures of reports from the tallies: whole months and days are read there, what they lack from the ledger.

A report begins and ends at midnight of some time zone, the days and months of tallies in UTC. So hours at its begin and
end are read from the ledger, and so is what changed and is not tallied yet (`promotions.tallies`). One statement reads
all of that, so its figures are of one moment. Quarters of an hour need no such hours.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from django.db import connection

from campaigns.annotations import ColumnValue
from promotions import tallies
from promotions.models import DiscountTally
from promotions.reports.ledger import LARGEST_FIRST, Ledger
from promotions.reports.report import Grouping, Key, ReportQuery, Row, SalesTouched

Kind = DiscountTally.Kind
COARSER: Final = {  # tallies of all locations
    Kind.QUARTER: Kind.QUARTER_OF_ALL,
    Kind.CAMPAIGN_DAY: Kind.CAMPAIGN_MONTH,
    Kind.PROMOTION_DAY: Kind.PROMOTION_MONTH,
}
MICROSECOND: Final = timedelta(microseconds=1)
ALMOST_A_DAY: Final = timedelta(days=1) - MICROSECOND
MORE_THAN_A_MONTH: Final = timedelta(days=32)
QUARTER_SECONDS: Final = 15 * 60
READ_WAITING_UP_TO: Final = (
    5_000  # changes: with more of them the ledger is read faster than their differences
)
EXPRESSIONS: Final = {
    Grouping.PROMOTION: "promotion_id",
    Grouping.CAMPAIGN: "nullif(campaign_id, 0)",
    Grouping.LOCATION: "location_id",
    Grouping.DAY: "(begins AT TIME ZONE %(zone)s)::date",
    Grouping.HOUR: "extract(hour FROM begins AT TIME ZONE %(zone)s)::integer",
}
KINDS: Final = {
    Grouping.PROMOTION: Kind.PROMOTION_DAY,
    Grouping.CAMPAIGN: Kind.CAMPAIGN_DAY,
    Grouping.LOCATION: Kind.DAY,
    Grouping.DAY: Kind.QUARTER,
    Grouping.HOUR: Kind.QUARTER,
}

NARROWED: Final = "currency = %(currency)s AND (%(campaign)s::bigint IS NULL OR campaign_id = %(campaign)s)"
OF_LOCATIONS: Final = (
    "location_id = ANY(ARRAY(SELECT id FROM pos_location WHERE id = coalesce(%(location)s::bigint, id)))"
)
TALLIED: Final = (
    "SELECT {columns} FROM promotions_discounttally WHERE kind = {kind} AND {narrowed} AND begins"
)
WAITING: Final = f"{tallies.WAITING} AND line.at >= %(first_day)s AND line.at < %(last_day)s"
AT_THE_EDGES: Final = (
    "(line.at >= %(since)s AND line.at < %(first_day)s OR line.at >= %(last_day)s AND line.at < %(until)s)"
)


def _select_rows() -> str:
    columns = f"{tallies.KEY}, given, uses, sales, revenue"
    coarse = TALLIED.format(columns=columns, kind="%(coarse)s", narrowed=f"location_id = 0 AND {NARROWED}")
    fine = TALLIED.format(columns=columns, kind="%(fine)s", narrowed=f"{OF_LOCATIONS} AND {NARROWED}")
    return f"""
        {coarse} >= %(first_month)s AND begins < %(last_month)s
        UNION ALL {fine} >= %(first_day)s AND begins < %(first_month)s
        UNION ALL {fine} >= %(last_month)s AND begins < %(last_day)s
        UNION ALL SELECT {columns} FROM ({tallies.ROWS}) AS loose
        WHERE kind = %(fine)s AND {OF_LOCATIONS} AND {NARROWED}
          AND (is_new OR (given, uses, sales, revenue) IS DISTINCT FROM (0, 0, 0, 0))
    """


SUMS: Final = f"""
    WITH facts AS MATERIALIZED (
        {tallies.FACTS.format(known=tallies.KNOWN, lines=WAITING)}
        UNION ALL {tallies.FACTS.format(known=tallies.NOTHING_KNOWN, lines=AT_THE_EDGES)}
    ), changes AS ({tallies.CHANGES})
    SELECT {{key}}, {tallies.SUMS} FROM ({_select_rows()}) AS row GROUP BY 1 {LARGEST_FIRST}
"""


def choose_source(asked: ReportQuery, grouping: Grouping) -> "Ledger | Tallies":
    """Return where the figures of a report are read: in the tallies, or in the ledger, which knows all.

    The tallies know no types of promotions, and of one campaign no locations, days and hours.
    """
    is_known = not asked.type and (
        asked.campaign is None or grouping in (Grouping.PROMOTION, Grouping.CAMPAIGN)
    )
    is_known &= not any(moment.timestamp() % QUARTER_SECONDS for moment in (asked.since, asked.until))
    return Tallies(asked) if is_known and not _waits_much() else Ledger(asked)


def _waits_much() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT FROM pos_unfoldedsale LIMIT %s) AS waiting",
            [READ_WAITING_UP_TO + 1],
        )
        count: int = cursor.fetchone()[0]
    return count > READ_WAITING_UP_TO


class Tallies:
    """The figures of a report from the tallies; those of one kind are of one moment."""

    def __init__(self, asked: ReportQuery) -> None:
        self._asked = asked
        self._known: dict[tuple[Kind, Grouping | None], list[tuple[Key, int, int, int, int]]] = {}

    def sums(self, grouping: Grouping) -> dict[Key, Row]:
        """Return `given` and `uses` by promotion, campaign, location, day or hour, the largest discount first.

        `sales`: those with a discount that are not voided.
        """
        return {
            key: {"given": given, "uses": uses, "sales": sales}
            for key, given, uses, sales, _ in self._read_rows(KINDS[grouping], grouping)
        }

    def sales(self, grouping: Grouping) -> dict[Key, int]:
        """Count the sales with a discount that are not voided, by location, day or hour."""
        return {key: row["sales"] for key, row in self.sums(grouping).items()}

    def all_sales(self) -> int:
        return self._read_all().sales

    def sum_revenue(self) -> tuple[dict[Key, SalesTouched], SalesTouched]:
        """Return the sales that each campaign gave something to, and all of them, each once."""
        rows = self._read_rows(Kind.CAMPAIGN_DAY, Grouping.CAMPAIGN)
        return {key: SalesTouched(sales, revenue) for key, *_, sales, revenue in rows}, self._read_all()

    def _read_all(self) -> SalesTouched:
        rows = self._read_rows(Kind.DAY if self._asked.campaign is None else Kind.CAMPAIGN_DAY, None)
        return SalesTouched(*rows[0][3:]) if rows else SalesTouched()

    def _read_rows(self, kind: Kind, grouping: Grouping | None) -> list[tuple[Key, int, int, int, int]]:
        """Read the tallies of days or quarters of `kind`, and the coarser ones in their middle, by `grouping`.

        Returns: key, given, uses, sales, revenue.
        """
        if (kind, grouping) not in self._known:
            expression = EXPRESSIONS[grouping] if grouping else "NULL"
            with connection.cursor() as cursor:
                cursor.execute(SUMS.format(key=expression), self._list_parameters(kind))
                self._known[kind, grouping] = cursor.fetchall()
        return self._known[kind, grouping]

    def _list_parameters(self, kind: Kind) -> dict[str, ColumnValue]:
        asked = self._asked
        coarse = COARSER.get(kind) if asked.location is None else None
        stretches = divide_time(asked.since, asked.until, kind, coarse)
        return {
            "fine": kind,
            "coarse": coarse or kind,
            "currency": asked.currency,
            "location": asked.location,
            "campaign": asked.campaign,
            "zone": asked.zone_key,
            "since": asked.since,
            "until": asked.until,
            **stretches._asdict(),
        }


class Stretches(NamedTuple):
    """How a stretch of time is read: hours, days, months, days, hours; each may be empty."""

    first_day: datetime
    first_month: datetime
    last_month: datetime
    last_day: datetime


def divide_time(since: datetime, until: datetime, kind: Kind, coarse: Kind | None) -> Stretches:
    """Divide a stretch of time into what the tallies of a kind know whole, and of that what the coarser one does."""
    if kind == Kind.QUARTER:
        return Stretches(since, since, until, until) if coarse else Stretches(since, until, until, until)
    first, last = begin_utc_day(since + ALMOST_A_DAY), begin_utc_day(until)
    if first >= last:
        return Stretches(until, until, until, until)  # no day is whole
    first_month, last_month = (
        begin_month(begin_month(first - MICROSECOND) + MORE_THAN_A_MONTH),
        begin_month(last),
    )
    if coarse is None or first_month >= last_month:
        return Stretches(first, last, last, last)
    return Stretches(first, first_month, last_month, last)


def begin_utc_day(moment: datetime) -> datetime:
    """Return the begin of the day of a moment, in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def begin_month(moment: datetime) -> datetime:
    """Return the begin of the month of a moment, in UTC."""
    return begin_utc_day(moment).replace(day=1)
