"""What cannot be done to a campaign by any way in; what Python refuses the database holds."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_fsm import ConcurrentTransition

from campaigns import lifecycle
from campaigns.lifecycle import Locked, fire
from campaigns.models import Campaign, Transition
from mailing.models import EmailCampaign, Target
from promotions.models import Link
from tests.campaigns.matrix import EMAIL, PROMOTION
from tests.factories import (
    ContactListFactory,
    EmailCampaignFactory,
    PromotionCampaignFactory,
    PromotionFactory,
    user_in,
)

pytestmark = pytest.mark.django_db
LOCKED_EMAIL = ["running", "paused", "completed", "failed", "cancelled"]
LOCKED_PROMOTION = ["expired", "cancelled"]


@pytest.mark.parametrize("status", LOCKED_EMAIL)
@pytest.mark.parametrize("field", ["subject", "body", "name", "description", "from_email", "track_opens"])
def test_a_locked_email_campaign_refuses_a_save_before_any_sql(status, field, django_assert_num_queries):
    """E3, E4, E5"""
    campaign = EmailCampaignFactory(status=status)
    setattr(campaign, field, not campaign.track_opens if field == "track_opens" else "edited")
    with django_assert_num_queries(0), pytest.raises(Locked, match=f"is {status}: it cannot be edited"):
        campaign.save()
    with django_assert_num_queries(0), pytest.raises(Locked):
        campaign.save(update_fields=[field])


@pytest.mark.parametrize("status", LOCKED_EMAIL)
def test_the_database_refuses_an_edit_of_a_locked_email_campaign_by_sql(status):
    """E3, E4, E5"""
    campaign = EmailCampaignFactory(status=status)
    for edit in ({"subject": "edited"}, {"name": "edited"}, {"starts_at": timezone.now()}):
        with pytest.raises(IntegrityError, match=f"is {status}: it cannot be edited"), transaction.atomic():
            EmailCampaign.objects.filter(pk=campaign.pk).update(**edit)


@pytest.mark.parametrize("status", LOCKED_EMAIL)
def test_targets_of_a_locked_email_campaign_cannot_be_added_changed_or_removed(status):
    """E3, E4, E5"""
    campaign = EmailCampaignFactory(status=status, launchable=True)
    target, another = campaign.targets.get(), ContactListFactory()
    with pytest.raises(Locked, match="its targets cannot be edited"):
        Target(campaign=campaign, list=another).save()
    with pytest.raises(Locked):
        target.delete()
    for way in (
        lambda: Target.objects.bulk_create([Target(campaign=campaign, list=another)]),
        lambda: Target.objects.filter(pk=target.pk).update(mode="exclude"),
        lambda: Target.objects.filter(pk=target.pk).delete(),
    ):
        with pytest.raises(IntegrityError, match="cannot be edited"), transaction.atomic():
            way()


@pytest.mark.parametrize("status", ["draft", "scheduled"])
def test_drafts_and_scheduled_email_campaigns_can_be_edited_and_a_scheduled_one_is_a_draft_first(
    status,
):
    """E1, E2"""
    campaign = EmailCampaignFactory(status=status)
    with transaction.atomic():
        opened = lifecycle.open_for_edit(campaign, by=user_in("Marketers"))
        opened.subject = "Edited"
        opened.save()
    stored = EmailCampaign.objects.get(pk=campaign.pk)
    assert (stored.status, stored.subject) == ("draft", "Edited")
    assert [row.verb for row in stored.history.all()] == (["unschedule"] if status == "scheduled" else [])


@pytest.mark.parametrize("status", LOCKED_EMAIL)
def test_opening_a_locked_email_campaign_for_an_edit_is_refused(status):
    """E3, E4, E5"""
    with pytest.raises(Locked, match=f"is {status}: it cannot be edited"):
        lifecycle.open_for_edit(EmailCampaignFactory(status=status))


@pytest.mark.parametrize("status", list(PROMOTION))
def test_promotion_campaigns_are_edited_in_every_state_but_the_final(status):
    """P1, P2, P3"""
    campaign = PromotionCampaignFactory(status=status, discounting=True)
    if status in LOCKED_PROMOTION:
        with pytest.raises(Locked):
            lifecycle.open_for_edit(campaign)
        campaign.budget = 10
        with pytest.raises(Locked):
            campaign.save()
        for edit in (
            lambda: type(campaign).objects.filter(pk=campaign.pk).update(budget=10),
            lambda: Link.objects.create(campaign=campaign, promotion=PromotionFactory()),
            lambda: campaign.links.all().delete(),
        ):
            with pytest.raises(IntegrityError, match="cannot be edited"), transaction.atomic():
                edit()
    else:
        with transaction.atomic():
            opened = lifecycle.open_for_edit(campaign)
            opened.budget = 10
            opened.save()
            opened.links.all().delete()
        assert type(campaign).objects.get(pk=campaign.pk).budget == 10
        assert opened.status == status, "a scheduled promotion campaign stays scheduled while it is edited"


@pytest.mark.parametrize(
    ("factory", "status"),
    [(EmailCampaignFactory, status) for status in EMAIL]
    + [(PromotionCampaignFactory, status) for status in PROMOTION],
)
def test_no_sql_leaves_a_final_state_or_enters_one_of_the_other_kind(factory, status):
    campaign = factory(status=status)
    others = set(EMAIL) ^ set(PROMOTION)
    foreign = next(
        iter((others - set(EMAIL)) if factory is EmailCampaignFactory else (others - set(PROMOTION)))
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(status=foreign)
    if status in Campaign.FINAL:
        with pytest.raises(IntegrityError, match="that is final"), transaction.atomic():
            Campaign.objects.filter(pk=campaign.pk).update(status="paused")


def test_the_status_is_not_set_by_hand():
    campaign = PromotionCampaignFactory()
    with pytest.raises(AttributeError):
        campaign.status = "active"


def test_a_stale_save_does_not_bring_an_old_status_back():
    stale = PromotionCampaignFactory(status="active")
    fire(stale.pk, "pause")
    stale.name = "Edited"
    with pytest.raises(ConcurrentTransition), transaction.atomic():
        stale.save()
    assert Campaign.objects.get(pk=stale.pk).status == "paused"


@pytest.mark.parametrize("status", ["active", "paused"])
def test_the_history_is_append_only(status):
    campaign = PromotionCampaignFactory(status="active" if status == "paused" else "paused")
    fire(campaign, "pause" if status == "paused" else "resume")
    row = campaign.history.get()
    for way in (
        lambda: Transition.objects.filter(pk=row.pk).update(why="another story"),
        lambda: Transition.objects.filter(pk=row.pk).delete(),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            way()


def test_a_failing_step_changes_nothing(monkeypatch):
    campaign = PromotionCampaignFactory(status="active")
    monkeypatch.setattr(
        type(lifecycle.lifecycle_of(campaign)), "follow_up", lambda self, campaign, verb, was: 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        fire(campaign, "pause")
    assert Campaign.objects.get(pk=campaign.pk).status == "active"
    assert not campaign.history.exists()


def test_the_doctor_finds_a_status_that_no_step_led_to():
    from campaigns import doctor

    campaign = PromotionCampaignFactory(status="active")
    fire(campaign, "pause", now=timezone.now() - timedelta(minutes=1))
    assert not list(doctor.list_breaches())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE campaigns_campaign SET status = 'active' WHERE id = %s", [campaign.pk])
    assert list(doctor.list_breaches()) == [
        f"Campaign {campaign.pk} is active, but its last step led to paused."
    ]
