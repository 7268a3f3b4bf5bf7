"""Sales made without a connection and sent later: never refused for a limit, what goes beyond is on record."""

from datetime import timedelta
from datetime import timezone as fixed_zone

import pytest
from django.utils import timezone

from campaigns import database_time, doctor, lifecycle
from pos.models import Sale
from promotions import publish, stacking
from promotions.models import Change, Counter, Coupon, Link, Overrun
from tests.factories import CouponFactory, LocationFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, counter_figures, granted_amount

pytestmark = pytest.mark.django_db


@pytest.fixture
def till():
    return AtTill()


def offline(*prices, ago=timedelta(hours=1), **more):
    return basket(*prices, offline_at=(timezone.now() - ago).isoformat(), **more)


def test_what_goes_beyond_the_budget_is_recorded_as_overrun_and_never_lost(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=1_000)
    till.put("S1", basket(7_000))
    answer = till.put("S2", offline(20_000))
    assert (answer.status, answer["discount"]) == (201, 2_000)
    counter = Counter.objects.get(campaign=campaign)
    assert (counter.spent, counter.overrun, counter.uses) == (1_000, 1_700, 2)
    (overrun,) = Overrun.objects.all()
    assert (overrun.redemption.sale.reference, overrun.amount) == ("S2", 1_700)
    assert granted_amount(campaign=campaign) == counter.spent + counter.overrun
    assert till.put("S3", basket(1_000))["discount"] == 0
    assert not list(doctor.find_breaches())


def test_what_comes_back_pays_the_overrun_first(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=100)
    till.put(
        "S1",
        {"currency": "EUR", "lines": [basket(1_000)["lines"][0] | {"quantity": 3}]}
        | {"offline_at": (timezone.now() - timedelta(hours=1)).isoformat()},
    )

    def figures():
        counter = Counter.objects.get(campaign=campaign)
        return counter.spent, counter.overrun, counter.uses

    assert figures() == (100, 200, 1)
    till.give_back("S1", "R1", {"1": 1})
    assert figures() == (100, 100, 1)
    till.post("S1", "void")
    assert figures() == (0, 0, 0)
    assert not list(doctor.find_breaches())


def test_uses_beyond_the_limits_of_campaign_promotion_and_coupon_are_recorded(till):
    unlocked = PromotionFactory(trigger="coupon", max_uses=1)
    coupon = CouponFactory(promotion=unlocked, kind=Coupon.Kind.ONE_TIME)
    campaign = PromotionCampaignFactory(status="active", max_uses=1, max_uses_per_customer=1)
    Link.objects.create(campaign=campaign, promotion=unlocked)
    for number in range(2):
        body = offline(1_000, coupons=[coupon.code], customer={"id": "C1"})
        assert till.put(f"S{number}", body)["discount"] == 100
    coupon.refresh_from_db()
    assert (coupon.uses, coupon.overrun_uses) == (1, 1)
    overrun = Overrun.objects.get()
    assert (overrun.campaign_uses, overrun.promotion_uses, overrun.coupon_uses) == (1, 1, 1)
    assert counter_figures(campaign=campaign)[2] == counter_figures(promotion=unlocked)[2] == 1
    assert not list(doctor.find_breaches())
    till.post("S1", "void")
    coupon.refresh_from_db()
    assert (coupon.uses, coupon.overrun_uses) == (1, 0)
    assert not list(doctor.find_breaches())


def test_it_is_judged_as_of_the_time_it_was_made(till):
    now = timezone.now()
    PromotionCampaignFactory(
        discounting=True, status="active", starts_at=now - timedelta(days=2), ends_at=now - timedelta(days=1)
    )
    assert till.put("S1", offline(1_000))["discount"] == 0
    answer = till.put("S2", offline(1_000, ago=timedelta(hours=36)))
    assert answer["discount"] == 100
    assert answer["offline_at"] == answer["evaluated_at"]


def test_a_figure_that_differs_from_the_tills_is_taken_unless_it_says_otherwise(till):
    PromotionCampaignFactory(discounting=True, status="active")
    assert till.put("S1", offline(1_000, expect_discount=90)).status == 201
    assert till.put("S2", offline(1_000, expect_discount=90, on_change="reject")).status == 409


