"""What the tests of pages share: what the reader sees, and a campaign with promotions."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext

from promotions.models import Link
from tests.factories import PromotionCampaignFactory, PromotionFactory

HTMX = {"HTTP_HX_REQUEST": "true"}


def read_page(response, status=200) -> str:
    assert response.status_code == status, response.content.decode()[:2000]
    return response.content.decode()


def words(page: str) -> str:
    """What the reader sees."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def campaign_with(count=1, status="active", **fields):
    """A campaign and its linked promotions."""
    promotions = PromotionFactory.create_batch(count)
    links = [
        lambda key, one=one, place=place: Link.objects.bulk_create(
            [Link(campaign_id=key, promotion=one, position=place)]
        )
        for place, one in enumerate(promotions)
    ]
    return PromotionCampaignFactory(status=status, parts=links, **fields), promotions


def linked_names(campaign) -> list[str]:
    return [link.promotion.name for link in campaign.links.select_related("promotion")]


def queries(client, address) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        read_page(client.get(address))
    return len(captured)
