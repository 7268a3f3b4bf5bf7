"""Publishing: edits under one lock, with a version, a record of who changed what, and counters from the ledger."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from campaigns import lifecycle
from campaigns.refusals import Locked, Refused
from pos.models import Location
from promotions import publish
from promotions.models import (
    Change,
    Counter,
    CustomerUse,
    Link,
    Promotion,
    PromotionCampaign,
    Redemption,
    RulesVersion,
)
from promotions.publish.counters import correct_counters, find_wrong_counters, read_counter_figures
from tests.factories import (
    CouponFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SaleFactory,
    UserFactory,
    user_in,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
PERCENT = {"type": "percent", "percent": 1_000}


def version():
    return RulesVersion.objects.get().version


def refusal(act, *args, **fields):
    with pytest.raises(Refused) as refused:
        act(*args, **fields)
    return refused.value.reasons


def grant_before_limits(campaign, amount, promotion=None, customer=""):
    """A line of the ledger from before any limit was set."""
    promotion = promotion or PromotionFactory()
    return Redemption.objects.create(
        sale=SaleFactory(customer=customer), campaign=campaign, promotion=promotion, amount=amount, uses=1
    )


# ── campaigns ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_is_made_as_a_draft_with_everything_at_once():
    marketer, shop, promotion = user_in("Marketers"), LocationFactory(), PromotionFactory()
    campaign = publish.create_campaign(
        by=marketer, changes={"name": "Spring", "budget": 5_000}, locations=[shop], promotions=[promotion]
    )
    campaign = PromotionCampaign.objects.get(pk=campaign.pk)
    assert (campaign.status, campaign.budget, campaign.created_by) == ("draft", 5_000, marketer)
    assert list(campaign.locations.all()) == [shop]
    assert list(campaign.promotions.all()) == [promotion]
    assert Change.objects.get(campaign=campaign).what == "created"


def test_an_edit_says_who_changed_what_from_what_to_what():
    marketer, shop = user_in("Marketers"), LocationFactory(code="B1")
    campaign = PromotionCampaignFactory(status="active", budget=100)
    was = version()
    publish.edit_campaign(
        campaign, by=marketer, changes={"budget": 200, "name": campaign.name}, locations=[shop.pk]
    )
    change = Change.objects.get()
    assert (change.what, change.by, change.campaign_id) == ("edited", marketer, campaign.pk)
    assert change.detail == {"budget": [100, 200], "locations": [[], ["B1"]]}
    assert version() > was


def test_an_edit_that_changes_nothing_leaves_no_record():
    campaign = PromotionCampaignFactory(status="active", budget=100)
    publish.edit_campaign(campaign, changes={"budget": 100})
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    ("status", "changes", "field"),
    [
        ("draft", {"budget": 0}, "budget"),
        ("draft", {"budget": -5}, "budget"),
        ("draft", {"budget": 1.5}, "budget"),
        ("draft", {"max_uses": True}, "max_uses"),
        ("draft", {"max_uses_per_customer": 0}, "max_uses_per_customer"),
        ("draft", {"priority": 0}, "priority"),
        ("draft", {"name": ""}, "name"),
        ("draft", {"on_budget_end": "explode"}, "on_budget_end"),
        ("draft", {"currency": "euro"}, "currency"),
        ("draft", {"status": "active"}, "status"),
        ("draft", {"ends_at": timezone.now() - DAY, "starts_at": timezone.now()}, "ends_at"),
        ("draft", {"starts_at": timezone.now().replace(tzinfo=None)}, "starts_at"),
        ("scheduled", {"starts_at": timezone.now() - DAY}, "starts_at"),
        ("scheduled", {"starts_at": None}, "starts_at"),
        ("active", {"starts_at": timezone.now() + DAY}, "starts_at"),
        ("active", {"ends_at": timezone.now() - timedelta(hours=1)}, "ends_at"),
        ("paused", {"ends_at": timezone.now() - timedelta(hours=1)}, "ends_at"),
    ],
)
def test_a_value_that_cannot_be_is_refused_at_its_field_and_nothing_is_changed(status, changes, field):
    campaign = PromotionCampaignFactory(status=status)
    reasons = refusal(publish.edit_campaign, campaign, changes=changes)
    assert [name for name, _ in reasons] == [field]
    assert all(sentence.endswith(".") for _, sentence in reasons)
    assert not Change.objects.exists()


@pytest.mark.parametrize("status", ["draft", "scheduled", "active", "paused"])
def test_a_campaign_that_is_not_over_is_editable(status):
    campaign = PromotionCampaignFactory(status=status)
    edited = publish.edit_campaign(campaign, changes={"budget": 700, "priority": 3})
    assert (edited.budget, edited.priority, edited.status) == (700, 3, status)


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_a_campaign_that_is_over_is_not(status):
    campaign = PromotionCampaignFactory(status=status)
    with pytest.raises(Locked):
        publish.edit_campaign(campaign, changes={"budget": 700})
    with pytest.raises(Locked):
        publish.link(campaign, PromotionFactory())


def test_only_those_who_may_edit_do():
    campaign, analyst = PromotionCampaignFactory(), user_in("Analysts")
    for act in (
        lambda: publish.edit_campaign(campaign, by=analyst, changes={"budget": 5}),
        lambda: publish.create_campaign(by=analyst, changes={"name": "A"}),
        lambda: publish.link(campaign, PromotionFactory(), by=analyst),
        lambda: publish.save_promotion(None, by=analyst, name="A", benefit=PERCENT),
        lambda: publish.switch_promotion(PromotionFactory(), False, by=analyst),
        lambda: publish.delete_promotion(PromotionFactory(), by=analyst),
    ):
        with pytest.raises(Refused, match="ask an administrator"):
            act()


def test_a_currency_stays_what_it_is_once_a_discount_was_given():
    campaign = PromotionCampaignFactory(status="active")
    publish.edit_campaign(campaign, changes={"currency": "USD"})
    grant_before_limits(campaign, 100)
    assert refusal(publish.edit_campaign, campaign, changes={"currency": "EUR"})[0][0] == "currency"


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_promotions_are_linked_unlinked_and_put_in_order():
    campaign = PromotionCampaignFactory(status="active")
    first, second, third = PromotionFactory.create_batch(3)
    for promotion in (first, second, second.pk, third):
        publish.link(campaign, promotion)

    def linked_promotions():
        return [made.promotion for made in campaign.links.all()]

    assert linked_promotions() == [first, second, third]
    publish.order_promotions(campaign, [third, first.pk])
    assert linked_promotions() == [third, first, second]
    publish.unlink(campaign, first)
    publish.unlink(campaign, first.pk)
    assert linked_promotions() == [third, second]
    publish.edit_campaign(campaign, changes={}, promotions=[first, second])
    assert linked_promotions() == [first, second]
    whats = [change.what for change in reversed(Change.objects.all())]
    assert whats == ["linked"] * 3 + ["ordered", "unlinked", "edited"]


def test_a_standalone_promotion_is_in_no_campaign_and_one_in_a_campaign_is_not_standalone():
    campaign, alone = PromotionCampaignFactory(), PromotionFactory(standalone=True)
    assert "standalone" in refusal(publish.link, campaign, alone)[0][1]
    assert "standalone" in refusal(publish.edit_campaign, campaign, changes={}, promotions=[alone])[0][1]
    linked = PromotionFactory()
    publish.link(campaign, linked)
    assert refusal(publish.save_promotion, linked, standalone=True)[0][0] == "standalone"
    lifecycle.fire(campaign, "activate")
    lifecycle.fire(campaign, "cancel")
    assert publish.save_promotion(linked, standalone=True).standalone


# ── promotions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_promotion_is_inactive_until_it_is_switched_on():
    marketer = user_in("Marketers")
    promotion = publish.save_promotion(None, by=marketer, name="Ten off", benefit=PERCENT)
    assert promotion.status == "inactive"
    assert publish.switch_promotion(promotion, True, by=marketer).status == "active"
    publish.switch_promotion(promotion, True, by=marketer)
    assert publish.switch_promotion(promotion.pk, False).status == "inactive"
    assert [change.what for change in promotion.changes.all()] == ["deactivated", "activated", "created"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"benefit": {"type": "percent", "percent": 10_001}}, "benefit"),
        ({"benefit": {"type": "gold"}}, "benefit"),
        ({"benefit": {}}, "benefit"),
        ({"conditions": [{"type": "min_subtotal", "amount": -1}]}, "conditions"),
        ({"target": {"match": {"skus": "A1"}}}, "target"),
        ({"stacking": {"type": "best_of"}}, "stacking"),
        ({"caps": {"max_amount": "x"}}, "caps"),
        ({"max_uses": 0}, "max_uses"),
        ({"priority": -1}, "priority"),
        ({"name": ""}, "name"),
        ({"level": "left"}, "level"),
        ({"starts_at": timezone.now(), "ends_at": timezone.now() - DAY}, "ends_at"),
        ({"starts_at": timezone.now().replace(tzinfo=None)}, "starts_at"),
        ({"status": "active"}, "status"),
    ],
)
def test_a_promotion_that_cannot_be_is_refused_at_its_field(fields, field):
    promotion = PromotionFactory()
    assert [name for name, _ in refusal(publish.save_promotion, promotion, **fields)] == [field]
    assert not Change.objects.exists()


def test_a_promotion_without_a_past_is_deleted_with_its_coupons_and_links():
    promotion = PromotionFactory(trigger="coupon")
    CouponFactory(promotion=promotion)
    Link.objects.create(campaign=PromotionCampaignFactory(), promotion=promotion)
    publish.delete_promotion(promotion, by=user_in("Marketers"))
    assert not Promotion.objects.exists()


def test_a_promotion_with_a_past_is_only_hidden_and_leaves_the_campaigns_that_go_on():
    promotion, over, going_on = PromotionFactory(), PromotionCampaignFactory(), PromotionCampaignFactory()
    for campaign in (over, going_on):
        publish.link(campaign, promotion)
        lifecycle.fire(campaign, "activate")
    coupon = CouponFactory(promotion=promotion)
    grant_before_limits(over, 100, promotion)
    lifecycle.fire(over, "end_early")
    publish.delete_promotion(promotion)
    promotion.refresh_from_db()
    coupon.refresh_from_db()
    assert (promotion.status, promotion.deleted_at is None, coupon.active) == ("inactive", False, False)
    assert [made.campaign for made in promotion.links.all()] == [over]
    for act in (publish.switch_promotion, publish.link):
        args = (promotion, True) if act is publish.switch_promotion else (going_on, promotion)
        with pytest.raises(Refused):
            act(*args)


# ── counters ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_counter_is_made_from_the_ledger_when_a_limit_is_first_set_and_goes_with_the_last():
    campaign = PromotionCampaignFactory(status="active")
    for amount in (100, 250):
        grant_before_limits(campaign, amount)
    assert not Counter.objects.exists()
    publish.edit_campaign(campaign, changes={"budget": 300})
    counter = Counter.objects.get(campaign=campaign)
    assert (counter.spent, counter.uses, counter.budget, counter.ceiling) == (350, 2, 300, 350)
    assert counter.used_up_at is not None
    publish.edit_campaign(campaign, changes={"budget": None, "max_uses": 5})
    counter = Counter.objects.get(campaign=campaign)
    assert (counter.spent, counter.uses, counter.max_uses, counter.used_up_at) == (350, 2, 5, None)
    publish.edit_campaign(campaign, changes={"max_uses": None})
    assert not Counter.objects.exists()


def test_uses_by_customer_are_counted_from_the_ledger_when_that_limit_is_first_set():
    campaign = PromotionCampaignFactory(status="active")
    for customer in ("C1", "C1", "C2", ""):
        grant_before_limits(campaign, 100, customer=customer)
    publish.edit_campaign(campaign, changes={"max_uses_per_customer": 3})
    assert dict(CustomerUse.objects.values_list("customer", "uses")) == {"C1": 2, "C2": 1}
    counter = Counter.objects.get()
    assert not counter.counts  # nothing else is limited: no sale touches it
    publish.edit_campaign(campaign, changes={"max_uses_per_customer": None})
    assert not CustomerUse.objects.exists()


def test_a_counter_says_whether_and_when_it_may_be_drawn_on():
    campaign = PromotionCampaignFactory(status="scheduled", budget=100)
    publish.edit_campaign(campaign, changes={"name": "Published"})

    def is_open():
        counter = Counter.objects.get()
        assert (counter.opens_at, counter.closes_at) == (campaign.starts_at, campaign.ends_at)
        return counter.is_open

    assert is_open()
    for verb, expected in [("activate", True), ("pause", False), ("resume", True), ("cancel", False)]:
        campaign = lifecycle.fire(campaign, verb)
        assert is_open() is expected


def test_a_write_that_goes_past_publishing_is_found_and_put_right():
    campaign = PromotionCampaignFactory(status="active", budget=100)
    promotion = PromotionFactory(max_uses=5)
    assert sorted(find_wrong_counters()) == [("campaign", campaign.pk), ("promotion", promotion.pk)]
    correct_counters()
    assert not find_wrong_counters()
    campaign.budget = 50
    campaign.save()
    Promotion.objects.update(max_uses=None)
    assert len(find_wrong_counters()) == 2
    correct_counters()
    assert not find_wrong_counters()
    assert Counter.objects.get().budget == 50


def test_the_database_lets_no_counter_pass_its_limit():
    campaign = PromotionCampaignFactory(status="active", budget=100, max_uses=1)
    correct_counters()
    for wrong in ({"spent": 101}, {"spent": 60, "held": 41}, {"uses": 2}, {"spent": -1}, {"held": -1}):
        with pytest.raises(Exception, match="counter_"), transaction.atomic():
            Counter.objects.filter(campaign=campaign).update(**wrong)


def test_the_live_figures_of_a_campaign_come_from_its_counter_or_its_ledger():
    campaign = PromotionCampaignFactory(status="active")
    grant_before_limits(campaign, 120)
    assert read_counter_figures(campaign)["spent"] == 120
    assert read_counter_figures(campaign)["left"] is None
    campaign = publish.edit_campaign(campaign, changes={"budget": 200, "max_uses": 9})
    found = read_counter_figures(campaign)
    assert (found["spent"], found["left"], found["uses"], found["uses_left"]) == (120, 80, 1, 8)


# ── the version ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_write_to_what_applies_at_the_till_gives_the_rules_a_new_version():
    campaign, promotion, shop = PromotionCampaignFactory(), PromotionFactory(), LocationFactory()
    seen = [version()]
    for act in (
        lambda: Promotion.objects.filter(pk=promotion.pk).update(priority=7),
        lambda: promotion.locations.add(shop),
        lambda: campaign.locations.add(shop),
        lambda: Link.objects.create(campaign=campaign, promotion=promotion),
        lambda: PromotionCampaign.objects.filter(pk=campaign.pk).update(budget=5),
        lambda: lifecycle.fire(campaign, "activate"),
        lambda: Location.objects.filter(pk=shop.pk).update(code="RENAMED"),
        lambda: Link.objects.all().delete(),
    ):
        act()
        seen.append(version())
    assert seen == sorted(set(seen))


def test_what_does_not_concern_the_till_gives_none():
    campaign = PromotionCampaignFactory(status="expired")
    was = version()
    lifecycle.fire(campaign, "archive")
    UserFactory()
    Location.objects.filter(pk=LocationFactory().pk).update(name="Another name")
    assert version() == was


def test_a_version_never_comes_back_even_after_a_rollback():
    PromotionFactory()
    with transaction.atomic():
        PromotionFactory()
        undone = version()
        transaction.set_rollback(True)
    PromotionFactory()
    assert version() > undone


@pytest.mark.django_db(transaction=True)
def test_the_rules_lock_keeps_sales_out_while_something_is_published():
    other = connection.copy()
    try:
        with transaction.atomic():
            publish.lock_rules()
            with other.cursor() as cursor:
                key = publish.version.RULES_LOCK
                cursor.execute("SELECT pg_try_advisory_lock_shared(%s)", [key])
                assert cursor.fetchone() == (False,)
        with transaction.atomic():
            publish.lock_rules_shared()
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock_shared(%s), pg_try_advisory_lock(%s)", [key, key])
                assert cursor.fetchone() == (True, False)
    finally:
        other.close()
