"""A forgotten password: a link by mail, the same answer for everybody, and no more mails than somebody may want."""

import logging
import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from campaigns.logins import Limit
from campaigns.refusals import Refused
from mailing import password_reset, site_mails, tasks
from tests.factories import SmtpConnectionFactory, UserFactory, user_in
from tests.hostile_smtp import Settings, hostile_smtp

pytestmark = pytest.mark.django_db
ASK = "/password/reset/"
SAME = "If an account has this address, a mail with a link is on its way to it."


@pytest.fixture
def ada():
    return User.objects.create_user("ada", "Ada@Shop.example", "the old password 1")


@pytest.fixture
def site(server):
    """A real SMTP server, and the only connection to it."""
    server.settings.keep_every = 1
    SmtpConnectionFactory(name="Relay", host="127.0.0.1", port=server.port, from_email="site@shop.example")
    return server


def ask(email, address="192.0.2.1", client=None):
    return (client or Client()).post(ASK, {"email": email}, REMOTE_ADDR=address)


def run_queued():
    for row in OrmQ.objects.all():
        assert row.task["func"] == "mailing.tasks.send_password_reset"
        tasks.send_password_reset(*row.task["args"])
        row.delete()


def test_a_link_comes_by_mail_and_sets_a_password_once(ada, site, django_capture_on_commit_callbacks):
    assert f'href="{ASK}"' in Client().get("/login/").content.decode()
    signed_in = Client()
    signed_in.force_login(ada)
    with django_capture_on_commit_callbacks(execute=True):
        assert SAME in ask("ada@shop.example").content.decode()
    assert site.accepted == []
    run_queued()
    (mail,) = site.kept.values()
    text = mail.decode()
    assert "Subject: Set a new password" in text
    path = re.search(r"http://127\.0\.0\.1:\d+(/password/reset/\S+)", text.replace("=\r\n", ""))[1]
    browser = Client()
    shown = browser.get(path, follow=True)
    assert shown.redirect_chain[-1][0].endswith("/set-password/"), "the token leaves the address at once"
    form = {"new_password1": "a brand new word 2", "new_password2": "a brand new word 2"}
    done = browser.post(shown.redirect_chain[-1][0], form, follow=True)
    assert "Your password is set" in done.content.decode()
    assert "_auth_user_id" not in browser.session
    assert Client().login(username="ada", password="a brand new word 2")
    assert signed_in.get("/account/").status_code == 302, "sessions of the old password have ended"
    assert "does not work any more" in Client().get(path, follow=True).content.decode()


def test_the_link_of_somebody_who_was_switched_off_leads_nowhere(ada):
    path = urlsplit(password_reset.make_reset_link(ada)).path
    opened = Client()
    form_at = opened.get(path, follow=True).redirect_chain[-1][0]
    User.objects.filter(pk=ada.pk).update(is_active=False)
    form = {"new_password1": "a brand new word 2", "new_password2": "a brand new word 2"}
    assert "does not work any more" in opened.post(form_at, form).content.decode()
    assert "does not work any more" in Client().get(path, follow=True).content.decode()
    User.objects.filter(pk=ada.pk).update(is_active=True)
    assert not Client().login(username="ada", password="a brand new word 2")


def test_whoever_is_kept_out_by_guesses_from_many_addresses_gets_in_by_a_link(ada):
    for number in range(110):
        Client().post("/login/", {"username": "ada", "password": "x"}, REMOTE_ADDR=f"203.0.113.{number}")
    form = {"username": "ada", "password": "a brand new word 2"}
    assert "Too many attempts" in Client().post("/login/", form, REMOTE_ADDR="192.0.2.1").content.decode()
    browser = Client(REMOTE_ADDR="192.0.2.1")
    at = browser.get(urlsplit(password_reset.make_reset_link(ada)).path, follow=True).redirect_chain[-1][0]
    browser.post(at, {"new_password1": "a brand new word 2", "new_password2": "a brand new word 2"})
    assert browser.post("/login/", form).status_code == 302


