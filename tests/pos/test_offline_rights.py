"""What a till may send of sales made offline: its right, their greatest age, and the pause after too much overrun."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import clock, lifecycle
from pos.models import Sale
from promotions.models import Counter, Link
from promotions.publish.counters import correct_counters
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, line

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def till():
    return AtTill(name="Till 1")


def offline(*prices, ago=HOUR, **more):
    return basket(*prices, offline_at=(timezone.now() - ago).isoformat(), **more)


def beat(*campaigns):
    """One beat of the clock; the status of each campaign after it."""
    clock.tick()
    return [lifecycle.load_own_kind(campaign.pk).status for campaign in campaigns]


def test_a_till_without_the_right_sends_no_offline_sale_and_may_do_everything_else(till):
    till.till.may_send_offline = False
    till.till.save()
    answer = till.put("S1", offline(1_000))
    assert (answer.status, answer["error"]) == (403, "offline_not_allowed")
    assert list(answer["fields"]) == ["offline_at"]
    assert till.put("S2", basket(1_000)).status == 201
    till.till.may_send_offline = True
    till.till.save()
    assert till.put("S1", offline(1_000)).status == 201


def test_an_offline_sale_that_is_too_old_is_refused_by_its_field_and_taken_once_the_age_is_raised(till):
    body = offline(1_000, ago=8 * DAY)
    answer = till.put("S1", body)
    assert (answer.status, answer["error"]) == (422, "invalid")
    assert answer["fields"] == {
        "offline_at": [
            "This sale is 8 days old; this till sends none older than 7 days. "
            "An administrator can raise that: then send it again."
        ]
    }
    assert not Sale.objects.exists()
    till.till.refresh_from_db()
    assert till.till.offline_refused_at is not None
    till.till.offline_days = 30
    till.till.save()
    assert till.put("S1", body).status == 201
    till.till.offline_days = None
    till.till.save()
    # what is known is answered at any age
    assert till.put("S1", body).headers["Idempotent-Replayed"] == "true"


def test_the_age_is_a_setting_and_of_a_till_its_own(till, settings):
    assert till.put("S1", offline(1_000, ago=7 * DAY - HOUR)).status == 201
    settings.OFFLINE_DAYS = 1
    assert till.put("S2", offline(1_000, ago=2 * DAY)).status == 422
    till.till.offline_days = 3
    till.till.save()
    assert till.put("S2", offline(1_000, ago=2 * DAY)).status == 201


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1999-12-31T23:59:59Z",
        "1969-07-20T20:17:00Z",
        "2100-01-01T00:00:00Z",
    ],
)
@pytest.mark.parametrize("days", [None, 36_500])
def test_an_instant_that_cannot_be_is_refused_by_its_field(till, moment, days):
    till.till.offline_days = days
    till.till.save()
    answer = till.put("S1", basket(1_000, offline_at=moment))
    assert answer.status == 422
    assert list(answer["fields"]) == ["offline_at"]


def test_too_much_overrun_of_the_budget_pauses_the_campaign_with_the_reason(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=1_000)
    till.put("S1", offline(10_000))
    assert beat(campaign) == ["active"]  # the limit itself is no overrun
    till.put("S2", offline(1_000))
    assert beat(campaign) == ["active"]  # 10% beyond is allowed
    till.put("S3", offline(10))
    assert beat(campaign) == ["paused"]
    step = campaign.history.first()
    assert (step.verb, step.by) == ("pause", None)
    assert step.why == (
        "Sales made offline gave €1.01 beyond the budget of €10.00: more than the 10% that are allowed."
    )


def test_after_a_resume_only_what_came_in_later_counts(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=1_000)
    till.put("S1", offline(20_000))
    assert beat(campaign) == ["paused"]
    lifecycle.fire(campaign.pk, "resume")
    assert beat(campaign) == ["active"]
    till.put("S2", offline(500))
    assert beat(campaign) == ["active"]
    till.put("S3", offline(5_000))
    assert beat(campaign) == ["paused"]


def test_what_came_back_is_no_overrun_any_more(till):
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=1_000)
    till.put("S1", offline(20_000))
    till.post("S1", "void")
    assert beat(campaign) == ["active"]
    assert Counter.objects.get(campaign=campaign).overrun == 0


def test_uses_of_campaign_and_promotion_and_codes_beyond_their_limits_pause_too(till, settings):
    by_uses = PromotionCampaignFactory(discounting=True, status="active", max_uses=2)
    for number in range(3):
        till.put(f"A{number}", offline(1_000))
    by_promotion = PromotionCampaignFactory(status="active")
    Link.objects.create(campaign=by_promotion, promotion=PromotionFactory(name="Few", max_uses=1))
    by_codes = PromotionCampaignFactory(status="active")
    promotion = PromotionFactory(trigger="coupon")
    Link.objects.create(campaign=by_codes, promotion=promotion)
    correct_counters()
    codes = [CouponFactory(promotion=promotion, kind="one_time").code for _ in range(3)]
    assert beat(by_uses, by_promotion, by_codes) == ["paused", "active", "active"]
    for number in range(2):
        till.put(f"B{number}", offline(1_000))
    assert beat(by_uses, by_promotion, by_codes) == ["paused", "paused", "active"]
    for number, code in enumerate([*codes, *codes]):
        till.put(f"C{number}", offline(1_000, coupons=[code]))
        assert beat(by_codes) == ["active" if number < 5 else "paused"]
    assert "3 were by tills offline" in by_codes.history.first().why


def test_the_dashboard_tells_of_late_sales_overruns_refusals_and_what_was_paused(till, admin_client):
    campaign = PromotionCampaignFactory(
        name="Spring", discounting=True, status="active", budget=1_000, starts_at=timezone.now() - 30 * DAY
    )
    till.put("S1", offline(30_000, ago=3 * DAY))
    till.put("S2", offline(1_000, ago=20 * DAY))
    beat(campaign)
    page = admin_client.get("/").content.decode()
    assert "1 sale made offline came in more than a day late in the last seven days" in page
    assert "1 sale made offline went beyond limits in the last seven days, by €20.00." in page
    assert "This sale is 20 days old" in page
    assert "beyond the budget of €10.00" in page


def test_the_dashboard_says_nothing_where_there_is_nothing_to_tell(till, admin_client):
    PromotionCampaignFactory(discounting=True, status="active", budget=100_000)
    till.put("S1", offline(1_000))
    till.put("S2", {"currency": "EUR", "lines": [line(1, 500)]})
    assert admin_client.get("/").context["notices"] == []
