"""The preference page: what contacts decide by themselves, with a signed link and nothing else."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings as configured
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone, translation
from django_q.models import OrmQ

from campaigns import doctor
from campaigns.refusals import Refused
from mailing import content, launch, preferences, tasks
from mailing.models import (
    AddressChange,
    Contact,
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
from tests.factories import ContactFactory, ContactListFactory, SmtpConnectionFactory, SuppressionFactory
from tests.mailing.running import launch_campaign

pytestmark = pytest.mark.django_db
BODY = (
    '<p>Hi</p><a href="{{ preferences_url }}">Preferences</a> <a href="{{ unsubscribe_url }}">Unsubscribe</a>'
)


@pytest.fixture
def contact():
    return ContactFactory(email="ada@x.test")


@pytest.fixture
def campaign(contact):
    return launch_campaign([contact], body=BODY, body_format="html", from_name="The Shop")


@pytest.fixture
def path(delivery):
    return f"/p/{tokens.sign_token(delivery.pk, Purpose.PREFERENCES)}"


@pytest.fixture
def news():
    return ContactListFactory(name="News", is_public=True)


@pytest.fixture
def anybody():
    """A mail reader: no login, no cookies, and the CSRF check on."""
    return Client(enforce_csrf_checks=True)


def save(anybody, path, **fields):
    given = {"do": "save", "is_tracked": "on", "frequency": "", "language": "", "time_zone": ""} | fields
    return anybody.post(path, {name: value for name, value in given.items() if value is not None})


def list_changes(contact):
    return [*contact.preference_changes.order_by("pk").values_list("what", "name", "was", "now")]


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


# ── languages ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("language", "browser", "lang", "word"),
    [
        ("de-AT", "fr", "de", "Abmelden"), ("fr", "", "fr", "Se désabonner"), ("en-GB", "de", "en", "Unsubscribe"),
        ("", "fr-CH,fr;q=0.9", "fr", "Se désabonner"), ("ja", "de", "de", "Abmelden"), ("", "ja", "en", "Unsubscribe"),
    ],
)  # fmt: skip
def test_the_pages_speak_the_contacts_language_else_the_browsers(
    anybody, contact, delivery, path, language, browser, lang, word
):
    Contact.objects.update(language=language)
    unsubscribe = f"/u/{tokens.sign_token(delivery.pk, Purpose.UNSUBSCRIBE)}"
    page = anybody.get(unsubscribe, headers={"accept-language": browser}).content.decode()
    assert f'<html lang="{lang}">' in page
    assert word in page
    assert f'<html lang="{lang}">' in anybody.get(path, headers={"accept-language": browser}).content.decode()
    assert translation.get_language() == "en", "the next page is somebody else's"


def test_every_text_of_these_pages_is_in_both_catalogues():
    base = configured.BASE_DIR
    pages = ["customers", "unsubscribe", "preferences", "confirm_address", "_link_problem"]
    sources = [base / f"templates/mailing/{name}.html" for name in pages]
    sources += [
        base / f"mailing/{name}.py"
        for name in ("tracking", "unsubscribing", "preferences", "forms/preferences")
    ]
    texts = {found for path in sources for found in _list_texts(path.read_text())}
    assert len(texts) > 40
    for lang in ("de", "fr"):
        with translation.override(lang):
            same = [text for text in texts if translation.gettext(text) == text]
            assert same == [], lang


def _list_texts(source):
    yield from re.findall(r'{% translate "([^"]+)" %}', source)
    for text in re.findall(r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}", source):
        yield re.sub(r"{{ (\w+) }}", r"%(\1)s", text)
    for call in re.findall(
        r'(?:gettext(?:_lazy)?|BadLink|Refused|super\(\).__init__)\(\s*((?:"[^"]*"\s*)+)\)', source
    ):
        if "no connection is named" not in call:
            yield "".join(re.findall(r'"([^"]*)"', call)).replace("\\n", "\n")


# ── another address ──────────────────────────────────────────────────────────────────────────────────────────────────


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
