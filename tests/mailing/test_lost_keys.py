"""Every kind of secret with its key lost: it counts as not set, each page opens and says so, and nobody is let in."""

import pytest
from cryptography.fernet import Fernet
from django.urls import reverse

from mailing import mail_tests
from mailing.models import BounceMailbox, OAuthGrant, Webhook
from mailing.senders import domains
from mailing.webhooks import keys
from tests.factories import EmailCampaignFactory, SmtpConnectionFactory
from tests.mailing.senders.answers import FakeDns

pytestmark = pytest.mark.django_db
NOT_SET = "cannot be read with today"
SECRET = "a-secret-that-nobody-sees"


@pytest.fixture
def rows(settings):
    """A row of each kind with a secret; then the key that encrypted it is lost."""
    smtp = SmtpConnectionFactory(host="mail.example.com", username="shop", password=SECRET, tls="starttls")
    signing = SmtpConnectionFactory(host="mail.example.com")
    Webhook.objects.create(connection=signing, provider="mailgun", signing_key=SECRET)
    keys.choose_provider(smtp, "postmark")
    place = {
        "kind": "imap",
        "host": "mail.example.com",
        "tls": "starttls",
        "username": "shop",
        "password": SECRET,
    }
    mailbox = BounceMailbox.objects.create(name="Bounces", address="b@shop.example", **place)
    registration = {
        "client_id": "x",
        "client_secret": SECRET,
        "access_token": SECRET,
        "refresh_token": SECRET,
    }
    addresses = {"authorize_url": "https://login.example/a", "token_url": "https://login.example/t"}
    OAuthGrant.objects.create(mailbox=mailbox, provider="other", scope="mail", **registration, **addresses)
    row = domains.make_keys("shop.example")[0]
    domains.switch_on(row.pk, is_forced=True, resolver=FakeDns())
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    return {"smtp": smtp, "signing": signing, "mailbox": mailbox}


def test_every_page_opens_and_shows_no_secret(client, admin_user, rows):
    client.force_login(admin_user)
    smtp, signing, mailbox = (rows[name].pk for name in ("smtp", "signing", "mailbox"))
    pages = {
        f"/connections/{smtp}/": True, f"/connections/{smtp}/edit/": True, f"/connections/{smtp}/webhook/": False,
        f"/connections/{smtp}/webhook/rotate/": False, f"/connections/{signing}/": True, "/connections/": False,
        f"/connections/{signing}/webhook/": True, "/mailboxes/": False, f"/mailboxes/{mailbox}/": True,
        f"/mailboxes/{mailbox}/edit/": True, f"/mailboxes/{mailbox}/oauth/": False, "/senders/shop.example/": True,
        f"/connections/{smtp}/check/": False, f"/mailboxes/{mailbox}/oauth/delete/": False,
    }  # fmt: skip
    for model in ("smtpconnection", "bouncemailbox", "oauthgrant", "webhook", "dkimkey"):
        pages[reverse(f"admin:mailing_{model}_changelist")] = False
    for path, says_so in pages.items():
        answer = client.get(path)
        text = answer.content.decode()
        assert answer.status_code == 200, path
        assert SECRET not in text, path
        assert NOT_SET in text or not says_so, path


def test_a_rotation_that_stopped_half_way_stops_no_page(client, admin_user, rows):
    """Each secret speaks for itself: one that was encrypted anew is set, and the one beside it says that it is not."""
    client.force_login(admin_user)
    smtp, signing, mailbox = rows["smtp"], rows["signing"], rows["mailbox"]
    for row, name in ((smtp, "password"), (mailbox, "password"), (Webhook.objects.get(pk=smtp.pk), "secret")):
        setattr(row, name, SECRET)
        row.save()
    for path, says_so in {
        "/": False, "/connections/": False, f"/connections/{smtp.pk}/": False, f"/connections/{smtp.pk}/edit/": False,
        f"/connections/{signing.pk}/": True, "/mailboxes/": False, f"/mailboxes/{mailbox.pk}/oauth/": True,
        "/senders/shop.example/": True, f"/connections/{signing.pk}/webhook/": True,
    }.items():  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert SECRET not in answer.text, path
        assert (NOT_SET in answer.text) is says_so, path


def test_nothing_is_done_with_them_and_nothing_of_them_is_logged(client, admin_user, rows, caplog):
    client.force_login(admin_user)
    smtp, signing, mailbox = (rows[name].pk for name in ("smtp", "signing", "mailbox"))
    assert NOT_SET in client.post(f"/connections/{smtp}/test/", {"to": "a@x.test"}).content.decode()
    assert NOT_SET in client.post(f"/mailboxes/{mailbox}/test/").content.decode()
    for provider, pk in (("postmark", smtp), ("mailgun", signing)):
        assert (
            client.post(f"/hooks/{provider}/{pk}/", b"{}", content_type="application/json").status_code == 401
        )
    kept = {"provider": "mailgun", "signing_key": ""}
    assert client.post(f"/connections/{signing}/webhook/", kept).status_code == 422, "it is asked for again"
    assert client.post(f"/connections/{smtp}/webhook/rotate/").status_code == 200, "a new one can be made"
    assert Webhook.objects.get(pk=smtp).secret
    assert SECRET not in caplog.text


def test_a_test_mail_that_cannot_be_signed_says_why(rows):
    campaign = EmailCampaignFactory(launchable=True, from_email="news@shop.example")
    answer = mail_tests.send_test_mails(campaign.pk, ["a@x.test"])
    assert not answer.works
    assert "The DKIM key" in answer.sentence
    assert NOT_SET in answer.sentence
