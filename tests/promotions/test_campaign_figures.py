"""The forecast: when a budget ends at the pace of the last hours."""

from datetime import UTC, datetime, timedelta

import pytest

from promotions import campaign_figures
from promotions.models import Redemption
from tests.factories import PromotionCampaignFactory, PromotionFactory, SaleFactory

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("left", "spent", "since", "expected"),
    [
        (1000, 1000, NOW - 10 * HOUR, NOW + 10 * HOUR),
        (500, 2000, NOW - 8 * HOUR, NOW + 2 * HOUR),
        (1000, 0, NOW - 10 * HOUR, None),  # nothing goes
        (1000, -5, NOW - 10 * HOUR, None),  # more came back than went
        (1000, 900, NOW - timedelta(minutes=9), None),  # too young to have a pace
        (10**12, 1, NOW - HOUR, None),  # years away
    ],
)
def test_the_budget_ends_when_what_is_left_has_gone_at_the_same_pace(left, spent, since, expected):
    assert campaign_figures.forecast_end(left=left, spent=spent, since=since, now=NOW) == expected


@pytest.mark.django_db
def test_the_pace_is_that_of_the_last_day_not_of_the_whole_campaign():
    campaign = PromotionCampaignFactory(
        status="active", budget=10_000, starts_at=NOW - timedelta(days=9), ends_at=NOW + timedelta(days=9)
    )
    for at, amount in [(NOW - timedelta(days=5), 4000), (NOW - 12 * HOUR, 600)]:
        Redemption.objects.create(
            sale=SaleFactory(at=at),
            campaign=campaign,
            promotion=PromotionFactory(),
            amount=amount,
            uses=1,
            at=at,
        )
    figures = campaign_figures.figures_of_campaign(campaign, NOW)
    assert (figures.spent, figures.left) == (4600, 5400)
    assert figures.lasts_until == NOW + timedelta(days=9)  # 600 a day
    assert not figures.is_late


def give_discounts(campaign, *amounts: tuple[timedelta, int]) -> None:
    for ago, amount in amounts:
        Redemption.objects.create(
            sale=SaleFactory(at=NOW - ago),
            campaign=campaign,
            promotion=PromotionFactory(),
            amount=amount,
            uses=1 if amount > 0 else -1,
            at=NOW - ago,
        )


@pytest.mark.django_db
def test_each_day_up_to_today_has_a_line_also_one_that_gave_nothing():
    campaign = PromotionCampaignFactory(status="active", starts_at=NOW - timedelta(days=3))
    give_discounts(campaign, (timedelta(days=3), 500), (timedelta(days=1), 300), (timedelta(days=1), -100))
    day = NOW.date()
    assert campaign_figures.by_day(campaign, NOW) == [
        (day - timedelta(days=3), 500, 1),
        (day - timedelta(days=2), 0, 0),
        (day - timedelta(days=1), 200, 0),
        (day, 0, 0),
    ]


@pytest.mark.django_db
def test_days_are_told_for_a_month_and_of_a_campaign_that_is_over_to_its_last_line():
    campaign = PromotionCampaignFactory(status="active", starts_at=NOW - timedelta(days=90))
    give_discounts(campaign, (timedelta(days=80), 500), (timedelta(days=50), 300))
    assert len(campaign_figures.by_day(campaign, NOW)) == 31
    over = PromotionCampaignFactory(status="cancelled", starts_at=NOW - timedelta(days=90))
    give_discounts(over, (timedelta(days=80), 500), (timedelta(days=78), 300))
    assert [amount for _, amount, _ in campaign_figures.by_day(over, NOW)][-3:] == [500, 0, 300]


@pytest.mark.django_db
def test_a_campaign_that_gave_nothing_has_no_days():
    assert campaign_figures.by_day(PromotionCampaignFactory(status="active"), NOW) == []


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["scheduled", "paused", "expired"])
def test_only_an_active_campaign_has_a_forecast(status):
    campaign = PromotionCampaignFactory(status=status, budget=1000)
    Redemption.objects.create(
        sale=SaleFactory(), campaign=campaign, promotion=PromotionFactory(), amount=5, uses=1, at=NOW - HOUR
    )
    assert campaign_figures.figures_of_campaign(campaign, NOW).lasts_until is None


@pytest.mark.django_db
def test_what_a_promotion_gave_is_never_added_up_over_currencies():
    promotion = PromotionFactory(max_uses=5)
    for currency, amount in (("EUR", 400), ("EUR", 100), ("JPY", 70)):
        Redemption.objects.create(
            sale=SaleFactory(currency=currency), promotion=promotion, amount=amount, uses=1, at=NOW
        )
    assert campaign_figures.figures_of_promotion(promotion) == {
        "given": {"EUR": 500, "JPY": 70},
        "uses": 3,
        "uses_left": 2,
    }
    assert campaign_figures.figures_of_promotion(PromotionFactory()) == {
        "given": {},
        "uses": 0,
        "uses_left": None,
    }


@pytest.mark.django_db
def test_what_a_promotion_gave_is_summed_over_its_campaigns_itself_and_what_is_held():
    promotion, campaign = PromotionFactory(), PromotionCampaignFactory(currency="JPY")
    for currency, owner, amount in (("JPY", campaign, 30), ("JPY", campaign, -10), ("EUR", None, 5)):
        Redemption.objects.create(
            sale=SaleFactory(currency=currency),
            campaign=owner,
            promotion=promotion,
            amount=amount,
            uses=1,
            at=NOW,
        )
    SaleFactory(state="held", expires_at=NOW, reserved=[{"promotion": promotion.pk, "amount": 9}])
    assert campaign_figures.figures_of_promotion(promotion) == {
        "given": {"EUR": 5, "JPY": 20},
        "uses": 4,
        "uses_left": None,
    }
