"""What providers report: proved, found by the header that the mail carried, counted once, in whatever order."""

import base64
import json
import time

import pytest
from django.test import Client

from campaigns import database_time, doctor
from mailing import tallies
from mailing.models import Delivery, Event, EventCount, ReceivedEvent, Suppression, TrackingPolicy, Webhook
from mailing.sending import tokens
from mailing.webhooks import events, keys, readers, signatures
from tests.factories import ContactFactory, SmtpConnectionFactory
from tests.mailing.running import launch_campaign
from tests.mailing.visits import BODY
from tests.mailing.webhooks import payloads
from tests.mailing.webhooks.payloads import KEYS, KINDS, PROVIDERS, Mail

pytestmark = pytest.mark.django_db
CLIENT = Client()  # of nobody; each new one reads all static files


@pytest.fixture
def delivery():
    campaign = launch_campaign([ContactFactory(email=payloads.ADDRESS)], body=BODY, body_format="html")
    Delivery.objects.update(status="accepted", due_at=None, sent_at=database_time.now())
    return campaign.deliveries.get()


@pytest.fixture
def mail(delivery):
    return Mail(tokens.sign_tokens([delivery.pk])[0].message_id)


def make_webhook(provider):
    webhook, _ = keys.choose_provider(SmtpConnectionFactory(), provider, KEYS.get(provider, ""))
    return webhook


def post(webhook, request):
    path = f"/hooks/{webhook.provider}/{webhook.pk}/"
    return CLIENT.post(path, request.body, content_type="application/json", headers=request.headers)


def tell(webhook, kind, mail):
    """Send one event as the webhook's provider does."""
    secret = webhook.signing_key or webhook.secret
    answer = post(webhook, payloads.write_request(webhook.provider, kind, mail, secret))
    assert answer.status_code == 200, answer.content
    return answer


def read_state(delivery):
    """Everything that an event may have moved."""
    row = Delivery.objects.get(pk=delivery.pk)
    return (
        row.status,
        row.delivered_at is not None,
        row.opened_at is not None,
        row.clicked_at is not None,
        row.complained_at is not None,
        Event.objects.filter(delivery=row).count(),
        row.tries.count(),
        sorted(Suppression.objects.values_list("reason", "source")),
    )


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_event_of_each_provider_finds_its_mail_and_counts_once(delivery, mail, provider):
    webhook = make_webhook(provider)
    tell(webhook, "delivered", mail)
    assert read_state(delivery)[:2] == ("accepted", True)
    assert tallies.read_sums(delivery.campaign_id)["delivered"] == 1
    tell(webhook, "opened", mail)
    assert read_state(delivery)[2:4] == (True, False)
    tell(webhook, "clicked", mail)
    assert Event.objects.get(kind="clicked").link == 0
    tell(webhook, "complained", mail)
    assert read_state(delivery)[4] is True
    assert Suppression.objects.get().reason == "complaint"
    Suppression.objects.all().delete()
    tell(webhook, "bounced", mail)
    before = read_state(delivery)
    assert before == ("bounced", True, True, True, True, 2, 1, [("hard_bounce", "webhook")])
    assert tallies.read_sums(delivery.campaign_id).get("delivered", 0) == 0, "bounced since"
    for kind in KINDS:
        tell(webhook, kind, mail)
    assert read_state(delivery) == before, "a replay changes nothing"
    webhook.refresh_from_db()
    assert webhook.last_event_at is not None
    assert list(doctor.find_breaches()) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_full_mailbox_bounces_and_suppresses_nobody(delivery, mail, provider):
    tell(make_webhook(provider), "soft", mail)
    assert read_state(delivery)[0] == "bounced"
    assert not Suppression.objects.exists()
    delivery.contact.refresh_from_db()
    assert delivery.contact.soft_bounces == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_proves_nothing_is_refused(delivery, mail, provider):
    webhook, other = make_webhook(provider), make_webhook(provider)
    before = read_state(delivery)
    right = payloads.write_request(provider, "bounced", mail, webhook.signing_key or webhook.secret)
    wrong = "whsec_" + base64.b64encode(b"w" * 32).decode()
    if provider != "sendgrid":
        assert post(webhook, payloads.write_request(provider, "bounced", mail, wrong)).status_code == 401
        if webhook.secret:
            assert post(other, right).status_code == 401, "each connection has a secret of its own"
    assert post(webhook, right._replace(headers={})).status_code == (401 if provider != "mailgun" else 200)
    if provider in ("sendgrid", "resend", "standard"):
        assert post(webhook, right._replace(body=right.body + b" ")).status_code == 401
    if provider != "mailgun":
        assert read_state(delivery) == before
    elsewhere = CLIENT.post("/hooks/nobody/1/", right.body, content_type="application/json")
    assert elsewhere.status_code == 404


