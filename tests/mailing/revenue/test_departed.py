"""Who is deleted or erased stays counted in the two groups of a hold-out, without a name."""

import pytest

from campaigns import database_time
from mailing import campaign_hold_out, privacy
from mailing.models import DepartedBuyer, EmailCampaign
from tests.factories import ContactFactory
from tests.mailing.revenue.shops import DAY, HOUR, fold, give_back, sell
from tests.mailing.running import launch_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    """Half of forty are held out; three of each group bought in the days of the campaign, one of them gave it back."""
    people = [ContactFactory(customer_id=f"C{number}") for number in range(40)]
    campaign = launch_campaign(people, hold_out=50)
    at = database_time.now() - 2 * DAY
    EmailCampaign.objects.filter(pk=campaign.pk).update(launched_at=at)
    for status in ("pending", "held_out"):
        for place, delivery in enumerate(campaign.deliveries.filter(status=status).order_by("pk")[:4]):
            sale = sell(delivery.contact.customer_id, at + HOUR, total=1_000 + place)
            if place == 3:
                give_back(sale, 1_000 + place)
            sell(delivery.contact.customer_id, at - HOUR, total=7)
            sell(delivery.contact.customer_id, at + 6 * DAY, total=7)
    fold()
    return EmailCampaign.objects.get(pk=campaign.pk)


@pytest.mark.parametrize("way", ["delete", "erase", "erase with sales"])
def test_both_groups_stay_as_they_were_when_all_their_people_go(campaign, way):
    before = campaign_hold_out.count_arms(campaign)
    assert [(arm.buyers, arm.net) for arm in before] == [(3, 3_003), (3, 3_003)]
    for delivery in campaign.deliveries.select_related("contact"):
        if way == "delete":
            delivery.contact.delete()
        else:
            privacy.erase_contact(delivery.contact, with_sales=way == "erase with sales")
    fold()
    assert campaign_hold_out.count_arms(campaign) == before
    kept = DepartedBuyer.objects.filter(campaign=campaign)
    assert sorted(kept.values_list("is_held_out", "net__EUR")) == [
        (is_held_out, 1_000 + place) for is_held_out in (False, True) for place in range(3)
    ]


def test_of_a_campaign_without_a_hold_out_nothing_is_kept():
    contact = ContactFactory(customer_id="A")
    launch_campaign([contact])
    sell("A", database_time.now() + HOUR)
    fold()
    contact.delete()
    assert not DepartedBuyer.objects.exists()
