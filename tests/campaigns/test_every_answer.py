"""Signing in and out, the policy of every page, health, and the pages of what went wrong."""

import re

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import InterfaceError, OperationalError
from django.test import Client

from campaigns import health
from campaigns.lifecycle import fire
from campaigns.queue import DatabaseQueue
from tests.factories import (
    EmailCampaignFactory,
    UserFactory,
    user_in,
)

pytestmark = pytest.mark.django_db

# ── signing in and out, policy, health ───────────────────────────────────────────────────────────────────────────────


def test_signing_in_leads_to_the_page_asked_for_and_signing_out_ends_it(client):
    UserFactory(username="mara", password="a long enough password")
    response = client.post(
        "/login/?next=/campaigns/",
        {"username": "mara", "password": "a long enough password", "next": "/campaigns/"},
    )
    assert response.url == "/campaigns/"
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert client.get("/").url == "/login/?next=/"


def test_a_password_is_changed_by_who_knows_the_old_one_and_ends_other_sessions(client, marketer):
    marketer.set_password("the first password")
    marketer.save()
    elsewhere = Client()
    assert elsewhere.login(username=marketer.username, password="the first password")
    client.force_login(marketer)
    new = {"new_password1": "a longer second one", "new_password2": "a longer second one"}

    refused = client.post("/account/password/", {"old_password": "a guess", **new})
    assert "Your old password was entered incorrectly" in refused.content.decode()

    changed = client.post("/account/password/", {"old_password": "the first password", **new}, follow=True)
    assert changed.redirect_chain == [("/account/", 302)]
    assert "Your password is changed." in changed.content.decode()
    marketer.refresh_from_db()
    assert marketer.check_password("a longer second one")
    assert elsewhere.get("/account/").status_code == 302


def test_the_account_tells_who_one_is_and_what_one_may_do(client):
    client.force_login(user_in("Analysts", first_name="Anton", last_name="Analyst"))
    page = client.get("/account/").content.decode()
    assert page.count("Anton Analyst") == 2  # in the menu too
    assert "<dt>Role</dt><dd>Analysts</dd>" in page
    assert 'href="/account/password/"' in page


def test_people_are_called_by_their_names(client, marketer):
    ada = user_in("Marketers", username="al", first_name="Ada", last_name="Lovelace")
    campaign = EmailCampaignFactory(status="running", created_by=ada)
    fire(campaign, "pause", by=ada)
    for address in ("/", "/campaigns/", campaign.get_absolute_url()):
        page = client.get(address, follow=True).content.decode()
        assert "Ada Lovelace" in page
        assert "by al" not in page


def test_no_page_carries_a_script_or_style_of_its_own(client, marketer):
    campaign = EmailCampaignFactory(status="running", launchable=True)
    for path in (
        "/",
        "/campaigns/",
        campaign.get_absolute_url(),
        f"/campaigns/{campaign.pk}/cancel/",
        "/login/",
    ):
        response = client.get(path, follow=True)
        page = response.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", page)
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        assert "script-src 'self'" in response["Content-Security-Policy"].split("; ")


def test_health_needs_no_login(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


WITH_TOKEN = {"Authorization": "Bearer hush-hush"}


@pytest.fixture
def readyz_token(settings):
    settings.READYZ_TOKEN = "hush-hush"


def test_readyz_names_what_is_wrong(client, monkeypatch, readyz_token):
    def unreachable(self):
        raise ConnectionError("connection refused")

    monkeypatch.setattr(DatabaseQueue, "queue_size", unreachable)
    response = client.get("/readyz", headers=WITH_TOKEN)
    assert response.status_code == 503
    assert response.json()["problems"] == ["The queue cannot be reached: connection refused"]


@pytest.mark.parametrize("token", ["", "hush-hush"])
@pytest.mark.parametrize("sent", [None, "Bearer", "Bearer ", "Bearer hush", "Basic hush-hush", "hush-hush"])
def test_readyz_tells_nobody_without_the_token_what_is_wrong(client, monkeypatch, settings, token, sent):
    monkeypatch.setattr(health, "list_problems", lambda: ["The database db.internal does not answer."])
    settings.READYZ_TOKEN = token
    response = client.get("/readyz", headers={} if sent is None else {"Authorization": sent})
    assert (response.status_code, response.json()) == (503, {"status": "not ready"})


def test_readyz_names_migrations_that_are_missing(client, readyz_token):
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder.Migration.objects.filter(app="campaigns").order_by("-pk").first().delete()
    response = client.get("/readyz", headers=WITH_TOKEN)
    assert response.status_code == 503
    assert "not applied" in response.json()["problems"][0]
    with pytest.raises(CommandError, match="migrations are not applied: run"):
        call_command("doctor")


# ── what went wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_not_open_and_what_is_not_there_are_said_on_a_page_of_ours(client):
    assert "Page not found" in client.get("/nothing/").content.decode()
    client.force_login(user_in("Analysts"))
    for path, status, words in (
        ("/nothing/", 404, "Page not found"),
        ("/campaigns/999999/", 404, "Page not found"),
        ("/campaigns/email/new/", 403, "You do not have access to this"),
    ):
        response = client.get(path)
        assert response.status_code == status
        assert words in response.content.decode()
        assert 'href="/contacts/"' in response.content.decode()


def test_a_form_that_is_out_of_date_is_told_to_be_sent_again():
    client = Client(enforce_csrf_checks=True)
    client.force_login(user_in("Marketers"))
    response = client.post("/logout/")
    assert response.status_code == 403
    assert "Please try again" in response.content.decode()


def test_a_fault_of_ours_is_said_on_a_page_that_needs_nothing(client, marketer, monkeypatch):
    def fail(*_):
        raise RuntimeError("something broke")

    monkeypatch.setattr("campaigns.workspace.overview.recent_steps", fail)
    client.raise_request_exception = False
    response = client.get("/")
    assert response.status_code == 500
    page = response.content.decode()
    assert "Something went wrong" in page
    assert "something broke" not in page


@pytest.mark.parametrize(
    "error", [OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError]
)
def test_a_page_says_that_the_database_is_away_whoever_raises_it(client, marketer, monkeypatch, error):
    """Django leaves errors of psycopg as they are when a cursor of the server is closed."""

    def fail(*_, **__):
        raise error("the database did not answer within 10.0 s")

    monkeypatch.setattr("campaigns.views.campaign_list.render", fail)
    client.raise_request_exception = False
    response = client.get("/campaigns/")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "The database is not available" in response.text
