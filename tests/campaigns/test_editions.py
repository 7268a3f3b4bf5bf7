"""Two people at one form: the second is told what the first changed; what was typed stays, and both are in the log."""

import re
from html import unescape

import pytest
from django.urls import reverse

from campaigns import editions
from mailing import contacts, oauth, segment_groups
from mailing.models import (
    BounceMailbox,
    Contact,
    EmailCampaign,
    OAuthGrant,
    Picture,
    Segment,
    SmtpConnection,
    Webhook,
)
from mailing.secrets import UnreadableSecret, reencrypt_secrets
from mailing.webhooks import keys
from promotions import groups
from promotions.models import CustomerGroup
from tests.factories import ContactFactory, ContactListFactory, EmailCampaignFactory, SmtpConnectionFactory

pytestmark = pytest.mark.django_db


def fields_of(page):
    """The fields of the page's form as a browser would send them untouched."""
    form = page[page.index('<form class="card" method="post"') :] if "group_form" in page else page
    data = {}
    for tag in re.findall(r"<input[^>]*>", form):
        named = re.search(r' name="([^"]*)"', tag)
        if (
            not named
            or named[1] == "csrfmiddlewaretoken"
            or ('type="checkbox"' in tag and " checked" not in tag)
        ):
            continue
        if 'type="radio"' in tag and " checked" not in tag:
            continue
        value = re.search(r' value="([^"]*)"', tag)
        data[named[1]] = unescape(value[1]) if value else "on" if 'type="checkbox"' in tag else ""
    for name, text in re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        data[name] = unescape(text.removeprefix("\n"))
    for name, options in re.findall(r'<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)"[^>]* selected', options)
        data[name] = unescape(chosen[1]) if chosen else ""
    return data


def contact():
    row = ContactFactory(email="ada@x.test", first_name="Ada", city="Oslo", country="NO")
    return row, f"/contacts/{row.pk}/edit/", "first_name", f"/contacts/{row.pk}/"


def segment():
    row = Segment.objects.create(
        name="Loyal", tree={"all": [{"field": "city", "op": "equals", "value": "Rome"}]}
    )
    return row, f"/segments/{row.pk}/", "description", f"/segments/{row.pk}/"


def group():
    row = groups.save_group(CustomerGroup(code="vip", name="VIP"), ["C1"])
    page = reverse("promotions:group", args=[row.pk])
    return row, page, "name", page


def campaign():
    row = EmailCampaignFactory(name="Spring", subject="Hello")
    return row, f"/campaigns/email/{row.pk}/edit/", "subject", row.get_absolute_url()


@pytest.mark.parametrize("make", [contact, segment, group, campaign])
def test_the_second_of_two_editors_is_told_and_loses_nothing(make, admin_client):
    row, address, field, page = make()
    opened = fields_of(admin_client.get(address).content.decode()) | {"do": "save"}
    assert opened["seen"]
    first = admin_client.post(address, opened | {field: "First"})
    assert first.status_code == 302, first.content.decode()[:3000]
    second = admin_client.post(address, opened | {field: "Second"})
    told = unescape(second.content.decode())
    assert second.status_code == 422
    assert "Edited by" in told
    assert "while this form was open" in told
    assert "→ First" in told
    assert "save once more to put it in place of that" in told
    assert fields_of(second.content.decode())[field] == "Second", "what was typed is kept"
    row.refresh_from_db()
    assert getattr(row, field) == "First"
    again = fields_of(second.content.decode()) | {"do": "save"}
    assert admin_client.post(address, again).status_code == 302
    row.refresh_from_db()
    assert getattr(row, field) == "Second"
    log = unescape(admin_client.get(page).content.decode())
    assert "→ First" in log
    assert "First → Second" in log


def test_a_change_by_another_way_counts_too():
    row = ContactFactory(city="Oslo")
    seen = editions.edition_of(contacts.describe_contact(row))
    Contact.objects.filter(pk=row.pk).update(city="Rome")
    with pytest.raises(editions.EditConflict, match="Changed while this form was open: City is now Rome"):
        contacts.save_contact(row, lists=[], seen=seen)


def test_nothing_is_logged_where_nothing_changed_and_a_contact_takes_its_log_along():
    row = contacts.save_contact(Contact(email="ada@x.test"), lists=[])
    contacts.save_contact(row, lists=[])
    assert [edit.is_new for edit in editions.edits_of(row)] == [True]
    key = row.pk
    row.delete()
    row.pk = key
    assert not editions.edits_of(row).exists()


