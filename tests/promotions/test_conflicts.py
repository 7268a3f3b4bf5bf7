"""What a marketer is warned of."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from promotions import stacking
from promotions.conflicts import conflicts_of, least_discount, meets_window
from promotions.engine import rules
from promotions.models import Coupon, Link, Promotion
from tests.factories import (
    CouponFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SaleFactory,
)
from tests.promotions.pages import read_page, words

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def conflict_text(promotion: Promotion, *campaigns, places=()) -> str:
    return " ".join(conflicts_of(promotion, campaigns=campaigns, places=places))


def test_a_sound_promotion_in_an_active_campaign_warns_of_nothing():
    promotion = PromotionFactory(
        benefit={"type": "fixed_total", "amount": 500},
        conditions=[{"type": "min_subtotal", "amount": 5000}],
        starts_at=None,
    )
    assert conflicts_of(promotion, campaigns=[PromotionCampaignFactory(status="active", budget=100000)]) == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"benefit": {"type": "percent", "percent": 0}}, "A discount of 0% gives nothing"),
        ({"benefit": {"type": "fixed_total", "amount": 0}}, "A discount of 0 gives nothing"),
        (
            {"benefit": {"type": "fixed_price", "amount": 500}, "target": {"match": {"unit_price_max": 500}}},
            "No chosen article costs more than the fixed price",
        ),
        (
            {
                "benefit": {
                    "type": "buy_get",
                    "buy": {"quantity": 1},
                    "get": {"quantity": 2},
                    "max_get_units": 1,
                }
            },
            "no group ever fits",
        ),
        (
            {
                "benefit": {
                    "type": "tiered",
                    "tiers": [{"at_least": 2000, "percent": 500}, {"at_least": 4000, "percent": 1000}],
                },
                "conditions": [{"type": "min_subtotal", "amount": 5000}],
            },
            "The tier from €20.00 is never reached alone: the conditions ask for €50.00 anyway",
        ),
        (
            {
                "benefit": {
                    "type": "tiered",
                    "tiers": [{"at_least": 2000, "percent": 500}, {"at_least": 4000, "percent": 500}],
                }
            },
            "The tier from €40.00 gives no more than the one before it",
        ),
        (
            {
                "benefit": {"type": "fixed_total", "amount": 500},
                "conditions": [{"type": "min_subtotal", "amount": 500}],
            },
            "A sale of €5.00 gets €5.00 off: it costs nothing",
        ),
        ({"caps": {"max_amount": 0}}, "At most 0 in a sale gives nothing"),
        (
            {"conditions": [{"type": "first_purchase"}], "max_uses_per_customer": 2},
            "A first purchase happens once",
        ),
        ({"trigger": "coupon"}, "It needs a coupon code, and it has none yet"),
        ({"benefit": {"type": "nonsense"}}, "Its rules cannot be read"),
        (
            {"starts_at": datetime(2026, 1, 1, tzinfo=UTC), "ends_at": datetime(2026, 1, 2, tzinfo=UTC)},
            "Its own end has passed",
        ),
    ],
)
def test_a_promotion_that_gives_nothing_or_not_as_meant_says_so(fields, sentence):
    assert sentence in conflict_text(PromotionFactory(**fields))


def test_a_promotion_that_applies_nowhere_says_so_and_a_standalone_one_does_not():
    assert "it applies nowhere" in conflict_text(PromotionFactory())
    assert conflict_text(PromotionFactory(standalone=True)) == ""


def test_linked_and_standalone_exclude_each_other():
    assert "It is standalone and linked" in conflict_text(
        PromotionFactory(standalone=True), PromotionCampaignFactory()
    )


def test_a_campaign_that_is_over_counts_as_none():
    assert "it applies nowhere" in conflict_text(
        PromotionFactory(), PromotionCampaignFactory(status="expired")
    )


def test_a_threshold_that_no_sale_ever_reached_is_told_with_the_largest():
    promotion = PromotionFactory(standalone=True, conditions=[{"type": "min_subtotal", "amount": 90000}])
    assert conflict_text(promotion) == ""  # too few sales to tell
    SaleFactory.create_batch(200, location=LocationFactory(), subtotal=4500)
    assert "None of the last 200 sales came to €900.00: the largest was €45.00" in conflict_text(promotion)
    tiers = [{"at_least": at_least, "percent": 500} for at_least in (4000, 8000, 12000)]
    promotion = PromotionFactory(standalone=True, benefit={"type": "tiered", "tiers": tiers})
    assert "None of the last 200 sales came to €80.00: the largest was €45.00" in conflict_text(promotion)
    coded = CouponFactory(promotion__standalone=True, min_subtotal=4501).promotion
    assert "minimum spend of 1 of its coupon codes" in conflict_text(coded)
    Coupon.objects.update(min_subtotal=4500)
    assert conflict_text(coded) == ""


def test_stacking_rules_that_cut_every_discount_are_told():
    promotion = PromotionFactory(standalone=True, benefit={"type": "fixed_total", "amount": 500})
    stacking.change_rules(max_discount=500)
    assert conflict_text(promotion) == ""
    stacking.change_rules(max_discount=499)
    assert conflict_text(promotion) == (
        "The stacking rules allow €4.99 of discount in a sale: no sale gets the whole €5.00."
    )


def test_a_window_outside_the_campaign_is_told():
    now = timezone.now()
    campaign = PromotionCampaignFactory(status="active")  # from yesterday for a week
    outside = PromotionFactory(starts_at=now + 30 * DAY, ends_at=now + 31 * DAY)
    assert f"Its window lies outside that of “{campaign}”" in conflict_text(outside, campaign)
    before = PromotionFactory(starts_at=now - 9 * DAY)
    assert f"It starts before “{campaign}” does" in conflict_text(before, campaign)
    after = PromotionFactory(ends_at=now + 30 * DAY)
    assert f"It ends after “{campaign}” does" in conflict_text(after, campaign)


def test_hours_that_never_come_within_the_window_are_told():
    monday = datetime(2090, 1, 2, tzinfo=UTC)
    promotion = PromotionFactory(
        standalone=True,
        starts_at=monday,
        ends_at=monday + DAY,
        conditions=[{"type": "hours", "weekdays": [6, 7]}],
    )
    assert conflict_text(promotion) == "Its days and hours never come within its own window."


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (rules.Hours(weekdays=(1,)), True),
        (rules.Hours(weekdays=(2,)), False),
        (rules.Hours("08:00", "09:00"), False),
        (rules.Hours("09:00", "11:00"), True),
        (rules.Hours("12:00", "13:00"), False),  # the end no longer counts
        (rules.Hours("22:00", "10:01", (7,)), True),  # began on Sunday evening
        (rules.Hours("22:00", "10:00", (7,)), False),
    ],
)
def test_whether_hours_meet_a_window_is_told_to_the_minute(hours, expected):
    monday = datetime(2090, 1, 2, tzinfo=UTC)
    assert meets_window(hours, monday + timedelta(hours=10), monday + timedelta(hours=12)) is expected


def test_a_long_or_open_window_meets_all_hours():
    monday = datetime(2090, 1, 2, tzinfo=UTC)
    assert meets_window(rules.Hours(weekdays=(3,)), monday, None)
    assert meets_window(rules.Hours(weekdays=(3,)), monday, monday + 30 * DAY)


def test_locations_that_never_meet_those_of_the_campaign_are_told():
    here, there = LocationFactory.create_batch(2)
    campaign = PromotionCampaignFactory()
    campaign.locations.set([there])
    assert "None of its locations is one of" in conflict_text(PromotionFactory(), campaign, places=[here.pk])
    assert conflict_text(PromotionFactory(), campaign, places=[here.pk, there.pk]) == ""
    assert conflict_text(PromotionFactory(), campaign) == ""


@pytest.mark.parametrize(
    ("on_budget_end", "sentence"),
    [("partial", "the first sale gets less and uses it up"), ("reject", "it never applies there")],
)
def test_a_budget_smaller_than_one_discount_is_told(on_budget_end, sentence):
    promotion = PromotionFactory(benefit={"type": "fixed_total", "amount": 500})
    campaign = PromotionCampaignFactory(budget=499, on_budget_end=on_budget_end)
    assert sentence in conflict_text(promotion, campaign)
    assert conflict_text(promotion, PromotionCampaignFactory(budget=500)) == ""


@pytest.mark.parametrize(
    ("benefit", "conditions", "caps", "least"),
    [
        ({"type": "percent", "percent": 1000}, [{"type": "min_subtotal", "amount": 5000}], {}, 500),
        ({"type": "percent", "percent": 1000}, [], {}, 0),
        ({"type": "tiered", "tiers": [{"at_least": 3000, "percent": 1000}]}, [], {}, 300),
        ({"type": "fixed_total", "amount": 500}, [], {"max_amount": 200}, 200),
        ({"type": "cheapest_free", "units": 1}, [], {}, 0),
    ],
)
def test_the_least_discount_is_what_the_rule_itself_tells(benefit, conditions, caps, least):
    from promotions.reading import read_rule

    assert (
        least_discount(read_rule(PromotionFactory.build(benefit=benefit, conditions=conditions, caps=caps)))
        == least
    )


def test_amounts_of_a_campaign_in_another_currency_are_spelled_out():
    promotion = PromotionFactory(benefit={"type": "fixed_total", "amount": 500})
    campaign = PromotionCampaignFactory(currency="JPY")
    assert "counts in JPY. There it says: ¥500 off the sale." in conflict_text(promotion, campaign)


def test_codes_that_cannot_match_are_told():
    now = timezone.now()
    promotion = PromotionFactory(trigger="coupon", standalone=True, ends_at=now + DAY)
    good = CouponFactory(promotion=promotion)
    assert conflict_text(promotion) == ""
    late = CouponFactory(promotion=promotion, starts_at=now + 2 * DAY)
    assert "1 of its coupon codes can never be used" in conflict_text(promotion)
    late.delete()
    here, there = LocationFactory.create_batch(2)
    good.locations.set([there])
    assert "1 of its coupon codes can never be used" in conflict_text(promotion, places=[here.pk])
    promotion.coupons.update(active=False)
    assert conflict_text(promotion) == "None of its coupon codes can be used any more."


def test_codes_that_meet_none_of_the_campaigns_are_told_and_one_campaign_is_enough():
    now = timezone.now()
    promotion = PromotionFactory(trigger="coupon")
    sooner = PromotionCampaignFactory(status="active", ends_at=now + DAY)
    later = PromotionCampaignFactory(status="scheduled", starts_at=now + 5 * DAY, ends_at=now + 9 * DAY)
    CouponFactory(promotion=promotion, starts_at=now + 2 * DAY, ends_at=now + 3 * DAY)
    between = "1 of its coupon codes can never be used"
    assert between in conflict_text(promotion, sooner, later)
    assert between not in conflict_text(promotion, sooner, PromotionCampaignFactory(status="active"))
    Coupon.objects.update(ends_at=now + 6 * DAY)
    assert between not in conflict_text(promotion, sooner, later)
    here, there = LocationFactory.create_batch(2)
    Coupon.objects.get().locations.set([here])
    later.locations.set([there])
    assert between in conflict_text(promotion, sooner, later)


def test_a_code_says_what_keeps_its_promotion_from_it(client, marketer):
    now = timezone.now()
    coupon = CouponFactory(promotion__status="inactive", starts_at=now + 30 * DAY, min_subtotal=90000)
    address = f"/coupons/{coupon.pk}/"
    page = words(read_page(client.get(address)))
    assert "Its promotion is switched off" in page
    assert "in no open campaign and not standalone" in page
    assert "never be used" not in page
    campaign = PromotionCampaignFactory(status="active")  # for a week
    Link.objects.create(campaign=campaign, promotion=coupon.promotion)
    Promotion.objects.update(status="active")
    SaleFactory.create_batch(200, location=LocationFactory(), subtotal=4500)
    page = words(read_page(client.get(address)))
    assert "It can never be used: its dates or locations do not meet" in page
    assert "No sale of late came to its minimum spend, €900.00" in page
    Coupon.objects.update(starts_at=None, min_subtotal=0)
    assert "Look at this" not in read_page(client.get(address))


def test_a_code_of_a_deleted_promotion_says_so_and_is_not_switched_on_again(client, marketer):
    coupon = CouponFactory(active=False)
    Promotion.objects.update(deleted_at=timezone.now(), status="inactive")
    assert "Its promotion was deleted" in read_page(client.get(f"/coupons/{coupon.pk}/"))
    page = read_page(client.post(f"/coupons/{coupon.pk}/switch/", {"on": "1"}, follow=True))
    assert "The promotion of this code was deleted: it is not valid." in page
    assert not Coupon.objects.get().active


def test_codes_of_a_promotion_that_needs_none_are_told():
    promotion = PromotionFactory(standalone=True)
    CouponFactory(promotion=promotion)
    assert "presenting a code changes nothing" in conflict_text(promotion)
