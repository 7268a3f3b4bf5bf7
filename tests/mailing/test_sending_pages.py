"""The pages of connections and of the outbox."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from mailing import connections, password_reset
from mailing.catcher import outbox
from mailing.models import Delivery, Route, SmtpConnection
from mailing.sending import return_paths, tokens
from mailing.sending.servers import find_hello_name, server_of
from mailing.views.mail_frames import open_links_in_tabs
from mailing.views.outbox import list_links
from tests.factories import ContactFactory, EmailCampaignFactory, SmtpConnectionFactory, UserFactory, user_in
from tests.hostile_smtp import hostile_smtp
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
FRAME = "default-src 'none'; img-src data: cid:; style-src 'unsafe-inline'; sandbox"


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────────

SERVER = {
    "name": "Relay",
    "host": "relay.example",
    "port": "587",
    "tls": "starttls",
    "username": "shop",
    "max_connections": "5",
    "messages_per_connection": "1000",
    "warm_up_first_day": "200",
    "allowed_domains": "shop.example, Shop.Org",
    "is_enabled": "on",
}


def test_a_password_is_never_shown_and_kept_when_it_is_left_empty(client, administrator):
    client.post("/connections/new/", SERVER | {"password": " s3cret "})
    smtp = SmtpConnection.objects.get()
    assert (smtp.password, smtp.allowed_domains) == (" s3cret ", ["shop.example", "shop.org"])
    for path in ("/connections/", f"/connections/{smtp.pk}/", f"/connections/{smtp.pk}/edit/"):
        assert "s3cret" not in page(client, path)
    client.post(f"/connections/{smtp.pk}/edit/", SERVER | {"name": "Main relay", "password": ""})
    smtp = SmtpConnection.objects.get()
    assert (smtp.name, smtp.password) == ("Main relay", " s3cret ")


@pytest.mark.parametrize("works", [True, False])
def test_the_test_of_a_connection_says_how_it_went(client, administrator, monkeypatch, works):
    smtp = SmtpConnectionFactory()
    verdict = connections.ConnectionTest(works, "" if works else "login refused", "Look at the password.")
    monkeypatch.setattr(connections, "check_connection", lambda connection, to: verdict)
    text = client.post(f"/connections/{smtp.pk}/test/", {"to": "me@shop.example"}).content.decode()
    assert ("It works." in text) == works
    assert ("It does not work: login refused." in text) != works
    assert "Look at the password." in text


def test_a_connection_says_its_own_name_or_the_public_host_in_ehlo(client, administrator, settings):
    settings.PUBLIC_URL = "https://news.shop.example"
    smtp = SmtpConnectionFactory()
    assert server_of(smtp).local_hostname == "news.shop.example"
    form = SERVER | {"username": "", "hello_name": "shop"}
    text = client.post(f"/connections/{smtp.pk}/edit/", form).content.decode()
    assert "“shop” is not a full host name" in text
    assert "news.shop.example" in text
    client.post(f"/connections/{smtp.pk}/edit/", form | {"hello_name": "mx.shop.example"})
    smtp.refresh_from_db()
    assert server_of(smtp).local_hostname == "mx.shop.example"
    assert "mx.shop.example" in page(client, f"/connections/{smtp.pk}/")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]:8000", "[IPv6:::1]"),
    ],
)
def test_the_public_host_is_written_as_servers_take_it(url, name):
    assert find_hello_name(url) == name


def test_an_authority_is_uploaded_kept_and_forgotten(client, administrator, certificate):
    smtp = SmtpConnectionFactory()
    pem = Path(certificate().authority).read_bytes()
    path, form = f"/connections/{smtp.pk}/edit/", SERVER | {"username": ""}

    def save_form(**more):
        response = client.post(path, form | more)
        smtp.refresh_from_db()
        return response.content.decode()

    assert "private key" in save_form(
        authority_file=SimpleUploadedFile("key.pem", b"-----BEGIN PRIVATE KEY-----")
    )
    assert "holds no certificate" in save_form(authority_file=SimpleUploadedFile("ca.der", b"\x30\x82\x00"))
    ended = Path(certificate(expired=True).chain).read_bytes()
    assert "The certificate ended on" in save_form(authority_file=SimpleUploadedFile("ca.pem", ended))
    assert smtp.authority == ""
    save_form(authority_file=SimpleUploadedFile("ca.pem", pem))
    assert "BEGIN CERTIFICATE" in server_of(smtp).authority
    save_form()
    assert "BEGIN CERTIFICATE" in smtp.authority, "nothing uploaded: it stays"
    save_form(forgets_authority="on")
    assert smtp.authority == ""


def test_another_authority_asks_for_the_password_again(client, administrator, certificate):
    client.post("/connections/new/", SERVER | {"password": "s3cret"})
    smtp = SmtpConnection.objects.get()
    pem = Path(certificate().authority).read_bytes()
    upload = SERVER | {"password": "", "authority_file": SimpleUploadedFile("ca.pem", pem)}
    assert "Enter the password again" in client.post(f"/connections/{smtp.pk}/edit/", upload).content.decode()
    assert SmtpConnection.objects.get().authority == ""


def test_a_server_is_reached_without_a_mail_and_named_when_it_is_not():
    with hostile_smtp() as server:
        smtp = SmtpConnectionFactory(host="127.0.0.1", port=server.port)
        assert connections.reach_connection(smtp).works
        assert not server.accepted
    assert connections.reach_connection(smtp).name == "host not reached"


def test_a_marketer_looks_at_connections_and_cannot_test_them(client, marketer):
    smtp = SmtpConnectionFactory()
    assert "Send a test mail" not in page(client, f"/connections/{smtp.pk}/")
    assert client.post(f"/connections/{smtp.pk}/test/", {"to": "me@shop.example"}).status_code == 403


def test_a_connection_nobody_uses_is_deleted_after_a_question(client, administrator):
    smtp = SmtpConnectionFactory(name="Old relay")
    assert "are deleted permanently" in page(client, f"/connections/{smtp.pk}/delete/")
    assert client.post(f"/connections/{smtp.pk}/delete/").url == "/connections/"
    assert not SmtpConnection.objects.exists()


@pytest.mark.parametrize("how", ["connection", "route", "was sent through it"])
def test_a_connection_of_a_campaign_is_not_deleted(client, administrator, how):
    smtp = SmtpConnectionFactory(name="Relay")
    fields = {"connection": smtp} if how == "connection" else {}
    status = "draft"
    if how == "was sent through it":
        fields, status = {"planned": {str(smtp.pk): 3}}, "completed"
    campaign = EmailCampaignFactory(name="Winter letter", status=status, **fields)
    if how == "route":
        Route.objects.create(campaign=campaign, connection=smtp)
    response = client.post(f"/connections/{smtp.pk}/delete/")
    assert response.status_code == 409
    assert "“Winter letter” used it or will. Switch it off instead." in response.content.decode()
    assert SmtpConnection.objects.filter(pk=smtp.pk).exists()


# ── outbox ───────────────────────────────────────────────────────────────────────────────────────────────────────────

MAIL = (
    b"From: The Shop <shop@example.com>\r\nTo: ada@example.com\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    b'<p>Hello <script>alert(1)</script><a href="https://shop.example/?a=1&amp;b=2">our <b>news</b></a></p>\r\n'
)


def test_a_caught_mail_is_listed_opened_and_framed(client, marketer, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    assert "The outbox is empty" in page(client, "/outbox/")
    name = outbox.store_message("shop@example.com", ["ada@example.com"], MAIL)
    assert "Grüße" in page(client, "/outbox/")
    assert "Grüße" not in page(client, "/outbox/?q=nothing+like+it")
    text = page(client, f"/outbox/{name}/")
    assert '<a href="https://shop.example/?a=1&amp;b=2" rel="noreferrer noopener" target="_blank">' in text
    assert "our news" in text
    assert "<script>alert" not in text
    frame = client.get(f"/outbox/{name}/mail/")
    assert frame["Content-Security-Policy"] == f"{FRAME} allow-popups allow-popups-to-escape-sandbox"
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert "Hello" in frame.content.decode()
    raw = client.get(f"/outbox/{name}/mail/?part=raw")
    assert raw["Content-Type"].startswith("text/plain")
    assert raw.content == MAIL


def test_who_may_only_look_cannot_act_through_the_links_of_a_caught_mail(client, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    links = [f"{settings.PUBLIC_URL}/{path}" for path in ("u/c2VjcmV0", "t/c/c2VjcmV0/0", "t/o/c2VjcmV0")]
    body = "".join(f'<a href="{link}">{link}</a>' for link in links)
    mail = f"Subject: Hi\r\nList-Unsubscribe: <{links[0]}>\r\nContent-Type: text/html\r\n\r\n{body}\r\n"
    name = outbox.store_message("shop@example.com", ["ada@example.com"], mail.encode())
    client.force_login(user_in("Analysts"))
    frame = client.get(f"/outbox/{name}/mail/")
    assert frame["Content-Security-Policy"] == FRAME
    for text in (page(client, f"/outbox/{name}/"), frame.content.decode()):
        assert "c2VjcmV0" not in text
        assert f"{settings.PUBLIC_URL}/u/hidden" in text
    assert client.get(f"/outbox/{name}/mail/?part=raw").status_code == 403
    client.force_login(user_in("Marketers"))
    assert links[0] in page(client, f"/outbox/{name}/")


def test_who_may_only_look_sees_no_token_wherever_it_stands(client, settings, tmp_path):
    """With one a mail to us unsubscribes somebody, with another a forged report makes their mail bounce."""
    settings.VAR_DIR = tmp_path
    signed, path = tokens.sign_tokens([4711], 12)[0], return_paths.sign_delivery(4711)
    mail = (
        f"Subject: Hi\r\nMessage-ID: <{signed.message_id}@shop.example>\r\nReturn-Path: <b+{path}@shop.example>\r\n"
        f"List-Unsubscribe: <mailto:b@shop.example?subject=unsubscribe%20{signed.unsubscribe}>\r\n"
        f"Content-Type: text/html\r\n\r\n<a href='https://other.example/{signed.click}'>{path.upper()}</a> "
        f"AAAA{'B' * 40}"
    )
    name = outbox.store_message("shop@example.com", ["ada@example.com"], mail.encode())
    client.force_login(user_in("Analysts"))
    for text in (page(client, f"/outbox/{name}/"), page(client, f"/outbox/{name}/mail/")):
        assert not any(token in text for token in (*signed, path, path.upper()))
        assert "hidden" in text
    assert f"AAAA{'B' * 40}" in text, "what was not signed here stays"
    client.force_login(user_in("Marketers"))
    assert signed.message_id in page(client, f"/outbox/{name}/")


@pytest.mark.parametrize("piece", ["<a ", "<a href='", "<", "<!", "<!--", "</a", "<![", "<?", "<head ", "&"])
def test_a_mail_full_of_what_is_left_open_is_shown_in_no_time(piece):
    began = time.process_time()
    open_links_in_tabs(piece * 100_000)
    assert list_links(f'<a href="https://x.test/?a=1&amp;b=2">our <b>n&amp;ws</b></a> {piece * 100_000}')[
        0
    ] == (
        "https://x.test/?a=1&b=2",
        "our n&ws",
    )
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("shown", "opened"),
    [
        ("<!DOCTYPE html><html><head><title>T", '<!DOCTYPE html><html><head><base target="_blank"><title>T'),
        ("<!doctype html><html lang=de>Hi", '<!doctype html><html lang=de><base target="_blank">Hi'),
        ('<p><a class=b target="_self" href="/x">', '<base target="_blank"><p><a class=b href="/x">'),
    ],
)
def test_the_links_of_a_framed_mail_open_in_tabs(shown, opened):
    assert open_links_in_tabs(shown) == opened


def test_a_mail_that_was_not_caught_is_404(client, marketer, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    page(client, "/outbox/1234567890123456789-000000001/", status=404)
    page(client, "/outbox/etc-passwd/mail/", status=404)


@pytest.mark.parametrize("is_test", [False, True])
def test_a_caught_mail_leads_to_its_campaign_and_its_contact(client, settings, tmp_path, is_test):
    settings.VAR_DIR = tmp_path
    contact, campaign = ContactFactory(email="ada@example.com"), EmailCampaignFactory(name="Summer letter")
    delivery = Delivery.objects.create(campaign=campaign, contact=contact, email=contact.email)
    token = "test-1" if is_test else tokens.sign_token(delivery.pk, tokens.Purpose.MESSAGE_ID)
    head = f"Message-ID: <{token}@shop.example>\r\nFeedback-ID: {campaign.pk}:campaigns:x:x\r\n"
    name = outbox.store_message("shop@shop.example", [contact.email], f"{head}Subject: Hi\r\n\r\nHi".encode())
    to_contact = f'href="{contact.get_absolute_url()}"'
    for role in ("Analysts", "Marketers"):
        user = user_in(role)
        client.force_login(user)
        text = page(client, f"/outbox/{name}/")
        assert f'<a href="{campaign.get_absolute_url()}">Summer letter</a>' in text
        assert (to_contact in text) == user.has_perm("mailing.view_contact")


@pytest.mark.parametrize(
    "head", ["", "Message-ID: <x@y>\r\nFeedback-ID: 99999999:a:b:c\r\n", "Feedback-ID: ٣:a\r\n"]
)
def test_a_mail_of_somebody_else_leads_nowhere(client, marketer, settings, tmp_path, head):
    settings.VAR_DIR = tmp_path
    name = outbox.store_message(
        "shop@shop.example", ["ada@example.com"], f"{head}Subject: Hi\r\n\r\nHi".encode()
    )
    assert "<dt>Campaign</dt>" not in page(client, f"/outbox/{name}/")


@pytest.mark.parametrize("then", ["http://127.0.0.1:8000", "http://an.older.host:8000"])
@pytest.mark.parametrize(("role", "sees"), [("Analysts", False), ("Marketers", False), ("superuser", True)])
def test_a_caught_link_that_sets_a_password_is_a_superusers_alone(
    client, settings, tmp_path, role, sees, then
):
    """Whoever reads somebody's reset could be them, also where PUBLIC_URL has changed since."""
    settings.VAR_DIR = tmp_path
    user = UserFactory(is_superuser=True) if role == "superuser" else user_in(role)
    client.force_login(user)
    path = urlsplit(password_reset.make_reset_link(UserFactory())).path
    link = f"{then}{path}"
    mail = f"From: s@x.test\r\nTo: a@x.test\r\nSubject: Set a new password\r\n\r\nHere:\r\n\r\n{link}\r\n"
    name = outbox.store_message("s@x.test", ["a@x.test"], mail.encode())
    text = page(client, f"/outbox/{name}/")
    assert (f'href="{link}"' in text) is sees
    assert (link in text) is sees
    assert ("only superusers see it" in text) is not sees
    frame = client.get(f"/outbox/{name}/mail/?part=text").content.decode()
    assert (link in frame) is sees
    assert client.get(f"/outbox/{name}/mail/?part=raw").status_code == (200 if sees else 403)