@pytest.mark.parametrize("machine", ["mails", "reads"])
@pytest.mark.parametrize("days", [-400, 400], ids=["behind", "ahead"])
def test_a_link_ends_by_the_clock_of_the_database(ada, monkeypatch, machine, days):
    """Whatever the clock of the machine that mails it, or of the one that takes it."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=days)

    def opens(path):
        return "/set-password/" in Client().get(path, follow=True).request["PATH_INFO"]

    with monkeypatch.context() as skewed:
        if machine == "mails":
            skewed.setattr("django.contrib.auth.tokens.datetime", Wrong)
        path = urlsplit(password_reset.make_reset_link(ada)).path
    if machine == "reads":
        monkeypatch.setattr("django.contrib.auth.tokens.datetime", Wrong)
    assert opens(path)
    right = password_reset.database_time.now()
    for minutes, is_open in ((59, True), (61, False)):
        with monkeypatch.context() as later:
            later.setattr(
                password_reset.database_time,
                "now",
                lambda minutes=minutes: right + timedelta(minutes=minutes),
            )
            assert opens(path) is is_open


def change_relay(user, **more):
    user.user_permissions.add(Permission.objects.get(codename="change_smtpconnection"))
    for name, value in more.items():
        setattr(user, name, value)
    user.save()


@pytest.mark.parametrize("kind", ["a superuser", "a stronger role", "an own permission"])
def test_no_link_goes_to_who_may_do_more_than_one_who_may_change_the_connection(ada, site, kind):
    """They could have it come to a server of their own, and take the account over."""
    weaker = UserFactory()
    change_relay(weaker)
    if kind == "a superuser":
        User.objects.filter(pk=ada.pk).update(is_superuser=True)
    stronger = Permission.objects.get(codename="add_group")
    if kind == "a stronger role":
        role = Group.objects.create(name="Strong")
        role.permissions.add(stronger)
        ada.groups.add(role)
    if kind == "an own permission":
        ada.user_permissions.add(stronger)
    tasks.send_password_reset("ada@shop.example")
    (mail,) = site.kept.values()
    text = mail.decode()
    assert "/password/reset/" not in text
    assert "No link is mailed for this account" in text
    assert "manage.py changepassword ada" in text

    change_relay(weaker, is_active=False)
    tasks.send_password_reset("ada@shop.example")
    assert "/password/reset/" in list(site.kept.values())[-1].decode()


def test_who_may_do_as_much_or_less_gets_the_link_from_whoever_changes_connections(ada, site):
    change_relay(UserFactory())
    user_in("Administrators")
    ada.groups.add(Group.objects.get(name="Marketers"))
    tasks.send_password_reset("ada@shop.example")
    assert "No link is mailed" in list(site.kept.values())[-1].decode(), (
        "a role that changes connections alone"
    )
    User.objects.filter(user_permissions__codename="change_smtpconnection").delete()
    tasks.send_password_reset("ada@shop.example")
    assert "/password/reset/" in list(site.kept.values())[-1].decode()


def test_a_weak_password_is_refused_with_a_sentence(ada):
    browser = Client()
    path = urlsplit(password_reset.make_reset_link(ada)).path
    at = browser.get(path, follow=True).redirect_chain[-1][0]
    said = browser.post(at, {"new_password1": "short", "new_password2": "short"}).content.decode()
    assert "too short" in said


def test_nothing_tells_whether_an_account_exists(ada, site, django_capture_on_commit_callbacks):
    answers, counts = [], []
    for email in ("ada@shop.example", "nobody@shop.example"):
        with (
            CaptureQueriesContext(connection) as queries,
            django_capture_on_commit_callbacks(execute=True),
        ):
            answers.append(re.sub(r'value="[^"]*"', "", ask(email).content.decode()))
        counts.append(len(queries))
    assert answers[0] == answers[1]
    assert counts[0] == counts[1], "the same work for both"
    assert OrmQ.objects.count() == 2
    run_queued()
    assert len(site.accepted) == 1


ODD_SPELLINGS = r"""
ADA@SHOP.EXAMPLE Ada@shop.example ada@Shop.Example. ada@shop.example. ada.@shop.example .ada@shop.example
a.da@shop.example ada+x@shop.example ada+@shop.example ada@shop.example@evil.example ada@evil.example@shop.example
"ada"@shop.example ada(x)@shop.example ada@shop.example,evil@evil.example ada@shop.example;evil@evil.example
<ada@shop.example> Eve<ada@shop.example> ada%shop.example@evil.example evil.example!ada@shop.example
ada@[192.0.2.1] ada@xn--shp-0na.example
ada@shop.example%0abcc:evil@evil.example ada@shop.example\r\nbcc:x@evil.example
mailto:ada@shop.example ada@shop.exam\u2024ple ada@shop\u3002example ada@shop\uff0eexample \uff41da@shop.example
\u0430da@shop.example ad\u0430@shop.example ada@sh\u043ep.example ada@\u0455hop.example ada@\u017fhop.example
ADA@\u017fHOP.EXAMPLE ada@\u1e9ehop.example a\u0064\u0301a@shop.example \u00e1da@shop.example ada\u200b@shop.example
ada\u00ad@shop.example \u202eada@shop.example ada@shop.example\u0000 ada@shop.example\u0130 mike@shop.example
m\u0131ke@shop.example M\u0130KE@SHOP.EXAMPLE MIKE@shop.example mike@shop.example. m\u0456ke@shop.example
mi\u212ae@shop.example M\u0049\u0307KE@shop.example stra\u00dfe@shop.example strasse@shop.example
STRA\u1e9eE@shop.example
""".split()


def test_an_odd_spelling_never_has_a_mail_sent_to_somebody_elses_address(
    ada, site, monkeypatch, django_capture_on_commit_callbacks
):
    """A link goes to the address that the account has, to none that was typed; and to one account only."""
    for name in ("ACCOUNT_AT_ADDRESS", "ADDRESS", "ACCOUNT"):
        monkeypatch.setattr(password_reset, name, Limit(10_000, timedelta(minutes=5)))
    stored = {"ada@shop.example", "mike@shop.example", "strasse@shop.example"}
    User.objects.create_user("mike", "mike@shop.example", "the old password 2")
    User.objects.create_user("street", "strasse@shop.example", "the old password 3")
    mailed = {}
    for typed in [spelt.encode("ascii").decode("unicode_escape") for spelt in ODD_SPELLINGS]:
        before = len(site.accepted)
        with django_capture_on_commit_callbacks(execute=True):
            assert ask(typed).status_code in (200, 400, 422), typed
        run_queued()
        mailed[typed] = [message.recipient.lower() for message in site.accepted[before:]]
    assert all(len(recipients) <= 1 and {*recipients} <= stored for recipients in mailed.values()), mailed
    told = {typed for typed, recipients in mailed.items() if recipients}
    assert {"ADA@SHOP.EXAMPLE", "Ada@shop.example", "MIKE@shop.example", "strasse@shop.example"} <= told


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "!"}, {"email": ""}])
def test_no_mail_for_who_cannot_sign_in_with_a_password(ada, site, change):
    User.objects.filter(pk=ada.pk).update(**change)
    assert tasks.send_password_reset("ada@shop.example") == 0
    assert site.accepted == []


@pytest.mark.parametrize(
    ("named", "made", "found"),
    [
        ("", [], None),
        ("", [("Relay", True)], "Relay"),
        ("", [("Relay", True), ("Old", False)], "Relay"),
        ("", [("Relay", True), ("Second", True)], None),
        ("Second", [("Relay", True), ("Second", True)], "Second"),
        ("Second", [("Relay", True), ("Second", False)], None),
        ("Misspelt", [("Relay", True)], None),
    ],
)
def test_the_connection_is_the_one_that_is_named_or_the_only_one(settings, named, made, found):
    settings.SITE_CONNECTION = named
    for name, is_enabled in made:
        SmtpConnectionFactory(name=name, is_enabled=is_enabled)
    connection_found = site_mails.find_connection()
    assert (connection_found and connection_found.name) == found
    assert ("an administrator must set your password" in Client().get(ASK).content.decode()) != bool(found)
    if not found:
        assert "an administrator must set your password" in ask("ada@shop.example").content.decode()


def test_asking_is_held_up_per_account_and_per_address_and_no_login_with_it(ada, site):
    asked = [ask("ada@shop.example").status_code for _ in range(5)]
    assert asked == [200] * 3 + [429] * 2
    assert [ask("ADA@shop.example", f"203.0.113.{n}").status_code for n in range(6)] == [200] * 2 + [429] * 4
    said = ask("ada@shop.example").content.decode()
    assert re.search(r"This was asked for too often\. Try again in \d+ minutes\.", said)
    others = [ask(f"p{n}@shop.example", "198.51.100.9").status_code for n in range(25)]
    assert others[:20] == [200] * 20
    assert others[-1] == 429
    form = {"username": "ada", "password": "the old password 1"}
    assert Client().post("/login/", form, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_what_is_no_address_is_said_at_the_field(site):
    response = ask("nonsense")
    assert response.status_code == 422
    assert "is not an e-mail address" in response.content.decode()


def test_the_link_leads_to_this_site_whatever_host_was_asked_for(ada, settings):
    settings.PUBLIC_URL = "https://news.shop.example"
    assert password_reset.make_reset_link(ada).startswith("https://news.shop.example/password/reset/")


def test_what_happened_is_logged_without_what_was_typed(ada, caplog):
    caplog.set_level(logging.INFO)
    with hostile_smtp(Settings(rules=["rcpt 550 5.1.1 no such user"])) as refusing:
        smtp = SmtpConnectionFactory(host="127.0.0.1", port=refusing.port)
        with pytest.raises(Refused, match="was not taken"):
            tasks.send_password_reset("ada@shop.example")
        smtp.delete()
    with hostile_smtp() as taking:
        SmtpConnectionFactory(host="127.0.0.1", port=taking.port)
        ask("ada@shop.example")
        tasks.send_password_reset("ada@shop.example")
        tasks.send_password_reset("s3cret@shop.example")
    lines = [r.getMessage() for r in caplog.records if r.name == "mailing.password_reset"]
    assert lines == [
        "A password reset was asked for from 192.0.2.1.",
        f"A link to set a new password was mailed to user {ada.pk}.",
        "A password reset was asked for an address that no account has.",
    ]
