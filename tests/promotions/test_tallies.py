"""Reports from tallies show what the ledger says, whatever happened, whenever it is folded, and in every time zone."""

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F

from campaigns.doctor import find_breaches
from pos import folding
from pos.models import Sale, UnfoldedSale
from promotions import reports, tallies
from promotions.models import DiscountTally, Redemption, TalliedSale
from promotions.reports import ReportQuery, tallied
from promotions.reports.ledger import Ledger
from promotions.reports.report import Grouping
from promotions.reports.tallied import Kind, Stretches, Tallies, choose_source, divide_time
from tests.factories import LocationFactory, PromotionCampaignFactory, PromotionFactory, SaleFactory
from tests.pos.tills import AtTill, basket
from tests.promotions.test_reports import give_back, redeem

pytestmark = pytest.mark.django_db

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
]
BEGIN = datetime(2026, 2, 1, tzinfo=UTC)
DAYS = 75  # two whole months and parts of others
REPORTS = ["promotion", "campaign", "location", "day", "hour"]


class History:
    """Sales of random promotions at random times, which come back in parts, as a whole, or are voided."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.locations = LocationFactory.create_batch(3)
        self.campaigns = [None, *PromotionCampaignFactory.create_batch(3, status="active")]
        self.promotions = PromotionFactory.create_batch(4)
        self.sales: list[Sale] = []

    def take_step(self) -> None:
        step = self.random.choice((self.sell, self.sell, self.take_back, self.void, self.sell))
        step()

    def moment(self) -> datetime:
        """Return a random moment; one in three within some seconds of a midnight."""
        if self.random.random() < 0.3:
            midnight = BEGIN + timedelta(days=self.random.randrange(DAYS))
            zone = self.random.choice(ZONES)
            return midnight.replace(tzinfo=ZoneInfo(zone)) + timedelta(seconds=self.random.randint(-2, 2))
        return BEGIN + timedelta(minutes=self.random.randrange(DAYS * 24 * 60))

    def sell(self) -> None:
        sale = SaleFactory(
            location=self.random.choice(self.locations),
            at=self.moment(),
            total=self.random.randrange(1, 10_000),
            currency=self.random.choice(("EUR", "EUR", "EUR", "JPY")),
        )
        for promotion in self.random.sample(self.promotions, self.random.randint(1, 3)):
            redeem(
                promotion,
                self.random.randrange(0, 500),
                sale=sale,
                at=sale.at,
                campaign=self.random.choice(self.campaigns),
            )
        self.sales.append(sale)

    def take_back(self) -> None:
        kept = [sale for sale in self.sales if sale.state == "committed"]
        if kept:
            sale = self.random.choice(kept)
            sale.returned_total = (sale.returned_total or 0) + self.random.randrange(1, 100)
            sale.save()
            UnfoldedSale.objects.create(sale_id=sale.pk)
            line = self.random.choice(list(sale.redemptions.filter(reverses=None)))
            give_back(line, amount=self.random.randrange(0, 3), uses=0, at=self.moment())

    def void(self) -> None:
        kept = [sale for sale in self.sales if sale.state == "committed"]
        if kept:
            sale = self.random.choice(kept)
            sale.state = Sale.State.VOIDED
            sale.save()
            at = self.moment()
            for line in sale.redemptions.filter(reverses=None):
                give_back(line, at=at)

    def ask(self) -> ReportQuery:
        """Return a random query of the kinds that tallies answer."""
        first = (BEGIN + timedelta(days=self.random.randrange(-3, DAYS))).date()
        return ReportQuery(
            first,
            first + timedelta(days=self.random.choice((0, 1, 5, 40, 70, 300))),
            self.random.choice(("EUR", "EUR", "EUR", "JPY")),
            location=self.random.choice((None, None, *(location.pk for location in self.locations))),
            zone=ZoneInfo(self.random.choice(ZONES)),
        )


def make_both(name: str, asked: ReportQuery, monkeypatch) -> list[tuple]:
    """Make a report from the source that is chosen for it, and from the ledger."""
    _, make = reports.REPORTS[name]
    assert isinstance(choose_source(asked, Grouping(name)), Tallies)
    made = []
    for source in (choose_source, lambda asked, _grouping: Ledger(asked)):
        for module in ("breakdowns", "campaigns"):
            monkeypatch.setattr(f"promotions.reports.{module}.choose_source", source)
        report = make(asked)
        made.append((report.total, list(report.rows), report.groups))
    monkeypatch.undo()
    return made


@pytest.mark.parametrize("seed", range(6))
def test_reports_from_tallies_are_those_of_the_ledger(seed, monkeypatch):
    history = History(seed)
    for _ in range(6):
        for _ in range(12):
            history.take_step()
            if history.random.random() < 0.2:
                folding.fold_sales(history.random.choice((1, 3, 500)))
        for name in REPORTS:
            asked = history.ask()
            campaign = history.random.choice(history.campaigns)
            if name in ("promotion", "campaign") and campaign:
                asked = ReportQuery(**vars(asked) | {"campaign": campaign.pk})
            from_tallies, from_ledger = make_both(name, asked, monkeypatch)
            assert from_tallies == from_ledger, (name, asked)
        assert list(tallies.find_wrong_tallies()) == []
    while folding.fold_sales():
        pass
    assert list(tallies.find_wrong_tallies()) == []
    for name in REPORTS:
        asked = ReportQuery(date(2026, 1, 1), date(2026, 12, 31), "EUR")
        from_tallies, from_ledger = make_both(name, asked, monkeypatch)
        assert from_tallies == from_ledger
        assert from_tallies[0]["uses"] > 0


def test_a_sale_that_is_folded_again_is_tallied_once():
    line = redeem(PromotionFactory(), 500, campaign=PromotionCampaignFactory())
    folding.fold_sales()
    before = list(DiscountTally.objects.order_by("pk").values())
    assert len(before) == len(Kind)
    UnfoldedSale.objects.create(sale_id=line.sale_id)
    folding.fold_sales()
    assert list(DiscountTally.objects.order_by("pk").values()) == before


def test_all_sales_can_be_tallied_anew(monkeypatch):
    history = History(7)
    for _ in range(40):
        history.take_step()
    call_command("fold")
    right = list(DiscountTally.objects.order_by("pk").values())
    DiscountTally.objects.filter(kind=Kind.DAY).update(given=F("given") + 1)
    TalliedSale.objects.all()[0].delete()
    call_command("fold", all=True)
    assert list(tallies.find_wrong_tallies()) == []
    assert list(DiscountTally.objects.order_by("pk").values()) == right


def test_what_the_tallies_do_not_know_is_read_from_the_ledger(monkeypatch):
    asked = ReportQuery(date(2026, 3, 1), date(2026, 3, 31), "EUR")

    def source_of(grouping, **more):
        return type(choose_source(ReportQuery(**vars(asked) | more), grouping))

    assert source_of(Grouping.DAY) is Tallies
    assert source_of(Grouping.PROMOTION, campaign=1) is Tallies
    assert source_of(Grouping.DAY, campaign=1) is Ledger
    assert source_of(Grouping.PROMOTION, type="bundle") is Ledger
    assert (
        source_of(Grouping.DAY, first=date(1890, 1, 1), zone=ZoneInfo("Europe/Berlin")) is Ledger
    )  # 53:28 ahead
    monkeypatch.setattr(tallied, "READ_WAITING_UP_TO", 1)
    redeem(PromotionFactory(), 1)
    assert source_of(Grouping.DAY) is Tallies
    redeem(PromotionFactory(), 1)
    assert source_of(Grouping.DAY) is Ledger


def utc(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (utc(1, 1), utc(12, 1), (utc(1, 1), utc(1, 1), utc(12, 1), utc(12, 1))),
        (utc(1, 10, 5), utc(4, 20, 4), (utc(1, 11), utc(2, 1), utc(4, 1), utc(4, 20))),
        (utc(1, 10, 5), utc(2, 20, 4), (utc(1, 11), utc(2, 20), utc(2, 20), utc(2, 20))),  # no whole month
        (utc(1, 31, 23), utc(3, 1, 23), (utc(2, 1), utc(2, 1), utc(3, 1), utc(3, 1))),
        (utc(1, 10, 5), utc(1, 11, 5), (utc(1, 11, 5),) * 4),  # no whole day
    ],
)
def test_time_is_divided_into_hours_days_and_months(since, until, expected):
    assert divide_time(since, until, Kind.PROMOTION_DAY, Kind.PROMOTION_MONTH) == Stretches(*expected)


def test_the_doctor_finds_a_tally_that_is_wrong():
    line = redeem(PromotionFactory(), 500)
    assert list(tallies.find_wrong_tallies()) == []  # it waits
    folding.fold_sales()
    assert list(tallies.find_wrong_tallies()) == []
    DiscountTally.objects.filter(kind=Kind.DAY).update(given=501)
    TalliedSale.objects.update(revenue=1)
    said = [breach for breach in find_breaches() if "tall" in breach]
    where = f"location {line.sale.location_id}"
    assert said == [
        f"The tally DAY of 2026-03-10T00:00:00+00:00 in EUR, {where} says 1 given, 0 uses, 0 sales and 0 revenue more "
        "than the ledger.",
        f"Sale {line.sale_id} is not tallied as it is: fold it again.",
    ]


@pytest.mark.django_db(transaction=True)
def test_every_snapshot_has_the_same_figures_in_tallies_and_ledger():
    """Tills sell, void and take back while sales are folded; a reader compares both in one snapshot."""
    PromotionCampaignFactory(discounting=True, status="active")
    ended = threading.Event()

    def sell(till: AtTill) -> None:
        for number in range(40):
            assert till.put(f"S{number}", basket(1_000, 700)).status == 201
            if number % 3 == 0:
                assert till.give_back(f"S{number}", "R1", {"1": 1}).status == 201
            if number % 4 == 3:
                assert till.post(f"S{number - 1}", "void").status == 200

    def fold() -> None:
        while not ended.is_set():
            folding.fold_sales(7)

    with ThreadPoolExecutor(3) as threads:
        folds = threads.submit(leave_no_connection, fold)
        sold = [threads.submit(leave_no_connection, partial(sell, till)) for till in (AtTill(), AtTill())]
        compared = 0
        try:
            while compared < 5 or not all(till.done() for till in sold):
                assert list(read_differences()) == []
                compared += 1
        finally:
            ended.set()
        for future in (*sold, folds):
            future.result()
    assert list(read_differences()) == []
    assert Redemption.objects.filter(reverses=None).count() == 80


def leave_no_connection(work: Callable[[], None]) -> None:
    try:
        work()
    finally:
        connection.close()


def read_differences() -> Iterator[tuple]:
    """Yield what differs between tallies and ledger in one snapshot."""
    today = datetime.now(UTC).date()
    asked = ReportQuery(today - timedelta(days=40), today + timedelta(days=1), "EUR", zone=ZoneInfo("UTC"))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        ledger, read = Ledger(asked), Tallies(asked)
        if (one := read.sums(Grouping.PROMOTION)) != (other := ledger.sums(Grouping.PROMOTION)):
            yield "promotions", one, other
        if (one := read.sum_revenue()) != (other := ledger.sum_revenue()):
            yield "touched", one, other
        for grouping in (Grouping.LOCATION, Grouping.DAY, Grouping.HOUR):
            if (one := read.sales(grouping)) != (other := ledger.sales(grouping)):
                yield grouping, one, other
