"""The demo and the roles are given once: what people decide afterwards outlives every start."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection

from campaigns import roles
from campaigns.models import Seed, UserSettings
from demo import logins, mails, people, promotions, revenue
from mailing import site_mails
from mailing.models import Contact, ContactList, SmtpConnection
from pos import keys
from pos.models import Location, Till
from promotions.models import PromotionCampaign
from tests.factories import ContactListFactory, LocationFactory, UserFactory

pytestmark = pytest.mark.django_db
TILL_KEY = "till_of_the_demo_0123456789"


@pytest.fixture(autouse=True)
def small(monkeypatch, settings):
    """A demo of a few contacts and days."""
    monkeypatch.setattr(people, "CONTACTS", 200)
    monkeypatch.setattr(promotions, "WEEKS", 1)
    monkeypatch.setattr(promotions, "SALES_A_DAY", 1)
    monkeypatch.setattr(mails, "load", lambda author, now: mails.make_connections())
    monkeypatch.setattr(revenue, "load", lambda author, now: None)
    settings.DEMO_PASSWORD, settings.DEMO_TILL_KEY = "the demo's password", TILL_KEY


def start():
    """What every `make run` does: migrate, and load the demo."""
    migrate()
    call_command("demo")


def migrate():
    for config in apps.get_app_configs():
        if config.models_module:
            roles.grant(sender=config, using="default")


def read_everything():
    """All rows of all tables that a start could write to."""
    tables = [
        name for name in connection.introspection.table_names() if not name.startswith("django_session")
    ]
    everything = {}
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT row_to_json(t)::text FROM "{table}" t ORDER BY 1')
            everything[table] = [row for (row,) in cursor.fetchall()]
    return everything


def test_after_everything_was_changed_two_starts_change_nothing(settings):
    start()
    first = logins.find_user("admin")
    assert first.check_password("the demo's password")
    admin, marketer, analyst = (logins.find_user(name) for name in logins.LOGINS)
    admin.set_password("a new one of my own")
    admin.is_superuser, admin.username = False, "ada"
    admin.groups.clear()
    admin.save()
    marketer.groups.clear()
    marketer.is_active = False
    marketer.save()
    analyst.groups.all()[0].permissions.remove(Permission.objects.get(codename="view_contact"))
    Group.objects.filter(name="Marketers").update(name="Team Marketing")
    Group.objects.get(name="Administrators").delete()
    till = Till.objects.get(key_hash=keys.hash_key(TILL_KEY))
    keys.rotate(till)
    Till.objects.filter(pk=till.pk).update(name="Main till")
    Till.objects.filter(location__code="VIE", sales=None).delete()
    Location.objects.filter(code="BER").update(code="B1", name="Berlin")
    ContactList.objects.filter(name="Newsletter").update(name="News")
    ContactList.objects.filter(name="Event guests").delete()
    Contact.objects.all().delete()
    SmtpConnection.objects.first().delete()
    SmtpConnection.objects.update(name="Ours", port=1)
    settings.DEMO_PASSWORD, settings.DEMO_TILL_KEY = "another password", "another_key_0123456789"
    before = read_everything()
    start()
    start()
    assert read_everything() == before


@pytest.mark.parametrize("deleted", ["users", "tills", "campaigns"])
def test_what_was_deleted_does_not_come_back(deleted):
    start()
    if deleted == "users":
        for name in logins.LOGINS:
            get_user_model().objects.filter(username=name).update(username=f"no {name}", is_active=False)
    if deleted == "tills":
        Till.objects.filter(sales=None).delete()
    if deleted == "campaigns":
        PromotionCampaign.objects.filter(status="draft").delete()
    before = read_everything()
    start()
    assert read_everything() == before


def test_what_was_there_before_the_demo_is_neither_touched_nor_claimed(capsys):
    """Somebody has worked here already: their user, location and list happen to have the names of the demo's."""
    user = UserFactory(username="admin")
    location = LocationFactory(code="BER", name="Ours")
    Till.objects.create(location=location, name="Till 1", key_hash="0" * 64)
    ContactListFactory(name="Newsletter")
    start()
    user.refresh_from_db()
    assert (user.is_superuser, user.check_password("a long enough password")) == (False, True)
    assert Location.objects.get(code="BER").name == "Ours"
    assert Till.objects.get(location=location, name="Till 1").key_hash == "0" * 64
    call_command("demo", "--logins")
    said = capsys.readouterr().out
    assert "admin     (no demo user any more)" in said
    assert TILL_KEY not in said


