"""A second mail to those who did not answer a campaign."""

import pytest
from django.utils import timezone

from campaigns import lifecycle
from campaigns.refusals import Refused
from mailing import contacts, endings, follow_ups, launch
from mailing.follow_ups import MissingResponse
from mailing.models import (
    Contact,
    ContactList,
    Delivery,
    RetentionCount,
    Suppression,
    TrackingConsent,
    TrackingPolicy,
)
from tests.factories import user_in
from tests.mailing.pages import page
from tests.mailing.running import counts, fresh, launch_campaign

pytestmark = pytest.mark.django_db


def complete(recipients=4, **fields):
    """A completed campaign that everybody got."""
    campaign = launch_campaign(recipients, **fields)
    sent = {"status": "accepted", "due_at": None, "sent_at": timezone.now()}
    campaign.deliveries.update(**sent)

    assert endings.complete_campaign(campaign.pk)
    return fresh(campaign)


def note(campaign, place, *kinds):
    """The recipient at this place did these things; return the contact."""
    delivery = campaign.deliveries.order_by("pk")[place]
    Delivery.objects.filter(pk=delivery.pk).update(**{f"{kind}_at": timezone.now() for kind in kinds})
    return delivery.contact


def decide(contact, *, is_granted):
    contacts.record_consent(contact, is_granted=is_granted, how=TrackingConsent.How.PAGE)


def read_targets(copy):
    (target,) = copy.targets.all()
    return set(target.list.contacts.all())


@pytest.mark.parametrize(("asked", "left"), [("clicked", 3), ("opened", 2)])
def test_those_who_did_not_answer_until_now_are_frozen_in_a_list(asked, left):
    campaign = complete()
    clicked = note(campaign, 0, "opened", "clicked")
    opened = note(campaign, 1, "opened")
    copy = follow_ups.resend_to_silent(campaign, MissingResponse(asked), by=user_in("Marketers"))
    chosen = read_targets(copy)
    assert (copy.status, copy.body) == ("draft", campaign.body)
    assert len(chosen) == left
    assert clicked not in chosen
    assert (opened in chosen) is (asked == "clicked")
    late = note(campaign, 2, "opened", "clicked")
    assert late in read_targets(copy), "what happens later changes nothing"
    name = copy.targets.get().list.name
    assert campaign.name in name
    assert str(timezone.now().year) in name


def test_bounced_uncertain_and_skipped_recipients_are_not_among_them():
    campaign = complete(5)
    keys = list(campaign.deliveries.order_by("pk").values_list("pk", flat=True))
    for key, status in zip(keys, ("bounced", "uncertain", "skipped", "failed"), strict=False):
        Delivery.objects.filter(pk=key).update(status=status)
    copy = follow_ups.resend_to_silent(campaign, MissingResponse.CLICKED)
    assert len(read_targets(copy)) == 1


def test_who_unsubscribes_before_the_launch_does_not_get_it():
    copy = follow_ups.resend_to_silent(complete(3), MissingResponse.CLICKED)
    gone = Contact.objects.first()
    Suppression.objects.create(email=gone.email, reason="unsubscribed")

    copy = lifecycle.fire(copy, "launch")
    launch.prepare(copy.pk)
    assert counts(copy) == {"pending": 2}
    assert not copy.deliveries.filter(contact=gone).exists()


@pytest.mark.parametrize(("consent", "left"), [("opt-out", 2), ("opt-in", 1)])
def test_who_is_not_tracked_is_not_taken_for_somebody_who_did_not_click(settings, consent, left):
    settings.TRACKING_CONSENT = consent
    campaign = launch_campaign(4)
    people = list(Contact.objects.order_by("pk"))
    decide(people[0], is_granted=False)
    decide(people[1], is_granted=True)
    campaign.deliveries.update(status="accepted", due_at=None, sent_at=timezone.now())

    endings.complete_campaign(campaign.pk)
    decide(people[2], is_granted=False)  # withdrawn after the mail
    campaign = fresh(campaign)
    assert follow_ups.count_silent(campaign, MissingResponse.CLICKED) == (left, 4 - left)
    chosen = read_targets(follow_ups.resend_to_silent(campaign, MissingResponse.CLICKED))
    assert people[1] in chosen
    assert not chosen & {people[0], people[2]}


