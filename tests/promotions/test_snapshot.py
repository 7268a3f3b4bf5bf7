"""The rules as a process keeps them, and the site's stacking rules and groups among what it reads."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import lifecycle
from campaigns.refusals import Refused
from promotions import groups, publish, snapshot, stacking
from promotions.engine import StackingRules
from promotions.models import Change, Counter, Link, Promotion
from tests.factories import (
    CustomerGroupFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    user_in,
)

pytestmark = pytest.mark.django_db


def rules(**how):
    return [
        (promotion.rule.promotion, promotion.campaign, promotion.rule.active)
        for promotion in snapshot.read_snapshot(**how).rules.promotions
    ]


def link_to_campaign(promotion, **campaign):
    campaign = PromotionCampaignFactory(**campaign)
    Link.objects.bulk_create([Link(campaign=campaign, promotion=promotion)])
    return campaign


def test_it_holds_one_rule_for_each_campaign_a_sale_may_meet():
    shared, alone, nowhere = PromotionFactory(), PromotionFactory(standalone=True), PromotionFactory()
    campaigns = [link_to_campaign(shared, status=status) for status in ("scheduled", "active", "paused")]
    link_to_campaign(nowhere, status="draft")
    found = rules()
    assert sorted(campaign for number, campaign, _ in found if number == shared.pk) == sorted(
        campaign.pk for campaign in campaigns
    )
    assert (alone.pk, None, True) in found
    assert nowhere.pk not in {number for number, *_ in found}


def test_with_drafts_what_is_not_published_takes_part():
    off = PromotionFactory(status="inactive")
    draft = link_to_campaign(off, status="draft")
    assert rules() == []
    assert rules(drafts=True) == [(off.pk, draft.pk, True)]


def test_what_is_over_is_explained_for_a_day_and_codes_for_ever():
    automatic, coded = PromotionFactory(), PromotionFactory(trigger="coupon")
    now = timezone.now()

    def link_to_ended_campaign(promotion, ago):
        started = now - timedelta(days=9)
        campaign = link_to_campaign(promotion, status="active", starts_at=started, ends_at=now - ago)
        assert lifecycle.write_owed_steps(campaign, now) == ["expire"]
        return campaign.pk

    lately = link_to_ended_campaign(automatic, timedelta(hours=1))
    link_to_ended_campaign(automatic, timedelta(days=2))
    coded_ago = link_to_ended_campaign(coded, timedelta(days=2))
    assert {campaign for _, campaign, _ in rules()} == {lately, coded_ago}


def test_a_promotion_that_cannot_be_read_is_left_out_and_logged(caplog):
    good, bad = PromotionFactory(standalone=True), PromotionFactory(standalone=True, benefit={"type": "gold"})
    with caplog.at_level(logging.ERROR, logger="promotions"):
        assert [number for number, *_ in rules()] == [good.pk]
    assert f"Promotion {bad.pk}" in caplog.text


def test_it_puts_counters_right_that_were_written_past_publishing():
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=100)
    loaded = snapshot.read_snapshot()
    counter = Counter.objects.get(campaign=campaign)
    assert loaded.campaign_counters == {campaign.pk: counter.pk}
    assert loaded.version == snapshot.read_snapshot().version


def test_it_is_read_again_only_when_the_version_moved():
    promotion = PromotionFactory(standalone=True)
    version = snapshot.read_snapshot().version
    first = snapshot.load_version(version)
    assert snapshot.load_version(version) is first
    Promotion.objects.filter(pk=promotion.pk).update(priority=3)
    assert snapshot.load_version(snapshot.read_snapshot().version) is not first


def test_where_nothing_was_ever_published_it_is_empty():
    assert snapshot.load_version(None) is snapshot.NOTHING


def test_a_standalone_promotion_that_names_money_is_in_the_sites_currency(settings):
    settings.CURRENCY = "CHF"
    PromotionFactory(standalone=True, benefit={"type": "fixed_total", "amount": 5})
    PromotionFactory(standalone=True)
    assert [promotion.rule.currency for promotion in snapshot.read_snapshot().rules.promotions] == ["CHF", ""]


def test_the_stacking_rules_are_one_row_that_some_may_change():
    assert stacking.read_rules() == StackingRules(currency="EUR")
    by = user_in("Administrators")
    stacking.change_rules(by=by, max_discount_percent=5_000)
    assert stacking.read_rules().max_discount_percent == 5_000
    assert Change.objects.get().detail["max_discount_percent"] == [None, 5_000]
    for wrong in (
        {"max_discount_percent": 10_001},
        {"max_promotions": -1},
        {"precedence": "taste"},
        {"colour": "red"},
    ):
        with pytest.raises(Refused):
            stacking.change_rules(**wrong)
    with pytest.raises(Refused, match="You may not"):
        stacking.change_rules(by=user_in("Marketers"), max_promotions=1)


def test_two_promotions_are_kept_apart_and_let_meet_again():
    first, second = PromotionFactory(name="Tea"), PromotionFactory(name="Coffee")
    by = user_in("Administrators")
    before = snapshot.read_snapshot().version
    for pair in ((second, first), (first.pk, second.pk)):  # the second time nothing changes
        stacking.exclude_pair(*pair, by=by)
        assert stacking.read_rules().excluded_pairs == {(first.pk, second.pk)}
    apart = snapshot.read_snapshot().version
    assert apart > before
    for _ in range(2):
        stacking.allow_pair(second, first, by=by)
        assert not stacking.read_rules().excluded_pairs
    assert snapshot.read_snapshot().version > apart
    assert [(change.what, change.detail) for change in Change.objects.order_by("pk")] == [
        ("apart", {"pair": ["Tea", "Coffee"]}),
        ("together", {"pair": ["Tea", "Coffee"]}),
    ]


def test_who_may_not_and_what_cannot_be_kept_apart_is_refused():
    first, second, gone = PromotionFactory(), PromotionFactory(), PromotionFactory(deleted_at=timezone.now())
    for call in (stacking.exclude_pair, stacking.allow_pair):
        with pytest.raises(Refused, match="You may not"):
            call(first, second, by=user_in("Marketers"))
    with pytest.raises(Refused, match="cannot exclude itself"):
        stacking.exclude_pair(first, first)
    for unknown in (gone, 0):
        with pytest.raises(Refused, match="was deleted"):
            stacking.exclude_pair(first, unknown)
    assert not stacking.read_rules().excluded_pairs


def test_a_group_has_the_members_it_is_given():
    group = CustomerGroupFactory()
    assert groups.set_members(group, ["A", "B", " B ", ""]) == 2
    assert groups.set_members(group, ["B", "C"], by=user_in("Marketers")) == 2
    assert set(group.members.values_list("customer", flat=True)) == {"B", "C"}
    with pytest.raises(Refused):
        groups.set_members(group, ["x" * 65])
    with pytest.raises(Refused):
        groups.set_members(group, [], by=user_in("Analysts"))


def test_what_is_taken_over_from_an_earlier_snapshot_equals_what_is_read_anew():
    standalone = [PromotionFactory(standalone=True) for _ in range(4)]
    shared = PromotionFactory(stacking={"type": "best_of", "group": "tea"})
    campaign = link_to_campaign(shared, status="active")
    shop = LocationFactory()
    known = snapshot.read_snapshot()

    def edit_by_sql():
        Promotion.objects.filter(pk=standalone[0].pk).update(priority=3)

    def send_to_a_shop():
        standalone[1].locations.add(shop)

    def pause():
        lifecycle.fire(campaign, "pause")

    def delete():
        publish.delete_promotion(standalone[2])

    def add():
        PromotionFactory(standalone=True, priority=1)

    for change in (edit_by_sql, edit_by_sql, send_to_a_shop, pause, delete, add):
        change()
        renewed, fresh = snapshot.read_snapshot(after=known), snapshot.read_snapshot()
        assert [one.rule for one in renewed.rules.promotions] == [one.rule for one in fresh.rules.promotions]
        assert renewed.personal == fresh.personal
        known = renewed


def test_a_promotion_nobody_touched_is_not_read_again():
    kept, edited = PromotionFactory(standalone=True), PromotionFactory(standalone=True)
    known = snapshot.read_snapshot()
    publish.save_promotion(edited, priority=7)
    renewed = snapshot.read_snapshot(after=known)
    assert renewed.promotions[kept.pk] is known.promotions[kept.pk]
    assert renewed.promotions[edited.pk].row.priority == 7
