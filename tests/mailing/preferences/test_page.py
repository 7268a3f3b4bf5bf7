"""The preference page: what contacts decide by themselves, with a signed link and nothing else."""

import re

import pytest
from django.db import IntegrityError, transaction

from campaigns import doctor
from mailing import content, launch
from mailing.models import (
    Content,
    Event,
    Membership,
    PreferenceChange,
    Suppression,
    TrackingConsent,
    TrackingPolicy,
)
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from tests.factories import ContactListFactory
from tests.mailing.preferences.saving import list_changes, save

pytestmark = pytest.mark.django_db


def test_a_mail_carries_the_link_as_it_is_and_no_click_stands_between(campaign, delivery):
    own = tokens.sign_tokens([delivery.pk], campaign.pk)[0]
    links = content.Links("https://m.shop.test", own.unsubscribe, own.open, own.click, own.preferences)
    compiled = content.load(bytes(Content.objects.get(campaign=campaign).compiled))
    mail = compiled.render(launch.build_recipient(delivery.contact, message_id="m"), links)
    assert f'"https://m.shop.test/p/{own.preferences}"'.encode() in mail.replace(b"=\r\n", b"").replace(
        b"=3D", b"="
    )


def test_the_page_shows_what_holds_and_changes_nothing(anybody, contact, path, news):
    ContactListFactory(name="Internal")
    Membership.objects.create(contact=contact, list=news)
    for method in (anybody.get, anybody.head):
        answer = method(path)
        assert (answer.status_code, answer.cookies) == (200, {})
    page = anybody.get(path).content.decode()
    assert "ada@x.test" in page
    assert "The Shop" in page
    assert re.search(rf'name="lists" value="{news.pk}" checked', page)
    assert "Internal" not in page
    assert "Fanfare" not in page
    assert not PreferenceChange.objects.exists()


def test_choices_are_saved_once_with_evidence_of_each(anybody, contact, delivery, path, news):
    club = ContactListFactory(name="Club", is_public=True)
    Membership.objects.create(contact=contact, list=news)
    chosen = {
        "lists": [club.pk],
        "frequency": "weekly",
        "is_tracked": None,
        "language": "de",
        "time_zone": "Asia/Tokyo",
    }
    for _ in range(2):
        answer = save(anybody, path, **chosen)
        assert answer.status_code == 200
    assert "Ihre Einstellungen sind gespeichert" in answer.content.decode()
    contact.refresh_from_db()
    assert (contact.frequency, contact.language, contact.time_zone) == ("weekly", "de", "Asia/Tokyo")
    assert Membership.objects.get(contact=contact, list=news).unsubscribed_at
    assert Membership.objects.get(contact=contact, list=club).unsubscribed_at is None
    assert TrackingConsent.objects.get().is_granted is False
    assert list_changes(contact) == [
        ("list", "News", "joined", "left"),
        ("list", "Club", "", "joined"),
        ("frequency", "", "", "weekly"),
        ("language", "", "", "de"),
        ("time_zone", "", "", "Asia/Tokyo"),
        ("tracking", "", "by name", "not by name"),
    ]
    assert set(PreferenceChange.objects.values_list("delivery", flat=True)) == {delivery.pk}
    save(anybody, path, **chosen | {"lists": [news.pk, club.pk]})
    assert Membership.objects.get(contact=contact, list=news).unsubscribed_at is None


@pytest.mark.parametrize(
    "wrong", [{"lists": ["999999"]}, {"frequency": "daily"}, {"language": "xx"}, {"time_zone": "Mars/Base"}]
)
def test_what_is_no_choice_changes_nothing(anybody, contact, path, wrong):
    answer = save(anybody, path, **{"frequency": "weekly"} | wrong)
    assert answer.status_code == 422
    assert "Nothing was saved" in answer.content.decode()
    contact.refresh_from_db()
    assert contact.frequency == ""


def test_a_list_that_is_not_public_can_be_neither_joined_nor_left(anybody, contact, path):
    hidden = ContactListFactory()
    assert save(anybody, path, lists=[hidden.pk]).status_code == 422
    Membership.objects.create(contact=contact, list=hidden)
    assert save(anybody, path).status_code == 200
    assert Membership.objects.get(contact=contact, list=hidden).unsubscribed_at is None


def test_nobody_is_asked_about_tracking_where_nobody_is_tracked_by_name(anybody, path):
    TrackingPolicy.objects.create(pk=1, mode="aggregate")
    assert "is_tracked" not in anybody.get(path).content.decode()
    save(anybody, path)
    assert not TrackingConsent.objects.exists()


def test_everything_is_left_at_once(anybody, campaign, contact, path):
    for _ in range(2):
        assert anybody.post(path, {"do": "leave"}).status_code == 200
    suppression = Suppression.objects.get()
    assert (suppression.email, suppression.reason) == ("ada@x.test", "unsubscribed")
    assert Event.objects.get().how == "preferences"
    assert list_changes(contact) == [("everything", "", "", "preferences")]
    page = anybody.get(path).content.decode()
    assert "No mail of ours goes to" in page
    assert "<form" not in page
    save(anybody, path, frequency="weekly")
    assert list_changes(contact) == [("everything", "", "", "preferences")]
    assert list(doctor.find_breaches()) == []


def test_the_page_to_unsubscribe_leads_there_and_writes_the_same_evidence(anybody, contact, delivery, path):
    unsubscribe = f"/u/{tokens.sign_token(delivery.pk, Purpose.UNSUBSCRIBE)}"
    assert f'href="{path}"' in anybody.get(unsubscribe).content.decode()
    for _ in range(2):
        anybody.post(unsubscribe, {"List-Unsubscribe": "One-Click"})
    assert list_changes(contact) == [("everything", "", "", "one-click")]


def test_evidence_is_only_added_and_goes_with_its_contact(anybody, contact, path):
    save(anybody, path, frequency="weekly")
    with pytest.raises(IntegrityError), transaction.atomic():
        PreferenceChange.objects.update(now="monthly")
    contact.delete()
    assert not PreferenceChange.objects.exists()
    assert anybody.get(path).status_code == 404


def test_forged_links_and_those_of_another_purpose_do_nothing(anybody, contact, delivery, path):
    own = tokens.sign_tokens([delivery.pk], delivery.campaign_id)[0]
    good = path.rpartition("/")[2]
    for token in (
        own.open,
        own.click,
        own.unsubscribe,
        own.message_id,
        good[:-1],
        good + "A",
        "",
        "é",
        "A" * 24,
    ):
        for do in ("save", "leave", "address"):
            answer = anybody.post(f"/p/{token}", {"do": do, "email": "eve@x.test", "frequency": "weekly"})
            assert answer.status_code == 404
    assert not PreferenceChange.objects.exists()
    assert not Suppression.objects.exists()
    for other in ("/u/", "/t/o/"):
        assert anybody.get(f"{other}{good}").status_code == 404
    assert anybody.get(f"{path}%3E").status_code == 200, "what mail programs leave at the end is passed over"


def test_the_link_of_a_test_mail_belongs_to_nobody(anybody):
    page = anybody.get(
        f"/p/{tokens.sign_token(tokens.TEST_DELIVERY_ID, Purpose.PREFERENCES)}"
    ).content.decode()
    assert "belongs to nobody" in page