MALFORMED = (
    *(b"", b"null", b"[]", b"{}", b"3", b"[[]]", b'{"a":', b"\xff\xfe", b"[" * 50_000, b'[{"event": 1}]'),
    *(
        b'{"event": "opened", "ts_epoch": 1e999}',
        b'[{"msys": 1}]',
        b'{"type": 3, "data": 4, "timestamp": ""}',
    ),
)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_body_that_is_none_breaks_nothing(provider):
    webhook = make_webhook(provider)
    secret = webhook.signing_key or webhook.secret
    moment = str(int(time.time()))
    login = base64.b64encode(f"fanfare:{secret}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "x-amz-sns-message-type": "Notification"}
    for body in MALFORMED:
        for prefix in ("svix", "webhook") if provider in ("resend", "standard") else ():
            signature = signatures.sign_body(secret, "x", int(moment), body)
            headers |= {f"{prefix}-id": "x", f"{prefix}-timestamp": moment, f"{prefix}-signature": signature}
        answer = post(webhook, payloads.Request(body, headers))
        assert answer.status_code in (200, 400, 401), body


@pytest.mark.parametrize("kinds", [("bounced", "delivered"), ("delivered", "bounced")])
def test_the_order_of_delivered_and_bounced_says_nothing(delivery, mail, kinds):
    webhook = make_webhook("postmark")
    for kind in kinds:
        tell(webhook, kind, mail)
    assert read_state(delivery)[0] == "bounced"
    assert tallies.read_sums(delivery.campaign_id).get("delivered", 0) == 0
    assert tallies.read_sums(delivery.campaign_id)["returned"] == 1


def test_a_delivered_mail_is_uncertain_no_more(delivery, mail):
    Delivery.objects.update(status="uncertain", sent_at=None)
    tell(make_webhook("brevo"), "delivered", mail)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.sent_at is None) == ("accepted", False)


def test_an_open_is_counted_beside_our_own_pixel_once(client, delivery, mail):
    token = tokens.sign_tokens([delivery.pk])[0]
    client.get(f"/t/o/{token.open}", headers={"user-agent": mail.agent})
    webhook = make_webhook("sendgrid")
    tell(webhook, "opened", mail)
    client.get(f"/t/c/{token.click}/2", headers={"user-agent": mail.agent})
    tell(webhook, "clicked", mail._replace(url=f"https://mails.example/t/c/{token.click}/2"))
    assert list(Event.objects.order_by("pk").values_list("kind", "link")) == [
        ("opened", None),
        ("clicked", 2),
    ]


def test_a_click_on_what_no_link_of_ours_was_is_no_click(delivery, mail):
    webhook = make_webhook("mailgun")
    other = tokens.sign_tokens([delivery.pk + 1])[0].click
    for url in ("https://elsewhere.example/", f"https://mails.example/t/c/{other}/0", ""):
        tell(webhook, "clicked", mail._replace(url=url))
    assert not Event.objects.exists()


def test_opens_and_clicks_keep_to_the_mode(delivery, mail):
    TrackingPolicy.objects.create(pk=1, mode="aggregate")
    webhook = make_webhook("sparkpost")
    for kind in ("opened", "clicked", "opened", "clicked"):
        tell(webhook, kind, mail)
    assert not Event.objects.exists()
    assert sorted(EventCount.objects.values_list("kind", "amount")) == [("clicked", 1), ("opened", 1)]
    delivery.refresh_from_db()
    assert (delivery.opened_at, delivery.clicked_at) == (None, None)


def test_opens_need_the_consent_of_now(delivery, mail, settings):
    settings.TRACKING_CONSENT = "opt-in"
    tell(make_webhook("postmark"), "opened", mail)
    assert not Event.objects.exists()


def test_a_machine_opens_for_no_person(delivery, mail):
    tell(make_webhook("postmark"), "opened", mail._replace(agent="Mozilla/5.0"))
    assert Event.objects.get().origin == "machine"
    delivery.refresh_from_db()
    assert delivery.opened_at is None


def test_a_forged_token_finds_no_mail(delivery, mail):
    token = tokens.sign_tokens([delivery.pk])[0]
    for forged in (
        mail.token[:-1] + ("y" if mail.token.endswith("x") else "x"),
        token.unsubscribe,
        str(delivery.pk),
        "",
        "\0",
    ):
        tell(make_webhook("postmark"), "bounced", mail._replace(token=forged))
    assert read_state(delivery)[0] == "accepted"


def test_a_mail_is_also_found_by_its_message_id(delivery, mail):
    webhook = make_webhook("brevo")
    request = payloads.write_request("brevo", "delivered", mail, webhook.secret)
    said = json.loads(request.body) | {"X-Mailin-custom": "", "message-id": f"<{mail.token}@shop.example>"}
    assert post(webhook, request._replace(body=json.dumps(said).encode())).status_code == 200
    assert read_state(delivery)[1] is True


def test_words_that_no_column_holds_are_taken(delivery, mail):
    webhook = make_webhook("postmark")
    request = payloads.write_request("postmark", "bounced", mail, webhook.secret)
    said = json.loads(request.body) | {"Details": "smtp;550 5.1.1 gone\0\ud800", "Description": "\0"}
    assert post(webhook, request._replace(body=json.dumps(said).encode())).status_code == 200
    assert read_state(delivery)[0] == "bounced"