def test_long_values_are_not_kept_in_full():
    row = segment_groups.save_segment(Segment(name="A", description="x"), at_till=False)
    row.description = "y" * 5000
    segment_groups.save_segment(row, at_till=False)
    assert len(editions.edits_of(row)[0].detail["Description"][1]) < 300


@pytest.mark.parametrize("seen", ["nonsense", "[]", "{" * 200_000, "[" * 50_000, "9" * 5_000, "1"])
def test_an_edition_that_is_none_overwrites(seen):
    row = ContactFactory()
    contacts.save_contact(row, lists=[], seen=seen)
    assert EmailCampaign.objects.count() == 0


def make_mailbox():
    return BounceMailbox.objects.create(
        name="Before", address="bounces@shop.example", kind="maildir", folder="bounces"
    )


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("list", lambda: ContactListFactory(name="Before")),
        ("connection", lambda: SmtpConnectionFactory(name="Before")),
        ("mailbox", make_mailbox),
    ],
)
def test_the_second_to_save_settings_is_told_what_the_first_changed(client, administrator, kind, make):
    row = make()
    path = reverse(f"mailing:{kind}_edit", args=[row.pk])
    shown = fields_of(client.get(path).content.decode())
    assert client.post(path, shown | {"name": "The first"}).status_code == 302
    second = client.post(path, shown | {"name": "The second"})
    assert second.status_code == 422
    assert "(Name: Before → The first)" in unescape(second.content.decode())
    row = type(row)._default_manager.get(pk=row.pk)
    assert row.name == "The first"
    again = fields_of(second.content.decode())
    assert again["name"] == "The second"
    assert client.post(path, again).status_code == 302
    assert type(row)._default_manager.get(pk=row.pk).name == "The second"


def make_connection(**values):
    return SmtpConnectionFactory(host="127.0.0.1", tls="none", username="u", **values)


def make_imap_mailbox(**values):
    return BounceMailbox.objects.create(
        name="Before", address="bounces@shop.example", host="127.0.0.1", tls="none", username="u", **values
    )


@pytest.mark.parametrize(("kind", "make"), [("connection", make_connection), ("mailbox", make_imap_mailbox)])
@pytest.mark.parametrize("stored", ["", "the secret of before"])
def test_a_password_that_somebody_else_changed_is_not_overwritten(client, administrator, kind, make, stored):
    row = make(password=stored)
    path = reverse(f"mailing:{kind}_edit", args=[row.pk])
    shown = fields_of(client.get(path).content.decode())
    assert client.post(path, shown | {"password": "of the first"}).status_code == 302
    second = client.post(path, shown | {"password": "of the second"})
    told = unescape(second.content.decode())
    assert second.status_code == 422
    assert ("(Password: changed)" if stored else "(Password: none → ••••)") in told
    assert "of the first" not in told
    row = type(row)._default_manager.get(pk=row.pk)
    assert row.password == "of the first"
    assert client.post(path, fields_of(told) | {"password": "of the second"}).status_code == 302
    row.refresh_from_db()
    assert row.password == "of the second"
    for edit in editions.edits_of(row):
        assert "of the" not in str(edit.detail)


def test_an_edition_tells_nothing_about_a_secret(settings):
    row = SmtpConnectionFactory(password="swordfish")
    with_one_key = editions.edition_of_row(row, ["password"])
    assert editions.edition_of_row(row, ["password"]) == with_one_key
    settings.SECRET_KEY = "x" * 60  # who has the page but not the key cannot try passwords
    assert editions.edition_of_row(row, ["password"]) != with_one_key


def test_a_secret_keeps_its_edition_when_it_is_encrypted_anew_or_cannot_be_read():
    row = SmtpConnectionFactory(password="swordfish")
    seen = editions.edition_of_row(row, ["password"])
    assert not list(reencrypt_secrets())
    row = SmtpConnection.objects.get(pk=row.pk)
    assert editions.edition_of_row(row, ["password"]) == seen
    row.password = UnreadableSecret("stored")
    lost = editions.edition_of_row(row, ["password"])
    row.password = UnreadableSecret("another")
    assert len({seen, lost, editions.edition_of_row(row, ["password"])}) == 3


