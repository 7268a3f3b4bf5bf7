"""Why somebody gets a campaign, and who stands in each stage of its funnel."""

import pytest

from campaigns.lifecycle import fire
from mailing import audience, launch, recipient_reasons
from mailing.models import Membership, Segment, Suppression, Target
from tests.factories import ContactFactory, ContactListFactory
from tests.mailing.running import draft, fresh

pytestmark = pytest.mark.django_db


def verdict(contact, campaign):
    gets_it, reasons = recipient_reasons.explain_delivery(contact, campaign)
    return gets_it, " ".join(reasons)


def test_why_names_the_list_the_exclusion_or_the_suppression_that_decides():
    ada, bob = ContactFactory(), ContactFactory()
    campaign = draft([ada])
    everybody = campaign.targets.get().list
    assert verdict(ada, campaign) == (True, f"They are in the list “{everybody}”.")
    assert verdict(bob, campaign) == (False, "They are in none of its lists and segments.")
    Membership.objects.filter(contact=ada).update(unsubscribed_at="2026-03-04T00:00Z")
    assert verdict(ada, campaign) == (False, f"They unsubscribed from the list “{everybody}” on 4 Mar 2026.")
    named_bob = Segment.objects.create(
        name="Bobs", tree={"field": "email", "op": "equals", "value": bob.email}
    )
    Target.objects.create(campaign=campaign, segment=named_bob)
    assert verdict(bob, campaign) == (True, "They are in the segment “Bobs”.")
    Suppression.objects.create(email=bob.email, reason="complaint")
    assert verdict(bob, campaign)[0] is False
    assert "complaint" in verdict(bob, campaign)[1]
    Target.objects.create(
        campaign=campaign, list=ContactListFactory(name="Out", contacts=[bob]), mode="exclude"
    )
    assert verdict(bob, campaign) == (False, "The campaign excludes them: They are in the list “Out”.")


def test_why_agrees_with_the_launch_for_everybody():
    people = ContactFactory.create_batch(6)
    campaign = draft(people[:4])
    Target.objects.create(campaign=campaign, list=ContactListFactory(contacts=people[3:5]), mode="exclude")
    Suppression.objects.create(email=people[0].email)
    said = {contact.pk for contact in people if recipient_reasons.explain_delivery(contact, campaign)[0]}
    fire(campaign, "launch")
    launch.prepare(campaign.pk)
    assert set(campaign.deliveries.values_list("contact", flat=True)) == said == {people[1].pk, people[2].pk}
    assert recipient_reasons.explain_delivery(people[1], fresh(campaign)) == (
        True,
        ["They are one of its recipients. Waiting."],
    )
    assert recipient_reasons.explain_delivery(people[0], fresh(campaign))[0] is False


def test_each_stage_of_the_funnel_can_be_looked_into():
    people = ContactFactory.create_batch(6)
    campaign = draft(people)
    Target.objects.create(campaign=campaign, list=ContactListFactory(contacts=people[:1]))
    Target.objects.create(campaign=campaign, list=ContactListFactory(contacts=people[1:2]), mode="exclude")
    Suppression.objects.create(email=people[2].email)
    chosen = audience.read_selection(campaign.targets.all())
    stages = {stage: audience.list_stage_contacts(chosen, stage) for stage in audience.STAGES}
    assert stages["duplicates"] == people[:1]
    assert stages["excluded"] == people[1:2]
    assert stages["suppressed"] == people[2:3]
    assert stages["recipients"] == [people[0], *people[3:]]
    assert audience.list_stage_contacts(chosen, "named", most=2) == people[:2]
    assert audience.list_stage_contacts(chosen, "named", after=people[1].pk, most=2) == people[2:4]