def test_who_consents_only_after_the_mail_is_not_among_them(settings):
    settings.TRACKING_CONSENT = "opt-in"
    campaign = complete(1)
    decide(Contact.objects.get(), is_granted=True)
    assert follow_ups.count_silent(campaign, MissingResponse.CLICKED) == (0, 1)


@pytest.mark.parametrize(
    ("mode", "fields", "words"),
    [
        ("aggregate", {}, "keeps only totals"),
        ("hygiene", {}, "keeps only totals"),
        ("none", {}, "keeps nothing"),
        ("individual", {"track_clicks": False}, "does not track clicks"),
    ],
)
def test_it_is_refused_with_a_sentence_where_nobody_knows(mode, fields, words):
    campaign = complete(2, **fields)
    TrackingPolicy.objects.update_or_create(pk=1, defaults={"mode": mode})
    with pytest.raises(Refused, match=words):
        follow_ups.resend_to_silent(campaign, MissingResponse.CLICKED)
    assert ContactList.objects.count() == 1


def test_it_is_refused_while_it_runs_when_everybody_answered_and_without_the_right():
    with pytest.raises(Refused, match="only one that has ended"):
        follow_ups.resend_to_silent(launch_campaign(1), MissingResponse.CLICKED)
    campaign = complete(1)
    with pytest.raises(Refused, match="may not"):
        follow_ups.resend_to_silent(campaign, MissingResponse.CLICKED, by=user_in("Analysts"))
    note(campaign, 0, "clicked")
    with pytest.raises(Refused, match="Nobody who got"):
        follow_ups.resend_to_silent(campaign, MissingResponse.CLICKED)


def test_the_page_and_the_report_offer_it_and_ask_first(client):
    client.force_login(user_in("Marketers"))
    campaign = complete(3)
    note(campaign, 0, "opened", "clicked")
    path = f"{campaign.get_absolute_url()}silent/clicked/"
    for address in (campaign.get_absolute_url(), f"{campaign.get_absolute_url()}report/"):
        text = page(client, address)
        assert path in text
        assert f"{campaign.get_absolute_url()}silent/opened/" in text
    assert "list of the 2 recipients who got" in page(client, path)
    assert ContactList.objects.count() == 1, "a GET makes nothing"
    response = client.post(path)
    copy = campaign.__class__.objects.exclude(pk=campaign.pk).get()
    assert response["Location"] == copy.get_absolute_url()
    assert client.get(f"{campaign.get_absolute_url()}silent/bought/").status_code == 404


def test_the_page_says_why_it_cannot_be(client):
    client.force_login(user_in("Marketers"))
    campaign = complete(1)
    TrackingPolicy.objects.update_or_create(pk=1, defaults={"mode": "aggregate"})
    response = client.post(f"{campaign.get_absolute_url()}silent/clicked/")
    assert response.status_code == 409
    assert "keeps only totals" in response.content.decode()
    assert "silent/clicked/" not in page(client, campaign.get_absolute_url()), "and it is not offered"
    dialog = client.get(f"{campaign.get_absolute_url()}silent/clicked/", HTTP_HX_REQUEST="true")
    assert dialog.status_code == 409
    assert "keeps only totals" in dialog.content.decode()
    assert "campaign-status" not in dialog.content.decode()


def test_a_campaign_whose_clicks_have_become_counts_is_refused():
    campaign = complete()
    RetentionCount.objects.create(campaign=campaign, measure="clicked", amount=1)
    with pytest.raises(Refused, match=r"kept by name for 13 months"):
        follow_ups.resend_to_silent(campaign, MissingResponse.CLICKED)
