"""What became of a launched campaign: its links, and each of its recipients."""

from collections.abc import Iterator

import msgspec
from django.db.models import Count, QuerySet

from campaigns.workspace import spreadsheets
from mailing import content
from mailing.models import Content, Delivery, EmailCampaign, Event

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


class LinkFigures(msgspec.Struct, frozen=True):
    """One tracked link of the content: every click, and the recipients who clicked it at all."""

    url: str
    clicks: int
    people: int


def list_links(campaign: EmailCampaign) -> list[LinkFigures]:
    """The links in the order of the content; none before it is compiled."""
    frozen = Content.objects.filter(campaign=campaign).first()
    if frozen is None:
        return []
    counted = {
        row["link"]: row
        for row in Event.objects.filter(campaign=campaign, kind=Event.Kind.CLICKED)
        .values("link")
        .order_by("link")
        .annotate(clicks=Count("pk"), people=Count("delivery", distinct=True))
    }
    none = {"clicks": 0, "people": 0}
    urls = content.load(bytes(frozen.compiled)).links
    return [
        LinkFigures(url, (row := counted.get(index, none))["clicks"], row["people"])
        for index, url in enumerate(urls)
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
