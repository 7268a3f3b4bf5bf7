"""What a basket gets at the till: rows P1 to P8 of the lifecycle, the worked examples, one query."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import lifecycle
from promotions import publish, stacking
from promotions.models import Counter, Link, Promotion
from tests.factories import (
    CouponFactory,
    CustomerGroupFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
)
from tests.pos.tills import AtTill, basket, line

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def till():
    return AtTill()


def discount(till, **more):
    return till.quote(basket(1_000, **more))["discount"]


def reason(till, **more):
    return [refused["reason"] for refused in till.quote(basket(1_000, **more))["not_applied"]]


def campaign_with(*promotions, **fields):
    """An active campaign unless told otherwise, with these promotions."""
    campaign = PromotionCampaignFactory(**{"status": "active"} | fields)
    Link.objects.bulk_create(Link(campaign=campaign, promotion=promotion) for promotion in promotions)
    return campaign


def percent(percent, **fields):
    return PromotionFactory(benefit={"type": "percent", "percent": percent * 100}, **fields)


# ── rows P1 to P8 ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_p1_a_draft_has_no_effect_at_the_till_at_all(till):
    PromotionCampaignFactory(discounting=True, status="draft", starts_at=timezone.now() - DAY)
    answer = till.quote(basket(1_000))
    assert (answer["discount"], answer["not_applied"]) == (0, [])


def test_p2_a_scheduled_campaign_waits_for_its_start(till):
    PromotionCampaignFactory(discounting=True, status="scheduled")
    assert discount(till) == 0
    assert reason(till) == ["not_started"]


def test_p2_the_first_sale_after_the_start_has_the_discount_with_every_worker_down(till):
    from django_q.models import OrmQ

    started = timezone.now() - timedelta(milliseconds=1)
    campaign = PromotionCampaignFactory(discounting=True, status="scheduled", starts_at=started)
    assert discount(till) == 100
    assert till.put("S1", basket(1_000))["discount"] == 100
    campaign.refresh_from_db()
    assert campaign.status == "scheduled"
    assert not OrmQ.objects.exists()  # nothing is queued before the sale is committed


def test_p2_a_start_moved_by_an_edit_counts_from_the_next_sale(till):
    campaign = PromotionCampaignFactory(discounting=True, status="scheduled")
    publish.edit_campaign(campaign, changes={"starts_at": timezone.now() + timedelta(seconds=0.2)})
    assert discount(till) == 0
    time.sleep(0.25)
    assert discount(till) == 100


def test_p3_the_end_stops_it_before_anybody_has_written_so(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", ends_at=timezone.now())
    assert discount(till) == 0
    assert reason(till) == ["ended"]
    assert campaign.status == "active"


def test_p3_a_budget_that_is_used_up_stops_its_promotions_and_the_status_stays_active(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=150)
    assert till.put("S1", basket(1_000))["discount"] == 100
    assert till.put("S2", basket(1_000))["discount"] == 50
    assert discount(till) == 0
    assert reason(till) == ["budget_exhausted"]
    campaign.refresh_from_db()
    assert campaign.status == "active"
    assert Counter.objects.get(campaign=campaign).used_up_at is not None
    publish.edit_campaign(campaign, changes={"budget": 200})
    assert discount(till) == 50
    assert Counter.objects.get(campaign=campaign).used_up_at is None


def test_p3_uses_that_are_used_up_stop_its_promotions(till):
    campaign_with(percent(10), percent(20), max_uses=3)
    assert till.put("S1", basket(1_000))["discount"] == 280
    # the first in order takes the one use that is left
    assert till.put("S2", basket(1_000))["discount"] == 100
    assert discount(till) == 0
    assert set(reason(till)) == {"uses_exhausted"}


def test_p3_an_edit_counts_from_the_very_next_sale(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active")
    elsewhere = LocationFactory()
    assert discount(till) == 100
    publish.edit_campaign(campaign, changes={}, locations=[elsewhere])
    assert reason(till) == []  # an index by location does not even find it
    assert discount(till) == 0
    assert discount(AtTill(location=elsewhere)) == 100
    publish.edit_campaign(campaign, changes={}, locations=[elsewhere, till.location])
    assert discount(till) == 100


def test_p3_a_limit_set_below_what_is_used_stops_and_takes_nothing_back(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=1_000)
    till.put("S1", basket(5_000))
    publish.edit_campaign(campaign, changes={"budget": 200})
    assert discount(till) == 0
    counter = Counter.objects.get(campaign=campaign)
    assert (counter.spent, counter.ceiling, counter.budget) == (500, 500, 200)
    till.post("S1", "void")
    assert discount(till) == 100


def test_p4_and_p5_pause_and_resume_count_from_the_very_next_sale_and_keep_the_totals(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=250)
    till.put("S1", basket(1_000))
    lifecycle.fire(campaign, "pause")
    assert discount(till) == 0
    assert reason(till) == ["paused"]
    promotion = Promotion.objects.get()
    assert promotion.status == "active"
    for _ in range(2):
        lifecycle.fire(campaign, "resume")
        assert discount(till) == 100
        lifecycle.fire(campaign, "pause")
        assert discount(till) == 0
    lifecycle.fire(campaign, "resume")
    assert till.put("S2", basket(2_000))["discount"] == 150
    assert Counter.objects.get(campaign=campaign).spent == 250


def test_p5_a_promotion_switched_off_by_itself_stays_off(till):
    campaign = campaign_with(percent(10), percent(5))
    off = Promotion.objects.last()
    publish.switch_promotion(off, False)
    lifecycle.fire(campaign, "pause")
    lifecycle.fire(campaign, "resume")
    assert discount(till) == 100
    assert reason(till) == ["inactive"]


@pytest.mark.parametrize(("step", "why"), [("end_early", "ended"), ("cancel", "cancelled")])
def test_p6_and_p7_an_end_stops_at_once_and_the_till_can_say_why(till, step, why):
    campaign = PromotionCampaignFactory(discounting=True, status="active")
    assert discount(till) == 100
    lifecycle.fire(campaign, step)
    assert discount(till) == 0
    assert reason(till) == [why]


def test_p8_a_promotion_applies_only_through_an_active_campaign_or_by_itself(till):
    alone = percent(10)
    assert discount(till) == 0
    paused, active = campaign_with(alone, status="paused"), campaign_with(status="active")
    assert discount(till) == 0
    publish.link(active, alone)
    assert discount(till) == 100
    publish.unlink(active, alone)
    assert discount(till) == 0
    lifecycle.fire(paused, "cancel")
    publish.save_promotion(alone, standalone=True)
    assert discount(till) == 100


def test_p8_one_in_several_active_campaigns_applies_once_through_the_first_that_has_room(till):
    shared = percent(10)
    first = campaign_with(shared, priority=1, budget=150, on_budget_end="reject")
    second = campaign_with(shared, priority=2)
    for campaign in [first, second, second]:
        answer = till.put(f"S{timezone.now().timestamp()}", basket(1_000))
        assert [applied["campaign"] for applied in answer["applied"]] == [campaign.pk]


def test_p8_one_switched_on_inside_a_paused_campaign_waits_for_the_resume(till):
    off = percent(10, status="inactive")
    campaign = campaign_with(off, status="paused")
    publish.switch_promotion(off, True)
    assert discount(till) == 0
    lifecycle.fire(campaign, "resume")
    assert discount(till) == 100


def test_p8_switching_one_off_leaves_its_campaign_and_the_others_as_they_are(till):
    one, other = percent(10), percent(5)
    campaign = campaign_with(one, other)
    assert discount(till) == 145
    publish.switch_promotion(one, False)
    assert discount(till) == 50
    campaign.refresh_from_db()
    other.refresh_from_db()
    assert (campaign.status, other.status) == ("active", "active")


def test_p8_a_promotion_can_be_deleted_at_any_time_and_its_ledger_stays(till):
    promotion = percent(10)
    campaign = campaign_with(promotion)
    till.put("S1", basket(1_000))
    publish.delete_promotion(promotion)
    assert discount(till) == 0
    assert campaign.redemptions.get().promotion.deleted_at is not None
    assert till.post("S1", "void").status == 200


# ── worked examples ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("policy", "parts"), [("partial", [545, 273, 182]), ("reject", [0, 0, 0])])
def test_the_last_sale_of_a_budget_gets_exactly_the_rest_or_nothing(till, policy, parts):
    campaign_with(percent(10), budget=100_000, on_budget_end=policy)
    till.put("S0", basket(990_000))
    answer = till.put("S1", basket(10_000, 5_000, 3_333))
    assert [one["discount"] for one in answer["lines"]] == parts
    if policy == "partial":
        (applied,) = answer["applied"]
        assert (applied["amount"], applied["wished"], applied["clamped_by"]) == (1_000, 1_833, "budget")
    else:
        assert [refused["reason"] for refused in answer["not_applied"]] == ["budget_too_small"]


def test_the_wishes_of_one_basket_are_counted_together_against_the_budget(till):
    campaign_with(
        PromotionFactory(benefit={"type": "fixed_total", "amount": 700}, priority=1),
        PromotionFactory(benefit={"type": "fixed_total", "amount": 600}, priority=2),
        budget=1_000,
    )
    answer = till.put("S1", basket(10_000))
    assert [applied["amount"] for applied in answer["applied"]] == [700, 300]


def test_the_better_deal_is_judged_after_what_the_budget_still_allows(till):
    group = {"type": "best_of", "group": "g"}
    campaign_with(percent(10, stacking=group), budget=50)
    campaign_with(percent(3, stacking=group))
    answer = till.quote(basket(10_000))
    assert [applied["amount"] for applied in answer["applied"]] == [300]


def test_a_floor_price_shifts_a_fixed_discount_to_the_other_line(till):
    campaign_with(PromotionFactory(benefit={"type": "fixed_total", "amount": 3_000}))
    lines = [line(1, 4_000, min_unit_price=3_000), line(2, 2_000)]
    answer = till.quote({"currency": "EUR", "lines": lines})
    assert [one["discount"] for one in answer["lines"]] == [1_000, 2_000]


@pytest.mark.parametrize(("units", "expected"), [(2, 0), (3, 1_000), (5, 1_000), (6, 2_000)])
def test_buy_two_get_one(till, units, expected):
    benefit = {"type": "buy_get", "buy": {"quantity": 2}, "get": {"quantity": 1}}
    campaign_with(PromotionFactory(benefit=benefit))
    assert till.quote({"currency": "EUR", "lines": [line(1, 1_000, units)]})["discount"] == expected


def test_a_currency_without_minor_units_rounds_to_its_own():
    till = AtTill(location=LocationFactory(currency="JPY"))
    campaign_with(percent(10), currency="JPY")
    assert till.quote(basket(333, currency="JPY"))["discount"] == 33


def test_a_campaign_of_another_currency_says_so(till):
    campaign_with(percent(10), currency="USD")
    assert (discount(till), reason(till)) == (0, ["wrong_currency"])


# ── what the database knows beside the rules ─────────────────────────────────────────────────────────────────────────


def test_groups_that_are_stored_and_those_a_till_sends_are_one_set(till):
    campaign_with(percent(10, conditions=[{"type": "in_group", "groups": ["vip"]}]))
    vip = CustomerGroupFactory(code="vip")
    vip.members.create(customer="C9")
    assert discount(till, customer={"id": "C9"}) == 100
    assert discount(till, customer={"id": "C8"}) == 0
    assert discount(till, customer={"id": "C8", "groups": ["vip"]}) == 100


def test_a_first_purchase_is_the_first_that_was_committed_and_not_voided(till):
    campaign_with(percent(10, conditions=[{"type": "first_purchase"}]))
    customer = {"id": "C1"}
    assert reason(till) == ["needs_customer"]
    assert till.put("S1", basket(1_000, customer=customer))["discount"] == 100
    assert discount(till, customer=customer) == 0
    till.post("S1", "void")
    assert discount(till, customer=customer) == 100


def test_weighed_goods_are_one_unit_that_costs_the_line_total(till):
    campaign_with(percent(10))
    weighed = line(1, 1_000, "0.350", line_total=350, min_unit_price=950)
    (one,) = till.quote({"currency": "EUR", "lines": [weighed]})["lines"]
    # the floor is 0.350 × 950, upwards
    assert (one["discount"], one["total"], one["units"]) == (
        17,
        333,
        [[1, 17]],
    )


def test_the_stacking_rules_of_the_site_count_from_the_very_next_sale(till):
    campaign_with(percent(10), percent(5))
    assert discount(till) == 145
    stacking.change_rules(max_promotions=1)
    assert discount(till) == 100
    pair = Promotion.objects.values_list("pk", flat=True)
    stacking.change_rules(max_promotions=None)
    stacking.exclude_pair(*pair)
    assert discount(till) == 100
    assert reason(till) == ["excluded_pair"]


# ── cost ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def queries(act):
    with CaptureQueriesContext(connection) as queries:
        act()
    return [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]


def test_a_quote_is_one_query_whatever_it_asks_for(till):
    campaign_with(
        percent(10, conditions=[{"type": "in_group", "groups": ["vip"]}]),
        percent(10, conditions=[{"type": "first_purchase"}], max_uses=5),
        budget=1_000,
        max_uses_per_customer=3,
    )
    coupon = CouponFactory(promotion=PromotionFactory(trigger="coupon", standalone=True))
    full = basket(1_000, customer={"id": "C1"}, coupons=[coupon.code, "unknown"])
    discount(till)
    assert len(queries(lambda: till.quote(basket(1_000)))) == 1
    assert len(queries(lambda: till.quote(full))) == 1


def test_a_sale_with_one_limited_campaign_is_four_statements_and_one_without_limits_three(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=1_000)
    till.quote(basket(1_000))
    assert len(queries(lambda: till.put("S1", basket(1_000)))) == 4
    publish.edit_campaign(campaign, changes={"budget": None})
    till.quote(basket(1_000))
    statements = queries(lambda: till.put("S2", basket(1_000)))
    assert len(statements) == 3
    assert not any("promotions_counter" in statement for statement in statements)


def test_the_counters_of_many_limited_campaigns_are_asked_only_where_the_basket_touches_them(till):
    for number in range(70):
        of_sku = {"match": {"skus": [f"SKU{number}"]}}
        campaign_with(percent(10, target=of_sku), budget=150)
    assert till.put("S1", basket(1_000))["discount"] == 100
    assert till.put("S2", basket(1_000))["discount"] == 50
    assert discount(till) == 0
    coupon = CouponFactory(promotion=percent(20, trigger="coupon"))
    limited = campaign_with(coupon.promotion, budget=30)
    assert till.put("S3", basket(1_000, coupons=[coupon.code]))["discount"] == 30
    assert Counter.objects.get(campaign=limited).spent == 30
