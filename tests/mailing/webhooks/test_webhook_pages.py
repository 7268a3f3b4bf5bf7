"""The webhook of a connection on its page, and the header that its mails carry."""

import re

import pytest

from mailing.models import Webhook
from mailing.sending import metadata, tokens
from mailing.webhooks import readers
from tests.factories import ContactFactory, SmtpConnectionFactory
from tests.hostile_smtp import hostile_smtp
from tests.mailing.pages import page
from tests.mailing.running import SEPARATE, launch_campaign, send
from tests.mailing.webhooks.payloads import KEYS


def choose(client, smtp, provider, key=""):
    return client.post(f"/connections/{smtp.pk}/webhook/", {"provider": provider, "signing_key": key})


@pytest.mark.django_db
@pytest.mark.parametrize("provider", ["postmark", "standard"])
def test_the_address_and_the_secret_are_shown_once_and_made_anew(client, administrator, provider, settings):
    settings.PUBLIC_URL = "https://mails.shop.example"
    smtp = SmtpConnectionFactory()
    shown = choose(client, smtp, provider).content.decode()
    webhook = Webhook.objects.get()
    assert webhook.secret in shown
    assert f"mails.shop.example/hooks/{provider}/{smtp.pk}/" in shown
    if provider == "postmark":
        assert f"https://{readers.USER}:{webhook.secret}@mails" in shown
    for path in (
        f"/connections/{smtp.pk}/",
        f"/connections/{smtp.pk}/webhook/",
        f"/connections/{smtp.pk}/edit/",
    ):
        assert webhook.secret not in page(client, path)
    assert choose(client, smtp, provider).status_code == 302, "the same provider keeps its secret"
    assert "is refused at once" in page(client, f"/connections/{smtp.pk}/webhook/rotate/")
    answer = client.post(f"/connections/{smtp.pk}/webhook/rotate/")
    anew = Webhook.objects.get().secret
    assert (anew != webhook.secret, anew in answer.content.decode()) == (True, True)
    assert "no-store" in answer["Cache-Control"]
    choose(client, smtp, "")
    assert not Webhook.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("provider", KEYS)
def test_a_provider_that_signs_needs_its_key(client, administrator, provider):
    smtp = SmtpConnectionFactory()
    assert "Enter the key" in choose(client, smtp, provider).content.decode()
    if provider != "mailgun":
        assert "This is not a key" in choose(client, smtp, provider, "no key").content.decode()
    choose(client, smtp, provider, KEYS[provider])
    choose(client, smtp, provider)
    assert Webhook.objects.get().signing_key == KEYS[provider]
    assert KEYS[provider] not in page(client, f"/connections/{smtp.pk}/webhook/")


@pytest.mark.django_db
def test_a_marketer_sees_no_button_and_may_do_nothing(client, marketer):
    smtp = SmtpConnectionFactory()
    assert "Choose a provider" not in page(client, f"/connections/{smtp.pk}/")
    for path in ("webhook/", "webhook/rotate/"):
        assert client.post(f"/connections/{smtp.pk}/{path}").status_code == 403


@pytest.mark.parametrize("provider", Webhook.Provider.values)
def test_a_header_is_one_line_that_holds_the_token(provider):
    token = "x" * 24
    for line in metadata.make_writer(provider)(token).decode().split("\r\n")[:-1]:
        assert re.fullmatch(r"X-[A-Za-z-]+: [!-~ ]+", line)
        assert line.count(token) == 1


def read_heads(server):
    return [content.split(b"\r\n\r\n")[0] for _, content in sorted(server.kept.items())]


@SEPARATE
def test_mails_carry_the_header_of_their_connection_s_provider_and_others_none(short_waits):
    with hostile_smtp() as server:
        server.settings.keep_every = 1
        smtp = SmtpConnectionFactory(port=server.port)
        send(launch_campaign([ContactFactory()], connection=smtp))
        assert b"X-PM-Metadata" not in read_heads(server)[0]
        Webhook.objects.create(connection=smtp, provider="postmark")
        campaign = launch_campaign(3, connection=smtp)
        assert send(campaign).status == "completed"
        heads = read_heads(server)[1:]
    found = {re.search(rb"^X-PM-Metadata-delivery: (\S+)", head, re.MULTILINE)[1] for head in heads}
    keys = campaign.deliveries.values_list("pk", flat=True)
    assert found == {each.message_id.encode() for each in tokens.sign_tokens(keys)}
