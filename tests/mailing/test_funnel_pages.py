"""The funnel of recipients on the pages of a campaign, before its launch and after."""

import re

import pytest

from campaigns.lifecycle import fire
from mailing import launch
from mailing.models import Contact, Delivery, Membership, Target
from tests.factories import ContactListFactory, EmailCampaignFactory, SegmentFactory, SuppressionFactory
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db


def test_before_the_launch_the_page_says_how_long_the_limits_make_it_last(client, marketer):
    campaign = EmailCampaignFactory(launchable=True, per_minute=1)
    assert "sending takes at least 3 min" in page(client, f"/campaigns/email/{campaign.pk}/readiness/")
    campaign = EmailCampaignFactory(launchable=True)
    assert "sending takes at least" not in page(client, f"/campaigns/email/{campaign.pk}/readiness/")


def test_the_funnel_counts_and_each_stage_lists_its_people(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    suppressed = Contact.objects.first()
    SuppressionFactory(email=suppressed.email)
    text = page(client, f"/campaigns/email/{campaign.pk}/readiness/")
    assert "<html" in text
    assert "Ready to send" in text
    assert re.search(r"Recipients</a></dt><dd>2<", text)
    assert suppressed.email in page(client, f"/campaigns/email/{campaign.pk}/people/suppressed/")
    assert suppressed.email not in page(client, f"/campaigns/email/{campaign.pk}/people/recipients/")
    page(client, f"/campaigns/email/{campaign.pk}/people/nonsense/", status=404)


def test_after_the_launch_each_stage_tells_who_it_is_now_who_it_was_and_what_they_got(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    suppressed, left, reached = Contact.objects.order_by("pk")
    everybody = campaign.targets.get().list
    SuppressionFactory(email=suppressed.email, reason="complaint")
    Membership.objects.filter(contact=left).update(unsubscribed_at="2026-03-04T00:00Z")
    fire(campaign, "launch")
    launch.prepare(campaign.pk)
    Delivery.objects.update(status="accepted", due_at=None)
    SuppressionFactory(email=reached.email, reason="manual")

    text = page(client, campaign.get_absolute_url())
    assert "(3 at the launch)" in text
    people = f"/campaigns/email/{campaign.pk}/people"
    for stage in ("named", "duplicates", "unsubscribed", "excluded", "suppressed"):
        assert f'href="{people}/{stage}/"' in text
    assert re.search(
        rf'href="/campaigns/email/{campaign.pk}/report/#recipients">Recipients</a></dt><dd>1<', text
    )

    text = page(client, f"{people}/suppressed/")
    assert "there was 1." in text
    assert "Complaint, since" in text
    assert re.search(
        rf"{suppressed.email}</a>.*?Not a recipient.*?{reached.email}</a>.*?Accepted", text, re.DOTALL
    )
    text = page(client, f"{people}/unsubscribed/")
    assert f"list “{everybody}”, unsubscribed on 4 Mar 2026" in text
    assert "there were 0." in page(client, f"{people}/excluded/")


def test_who_is_excluded_stands_beside_what_excludes_them(client, marketer):
    campaign = EmailCampaignFactory(launchable=True)
    one, other, _ = Contact.objects.order_by("pk")
    regulars = ContactListFactory(name="Regulars", contacts=[one])
    named = SegmentFactory(name="By name", tree={"field": "email", "op": "equals", "value": other.email})
    Target.objects.create(campaign=campaign, list=regulars, mode="exclude")
    Target.objects.create(campaign=campaign, segment=named, mode="exclude")
    text = page(client, f"/campaigns/email/{campaign.pk}/people/excluded/")
    assert re.search(
        rf"{one.email}</a>.*?list “Regulars”.*?{other.email}</a>.*?segment “By name”", text, re.DOTALL
    )
    assert "When it was launched" not in text
