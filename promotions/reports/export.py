"""Draws a report, and writes it as CSV."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from babel.numbers import get_currency_precision
from django.utils.translation import gettext

from campaigns.annotations import ColumnValue
from campaigns.formats import money, money_on_scale
from campaigns.workspace import spreadsheets
from campaigns.workspace.plots import Plot, Point, draw_plot
from promotions.reports.report import Report, Row


def list_shares(report: Report, rows: Iterable[Row]) -> list[float]:
    """Return the length of the bar of each of these rows, from 0 to 100 for the report's largest discount.

    That of a negative one is 0.
    """
    largest = max(1, report.largest)
    return [round(100 * max(0, row["given"]) / largest, 2) for row in rows]


def draw_report(report: Report, currency: str) -> Plot:
    """Draw the discount of each row of `report` as columns over time."""
    points = [
        Point(row["name"], row["short"], (row["given"],), (money(row["given"], currency),))
        for row in report.rows
    ]
    return draw_plot(points, (gettext("Discount"),), lambda amount: money_on_scale(amount, currency))


def csv_lines(report: Report, currency: str) -> Iterator[str]:
    """Yield the report as CSV, after a line that names the columns; amounts as decimals of `currency`."""
    named = [
        f"{column.label} ({currency})" if column.kind == "money" else column.label
        for column in report.columns
    ]
    places = get_currency_precision(currency)
    yield from spreadsheets.csv_lines([named])
    yield from spreadsheets.csv_lines(
        [_cell(row.get(column.key), column.kind, places) for column in report.columns] for row in report.rows
    )


def _cell(value: ColumnValue, kind: str, places: int) -> object:
    if kind in ("money", "ratio") and value is not None:
        return f"{Decimal(value).scaleb(-(places if kind == 'money' else 2)):f}"
    return value