def test_it_lies_in_the_past_and_is_no_hold(till):
    later = offline(1_000, ago=timedelta(hours=-1))
    assert list(till.put("S1", later)["fields"]) == ["offline_at"]
    assert list(till.put("S1", offline(1_000, state="held"))["fields"]) == ["offline_at"]


@pytest.mark.parametrize("hours", [23, -23, 16, 14])
def test_an_offset_that_no_zone_has_names_the_same_moment(till, hours):
    PromotionCampaignFactory(discounting=True, status="active")
    made = timezone.now().astimezone(fixed_zone(timedelta(hours=hours, minutes=59)))
    sale = offline(1_000) | {"offline_at": made.isoformat()}
    answer = till.put("S1", sale)
    assert answer.status == 201, answer
    assert answer["offline_at"] == made.isoformat()
    assert till.put("S1", sale).status == 200
    assert Sale.objects.get().offline_at == made


HOUR = timedelta(hours=1)


def half_an_hour_ago(monkeypatch, step, *args, **more):
    """Do something as if it were done half an hour ago, which is what its record says then."""
    then = timezone.now() - HOUR / 2
    with monkeypatch.context() as patched:
        patched.setattr(database_time, "now", lambda: then)
        return step(*args, **more)


@pytest.mark.parametrize("step", ["pause", "end_early", "cancel"])
def test_a_campaign_that_was_stopped_after_the_sale_still_counts_for_it(till, monkeypatch, step):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=1_000)
    half_an_hour_ago(monkeypatch, lifecycle.fire, campaign, step)
    assert till.put("S1", offline(1_000, ago=HOUR))["discount"] == 100
    assert till.put("S2", offline(1_000, ago=HOUR / 4))["discount"] == 0
    assert till.put("S3", basket(1_000))["discount"] == 0
    assert counter_figures(campaign=campaign) == (100, 0, 1)
    assert granted_amount(campaign=campaign) == 100
    till.post("S1", "void")
    assert counter_figures(campaign=campaign) == (0, 0, 0)
    assert not list(doctor.find_breaches())


def test_a_campaign_that_the_clock_has_ended_since_still_counts_for_a_sale_in_its_window(till):
    now = timezone.now()
    campaign = PromotionCampaignFactory(
        discounting=True, status="active", starts_at=now - 3 * HOUR, ends_at=now - HOUR / 2, budget=1_000
    )
    assert lifecycle.write_owed_steps(campaign) == ["expire"]
    assert till.put("S1", offline(1_000, ago=4 * HOUR))["discount"] == 0
    assert till.put("S2", offline(1_000, ago=HOUR))["discount"] == 100
    assert till.put("S3", offline(1_000, ago=HOUR / 4))["discount"] == 0


def test_a_campaign_that_was_started_or_resumed_after_the_sale_does_not_count_for_it(till, monkeypatch):
    draft = PromotionCampaignFactory(discounting=True, status="draft")
    paused = PromotionCampaignFactory(discounting=True, status="paused")
    half_an_hour_ago(monkeypatch, lifecycle.fire, draft, "activate")
    half_an_hour_ago(monkeypatch, lifecycle.fire, paused, "resume")
    assert till.put("S1", offline(1_000, ago=HOUR))["discount"] == 0
    assert till.put("S2", offline(1_000, ago=HOUR / 4))["discount"] == 190


def test_pauses_and_resumes_in_between_are_seen_one_by_one(till):
    campaign, now = PromotionCampaignFactory(discounting=True, status="active"), timezone.now()
    for hours, verb in [(5, "pause"), (4, "resume"), (3, "pause"), (2, "resume"), (1, "cancel")]:
        lifecycle.fire(campaign, verb, now=now - hours * HOUR)
    answers = [till.put(f"S{hours}", offline(1_000, ago=hours * HOUR + HOUR / 2)) for hours in range(6)]
    assert [answer["discount"] for answer in answers] == [0, 100, 0, 100, 0, 100]


