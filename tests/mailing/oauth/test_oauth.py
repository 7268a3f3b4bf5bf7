"""Login by OAuth 2: the consent in the browser, tokens refreshed in time and once, and a consent that is lost."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.fernet import Fernet
from django.db import connection as database

from campaigns import database_time
from mailing import connections, oauth
from mailing.bounces import mailboxes as reading
from mailing.models import BounceMailbox, OAuthGrant, Pace
from mailing.sending import runs
from tests.hostile_smtp import hostile_smtp
from tests.mailing.bounces import servers
from tests.mailing.oauth.grants import USER, make_connection, make_grant, write_form
from tests.mailing.oauth.provider import SECRET
from tests.mailing.pages import page
from tests.mailing.running import SEPARATE, counts, fresh, in_thread, launch_campaign, send


def connect(client, provider, smtp):
    """Consent in the browser, and come back."""
    answer = client.get(f"/connections/{smtp.pk}/oauth/begin/")
    back = urlsplit(provider.consent(answer.url))
    return client.get(f"{back.path}?{back.query}", follow=True).content.decode()


# ── the consent ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_connection_is_set_up_connected_and_tested(client, administrator, provider):
    with hostile_smtp() as server:
        server.settings.tokens = {USER: "access-1"}
        smtp = make_connection(server, password="old")
        client.post(f"/connections/{smtp.pk}/oauth/", write_form(provider))
        assert "waits for a consent" in page(client, f"/connections/{smtp.pk}/")
        assert "is connected with Another" in connect(client, provider, smtp)
        grant = OAuthGrant.objects.get()
        assert (grant.access_token, grant.refresh_token) == ("access-1", "refresh-1")
        smtp = type(smtp).objects.get()
        assert connections.check_connection(smtp, "ada@example.org").works
        shown = page(client, f"/connections/{smtp.pk}/") + page(client, f"/connections/{smtp.pk}/oauth/")
        assert not any(secret in shown for secret in ("access-1", "refresh-1", SECRET))
    with database.cursor() as cursor:
        cursor.execute("SELECT access_token, refresh_token, client_secret FROM mailing_oauthgrant")
        assert all(each.startswith("gAAAA") for each in cursor.fetchone()), "encrypted where it is stored"


@pytest.mark.django_db
def test_only_the_browser_that_asked_may_bring_the_answer_and_once(client, administrator, provider):
    smtp = make_connection()
    client.post(f"/connections/{smtp.pk}/oauth/", write_form(provider))
    asked = client.get(f"/connections/{smtp.pk}/oauth/begin/").url
    back = urlsplit(provider.consent(asked))
    forged = dict(parse_qsl(back.query)) | {"state": "x" * 30}
    assert "This login was not started here" in client.get(back.path, forged, follow=True).content.decode()
    assert not OAuthGrant.objects.get().is_connected
    assert "is connected" in client.get(f"{back.path}?{back.query}", follow=True).content.decode()
    assert (
        "This login was not started here"
        in client.get(f"{back.path}?{back.query}", follow=True).content.decode()
    )


@pytest.mark.django_db
def test_a_login_that_was_removed_while_somebody_consented_is_said(client, administrator, provider):
    smtp = make_connection()
    client.post(f"/connections/{smtp.pk}/oauth/", write_form(provider))
    back = urlsplit(provider.consent(client.get(f"/connections/{smtp.pk}/oauth/begin/").url))
    OAuthGrant.objects.all().delete()
    text = client.get(f"{back.path}?{back.query}", follow=True).content.decode()
    assert "This login was removed meanwhile" in text


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["token_url", "client_id", "scope", "authorize_url"])
def test_a_code_goes_to_nobody_but_whom_the_consent_was_asked_for(client, administrator, provider, field):
    """It went to whatever address for tokens was entered while somebody consented."""
    smtp = make_connection()
    client.post(f"/connections/{smtp.pk}/oauth/", write_form(provider))
    back = urlsplit(provider.consent(client.get(f"/connections/{smtp.pk}/oauth/begin/").url))
    OAuthGrant.objects.update(**{field: f"{provider.base}/another"})
    text = client.get(f"{back.path}?{back.query}", follow=True).content.decode()
    assert "This login was changed meanwhile. Connect again." in text
    assert not OAuthGrant.objects.get().is_connected


@pytest.mark.django_db
def test_a_refused_consent_says_what_the_provider_said(client, administrator, provider):
    smtp = make_connection()
    client.post(f"/connections/{smtp.pk}/oauth/", write_form(provider))
    state = dict(parse_qsl(urlsplit(client.get(f"/connections/{smtp.pk}/oauth/begin/").url).query))["state"]
    said = {"state": state, "error": "access_denied", "error_description": "Your administrator says <no>."}
    text = client.get("/oauth/callback/", said, follow=True).content.decode()
    assert "gave no consent: Your administrator says &lt;no&gt;." in text


@pytest.mark.django_db
def test_a_wrong_client_secret_says_so(client, administrator, provider):
    smtp = make_connection()
    client.post(f"/connections/{smtp.pk}/oauth/", write_form(provider, client_secret="wrong"))
    assert "answered “invalid_client”" in connect(client, provider, smtp)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["microsoft", "google"])
def test_known_providers_need_no_addresses(client, administrator, kind):
    smtp = make_connection()
    form = {"provider": kind, "client_id": "x", "client_secret": "y"}
    assert client.post(f"/connections/{smtp.pk}/oauth/", form).status_code == 302
    url = client.get(f"/connections/{smtp.pk}/oauth/begin/").url
    asked = dict(parse_qsl(urlsplit(url).query))
    host = {"microsoft": "login.microsoftonline.com", "google": "accounts.google.com"}[kind]
    assert (urlsplit(url).hostname, asked["login_hint"]) == (host, USER)
    assert ("offline_access" in asked["scope"]) is (kind == "microsoft")
    assert (asked.get("access_type") == "offline") is (kind == "google")


@pytest.mark.django_db
def test_another_provider_brings_its_own_addresses(client, administrator):
    smtp = make_connection()
    path = f"/connections/{smtp.pk}/oauth/"
    client.post(path, {"provider": "microsoft", "client_id": "x", "client_secret": "y"})
    grant = OAuthGrant.objects.get()
    shown = {name: getattr(grant, name) for name in ("authorize_url", "token_url", "scope")}
    client.post(path, shown | {"provider": "google", "client_id": "x", "client_secret": "y"})
    grant.refresh_from_db()
    assert (grant.token_url, grant.scope) == (
        "https://oauth2.googleapis.com/token",
        "https://mail.google.com/",
    )
    tenant = "https://login.microsoftonline.com/our-tenant/oauth2/v2.0/token"
    more = {"provider": "microsoft", "client_id": "x", "client_secret": "y", "token_url": tenant}
    client.post(path, more)
    assert OAuthGrant.objects.get().token_url == tenant


@pytest.mark.django_db
def test_a_secret_goes_nowhere_in_clear_or_elsewhere_by_itself(client, administrator, provider):
    smtp = make_connection()
    path = f"/connections/{smtp.pk}/oauth/"
    answer = client.post(path, write_form(provider, token_url="http://login.example.org/token"))
    assert "begins with https://" in answer.content.decode()
    client.post(path, write_form(provider))
    moved = write_form(provider, token_url="https://login.example.org/token", client_secret="")
    assert "Enter the secret again" in client.post(path, moved).content.decode()
    assert client.post(path, write_form(provider, client_secret="")).status_code == 302


@pytest.mark.django_db
def test_a_secret_that_no_key_reads_is_named_beside_its_field(client, administrator, provider, settings):
    smtp = make_connection()
    make_grant(provider, smtp)
    path = f"/connections/{smtp.pk}/oauth/"
    assert "One is stored. Leave this empty to keep it." in client.get(path).content.decode()
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    page = client.get(path).content.decode()
    assert "cannot be read with today&#x27;s ENCRYPTION_KEYS" in page
    assert "One is stored" not in page


@pytest.mark.django_db
def test_a_token_goes_to_the_server_that_was_consented_to_alone(provider):
    smtp = make_connection()
    make_grant(provider, smtp)
    assert smtp.login_trouble == ""
    for name, value in {"host": "localhost", "port": 2, "username": "x", "authority": "x"}.items():
        other = type(smtp).objects.get()
        setattr(other, name, value)
        other.save()
        assert "has changed since somebody consented" in type(smtp).objects.get().login_trouble
        smtp.save()


@pytest.mark.django_db
def test_a_marketer_may_not_connect(client, marketer, provider):
    smtp = make_connection()
    make_grant(provider, smtp)
    for path in ("oauth/", "oauth/begin/", "oauth/delete/"):
        assert client.get(f"/connections/{smtp.pk}/{path}").status_code == 403


@pytest.mark.django_db
def test_a_password_is_used_again_after_a_question(client, administrator, provider):
    smtp = make_connection(password="s3cret")
    make_grant(provider, smtp)
    assert "deleted permanently" in page(client, f"/connections/{smtp.pk}/oauth/delete/")
    client.post(f"/connections/{smtp.pk}/oauth/delete/")
    assert not OAuthGrant.objects.exists()
    assert type(smtp).objects.get().login_trouble == ""


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_token_is_refreshed_before_it_ends_and_not_sooner(provider):
    grant = make_grant(provider, make_connection())
    assert oauth.read_access_token(grant.pk) == "access-0"
    OAuthGrant.objects.update(expires_at=database_time.now() + timedelta(minutes=4))
    assert oauth.read_access_token(grant.pk) == "access-1"
    assert oauth.read_access_token(grant.pk) == "access-1"
    assert [form["refresh_token"] for form in provider.asked] == ["refresh-0"]
    grant.refresh_from_db()
    assert grant.refresh_token == "refresh-1"


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "value"), [("filling", 100_000), ("drip", 0.02)])
def test_a_provider_that_answers_without_end_keeps_nobody_waiting(provider, monkeypatch, name, value):
    monkeypatch.setattr(oauth, "WHOLE_ANSWER_SECONDS", 0.2)
    grant = make_grant(provider, make_connection(), expires_at=database_time.now())
    setattr(provider, name, value)
    with pytest.raises(oauth.TokenUnavailable, match="gives no token now"):
        oauth.read_access_token(grant.pk)
    grant.refresh_from_db()
    assert grant.refresh_token == "refresh-0"


@pytest.mark.django_db
@pytest.mark.parametrize("status", [500, 503, 302])
def test_a_provider_that_is_away_loses_no_consent(provider, status):
    grant = make_grant(provider, make_connection(), expires_at=database_time.now())
    provider.status = status
    with pytest.raises(oauth.TokenUnavailable):
        oauth.read_access_token(grant.pk)
    provider.status = 0
    assert oauth.read_access_token(grant.pk) == "access-2"


@SEPARATE
def test_many_who_need_a_token_refresh_it_once(provider):
    grant = make_grant(provider, make_connection(), expires_at=database_time.now())
    provider.pause.clear()
    found = []
    with (
        in_thread(lambda: found.append(oauth.read_access_token(grant.pk))),
        in_thread(lambda: found.append(oauth.read_access_token(grant.pk))),
        in_thread(lambda: found.append(oauth.read_access_token(grant.pk))),
    ):
        provider.pause.set()
    assert (found, len(provider.asked)) == (["access-1"] * 3, 1)


# ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@SEPARATE
def test_a_campaign_is_sent_with_a_token_that_ends_meanwhile(provider, short_waits):
    with hostile_smtp() as server:
        server.settings.tokens = {USER: "access-1"}
        smtp = make_connection(server)
        make_grant(provider, smtp, expires_at=database_time.now() + timedelta(minutes=1))
        campaign = launch_campaign(5, connection=smtp)
        assert send(campaign).status == "completed"
    assert counts(campaign) == {"accepted": 5}
    assert len(provider.asked) == 1


@SEPARATE
def test_a_token_that_a_server_refuses_is_replaced(provider, short_waits):
    """The access token was taken back before its end; the consent holds."""
    with hostile_smtp() as server:
        server.settings.tokens = {USER: "access-1"}
        smtp = make_connection(server)
        make_grant(provider, smtp)
        campaign = launch_campaign(3, connection=smtp)
        assert send(campaign).status == "completed"
    assert counts(campaign) == {"accepted": 3}


@SEPARATE
def test_a_lost_consent_pauses_with_a_sentence_and_spends_nobody(
    provider, short_waits, client, administrator
):
    with hostile_smtp() as server:
        server.settings.tokens = {USER: "access-9"}
        smtp = make_connection(server)
        make_grant(provider, smtp, expires_at=database_time.now())
        provider.refusal = "invalid_grant"
        campaign = launch_campaign(3, connection=smtp)
        assert send(campaign).status == "paused"
        assert counts(campaign) == {"pending": 3}
        why = fresh(campaign).history.first().why
        assert "lost the consent of Another" in why
        assert "AADSTS700082" in why
        asked = len(provider.asked)
        runs.run_lane(smtp.pk, 0)
        assert len(provider.asked) == asked, "a lost consent is not asked for again"


@pytest.mark.django_db
def test_a_consent_that_is_given_anew_lets_the_connection_work_again(client, administrator, provider):
    smtp = make_connection()
    make_grant(provider, smtp, trouble="login.example answered “invalid_grant”.")
    Pace.objects.create(connection=smtp, failures=5, down_since=database_time.now(), needs_person=True)
    assert "lost the consent" in page(client, "/connections/")
    assert "is connected" in connect(client, provider, smtp)
    assert type(smtp).objects.get().login_trouble == ""
    pace = Pace.objects.get()
    assert (pace.down_since, pace.needs_person) == (None, False)


# ── mailboxes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def make_mailbox(provider, box, kind, **fields):
    row = BounceMailbox.objects.create(
        name="Bounces",
        address="bounces@shop.example",
        kind=kind,
        host="127.0.0.1",
        port=box.port,
        tls="none",
        username=servers.USER,
    )
    make_grant(provider, row, **fields)
    return row


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["imap", "pop3"])
def test_a_mailbox_is_read_with_a_token_which_is_replaced_when_it_is_refused(provider, kind, monkeypatch):
    monkeypatch.setattr(servers, "TOKEN", "access-1")
    with servers.serve_mailbox(kind, [b"Subject: Out of office\n\nAway."]) as box:
        row = make_mailbox(provider, box, kind)
        assert reading.read_mailbox(row.pk) == 0
        row.refresh_from_db()
        assert "refused" in row.trouble
        assert reading.read_mailbox(row.pk) == 1
        row.refresh_from_db()
        assert (row.trouble, box.remaining) == ("", [])


@pytest.mark.django_db
def test_a_mailbox_without_consent_says_so(client, administrator, provider, monkeypatch):
    with servers.serve_mailbox("imap", []) as box:
        row = make_mailbox(provider, box, "imap", expires_at=database_time.now())
        provider.refusal = "invalid_grant"
        assert "lost the consent" in reading.check_mailbox(row).sentence
        assert "lost the consent" in page(client, f"/mailboxes/{row.pk}/")
        provider.refusal, provider.asked = "", []
        monkeypatch.setattr(servers, "TOKEN", "access-1")
        back = urlsplit(provider.consent(client.get(f"/mailboxes/{row.pk}/oauth/begin/").url))
        assert "is connected" in client.get(f"{back.path}?{back.query}", follow=True).content.decode()
        assert reading.check_mailbox(BounceMailbox.objects.get()).works
