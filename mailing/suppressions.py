"""Suppressed addresses: adds and finds them, and writes them as CSV."""

from collections.abc import Iterator
from datetime import date, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from campaigns import zones
from campaigns.stored_sentences import translate_stored
from campaigns.workspace import spreadsheets
from mailing.models import Suppression

CSV_COLUMNS = (
    gettext_lazy("Address"),
    gettext_lazy("Reason"),
    gettext_lazy("Source"),
    gettext_lazy("Since"),
    gettext_lazy("Note"),
)


def suppress(address: str, reason: Suppression.Reason, source: Suppression.Source, detail: str) -> bool:
    """Suppress an address; return whether it was not suppressed before. An earlier reason stays."""
    _, is_new = Suppression.objects.get_or_create(
        email=address, defaults={"reason": reason, "source": source, "detail": detail}
    )
    return is_new


def find_suppressions(
    words: str = "",
    *,
    reason: str = "",
    source: str = "",
    since: date | None = None,
    until: date | None = None,
) -> QuerySet[Suppression]:
    """Return suppressions whose address holds `words`, the newest first; `since`, `until`: days in the site's zone."""
    rows = Suppression.objects.order_by("-created_at", "-pk")
    if words:
        rows = rows.filter(email__contains=words.strip().lower())
    if reason:
        rows = rows.filter(reason=reason)
    if source:
        rows = rows.filter(source=source)
    if since:
        rows = rows.filter(created_at__gte=zones.begin_day(since))
    if until:
        rows = rows.filter(created_at__lt=zones.begin_day(until + timedelta(days=1)))
    return rows


def csv_lines(rows: QuerySet[Suppression]) -> Iterator[str]:
    """Yield suppressions as CSV, after a line that names the columns. Times are in the site's zone."""
    yield from spreadsheets.csv_lines([spreadsheets.write_headings(CSV_COLUMNS)])
    yield from spreadsheets.csv_lines(_cells(row) for row in rows.iterator(chunk_size=spreadsheets.CHUNK))


def _cells(row: Suppression) -> list[object]:
    return [
        row.email,
        row.get_reason_display(),
        row.get_source_display(),
        row.created_at,
        translate_stored(row.detail),
    ]