def test_a_block_of_our_mail_suppresses_nobody(delivery, mail):
    """The provider calls it hard, and its words say that our server is refused."""
    webhook = make_webhook("postmark")
    request = payloads.write_request("postmark", "bounced", mail, webhook.secret)
    said = json.loads(request.body) | {"Details": "smtp;550 5.7.1 blocked using zen.spamhaus.org"}
    post(webhook, request._replace(body=json.dumps(said).encode()))
    assert read_state(delivery)[0] == "bounced"
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("provider", ["mailjet", "sparkpost"])
def test_one_event_that_cannot_be_read_keeps_no_other_back(delivery, mail, provider):
    webhook = make_webhook(provider)
    request = payloads.write_request(provider, "bounced", mail, webhook.secret)
    said = json.loads(request.body)
    many = [3, *(said if isinstance(said, list) else [said]), {"event": {}}]
    assert post(webhook, request._replace(body=json.dumps(many).encode())).status_code == 200
    assert read_state(delivery)[0] == "bounced"


# ── signatures ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("late", "is_taken"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)]
)
def test_a_signature_holds_for_five_minutes(late, is_taken):
    secret, now = signatures.make_secret(), 1_700_000_000
    given = signatures.sign_body(secret, "msg_1", now, b"{}")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": f"v1,AAAA {given}"}
    if is_taken:
        assert signatures.check_signature(secret, headers, b"{}", now=now + late) == "msg_1"
    else:
        with pytest.raises(signatures.SignatureWrong):
            signatures.check_signature(secret, headers, b"{}", now=now + late)


@pytest.mark.parametrize("provider", ["mailgun", "sendgrid", "resend", "standard"])
@pytest.mark.parametrize("late", [2 * 86_400, 400 * 86_400, -2 * 86_400])
def test_no_old_signature_is_believed(delivery, mail, provider, late):
    webhook, before = make_webhook(provider), read_state(delivery)
    secret = webhook.signing_key or webhook.secret
    request = payloads.write_request(provider, "complained", mail, secret, late=late)
    assert post(webhook, request).status_code == 401
    assert read_state(delivery) == before


def test_a_signature_of_mailgun_is_good_for_one_body(delivery, mail):
    """Mailgun signs a time and a token, and not the body: whoever saw one signature could have told us anything."""
    webhook = make_webhook("mailgun")
    seen = payloads.write_request("mailgun", "delivered", mail, webhook.signing_key)
    proof = json.loads(seen.body)["signature"]
    for _ in range(2):
        assert post(webhook, seen).status_code == 200, "Mailgun sends it again when it got no answer"
    forged = json.loads(payloads.write_request("mailgun", "complained", mail, "another key").body)
    forged["signature"] = proof
    assert post(webhook, seen._replace(body=json.dumps(forged).encode())).status_code == 401
    assert not Suppression.objects.exists()
    assert post(webhook, seen).status_code == 200


def test_the_example_of_the_standard_is_signed_as_it_says():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    given = signatures.sign_body(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert given == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_digests_are_forgotten_when_nobody_repeats_an_event(delivery, mail):
    tell(make_webhook("postmark"), "opened", mail)
    events.forget_digests(database_time.now())
    assert ReceivedEvent.objects.count() == 1
    events.forget_digests(database_time.now() + events.KEEP_DIGESTS * 2)
    assert ReceivedEvent.objects.count() == 0


# ── Amazon's subscription ────────────────────────────────────────────────────────────────────────────────────────────


def subscribe(webhook, link):
    login = base64.b64encode(f"fanfare:{webhook.secret}".encode()).decode()
    said = {"Type": "SubscriptionConfirmation", "MessageId": "1", "Token": "x", "SubscribeURL": link}
    headers = {"x-amz-sns-message-type": "SubscriptionConfirmation", "x-amz-sns-message-id": "1"}
    return post(
        webhook, payloads.Request(json.dumps(said).encode(), headers | {"Authorization": f"Basic {login}"})
    )


def test_a_subscription_is_confirmed_at_amazon_alone(monkeypatch):
    asked = []

    class Answer:
        def raise_for_status(self):
            pass

    monkeypatch.setattr(
        readers.requests.Session, "get", lambda _, link, **how: asked.append(link) or Answer()
    )
    webhook = make_webhook("amazon_ses")
    right = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=x"
    assert subscribe(webhook, right).status_code == 200
    for wrong in (
        "http://sns.eu-west-1.amazonaws.com/",
        "https://sns.x.amazonaws.com.evil.example/",
        "https://127.0.0.1/",
    ):
        assert subscribe(webhook, wrong).status_code == 400
    assert asked == [right]


def test_amazon_is_asked_to_log_in(mail):
    webhook = make_webhook("amazon_ses")
    answer = post(webhook, payloads.write_request("amazon_ses", "bounced", mail, "x")._replace(headers={}))
    assert (answer.status_code, "Basic" in answer["WWW-Authenticate"]) == (401, True)
    assert Webhook.objects.get().last_event_at is None
