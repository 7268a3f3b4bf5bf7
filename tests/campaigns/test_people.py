"""People in the workspace: who sees them, who may give what to whom, and what an invitation does."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from campaigns import accounts
from campaigns.models import CalendarFeed, SavedView, UserSettings
from campaigns.refusals import Refused
from mailing import password_reset
from tests.factories import PromotionCampaignFactory, SmtpConnectionFactory, UserFactory, user_in

pytestmark = pytest.mark.django_db

ASKED = {"username": "nele", "email": "nele@example.com", "first_name": "Nele", "last_name": "New"}


@pytest.fixture
def administrator(client):
    user = user_in("Administrators")
    client.force_login(user)
    return user


def read_edition(answer) -> str:
    return re.search(r'name="seen" value="([^"]+)"', answer.content.decode())[1].replace("&quot;", '"')


def role(name) -> Group:
    return Group.objects.get(name=name)


@pytest.mark.parametrize("name", ["Analysts", "Marketers", None])
def test_only_administrators_see_people_and_change_them(client, name):
    client.force_login(user_in(name) if name else UserFactory())
    other = UserFactory()
    assert client.get("/people/").status_code == 403
    assert client.get("/people/invite/").status_code == 403
    assert client.get(f"/people/{other.pk}/").status_code == 403
    for address in ("/people/invite/", f"/people/{other.pk}/", f"/people/{other.pk}/switch/"):
        assert client.post(address, ASKED).status_code == 403
    assert client.post(f"/people/{other.pk}/invite/").status_code == 403
    other.refresh_from_db()
    assert other.is_active


def test_somebody_is_invited_and_sets_a_password_by_the_mailed_link(
    client, administrator, monkeypatch, django_capture_on_commit_callbacks
):
    SmtpConnectionFactory()
    queued, mails = [], []
    monkeypatch.setattr(accounts, "async_task", lambda *said, **_: queued.append(said))
    monkeypatch.setattr(password_reset, "send_mail", lambda *said, **_: mails.append(said))
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post("/people/invite/", ASKED | {"roles": [role("Marketers").pk]}, follow=True)
    page = answer.content.decode()
    assert "nele@example.com is invited by mail." in page
    assert "Invited" in page
    person = User.objects.get(username="nele")
    assert list(person.groups.all()) == [role("Marketers")]
    assert queued == [("mailing.tasks.send_invitation", person.pk)]
    assert password_reset.send_invitation(person.pk)
    [(_, to, subject, text)] = mails
    assert (to, subject) == ("nele@example.com", "You are invited to Fanfare")
    path = re.search(r"https?://[^/]+(/\S+)", text.split("password here")[1])[1]
    client.logout()
    form = client.get(path, follow=True)
    client.post(
        form.request["PATH_INFO"], {"new_password1": "a fine tall lamp", "new_password2": "a fine tall lamp"}
    )
    assert client.login(username="nele", password="a fine tall lamp")
    assert not password_reset.send_invitation(person.pk), "it is done"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"username": ""}, "Username"),
        ({"username": "a b"}, "Username"),
        ({"email": "nobody"}, "E-mail"),
        ({"roles": ["999"]}, "Roles"),
        ({"roles": ["x"]}, "Roles"),
    ],
)
def test_a_wrong_invitation_names_its_field_and_makes_nobody(client, administrator, wrong, sentence):
    answer = client.post("/people/invite/", ASKED | wrong)
    assert answer.status_code == 422
    assert sentence in answer.content.decode().split("This was not saved.")[1].split("</ul>")[0]
    assert not User.objects.filter(email__startswith="n").exists()


def test_a_username_is_given_once(client, administrator):
    UserFactory(username="nele")
    assert client.post("/people/invite/", ASKED).status_code == 422
    assert User.objects.filter(username="nele").count() == 1


def test_nobody_gives_what_they_do_not_have(administrator):
    beyond = Group.objects.create(name="Superiors")
    beyond.permissions.add(
        *accounts.Permission.objects.filter(codename="add_group", content_type__app_label="auth")
    )
    person = UserFactory()
    with pytest.raises(Refused, match="You may not give the role “Superiors”"):
        accounts.set_rights(person, by=administrator, roles=[beyond], exports=False)
    person.groups.add(beyond)
    for act in (
        lambda: accounts.set_rights(person, by=administrator, roles=[], exports=False),
        lambda: accounts.switch_person(person, False, by=administrator),
        lambda: accounts.invite_again(person, by=administrator),
    ):
        with pytest.raises(Refused, match="who has rights that you do not have"):
            act()
    with pytest.raises(Refused, match="You cannot change your own roles"):
        accounts.set_rights(administrator, by=administrator, roles=[], exports=False)
    with pytest.raises(Refused, match="You cannot switch off yourself"):
        accounts.switch_person(administrator, False, by=administrator)
    role("Administrators").permissions.remove(accounts._export_permission())
    administrator = User.objects.get(pk=administrator.pk)
    with pytest.raises(Refused, match="you may not do it yourself"):
        accounts.set_rights(UserFactory(), by=administrator, roles=[], exports=True)


def test_an_analyst_exports_contacts_only_with_the_tick(client, administrator):
    analyst = user_in("Analysts")
    address = reverse("campaigns:person", args=[analyst.pk])
    for ticked, status in ((False, 403), (True, 200), (False, 403)):
        client.force_login(administrator)
        sent = {"roles": [role("Analysts").pk]} | ({"exports": "on"} if ticked else {})
        assert client.post(address, sent).status_code == 302
        assert ('name="exports"' in client.get(address).content.decode()) is True
        client.force_login(User.objects.get(pk=analyst.pk))
        assert client.get("/contacts/export.csv").status_code == status
        assert client.get("/suppressions/export.csv").status_code == status
        assert ("export.csv" in client.get("/suppressions/").content.decode()) is False


def test_who_is_switched_off_is_signed_out_and_undo_lets_them_in_again(client, administrator):
    person = user_in("Marketers")
    page = client.post(f"/people/{person.pk}/switch/", follow=True).content.decode()
    assert "can no longer sign in." in page
    assert '<form class="undo"' in page
    person.refresh_from_db()
    assert not person.is_active
    client.post(f"/people/{person.pk}/switch/", {"on": "1"})
    person.refresh_from_db()
    assert person.is_active


def test_the_second_of_two_who_save_the_roles_of_somebody_is_told_what_the_first_changed(
    client, administrator
):
    person = user_in("Analysts")
    address = f"/people/{person.pk}/"
    seen = read_edition(client.get(address))
    other = user_in("Administrators")
    accounts.set_rights(person, by=other, roles=[role("Marketers")], exports=False)
    chosen = {"roles": [role("Analysts").pk], "exports": "on", "seen": seen}
    answer = client.post(address, chosen)
    assert answer.status_code == 422
    assert "Analysts → Marketers" in answer.content.decode()
    assert [group.name for group in person.groups.all()] == ["Marketers"]
    seen = read_edition(answer)
    assert client.post(address, chosen | {"seen": seen}).status_code == 302
    assert [group.name for group in person.groups.all()] == ["Analysts"]
    assert "Marketers → Analysts" in client.get(address).content.decode()


def test_the_roles_are_named_in_the_language_of_the_page_and_others_as_people_named_them(client):
    admin = UserFactory(is_superuser=True, is_staff=True)
    admin.groups.set([Group.objects.get(name="Analysts"), Group.objects.create(name="Presse")])
    client.force_login(admin)
    for path in ("/people/", "/people/invite/", "/account/"):
        page = client.get(path, headers={"accept-language": "de"}).content.decode()
        assert "Analyse" in page
        assert "Analysts" not in page
        assert "Presse" in page


def test_nobody_is_mailed_a_link_to_more_rights_than_who_may_change_the_connection(client):
    client.force_login(UserFactory(is_superuser=True))
    strong = Group.objects.create(name="Superiors")
    strong.permissions.add(accounts.Permission.objects.get(codename="add_group"))
    user_in("Administrators")
    answer = client.post("/people/invite/", ASKED | {"roles": [strong.pk]})
    assert answer.status_code == 422
    assert "may do more than some who may change the connection" in answer.content.decode()
    assert not User.objects.filter(username="nele").exists()
    assert client.post("/people/invite/", ASKED | {"roles": [role("Administrators").pk]}).status_code == 302


@pytest.fixture
def staff_administrator(client):
    user = user_in("Administrators", is_staff=True)
    client.force_login(user)
    return user


def test_a_person_with_nothing_but_things_of_their_own_is_deleted(client, staff_administrator):
    """Saved views, a calendar feed and settings are nobody else's: they go with their person."""
    user = UserFactory()
    SavedView.objects.create(user=user, name="Mine", query="status=draft")
    CalendarFeed.objects.create(user=user, key_hash="x" * 64)
    UserSettings.objects.create(user=user)
    address = reverse("admin:auth_user_delete", args=[user.pk])
    assert client.get(address).status_code == 200
    client.post(address, {"post": "yes"})
    assert not User.objects.filter(pk=user.pk).exists()
    assert not SavedView.objects.exists()


def test_a_person_whom_the_history_names_stays_and_can_be_switched_off(client, staff_administrator):
    user = UserFactory(username="ada")
    SavedView.objects.create(user=user, name="Mine", query="status=draft")
    PromotionCampaignFactory(created_by=user)
    for send in (client.get, lambda url, **more: client.post(url, {"post": "yes"}, **more)):
        answer = send(reverse("admin:auth_user_delete", args=[user.pk]), follow=True)
        assert "“ada” made or changed 1 thing whose history names them, so this person stays." in answer.text
        assert 'name="is_active"' in answer.text
    assert User.objects.filter(pk=user.pk).exists()