def test_the_second_to_save_a_webhook_is_told_what_the_first_changed(client, administrator):
    smtp = SmtpConnectionFactory()
    path = reverse("mailing:connection_webhook", args=[smtp.pk])
    shown = fields_of(client.get(path).content.decode())
    assert client.post(path, shown | {"provider": "mailgun", "signing_key": "k" * 32}).status_code == 302
    second = client.post(path, shown | {"provider": "postmark"})
    assert second.status_code == 422
    assert "Provider: none → Mailgun" not in second.content.decode()  # it was made, not changed
    assert "Provider is now Mailgun" in unescape(second.content.decode())
    assert Webhook.objects.get().provider == "mailgun"
    shown = fields_of(client.get(path).content.decode())
    first = shown | {"provider": "mailgun", "signing_key": "l" * 32}
    assert client.post(path, first).status_code == 302
    second = client.post(path, shown | {"provider": "mailgun", "signing_key": "m" * 32})
    assert "(Signing key: changed)" in unescape(second.content.decode())
    assert Webhook.objects.get().signing_key == "l" * 32
    again = fields_of(second.content.decode()) | {"provider": "mailgun", "signing_key": "m" * 32}
    assert client.post(path, again).status_code == 302
    assert Webhook.objects.get().signing_key == "m" * 32


def test_a_webhook_whose_secret_was_made_anew_is_not_switched_by_an_old_form(client, administrator):
    smtp = SmtpConnectionFactory()
    keys.choose_provider(smtp, "postmark")
    path = reverse("mailing:connection_webhook", args=[smtp.pk])
    shown = fields_of(client.get(path).content.decode())
    client.post(reverse("mailing:webhook_rotate", args=[smtp.pk]))
    assert "(Secret: changed)" in unescape(client.post(path, shown | {"provider": ""}).content.decode())
    assert Webhook.objects.exists()


@pytest.mark.parametrize("kind", ["connection", "mailbox"])
def test_the_second_to_register_an_oauth_login_is_told_of_the_first(client, administrator, kind):
    owner = make_connection() if kind == "connection" else make_imap_mailbox()
    path = reverse(f"mailing:{kind}_oauth", args=[owner.pk])
    shown = fields_of(client.get(path).content.decode())
    assert client.post(path, shown | {"client_id": "first", "client_secret": "s1"}).status_code == 302
    second = client.post(path, shown | {"client_id": "second", "client_secret": "s2"})
    assert second.status_code == 422
    assert "Client ID is now first" in unescape(second.content.decode())
    assert (OAuthGrant.objects.get().client_id, OAuthGrant.objects.get().client_secret) == ("first", "s1")
    again = fields_of(second.content.decode()) | {"client_secret": "s2"}
    assert client.post(path, again).status_code == 302
    assert OAuthGrant.objects.get().client_id == "second"


def test_saving_a_registration_keeps_a_token_that_was_refreshed_meanwhile(client, administrator, monkeypatch):
    owner = make_connection()
    path = reverse("mailing:connection_oauth", args=[owner.pk])
    client.post(path, fields_of(client.get(path).content.decode()) | {"client_id": "one"})
    OAuthGrant.objects.update(refresh_token="old")
    shown = fields_of(client.get(path).content.decode())

    def refresh_first(row):
        OAuthGrant.objects.update(refresh_token="new")
        return lock_grant(row)

    lock_grant = oauth.lock_grant
    monkeypatch.setattr(oauth, "lock_grant", refresh_first)
    assert client.post(path, shown | {"scope": "https://mail.example/another"}).status_code == 302
    assert OAuthGrant.objects.get().refresh_token == "new"


def test_the_second_to_choose_what_is_tracked_is_told_of_the_first(client, administrator):
    path = reverse("mailing:tracking_policy")
    shown = fields_of(client.get(path).content.decode())
    assert client.post(path, shown | {"mode": "none"}).status_code == 302
    second = client.post(path, shown | {"mode": "aggregate"})
    assert second.status_code == 422
    assert "Tracking is now" in second.content.decode()  # its row was made, not changed


def test_the_second_to_describe_a_picture_is_told_of_the_first(client, administrator):
    picture = Picture.objects.create(
        name="Cup", alt="A cup", width=1, height=1, size=1, file=f"{'a' * 40}.png"
    )
    path = reverse("mailing:picture_edit", args=[picture.pk])
    shown = fields_of(client.get(path).content.decode())
    assert client.post(path, shown | {"alt": "A blue cup"}).status_code == 302
    second = client.post(path, shown | {"alt": "A red cup"})
    assert "A cup → A blue cup" in unescape(second.content.decode())
    picture.refresh_from_db()
    assert picture.alt == "A blue cup"


def test_an_authority_that_somebody_else_uploaded_is_not_forgotten(client, administrator):
    row = make_connection()
    path = reverse("mailing:connection_edit", args=[row.pk])
    shown = fields_of(client.get(path).content.decode())
    SmtpConnection.objects.filter(pk=row.pk).update(authority="-----BEGIN CERTIFICATE-----")
    assert "Certificate authority is now" in unescape(client.post(path, shown).content.decode())
    row.refresh_from_db()
    assert row.authority
