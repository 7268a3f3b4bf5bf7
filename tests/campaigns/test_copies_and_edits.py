"""What is done to a campaign beside its steps: archive, duplicate, delete, edit."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns import lifecycle
from campaigns.lifecycle import Refused, fire
from campaigns.models import Campaign, Transition
from tests.campaigns.history import verbs
from tests.campaigns.matrix import EMAIL, PROMOTION
from tests.factories import (
    ContactListFactory,
    EmailCampaignFactory,
    LocationFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    SegmentFactory,
    SmtpConnectionFactory,
    user_in,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("factory", [EmailCampaignFactory, PromotionCampaignFactory])
def test_a_finished_campaign_leaves_the_default_list_and_comes_back(factory):
    """E8"""
    campaign = factory(status="cancelled")
    fire(campaign, "archive")
    assert campaign.pk not in Campaign.objects.listed().values_list("pk", flat=True)
    assert campaign.pk in Campaign.objects.listed(archived=True).values_list("pk", flat=True)
    with pytest.raises(Refused, match="is archived already"):
        fire(campaign, "archive")
    fire(campaign, "unarchive")
    assert campaign.pk in Campaign.objects.listed().values_list("pk", flat=True)
    with pytest.raises(Refused, match="is not archived"):
        fire(campaign, "unarchive")
    assert verbs(campaign) == ["archive", "unarchive"]


@pytest.mark.parametrize("status", list(EMAIL))
def test_any_email_campaign_can_be_duplicated_without_its_past(status):
    """E5, E6, E7"""
    user = user_in("Marketers")
    campaign = EmailCampaignFactory(status=status, launchable=True)
    copy = lifecycle.duplicate(campaign, by=user)
    assert (copy.status, copy.subject, copy.created_by) == ("draft", campaign.subject, user)
    assert copy.name == f"{campaign.name} (copy)"
    assert [target.list for target in copy.targets.all()] == [
        target.list for target in campaign.targets.all()
    ]
    assert (copy.launched_at, copy.prepared_at, copy.finished_at, copy.total, copy.archived_at) == (
        None,
        None,
        None,
        0,
        None,
    )
    assert not copy.history.exists()


def test_a_copy_has_the_same_lists_segments_exclusions_and_connections():
    """E5, E6, E7"""
    campaign = EmailCampaignFactory(sharing="percentage")
    modes = {("include", ContactListFactory(), None), ("exclude", None, SegmentFactory())}
    for mode, contacts, segment in modes:
        campaign.targets.create(mode=mode, list=contacts, segment=segment)
    routes = [(SmtpConnectionFactory(), 30, 2), (SmtpConnectionFactory(), 70, 1)]
    for connection, part, position in routes:
        campaign.routes.create(connection=connection, share=part, position=position)
    copy = lifecycle.duplicate(campaign)
    assert {(target.mode, target.list, target.segment) for target in copy.targets.all()} == modes
    copied = [(route.connection, route.share, route.position) for route in copy.routes.all()]
    assert copied == routes[::-1]
    assert copy.sharing == "percentage"


def test_a_copy_has_the_same_locations_and_its_promotions_in_their_order():
    """P7"""
    campaign = PromotionCampaignFactory(status="active")
    campaign.locations.set([LocationFactory(), LocationFactory()])
    promotions = [PromotionFactory(), PromotionFactory()]
    for position, promotion in enumerate(reversed(promotions)):
        campaign.links.create(promotion=promotion, position=position)
    copy = lifecycle.duplicate(fire(campaign, "cancel"))
    assert set(copy.locations.all()) == set(campaign.locations.all())
    assert [link.promotion for link in copy.links.all()] == promotions[::-1]


def test_a_copy_keeps_the_times_to_come_and_none_that_has_passed():
    """E5, P7"""
    running = PromotionCampaignFactory(status="active")
    copy = lifecycle.duplicate(running)
    assert (copy.starts_at, copy.ends_at) == (None, running.ends_at)
    assert lifecycle.duplicate(EmailCampaignFactory(status="completed")).starts_at is None


@pytest.mark.parametrize("status", list(PROMOTION))
def test_any_promotion_campaign_can_be_duplicated_without_its_past(status):
    """P7"""
    campaign = PromotionCampaignFactory(status=status, discounting=True, budget=5000, max_uses=7)
    copy = lifecycle.duplicate(campaign)
    assert (copy.status, copy.budget, copy.max_uses) == ("draft", 5000, 7)
    assert list(copy.promotions.all()) == list(campaign.promotions.all())
    assert not copy.history.exists()


@pytest.mark.parametrize(
    ("factory", "status"),
    [
        (EmailCampaignFactory, "draft"),
        (PromotionCampaignFactory, "draft"),
        (PromotionCampaignFactory, "scheduled"),
    ],
)
def test_what_nothing_has_come_of_can_be_deleted_with_its_history(factory, status):
    """E1, P1"""
    campaign = factory(status=status)
    Transition.objects.create(
        campaign=campaign, verb="unschedule", was="scheduled", now=status, at=timezone.now()
    )
    lifecycle.delete(campaign, by=user_in("Administrators"))
    assert not Campaign.objects.filter(pk=campaign.pk).exists()
    assert not Transition.objects.exists()


@pytest.mark.parametrize(
    ("factory", "status"),
    [(EmailCampaignFactory, status) for status in EMAIL if status != "draft"]
    + [(PromotionCampaignFactory, status) for status in PROMOTION if status not in ("draft", "scheduled")],
)
def test_nothing_else_can_be_deleted_not_even_by_sql(factory, status):
    campaign = factory(status=status)
    with pytest.raises(lifecycle.Locked, match=f"is {status}"):
        lifecycle.delete(campaign)
    with pytest.raises(IntegrityError, match="cannot be deleted"), transaction.atomic():
        type(campaign).objects.filter(pk=campaign.pk).delete()
    assert Campaign.objects.filter(pk=campaign.pk).exists()


def test_a_scheduled_promotion_campaign_whose_start_has_passed_is_past_deleting():
    """P1"""
    campaign = PromotionCampaignFactory(status="scheduled", starts_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(lifecycle.Locked, match="is active"):
        lifecycle.delete(campaign)
    assert Campaign.objects.filter(pk=campaign.pk).exists()


def test_marketers_delete_their_own_drafts_and_administrators_any():
    marketer, administrator = user_in("Marketers"), user_in("Administrators")
    theirs, anothers = (
        EmailCampaignFactory(created_by=marketer),
        EmailCampaignFactory(created_by=administrator),
    )
    with pytest.raises(Refused, match="Only its creator or an administrator"):
        lifecycle.delete(anothers, by=marketer)
    lifecycle.delete(theirs, by=marketer)
    lifecycle.delete(anothers, by=administrator)
    assert not Campaign.objects.exists()