def test_a_start_that_is_killed_half_way_leaves_nothing_and_the_next_makes_all(monkeypatch):
    class PowerCut(Exception):
        pass

    def cut_power(*args):
        raise PowerCut

    with monkeypatch.context() as half:
        half.setattr(mails, "load", cut_power)
        with pytest.raises(PowerCut):
            start()
    assert not PromotionCampaign.objects.exists()
    assert not Seed.objects.filter(key="demo").exists()
    start()
    assert PromotionCampaign.objects.exists()


def test_the_logins_that_are_printed_hold(capsys):
    start()
    call_command("demo", "--logins")
    said = capsys.readouterr().out
    assert said.count("the demo's password") == 3
    assert TILL_KEY in said
    admin, marketer, analyst = (logins.find_user(name) for name in logins.LOGINS)
    admin.set_password("a new one of my own")
    admin.save()
    get_user_model().objects.filter(pk=marketer.pk).update(username="mara")
    get_user_model().objects.filter(pk=analyst.pk).update(is_active=False)
    Till.objects.filter(key_hash=keys.hash_key(TILL_KEY)).update(revoked_at="2026-01-01T00:00:00Z")
    call_command("demo", "--logins")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "  admin     (its password was changed)",
        "  mara      the demo's password",
        "  analyst   (switched off)",
        "",
        "  till key  (it was changed, or the till is gone)",
    ]


def test_the_demos_people_live_in_berlin_until_they_choose_otherwise():
    start()
    chosen = UserSettings.objects.order_by("user__username")
    assert [(one.user.username, one.time_zone) for one in chosen] == [
        (name, "Europe/Berlin") for name in ("admin", "analyst", "marketer")
    ]
    chosen.filter(user__username="analyst").delete()
    chosen.filter(user__username="marketer").update(time_zone="Asia/Tokyo")
    start()
    assert sorted(UserSettings.objects.values_list("time_zone", flat=True)) == ["Asia/Tokyo", "Europe/Berlin"]


def test_make_run_mails_new_passwords_through_the_catcher(settings):
    """The demo has two connections; `make run` names one of them."""
    start()
    named = re.search(
        r"SITE_CONNECTION := \$\(or \$\(SITE_CONNECTION\),(.+)\)", Path("Makefile").read_text()
    )[1]
    settings.SITE_CONNECTION = named
    assert site_mails.find_connection().name == "Mail catcher"


# ── roles ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_version_grants_its_new_permissions_and_never_again_what_was_taken_away():
    group = Group.objects.get(name="Marketers")
    taken = Permission.objects.get(codename="add_contact")
    own = Permission.objects.get(codename="add_till")
    group.permissions.remove(taken)
    group.permissions.add(own)
    group.name = "Team Marketing"
    group.save()
    new = Permission.objects.create(
        codename="view_something_new", name="Can view", content_type=taken.content_type
    )
    migrate()
    assert not Group.objects.filter(name="Marketers").exists()
    assert set(group.permissions.filter(pk__in=[taken.pk, own.pk, new.pk])) == {own, new}
    group.permissions.remove(new)
    migrate()
    assert not group.permissions.filter(pk=new.pk).exists()
    assert roles.find_group("Marketers") == group


def test_a_role_that_was_deleted_stays_deleted():
    Group.objects.get(name="Analysts").delete()
    migrate()
    assert not Group.objects.filter(name="Analysts").exists()
    assert roles.find_group("Analysts") is None