def test_the_discount_is_the_one_of_then_though_the_promotion_was_edited_since(till, monkeypatch):
    campaign = PromotionCampaignFactory(discounting=True, status="active")
    promotion = Link.objects.get(campaign=campaign).promotion
    half_an_hour_ago(
        monkeypatch, publish.save_promotion, promotion, benefit={"type": "percent", "percent": 2_000}
    )
    publish.save_promotion(
        promotion, benefit={"type": "percent", "percent": 5_000}, locations=[LocationFactory()]
    )
    assert till.put("S1", offline(1_000, ago=HOUR))["discount"] == 100
    assert till.put("S2", offline(1_000, ago=HOUR / 4))["discount"] == 200
    assert till.put("S3", basket(1_000))["discount"] == 0


def test_a_promotion_that_was_switched_off_unlinked_or_deleted_since_still_counts(till, monkeypatch):
    campaign = PromotionCampaignFactory(discounting=True, status="active")
    promotion = Link.objects.get(campaign=campaign).promotion
    switched = PromotionFactory(standalone=True)
    deleted = PromotionFactory()
    publish.link(campaign, deleted)
    Change.objects.update(at=timezone.now() - 2 * HOUR)
    assert till.put("S0", offline(1_000, ago=HOUR))["discount"] == 271  # so that its deletion keeps it
    half_an_hour_ago(monkeypatch, publish.unlink, campaign, promotion)
    half_an_hour_ago(monkeypatch, publish.switch_promotion, switched, False)
    half_an_hour_ago(monkeypatch, publish.delete_promotion, deleted)
    assert till.put("S1", offline(1_000, ago=HOUR))["discount"] == 271
    assert till.put("S2", offline(1_000, ago=HOUR / 4))["discount"] == 0
    assert not list(doctor.find_breaches())


def test_a_promotion_made_or_linked_after_the_sale_does_not_count_for_it(till, monkeypatch, caplog):
    campaign = PromotionCampaignFactory(status="active")
    made = half_an_hour_ago(
        monkeypatch, publish.save_promotion, None, name="New", benefit={"type": "percent", "percent": 1_000}
    )
    half_an_hour_ago(monkeypatch, publish.switch_promotion, made, True)
    half_an_hour_ago(
        monkeypatch, publish.edit_campaign, campaign, changes={}, promotions=[made, PromotionFactory()]
    )
    assert till.put("S1", offline(1_000, ago=HOUR))["discount"] == 0
    assert "cannot be read" not in caplog.text
    assert till.put("S2", offline(1_000, ago=HOUR / 4))["discount"] == 190


def test_windows_and_stacking_rules_are_those_of_then(till, monkeypatch):
    now = timezone.now()
    campaign = PromotionCampaignFactory(
        discounting=True, status="active", starts_at=now - 3 * HOUR, ends_at=now - 3 * HOUR / 4
    )
    PromotionFactory(standalone=True)
    moved = now - 4 * HOUR / 5
    with monkeypatch.context() as patched:
        patched.setattr(database_time, "now", lambda: moved)
        publish.edit_campaign(campaign, changes={"ends_at": now + HOUR})
    half_an_hour_ago(monkeypatch, stacking.change_rules, max_promotions=1)
    assert till.put("S1", offline(1_000, ago=3 * HOUR / 5))["discount"] == 190
    assert till.put("S2", offline(1_000, ago=2 * HOUR / 5))["discount"] == 100


def test_a_replay_of_an_offline_sale_is_answered_the_same_after_another_change(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active")
    body = offline(1_000)
    first = till.put("S1", body)
    lifecycle.fire(campaign, "cancel")
    again = till.put("S1", body)
    assert (first.status, again.status, again.headers["Idempotent-Replayed"]) == (201, 200, "true")
    assert again.body == first.body


def test_the_sales_of_a_day_without_a_connection_read_the_rules_of_then_once(
    till, django_assert_max_num_queries
):
    campaign = PromotionCampaignFactory(discounting=True, status="active")
    lifecycle.fire(campaign, "pause")
    till.put("S1", offline(1_000))
    with django_assert_max_num_queries(12):
        assert till.put("S2", offline(2_000, ago=2 * HOUR))["discount"] == 200
