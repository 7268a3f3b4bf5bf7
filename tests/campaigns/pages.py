"""Campaigns of both kinds, and their pages as a test reads them."""

from tests.factories import EmailCampaignFactory, PromotionCampaignFactory

FACTORIES = {"email": EmailCampaignFactory, "promotion": PromotionCampaignFactory}


def get_page(client, campaign) -> str:
    response = client.get(campaign.get_absolute_url())
    assert response.status_code == 200
    return response.content.decode()
