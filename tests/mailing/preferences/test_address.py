"""A new address of a contact: it counts once it is confirmed."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from campaigns.refusals import Refused
from mailing import preferences, tasks
from mailing.models import (
    AddressChange,
    Contact,
    Suppression,
)
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from tests.factories import ContactFactory, SmtpConnectionFactory, SuppressionFactory
from tests.mailing.preferences.saving import list_changes, save

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(server):
    server.settings.keep_every = 1
    SmtpConnectionFactory(name="Relay", host="127.0.0.1", port=server.port, from_email="site@shop.example")
    return server


def run_queued():
    """Run what waits; return the names of the tasks."""
    names = []
    for row in OrmQ.objects.order_by("pk"):
        names.append(row.task["func"].rpartition(".")[2])
        getattr(tasks, names[-1])(*row.task["args"])
        row.delete()
    return names


@pytest.fixture
def no_other_connection(campaign, settings):
    """The campaign's connection is not the site's."""
    settings.SITE_CONNECTION = "Relay"


def test_a_new_address_counts_once_it_is_confirmed_and_the_old_one_is_told(
    anybody, contact, path, site, no_other_connection, django_capture_on_commit_callbacks
):
    Contact.objects.update(language="de", soft_bounces=3)
    with django_capture_on_commit_callbacks(execute=True):
        assert "new@x.test" in anybody.post(path, {"do": "address", "email": "New@X.test"}).content.decode()
    assert run_queued() == ["send_address_link"]
    (mail,) = site.kept.values()
    assert b"To: new@x.test" in mail
    assert b"ada@x.test" not in mail, "whoever has the new address learns nothing of the old one"
    link = urlsplit(preferences.make_confirmation_link(AddressChange.objects.get())).path
    assert "Bestätigen Sie Ihre neue Adresse" in anybody.get(link).content.decode()
    contact.refresh_from_db()
    assert contact.email == "ada@x.test", "a scanner that follows the link changes nothing"
    with django_capture_on_commit_callbacks(execute=True):
        assert anybody.post(link).status_code == 200
    assert "schon benutzt" in anybody.post(link, headers={"accept-language": "de"}).content.decode()
    contact.refresh_from_db()
    assert (contact.email, contact.soft_bounces) == ("new@x.test", 0)
    assert list_changes(contact) == [("address", "", "ada@x.test", "new@x.test")]
    assert run_queued() == ["send_address_notice"]
    assert sorted(message.recipient for message in site.accepted) == ["ada@x.test", "new@x.test"]


def ask(delivery, email):
    reader = preferences.find_reader(tokens.sign_token(delivery.pk, Purpose.PREFERENCES))
    assert not preferences.request_address_change(reader, email, "192.0.2.1")
    row = AddressChange.objects.latest("pk")
    return urlsplit(preferences.make_confirmation_link(row)).path


def test_a_link_that_is_late_forged_or_outdated_changes_nothing(anybody, contact, delivery):
    first = ask(delivery, "first@x.test")
    second = ask(delivery, "second@x.test")
    pk = AddressChange.objects.first().pk
    for bad in (
        first,
        second[:-1],
        f"/address/{pk}",
        f"/address/{pk}:x",
        "/address/:",
        "/address/" + "9" * 50,
    ):
        assert anybody.post(bad).status_code == 404
    AddressChange.objects.update(asked_at=timezone.now() - timedelta(days=4))
    assert anybody.post(second).status_code == 404
    contact.refresh_from_db()
    assert contact.email == "ada@x.test"


@pytest.mark.parametrize("end", ["/", "%3E", ".", "%20"])
def test_what_mail_programs_leave_at_the_end_of_a_confirming_link_is_passed_over(anybody, delivery, end):
    assert anybody.post(ask(delivery, "new@x.test") + end).status_code == 200
    assert Contact.objects.get().email == "new@x.test"


@pytest.mark.parametrize("taken", ["contact", "suppression"])
def test_an_address_of_somebody_else_or_without_mail_is_refused_behind_the_mail_only(
    anybody, contact, delivery, path, taken
):
    if taken == "contact":
        ContactFactory(email="bob@x.test")
    else:
        SuppressionFactory(email="bob@x.test", reason="unsubscribed")
    answer = anybody.post(path, {"do": "address", "email": "bob@x.test"}).content.decode()
    assert "A mail is on its way to" in answer
    link = urlsplit(preferences.make_confirmation_link(AddressChange.objects.get())).path
    assert anybody.post(link).status_code == 409
    contact.refresh_from_db()
    assert contact.email == "ada@x.test"


@pytest.mark.parametrize("email", ["", "nonsense", "ada@x.test", "a@b", "x" * 300])
def test_what_is_no_new_address_is_said(anybody, path, email):
    assert anybody.post(path, {"do": "address", "email": email}).status_code == 422
    assert not AddressChange.objects.exists()


def test_no_mail_is_sent_again_and_again(anybody, path):
    for number in range(3):
        anybody.post(path, {"do": "address", "email": f"n{number}@x.test"})
    assert "too often" in anybody.post(path, {"do": "address", "email": "n4@x.test"}).content.decode()
    assert AddressChange.objects.count() == 3


def test_unsubscribing_through_an_older_mail_ends_mail_to_the_new_address_too(anybody, contact, delivery):
    contact.email = "new@x.test"
    contact.save()
    anybody.post(f"/u/{tokens.sign_token(delivery.pk, Purpose.UNSUBSCRIBE)}")
    assert set(Suppression.objects.values_list("email", flat=True)) == {"ada@x.test", "new@x.test"}


def test_without_a_connection_of_the_site_no_address_can_be_changed(anybody, path, settings):
    settings.SITE_CONNECTION = "none"
    assert 'value="address"' not in anybody.get(path).content.decode()
    anybody.post(path, {"do": "address", "email": "new@x.test"})
    assert not AddressChange.objects.exists()
    with pytest.raises(Refused):
        preferences._send("new@x.test", "s", "t")


def test_the_contacts_page_shows_what_they_changed_by_themselves(
    anybody, client, marketer, contact, path, news
):
    save(anybody, path, lists=[news.pk])
    page = client.get(f"/contacts/{contact.pk}/").content.decode()
    assert "List “News”: – → joined" in page
