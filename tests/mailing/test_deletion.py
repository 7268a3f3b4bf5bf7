"""Lists and segments go when no campaign needs them any more; campaigns that are over keep their names."""

import pytest

from campaigns.refusals import Refused
from mailing import audience, segment_groups
from mailing.deletion import delete_list
from mailing.models import ContactList, EmailCampaign, Segment, Target
from tests.factories import ContactListFactory, EmailCampaignFactory

pytestmark = pytest.mark.django_db


def named_by(status, **what):
    campaign = EmailCampaignFactory(name=f"A {status} one")
    Target.objects.create(campaign=campaign, **what)
    EmailCampaign.objects.filter(pk=campaign.pk).update(status=status)
    return campaign


@pytest.mark.parametrize("status", ["draft", "scheduled", "running", "paused"])
def test_a_list_stays_while_a_campaign_may_still_send_to_it(status):
    members = ContactListFactory(name="News")
    named_by(status, list=members)
    with pytest.raises(Refused, match=f"these campaigns name it: “A {status} one” \\({status}\\)"):
        delete_list(members)
    assert ContactList.objects.filter(pk=members.pk).exists()


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_list_goes_and_campaigns_that_are_over_keep_its_name(status, client, admin_client):
    members = ContactListFactory(name="News")
    campaign = named_by(status, list=members)
    key = f"list {members.pk}"
    delete_list(members)
    target = campaign.targets.get()
    assert (target.name, target.key, target.list_id) == ("News", key, None)
    assert audience.read_selection(campaign.targets.all()) == audience.Selection()
    assert "News" in admin_client.get(campaign.get_absolute_url()).content.decode()


@pytest.mark.parametrize(("status", "goes"), [("completed", True), ("cancelled", True), ("paused", False)])
def test_django_admin_keeps_to_the_same_rule(status, goes, admin_client):
    members = ContactListFactory(name="News")
    campaign = named_by(status, list=members)
    address = f"/admin/mailing/contactlist/{members.pk}/delete/"
    assert "Are you sure" in admin_client.get(address).content.decode()
    said = admin_client.post(address, {"post": "yes"}, follow=True).content.decode()
    assert ContactList.objects.filter(pk=members.pk).exists() != goes
    assert campaign.targets.get().name == "News"
    assert ("these campaigns name it: “A paused one” (paused)" in said) != goes


def test_a_segment_goes_likewise():
    segment = Segment.objects.create(name="Loyal", tree={"all": []})
    campaign = named_by("completed", segment=segment)
    segment_groups.delete_segment(segment)
    assert campaign.targets.get().name == "Loyal"
