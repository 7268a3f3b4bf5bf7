"""Many tills at once, on real connections: no limit is passed by one, and the counters are what the ledger says."""

import random
import threading
import time
from datetime import timedelta

import pytest
from django.db.models import Sum
from django.utils import timezone

from campaigns import doctor, lifecycle
from pos import clock
from pos.models import Return, Sale
from promotions import publish
from promotions.models import Counter, Coupon, CustomerUse, Link, Redemption
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, counter_figures, granted_amount, line, run_at_once
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def only_campaign(**fields):
    return PromotionCampaignFactory(discounting=True, status="active", **fields)


@pytest.mark.parametrize("tills", [8, 32])
def test_a_budget_is_spent_to_the_unit_and_never_passed_however_many_tills_sell_at_once(tills):
    campaign, till = only_campaign(budget=5_000), AtTill()

    def sell(number):
        chance = random.Random(number)
        return [
            till.put(f"S{number}-{sale}", basket(chance.randint(1, 5000), chance.randint(1, 900)))
            for sale in range(320 // tills)
        ]

    answers = [answer for answers in run_at_once(tills, sell) for answer in answers]
    assert {answer.status for answer in answers} == {201}
    assert sum(answer["discount"] for answer in answers) == 5_000
    assert granted_amount(campaign=campaign) == 5_000
    assert counter_figures(campaign=campaign)[:2] == (5_000, 0)
    assert not list(doctor.find_breaches())


def test_a_campaign_that_takes_all_or_nothing_never_passes_its_budget():
    campaign, till = only_campaign(budget=2_000, on_budget_end="reject"), AtTill()
    run_at_once(16, lambda number: [till.put(f"S{number}-{sale}", basket(3_330)) for sale in range(6)])
    assert counter_figures(campaign=campaign)[:2] == (1_998, 0)
    assert granted_amount(campaign=campaign) == 1_998
    assert set(Sale.objects.values_list("discount", flat=True)) == {0, 333}
    assert not list(doctor.find_breaches())


def test_uses_of_a_campaign_and_of_a_promotion_are_never_passed():
    campaign, till = only_campaign(max_uses=20), AtTill()
    other = PromotionFactory(max_uses=7)
    publish.link(campaign, other)
    run_at_once(16, lambda number: [till.put(f"S{number}-{sale}", basket(1_000)) for sale in range(4)])
    assert counter_figures(campaign=campaign)[2] == 20
    assert counter_figures(promotion=other)[2] == 7
    assert Redemption.objects.filter(promotion=other).count() == 7
    assert not list(doctor.find_breaches())


def test_a_one_time_coupon_is_taken_by_one_of_many_tills():
    unlocked, till = PromotionFactory(standalone=True, trigger="coupon"), AtTill()
    coupon = CouponFactory(kind=Coupon.Kind.ONE_TIME, promotion=unlocked)
    many = CouponFactory(promotion=unlocked, max_uses=5)
    answers = run_at_once(
        12, lambda number: till.put(f"S{number}", basket(1_000, coupons=[coupon.code.lower()]))
    )
    assert sorted(answer["discount"] for answer in answers) == [0] * 11 + [100]
    assert {answer["coupons"][0]["status"] for answer in answers} == {"applied", "coupon_used"}
    run_at_once(12, lambda number: till.put(f"M{number}", basket(1_000, coupons=[many.code])))
    coupon.refresh_from_db()
    many.refresh_from_db()
    assert (coupon.uses, many.uses) == (1, 5)
    assert not list(doctor.find_breaches())


def test_one_customer_at_many_tills_uses_a_promotion_no_more_often_than_allowed():
    campaign, till = only_campaign(max_uses_per_customer=3), AtTill()
    buying = basket(1_000, customer={"id": "C1"})
    answers = run_at_once(12, lambda number: [till.put(f"S{number}-{sale}", buying) for sale in range(2)])
    discounts = sorted(answer["discount"] for both in answers for answer in both)
    assert discounts == [0] * 21 + [100] * 3
    assert CustomerUse.objects.get(campaign=campaign, customer="C1").uses == 3
    assert till.put("S99", buying | {"customer": {"id": "C2"}})["discount"] == 100
    assert not list(doctor.find_breaches())


def test_a_first_purchase_is_one_however_many_tills_a_customer_stands_at():
    PromotionFactory(standalone=True, conditions=[{"type": "first_purchase"}])
    till = AtTill()
    answers = run_at_once(8, lambda number: till.put(f"S{number}", basket(1_000, customer={"id": "C1"})))
    assert sorted(answer["discount"] for answer in answers) == [0] * 7 + [100]


def test_the_same_sale_sent_by_many_at_once_is_done_once_and_answered_the_same():
    campaign, till = only_campaign(budget=150), AtTill()
    answers = run_at_once(12, lambda number: till.put("S1", basket(1_000)))
    assert sorted(answer.status for answer in answers) == [200] * 11 + [201]
    assert len({str(answer.body) for answer in answers}) == 1
    assert counter_figures(campaign=campaign) == (100, 0, 1)
    assert Sale.objects.count() == 1
    assert not list(doctor.find_breaches())


def test_holds_voids_returns_and_sales_mixed_on_two_limited_campaigns_leave_every_figure_right():
    first, second, till = (
        only_campaign(budget=9_000, max_uses=120),
        only_campaign(budget=4_000, priority=5),
        AtTill(),
    )
    coupon = CouponFactory(promotion=PromotionFactory(trigger="coupon", max_uses=30), max_uses=25)
    publish.link(first, coupon.promotion)

    def busy(number):
        chance = random.Random(number)
        for sale in range(14):
            name = f"S{number}-{sale}"
            body = {
                "currency": "EUR",
                "lines": [line(1, chance.randint(1, 3000), 3), line(2, chance.randint(1, 999))],
                "customer": {"id": f"C{chance.randint(1, 3)}"},
                "coupons": [coupon.code] if chance.random() < 0.4 else [],
            }
            step = chance.random()
            if step < 0.4:
                assert till.hold(name, body, ttl=30).status == 201
                assert till.post(name, chance.choice(["confirm", "release", "void"])).status == 200
            else:
                assert till.put(name, body).status == 201
            if step < 0.1 or step > 0.8:
                assert till.give_back(name, "R1", {"1": 1}).status in (201, 409)
                assert till.post(name, "void").status == 200
            elif step > 0.6:
                assert till.give_back(name, "R1", {"1": 2, "2": 1}).status == 201

    run_at_once(10, busy)
    for campaign in (first, second):
        spent, held, uses = counter_figures(campaign=campaign)
        assert held == 0
        assert spent == granted_amount(campaign=campaign) <= campaign.budget
        assert uses == Redemption.objects.filter(campaign=campaign).aggregate(uses=Sum("uses"))["uses"]
    assert Return.objects.exists()
    assert not list(doctor.find_breaches())


def test_two_clocks_and_the_tills_give_an_expired_hold_back_once():
    campaign, till = only_campaign(budget=1_000), AtTill()
    for number in range(10):
        till.hold(f"S{number}", basket(1_000), ttl=30)
    assert counter_figures(campaign=campaign) == (0, 1_000, 10)
    later = timezone.now() + timedelta(seconds=31)
    Sale.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    run_at_once(4, lambda number: clock.tick(later) if number % 2 else till.put(f"T{number}", basket(1_000)))
    assert counter_figures(campaign=campaign) == (200, 0, 2)
    assert set(Sale.objects.filter(reference__startswith="S").values_list("state", flat=True)) == {"released"}
    assert not list(doctor.find_breaches())


@pytest.mark.parametrize("step", ["pause", "edit", "end_early", "switch"])
def test_no_sale_that_starts_after_the_answer_of_a_change_sees_the_rules_before_it(step):
    campaign, till = only_campaign(budget=10_000_000), AtTill()
    promotion = Link.objects.get(campaign=campaign).promotion
    sold: list[tuple[float, float, int]] = []  # when the till asked, when it had its answer, the discount
    stop = threading.Event()
    answered = []

    def sell(number):
        if number == 16:
            try:
                wait_for(lambda: len(sold) >= 32)
                began = time.monotonic()
                change(step, campaign, promotion)
                done = time.monotonic()
                answered.append((began, done, Redemption.objects.count()))
                wait_for(lambda: sum(asked_at > done for asked_at, _, _ in list(sold)) >= 32)
            finally:
                stop.set()
            return
        sale = 0
        while not stop.is_set():
            began, sale = time.monotonic(), sale + 1
            discount = till.put(f"S{number}-{sale}", basket(1_000))["discount"]
            sold.append((began, time.monotonic(), discount))

    run_at_once(17, sell)
    ((began, done, granted_by_then),) = answered
    before = [discount for _, answered_at, discount in sold if answered_at < began]
    after = [discount for asked_at, _, discount in sold if asked_at > done]
    assert before
    assert set(before) == {100}
    assert after
    assert set(after) == {0}
    assert Redemption.objects.count() == granted_by_then  # nor did one that was under way land later
    assert done - began < 5  # under a machine that does much else; the figure is in docs/measurements.md
    assert not list(doctor.find_breaches())


def change(step, campaign, promotion):
    if step == "edit":
        publish.edit_campaign(campaign, changes={"max_uses": 1})
    elif step == "switch":
        publish.switch_promotion(promotion, False)
    else:
        lifecycle.fire(campaign, step)


def test_a_campaign_without_limits_has_no_row_that_sales_could_wait_for():
    campaign, till = only_campaign(), AtTill()
    run_at_once(8, lambda number: till.put(f"S{number}", basket(1_000)))
    assert not Counter.objects.exists()
    assert granted_amount(campaign=campaign) == 800
