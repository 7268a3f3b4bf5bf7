"""Campaigns side by side: their figures and rates."""

from collections.abc import Iterator, Sequence

import msgspec
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_lazy

from campaigns import database_time, formats
from campaigns.models import Campaign
from campaigns.workspace import spreadsheets
from campaigns.workspace.plots import Plot, Point, draw_plot
from mailing.models import EmailCampaign, Event, Mode, TrackingPolicy
from mailing.models.tracking import choose_stricter
from mailing.reports.figures import Figure, Rate, UnnamedEvents, list_figures, rate_clicks_to_opens, total_up
from mailing.tallies import sum_tallies

MOST_COMPARED = 5
NOT_KNOWN = gettext_lazy("not known")
RATES = ("delivered", "opened", "clicked", "to_opens", "bounced", "complained", "unsubscribed")
DRAWN = (
    (gettext_lazy("Opens and clicks"), ("opened", "clicked", "to_opens")),
    (gettext_lazy("Bounces, complaints, unsubscriptions"), ("bounced", "complained", "unsubscribed")),
)
_UNNAMED = """
SELECT campaign_id, kind, sum(amount) FROM mailing_eventcount
WHERE campaign_id = ANY(%s) AND origin = %s AND NOT was_named GROUP BY 1, 2
"""


class ComparedCampaign(msgspec.Struct, frozen=True):
    """One campaign of a comparison. All campaigns have the same figures and rates, in the same order."""

    campaign: EmailCampaign
    figures: list[Figure]
    rates: list[Rate]

    @property
    def number_sent(self) -> int:
        return next(figure.amount or 0 for figure in self.figures if figure.key == "sent")

    @property
    def open_rate(self) -> str:
        return self._read_rate("opened")

    @property
    def click_rate(self) -> str:
        return self._read_rate("clicked")

    @property
    def bounce_rate(self) -> str:
        return self._read_rate("bounced")

    def _read_rate(self, key: str) -> str:
        return next(figure.rate.percent for figure in self.figures if figure.key == key and figure.rate)


class Line(msgspec.Struct, frozen=True):
    """One figure or rate of every campaign, in the order of the campaigns, as text."""

    label: str
    meaning: str
    cells: list[str]


class Comparison(msgspec.Struct, frozen=True):
    """Campaigns side by side. `plots`: rates of what readers did, and of what went wrong, which are far smaller."""

    columns: list[ComparedCampaign]
    figures: list[Line]
    rates: list[Line]
    plots: list[tuple[str, Plot]]


def list_campaigns_with_report() -> QuerySet[EmailCampaign]:
    """Return every campaign that has a report, the latest launch first, without loading their contents."""
    launched = EmailCampaign.objects.filter(prepared_at__isnull=False).defer("body", "text")
    return launched.order_by("-launched_at", "-pk")


def read_compared_campaigns(campaigns: Sequence[EmailCampaign]) -> list[ComparedCampaign]:
    """Read the figures of these campaigns. It takes three queries, however many campaigns there are."""
    pks = [campaign.pk for campaign in campaigns]
    sums = sum_tallies(pks, database_time.now())
    unnamed: dict[int, dict[str, int]] = {pk: {} for pk in pks}
    if pks:
        with connection.cursor() as cursor:
            cursor.execute(_UNNAMED, [pks, Event.Origin.HUMAN])
            for pk, kind, amount in cursor:
                unnamed[pk][kind] = int(amount)
    sites = TrackingPolicy.read_row().mode if pks else ""
    rows = []
    for campaign in campaigns:
        counted = total_up(campaign.total, sums[campaign.pk])
        mode = Mode(choose_stricter(sites, campaign.tracking))
        nameless = unnamed[campaign.pk]
        figures = list_figures(
            campaign,
            counted,
            mode,
            UnnamedEvents(nameless.get(Event.Kind.OPENED, 0), nameless.get(Event.Kind.CLICKED, 0)),
        )
        rates = {figure.key: figure.rate for figure in figures if figure.rate}
        rates["to_opens"] = rate_clicks_to_opens(figures)
        rows.append(ComparedCampaign(campaign, figures, [rates[key] for key in RATES]))
    return rows


def compare_campaigns(campaigns: Sequence[EmailCampaign]) -> Comparison:
    """Set the figures and rates of these campaigns side by side, in their order."""
    columns = read_compared_campaigns(campaigns)
    first = columns[0]
    figures = [
        Line(
            figure.label,
            figure.meaning,
            [_write_amount(column.figures[place].amount) for column in columns],
        )
        for place, figure in enumerate(first.figures)
    ]
    rates = [
        Line(rate.label, rate.meaning, [column.rates[place].percent or str(NOT_KNOWN) for column in columns])
        for place, rate in enumerate(first.rates)
    ]
    plots = [(str(what), _draw_rates(columns, keys)) for what, keys in DRAWN]
    return Comparison(columns, figures, rates, plots)


def _draw_rates(columns: list[ComparedCampaign], keys: tuple[str, ...]) -> Plot:
    points = []
    for key in keys:
        rates = [column.rates[RATES.index(key)] for column in columns]
        label = rates[0].label
        cells = [
            f"{column.campaign}: {rate.percent or NOT_KNOWN}"
            for column, rate in zip(columns, rates, strict=True)
        ]
        measures = tuple(_measure(rate) for rate in rates)
        points.append(Point(label, label.removesuffix(" rate"), measures, tuple(cells)))
    names = tuple(str(column.campaign) for column in columns)
    return draw_plot(points, names, _write_percent, room=len(points))


def _write_amount(amount: int | None) -> str:
    return str(NOT_KNOWN) if amount is None else formats.thousands(amount)


def _measure(rate: Rate) -> int:
    """Return a rate in hundredths of a percent; 0 when nobody knows it."""
    return round(10_000 * rate.part / rate.whole) if rate.part is not None and rate.whole else 0


def _write_percent(hundredths: int) -> str:
    return f"{hundredths / 100:g}%"


def csv_lines(comparison: Comparison) -> Iterator[str]:
    """Yield each campaign as a line of CSV, after a line that names the columns; rates in percent."""
    labels = [line.label for line in [*comparison.figures, *comparison.rates]]
    yield from spreadsheets.csv_lines(
        [spreadsheets.write_headings([gettext("Campaign"), gettext("Status"), gettext("Launched"), *labels])]
    )
    yield from spreadsheets.csv_lines(
        [
            str(column.campaign),
            Campaign.Status(column.campaign.status).label,
            column.campaign.launched_at,
            *["" if figure.amount is None else figure.amount for figure in column.figures],
            *[_write_rate(rate) for rate in column.rates],
        ]
        for column in comparison.columns
    )


def _write_rate(rate: Rate) -> str:
    """Write a rate for a file: with a decimal point in every language; "" when nobody knows it."""
    percent = formats.find_percent(rate.part, rate.whole)
    return "" if percent is None else str(percent)
