"""The recipients of a campaign, one by one: the table with its search, and the CSV file."""

from collections.abc import Iterator

import msgspec
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from campaigns.stored_sentences import translate_stored
from campaigns.workspace import spreadsheets
from mailing.models import Delivery, EmailCampaign, SmtpConnection

PER_PAGE = 50
SEARCHED = 100_000  # recipients that one page of a search goes through at most
NO_CODE = "none"
CSV_COLUMNS = (
    gettext_lazy("Address"),
    gettext_lazy("Status"),
    gettext_lazy("Reason"),
    gettext_lazy("Connection"),
    gettext_lazy("Attempts"),
    gettext_lazy("Sent"),
    gettext_lazy("Delivered"),
    gettext_lazy("Opened"),
    gettext_lazy("Clicked"),
    gettext_lazy("Unsubscribed"),
    gettext_lazy("Complained"),
    gettext_lazy("Stage"),
    gettext_lazy("Code"),
    gettext_lazy("Enhanced code"),
    gettext_lazy("Answer"),
)


CSV_FIELDS = (  # of a delivery, in the order of the columns
    "email",
    "status",
    "reason",
    "connection",
    "attempts",
    "sent_at",
    "delivered_at",
    "opened_at",
    "clicked_at",
    "unsubscribed_at",
    "complained_at",
    "stage",
    "code",
    "enhanced_code",
    "text",
)


class Search(msgspec.Struct, frozen=True):
    """The filters of the table of recipients; "" filters nothing. `code` is a number or NO_CODE."""

    status: str = ""
    code: str = ""
    words: str = ""

    @property
    def is_narrow(self) -> bool:
        return bool(self.status or self.code or self.words)


class Page(msgspec.Struct, frozen=True):
    """A page of the table: its rows, and the key after which the next page begins, None at the end.

    is_cut: the search stopped early, and the next page may be empty.
    """

    rows: list[Delivery]
    after: int | None
    is_cut: bool = False


def read_search(status: str, code: str, words: str) -> Search:
    """Read the filters; a value that is no status and no code filters nothing."""
    is_code = code == NO_CODE or (code.isascii() and code.isdecimal() and len(code) == 3)
    return Search(
        status if status in Delivery.Status.values else "",
        code if is_code else "",
        words.strip().lower().replace("\0", "")[:254],
    )


def read_page(campaign: EmailCampaign, search: Search, after: int = 0) -> Page:
    """Read the recipients behind the key `after` that match, with their connections and attempts.

    An index for this search would slow down each message that is sent. So a search reads SEARCHED recipients at most,
    and the next page continues from there.
    """
    everybody = Delivery.objects.filter(campaign=campaign, pk__gt=after).order_by("pk")
    end = None
    if search.is_narrow and campaign.total > SEARCHED:
        end = everybody.values_list("pk", flat=True)[SEARCHED - 1 : SEARCHED].first()
    found = filter_deliveries(everybody if end is None else everybody.filter(pk__lte=end), search)
    rows = list(found.select_related("connection").prefetch_related("tries")[:PER_PAGE])
    if len(rows) == PER_PAGE:
        return Page(rows, rows[-1].pk)
    return Page(rows, end, is_cut=end is not None)


def filter_deliveries(deliveries: QuerySet[Delivery], search: Search) -> QuerySet[Delivery]:
    """Keep the deliveries that match the search."""
    if search.status:
        deliveries = deliveries.filter(status=search.status)
    if search.code:
        deliveries = deliveries.filter(code=None if search.code == NO_CODE else int(search.code))
    if search.words:
        deliveries = deliveries.filter(email__contains=search.words)
    return deliveries


def csv_lines(campaign: EmailCampaign, search: Search) -> Iterator[str]:
    """Yield each recipient that matches as a line of CSV, after a line that names the columns."""
    yield from spreadsheets.csv_lines([spreadsheets.write_headings(CSV_COLUMNS)])
    rows = filter_deliveries(Delivery.objects.filter(campaign=campaign).order_by("pk"), search)
    values = rows.values_list(*CSV_FIELDS).iterator(chunk_size=spreadsheets.CHUNK)
    names = {pk: str(smtp) for pk, smtp in SmtpConnection.objects.in_bulk().items()}
    statuses, reasons = dict(Delivery.Status.choices), dict(Delivery.Reason.choices)
    yield from spreadsheets.csv_lines(
        (
            email,
            statuses.get(status, status),
            reasons.get(reason, reason),
            names.get(smtp, ""),
            *rest,
            "" if code is None else code,
            enhanced,
            # a sentence of ours where no server answered; what servers say is in no catalogue
            translate_stored(text) if code is None else text,
        )
        for email, status, reason, smtp, *rest, code, enhanced, text in values
    )
