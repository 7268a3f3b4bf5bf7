"""The way of a campaign as its page draws it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.lifecycle import fire
from campaigns.workspace.stages import list_stages, measure_elapsed
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LATER = NOW + timedelta(days=10)


def list_places(campaign) -> list[tuple[str, str]]:
    return [
        (stage.status.value, stage.place) for stage in list_stages(campaign, list(campaign.history.all()))
    ]


def test_a_draft_has_its_whole_way_before_it_and_no_time_is_known():
    campaign = PromotionCampaignFactory(starts_at=LATER)
    assert list_places(campaign) == [
        ("draft", "here"), ("scheduled", "ahead"), ("active", "ahead"), ("expired", "ahead"),
    ]  # fmt: skip
    assert [stage.at for stage in list_stages(campaign, [])][2] is None  # a start alone starts nothing


def test_a_scheduled_campaign_says_when_it_starts_and_ends_by_itself():
    campaign = PromotionCampaignFactory(starts_at=LATER, ends_at=LATER + timedelta(days=5))
    fire(campaign, "schedule", now=NOW)
    campaign.refresh_from_db()
    found = list_stages(campaign, list(campaign.history.all()))
    assert [(stage.label, stage.at) for stage in found[1:]] == [
        ("Scheduled", NOW), ("Active", LATER), ("Expired", LATER + timedelta(days=5)),
    ]  # fmt: skip


def test_what_was_passed_over_is_left_out_and_a_pause_stands_after_being_under_way():
    campaign = PromotionCampaignFactory()
    fire(campaign, "activate", now=NOW)
    fire(campaign, "pause", now=NOW + timedelta(hours=1))
    campaign.refresh_from_db()
    assert list_places(campaign) == [
        ("draft", "done"),
        ("active", "done"),
        ("paused", "here"),
        ("expired", "ahead"),
    ]
    fire(campaign, "resume", now=NOW + timedelta(hours=2))
    campaign.refresh_from_db()
    assert list_places(campaign) == [("draft", "done"), ("active", "here"), ("expired", "ahead")]
    assert list_stages(campaign, list(campaign.history.all()))[1].at == NOW  # since the first time


def test_a_cancelled_campaign_leads_nowhere_further():
    campaign = EmailCampaignFactory(status="running")
    fire(campaign, "cancel")
    campaign.refresh_from_db()
    assert list_places(campaign) == [("draft", "done"), ("cancelled", "here")]


def test_a_campaign_put_back_to_draft_has_not_been_scheduled():
    campaign = EmailCampaignFactory(status="scheduled", starts_at=LATER)
    fire(campaign, "unschedule")
    campaign.refresh_from_db()
    assert list_places(campaign)[:2] == [("draft", "here"), ("scheduled", "ahead")]


def test_the_time_that_has_passed_is_told_of_a_campaign_under_way_with_both_ends():
    campaign = PromotionCampaignFactory(status="active", starts_at=NOW, ends_at=LATER)
    assert measure_elapsed(campaign, NOW + timedelta(days=1)) == (86_400, 864_000)
    assert measure_elapsed(campaign, LATER + timedelta(days=1)) == (864_000, 864_000)
    assert (
        measure_elapsed(PromotionCampaignFactory(status="active", starts_at=NOW, ends_at=None), NOW) is None
    )
    assert (
        measure_elapsed(PromotionCampaignFactory(status="paused", starts_at=NOW, ends_at=LATER), NOW) is None
    )


@pytest.mark.parametrize("status", ["draft", "active", "paused", "expired", "cancelled"])
def test_every_page_marks_where_the_campaign_stands(client, marketer, status):
    page = client.get(PromotionCampaignFactory(status=status).get_absolute_url()).content.decode()
    assert page.count('aria-current="step"') == 1
    assert f'data-status="{status}" aria-current="step"' in page
