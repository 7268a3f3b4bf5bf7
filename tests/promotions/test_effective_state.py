"""Pages show a campaign as the till judges it, with every worker down, and offer the steps of that state."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.models import Campaign
from promotions.models import PromotionCampaign
from tests.factories import PromotionCampaignFactory, user_in
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def marketer(client):
    user = user_in("Marketers")
    client.force_login(user)
    return user


@pytest.fixture
def begun_campaign(marketer):
    """Scheduled as it is stored, and already giving at the till."""
    campaign = PromotionCampaignFactory(
        name="Spring", status="scheduled", discounting=True, starts_at=timezone.now() - HOUR
    )
    assert AtTill().put("S1", basket(1_000))["discount"] == 100
    assert Campaign.objects.get(pk=campaign.pk).status == "scheduled"
    return campaign


@pytest.mark.parametrize("address", ["/campaigns/promotion/{}/", "/campaigns/promotion/{}/counters/"])
def test_the_page_shows_the_state_of_the_till_and_offers_its_steps(client, begun_campaign, address):
    page = client.get(address.format(begun_campaign.pk)).content.decode()
    if "counters" not in address:
        assert 'data-status="active"' in page
        assert "End Early" in page
        assert f"/campaigns/{begun_campaign.pk}/pause/" in page
        assert f"/campaigns/{begun_campaign.pk}/activate/" not in page
    step = begun_campaign.history.get()
    assert (step.verb, step.by, step.was, step.now) == ("activate", None, "scheduled", "active")


@pytest.mark.parametrize("address", ["/", "/under-way/", "/campaigns/", "/campaigns/?status=active"])
def test_lists_show_the_state_of_the_till(client, begun_campaign, address):
    page = client.get(address).content.decode()
    assert "Spring" in page
    assert 'data-status="scheduled"' not in page
    assert Campaign.objects.get(pk=begun_campaign.pk).status == "active"


def test_one_whose_end_has_passed_is_expired_everywhere(client, marketer):
    over = PromotionCampaignFactory(status="active", discounting=True, ends_at=timezone.now() - HOUR)
    page = client.get(f"/campaigns/promotion/{over.pk}/").content.decode()
    assert 'data-status="expired"' in page
    assert f"/campaigns/{over.pk}/pause/" not in page


def test_the_administration_shows_it_too(admin_client, begun_campaign):
    page = admin_client.get("/admin/promotions/promotioncampaign/").content.decode()
    assert "Active" in page
    assert PromotionCampaign.objects.get(pk=begun_campaign.pk).status == "active"
