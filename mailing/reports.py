"""What became of a launched campaign: its links, and each of its recipients."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from django.db.models import Count, QuerySet, Sum

from campaigns.workspace import spreadsheets
from mailing import content
from mailing.models import Content, Delivery, EmailCampaign, Event, EventCount

CSV_COLUMNS = (
    "address",
    "status",
    "reason",
    "connection",
    "attempts",
    "sent",
    "opened",
    "clicked",
    "unsubscribed",
    "stage",
    "code",
    "enhanced code",
    "answer",
)


ORIGIN_LABELS = {
    Event.Origin.HUMAN: "People",
    Event.Origin.UNKNOWN: "Mostly people: the picture servers of Gmail and Yahoo",
    Event.Origin.MACHINE: "Machines: scanners and prefetching",
}


class LinkFigures(msgspec.Struct, frozen=True):
    """One tracked link of the content: every click of people, and the recipients who clicked it at all."""

    url: str
    clicks: int
    people: int


class OriginFigures(msgspec.Struct, frozen=True):
    """How often mails of a campaign were opened, and links of it followed, by those of one origin."""

    label: str
    opens: int
    clicks: int


class Answers(msgspec.Struct, frozen=True):
    """`links` in the order of the content, `origins` with people first; each empty where there is nothing to show."""

    links: list[LinkFigures]
    origins: list[OriginFigures]
    unnamed: int  # of all opens and clicks, those that name nobody


def count_answers(campaign: EmailCampaign) -> Answers:
    """Count the opens and clicks of a campaign by link and by origin."""
    rows = list(
        Event.objects.filter(campaign=campaign, kind__in=(Event.Kind.OPENED, Event.Kind.CLICKED))
        .values("kind", "origin", "link")
        .order_by("kind")
        .annotate(amount=Count("pk"), people=Count("delivery", distinct=True))
    )
    unnamed = list(
        EventCount.objects.filter(campaign=campaign)
        .values("kind", "origin", "link")
        .order_by("kind")
        .annotate(amount=Sum("amount"))
    )
    return Answers(
        _list_links(campaign, rows, unnamed),
        _list_origins([*rows, *unnamed]),
        sum(row["amount"] for row in unnamed),
    )


def _list_links(
    campaign: EmailCampaign, rows: list[dict[str, Any]], unnamed: list[dict[str, Any]]
) -> list[LinkFigures]:
    frozen = Content.objects.filter(campaign=campaign).first()
    if frozen is None:
        return []
    clicks: Counter[int] = Counter()
    people: Counter[int] = Counter()
    for row in [*rows, *unnamed]:
        if (row["kind"], row["origin"]) == (Event.Kind.CLICKED, Event.Origin.HUMAN):
            clicks[row["link"]] += row["amount"]
            people[row["link"]] += row.get("people", 0)
    urls = content.load(bytes(frozen.compiled)).links
    return [LinkFigures(url, clicks[index], people[index]) for index, url in enumerate(urls)]


def _list_origins(rows: list[dict[str, Any]]) -> list[OriginFigures]:
    amounts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        amounts[row["kind"], row["origin"]] += row["amount"]
    return [
        OriginFigures(
            ORIGIN_LABELS[origin], amounts[Event.Kind.OPENED, origin], amounts[Event.Kind.CLICKED, origin]
        )
        for origin in (Event.Origin if rows else ())
    ]


def list_recipients(
    campaign: EmailCampaign, *, status: str = "", words: str = "", after: int = 0
) -> QuerySet[Delivery]:
    """Its recipients in the order of their keys, those after the key `after`, with their connections and attempts."""
    found = Delivery.objects.filter(campaign=campaign, pk__gt=after).order_by("pk")
    if status:
        found = found.filter(status=status)
    if words:
        found = found.filter(email__contains=words.strip().lower())
    return found.select_related("connection").prefetch_related("tries")


def csv_lines(campaign: EmailCampaign) -> Iterator[str]:
    """Every recipient as a line of CSV, after a line that names the columns; times in the site's zone."""
    yield from spreadsheets.lines([CSV_COLUMNS])
    rows = Delivery.objects.filter(campaign=campaign).order_by("pk").select_related("connection")
    yield from spreadsheets.lines(_cells(row) for row in rows.iterator(chunk_size=spreadsheets.CHUNK))


def _cells(row: Delivery) -> list[object]:
    return [
        row.email,
        row.get_status_display(),
        row.get_reason_display(),
        str(row.connection or ""),
        row.attempts,
        row.sent_at,
        row.opened_at,
        row.clicked_at,
        row.unsubscribed_at,
        row.stage,
        row.code or "",
        row.enhanced_code,
        row.text,
    ]
