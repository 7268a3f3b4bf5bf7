"""A report as it is drawn and as CSV."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from django.utils import timezone

from promotions.coupons import cell
from promotions.reports.ledger import Report


def shares(report: Report) -> list[float]:
    """For each row how long its bar is, 0 to 100, the largest discount being 100; what was given back draws nothing."""
    largest = max(1, report.largest)
    return [round(100 * max(0, row["given"]) / largest, 2) for row in report.rows]


def csv_rows(report: Report, currency: str) -> Iterable[list[Any]]:
    """The report as rows for CSV, header first; amounts as decimals of `currency`."""
    yield [
        f"{column.label} ({currency})" if column.kind == "money" else column.label
        for column in report.columns
    ]
    places = get_currency_precision(currency)
    for row in report.rows:
        yield [_cell(row.get(column.key), column.kind, places) for column in report.columns]


def _cell(value: Any, kind: str, places: int) -> Any:
    if value is None:
        return ""
    if kind == "money":
        return f"{Decimal(value).scaleb(-places):f}"
    if kind == "ratio":
        return f"{Decimal(value).scaleb(-2):f}"
    return cell(timezone.localtime(value) if kind == "moment" else value)
