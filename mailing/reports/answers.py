"""The answers to a campaign: opens and clicks by link, by who made them, by device, by country."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

import msgspec
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mailing import content, plain_targets
from mailing.countries import name_country
from mailing.models import EmailCampaign, Event
from mailing.reports import stored_counts
from mailing.reports.counting import Clicker, Counts, EventSum, Replies

Kind, Origin = Event.Kind, Event.Origin
ORIGIN_LABELS = {
    Origin.HUMAN: gettext_lazy("People"),
    Origin.UNKNOWN: gettext_lazy("Mostly people: the picture servers of Gmail and Yahoo"),
    Origin.MACHINE: gettext_lazy("Machines: scanners and prefetching"),
}
UNKNOWN_LABEL = gettext_lazy("Not known")
COUNTRIES_SHOWN = 30


class LinkFigures(msgspec.Struct, frozen=True):
    """One tracked link of the content: the clicks of people, and how many recipients clicked it.

    index: its number in the mail. A link that stands in the mail twice has one number.
    """

    url: str
    clicks: int
    people: int
    index: int


class OriginFigures(msgspec.Struct, frozen=True):
    """The opens and clicks of one origin."""

    label: str
    opens: int
    clicks: int


class ReaderFigures(msgspec.Struct, frozen=True):
    """Opens and clicks of people with one device, mail program or system.

    proxied: opens through a mail program's picture servers, which may be of machines.
    """

    label: str
    opens: int
    clicks: int
    proxied: int


class PlaceRow(msgspec.Struct, frozen=True):
    """Recipients in one country or city: sent to, opened, clicked."""

    label: str
    sent: int
    opened: int
    clicked: int


class Answers(msgspec.Struct, frozen=True):
    """`links`: in the order of the content. `origins`: people first. A list without anything to show is empty.

    is_counted: False before a large campaign was counted for the first time. counted_at: when it was counted, None for
    now. unnamed: opens and clicks that name nobody; unnamed_opens and unnamed_clicks: those of people among them.
    """

    links: list[LinkFigures]
    origins: list[OriginFigures]
    unnamed: int
    unnamed_opens: int = 0
    unnamed_clicks: int = 0
    devices: list[ReaderFigures] = []
    clients: list[ReaderFigures] = []
    systems: list[ReaderFigures] = []
    countries: list[PlaceRow] = []
    cities: list[PlaceRow] = []
    clickers: list[Clicker] = []
    replies: list[Replies] = []
    domains: int = 0
    forgotten: int = 0
    is_counted: bool = True
    counted_at: datetime | None = None

    @property
    def left_out(self) -> int:
        """Opens and clicks that are in no figure of people, since they never named anybody."""
        return self.unnamed - self.forgotten

    @property
    def clicks(self) -> int:
        """Clicks of people on all links."""
        return sum(link.clicks for link in self.links)


def count_answers(campaign: EmailCampaign) -> Answers:
    """Count the answers to a campaign; of a large one, return what was counted last."""
    look = stored_counts.read_counts(campaign)
    if look.counts is None:
        return Answers(_list_links(campaign.pk, [], {}), [], 0, is_counted=False)
    counts = look.counts
    links = [each for each in counts.events if each.part == "link"]
    unnamed = [each for each in links if not each.is_named]
    return Answers(
        links=_list_links(campaign.pk, links, {each.link: each.amount for each in counts.people}),
        origins=_list_origins(links),
        unnamed=_sum(unnamed) + counts.forgotten,
        unnamed_opens=_sum(unnamed, Kind.OPENED, Origin.HUMAN),
        unnamed_clicks=_sum(unnamed, Kind.CLICKED, Origin.HUMAN),
        devices=_list_readers(counts, "device"),
        clients=_list_readers(counts, "client"),
        systems=_list_readers(counts, "system"),
        countries=_list_countries(counts),
        cities=_list_cities(counts),
        clickers=counts.clickers,
        replies=counts.replies,
        domains=counts.domains,
        forgotten=counts.forgotten,
        counted_at=counts.at if look.is_late else None,
    )


def load_links(campaign_id: int) -> tuple[str, ...]:
    """Return the URL of each tracked link of a campaign's frozen content, of all its variants; () before its launch.

    Raises:
        ContentError: the stored content cannot be read.
    """
    stored = plain_targets.find_content_with_all_links(campaign_id)
    return () if stored is None else content.read_links(stored)


def _list_links(campaign_id: int, sums: list[EventSum], people: dict[int, int]) -> list[LinkFigures]:
    clicks: Counter[int] = Counter()
    for each in sums:
        if (each.kind, each.origin) == (Kind.CLICKED, Origin.HUMAN) and each.value:
            clicks[int(each.value)] += each.amount
    urls = load_links(campaign_id)
    return [LinkFigures(url, clicks[index], people.get(index, 0), index) for index, url in enumerate(urls)]


def _list_origins(sums: list[EventSum]) -> list[OriginFigures]:
    return [
        OriginFigures(
            str(ORIGIN_LABELS[origin]), _sum(sums, Kind.OPENED, origin), _sum(sums, Kind.CLICKED, origin)
        )
        for origin in (Origin if sums else ())
    ]


def _sum(sums: Iterable[EventSum], kind: str = "", origin: str = "") -> int:
    return sum(
        each.amount
        for each in sums
        if (not kind or each.kind == kind) and (not origin or each.origin == origin)
    )


def _list_readers(counts: Counts, part: str) -> list[ReaderFigures]:
    """Return the opens and clicks by device, client or system: the most used first, the unknown last."""
    labels = dict(Event.Device.choices) if part == "device" else {}
    by_value: dict[str, list[EventSum]] = {}
    for each in counts.events:
        if each.part == part and each.origin != Origin.MACHINE:
            by_value.setdefault(each.value, []).append(each)
    rows = []
    for value, sums in by_value.items():
        people = [each for each in sums if each.origin == Origin.HUMAN]
        row = ReaderFigures(
            label=str(labels.get(value, value)) or str(UNKNOWN_LABEL),
            opens=_sum(people, Kind.OPENED),
            clicks=_sum(people, Kind.CLICKED),
            proxied=_sum(sums, Kind.OPENED, Origin.UNKNOWN) if part == "client" else 0,
        )
        if row.opens or row.clicks or row.proxied:
            rows.append(row)
    return sorted(
        rows,
        key=lambda row: (row.label == str(UNKNOWN_LABEL), -row.opens - row.proxied, -row.clicks, row.label),
    )


def _list_cities(counts: Counts) -> list[PlaceRow]:
    """Return the largest first, each with its country, then the smaller ones together; no row without a city."""
    rows = []
    for each in counts.cities:
        place = f"{each.city}, {name_country(each.country)}" if each.country else each.city
        label = (
            place
            if each.city
            else ngettext("%(count)s other", "%(count)s others", each.amount) % {"count": each.amount}
        )
        rows.append(PlaceRow(label, each.sent, each.opened, each.clicked))
    return rows


def _list_countries(counts: Counts) -> list[PlaceRow]:
    """Return the largest countries first, then all smaller ones in one row, then recipients of unknown countries."""
    found = [each for each in counts.countries if each.sent or each.opened or each.clicked]
    known = sorted((each for each in found if each.country), key=lambda each: (-each.sent, each.country))
    rows = [
        PlaceRow(name_country(each.country), each.sent, each.opened, each.clicked)
        for each in known[:COUNTRIES_SHOWN]
    ]
    for label, others in (
        (_("%(count)s others") % {"count": len(known[COUNTRIES_SHOWN:])}, known[COUNTRIES_SHOWN:]),
        (str(UNKNOWN_LABEL), [each for each in found if not each.country]),
    ):
        if others:
            rows.append(
                PlaceRow(
                    label,
                    sum(each.sent for each in others),
                    sum(each.opened for each in others),
                    sum(each.clicked for each in others),
                )
            )
    return rows
