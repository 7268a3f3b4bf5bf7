"""What comes back through the links of a mail: opens, clicks, unsubscriptions (row E10)."""

import re
from email import message_from_bytes, policy

import pytest
from django.test import Client
from django.utils import translation

from campaigns import doctor
from campaigns.stored_sentences import translate_stored
from mailing import content, launch, progress
from mailing.models import Content, Event, Membership, Suppression
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from tests.mailing.running import launch_campaign

pytestmark = pytest.mark.django_db

BODY = (
    '<p>Hello {{ first_name }}, <a href="https://shop.example/news?for={{ first_name | url_encode }}">News</a> '
    '<a href="https://shop.example/other">Other</a></p><p><a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
)


@pytest.fixture
def campaign():
    return launch_campaign(3, body=BODY, body_format="html", utm_medium="")


@pytest.fixture
def anybody():
    """A mail reader: no login, no cookies, and the CSRF check on."""
    return Client(enforce_csrf_checks=True)


def test_a_token_is_made_here_or_refused(token, delivery):
    token = token.unsubscribe
    assert tokens.read_token(token, Purpose.UNSUBSCRIBE) == delivery.pk
    for other in (
        token[:-1],
        token + "A",
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        "",
        "é",
        "A" * 24,
    ):
        with pytest.raises(ValueError, match="damaged"):
            tokens.read_token(other, Purpose.UNSUBSCRIBE)


def test_a_token_is_good_for_its_own_purpose_only(token, delivery):
    assert len(set(token)) == len(Purpose)
    for made in Purpose:
        assert token[made] == tokens.sign_token(delivery.pk, made)
        for asked in Purpose:
            if asked is made:
                assert tokens.read_token(token[made], asked) == delivery.pk
            else:
                with pytest.raises(ValueError, match="damaged"):
                    tokens.read_token(token[made], asked)


@pytest.mark.parametrize("purpose", ["open", "click", "message_id"])
def test_nobody_is_unsubscribed_by_a_forwarded_link_a_picture_or_a_reply(anybody, token, purpose):
    travelling = getattr(token, purpose)
    assert anybody.get(f"/u/{travelling}").status_code == 404
    assert anybody.post(f"/u/{travelling}", {"List-Unsubscribe": "One-Click"}).status_code == 404
    assert not Suppression.objects.exists()
    assert not Event.objects.exists()


def test_a_reply_proves_neither_an_open_nor_a_click(anybody, token):
    for travelling in (token.message_id, token.unsubscribe):
        assert anybody.get(f"/t/o/{travelling}").status_code == 404
        assert anybody.get(f"/t/c/{travelling}/0").status_code == 404
    assert not Event.objects.exists()


def test_a_mail_holds_each_token_only_where_it_belongs(campaign, delivery, token):
    compiled = content.load(bytes(Content.objects.get(campaign=campaign).compiled))
    recipient = launch.build_recipient(delivery.contact, message_id=token.message_id, seed=delivery.pk)
    links = content.Links("https://m.shop.test", token.unsubscribe, token.open, token.click)
    message = message_from_bytes(compiled.render(recipient, links), policy=policy.default)
    assert message["Message-ID"] == f"<{token.message_id}@example.com>"
    assert message["List-Unsubscribe"] == f"<https://m.shop.test/u/{token.unsubscribe}>"
    html = message.get_body(["html"]).get_content()
    assert set(re.findall(r"/t/o/([^\"/]+)", html)) == {token.open}
    assert set(re.findall(r"/t/c/([^\"/]+)/", html)) == {token.click}
    assert set(re.findall(r"/u/([^\"/]+)", html)) == {token.unsubscribe}


def test_a_token_of_another_installation_is_refused(token, settings):
    settings.SECRET_KEY = "another installation's"
    tokens._make_keyed_hash.cache_clear()
    with pytest.raises(ValueError, match="damaged"):
        tokens.read_token(token.unsubscribe, Purpose.UNSUBSCRIBE)
    tokens._make_keyed_hash.cache_clear()


def test_e10_an_open_counts_once_for_each_recipient(anybody, campaign, delivery, token):
    for _ in range(3):
        answer = anybody.get(f"/t/o/{token.open}", headers={"user-agent": "Mail"}, REMOTE_ADDR="192.0.2.7")
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
        assert "no-store" in answer["Cache-Control"]
        assert not answer.cookies
    figures = progress.read_figures(campaign)
    assert (figures.opened, figures.clicked) == (1, 0)
    event = Event.objects.get()  # the same again within seconds is the same
    assert (event.delivery, event.origin) == (delivery, "human")
    assert list(doctor.find_breaches()) == []


def test_e10_a_click_counts_and_leads_where_the_link_says_for_this_recipient(
    anybody, campaign, delivery, token
):
    answer = anybody.get(f"/t/c/{token.click}/0")
    assert (answer.status_code, answer["Location"]) == (
        302,
        f"https://shop.example/news?for={delivery.contact.first_name}&utm_campaign=Autumn",
    )
    assert (
        anybody.get(f"/t/c/{token.click}/1")["Location"] == "https://shop.example/other?utm_campaign=Autumn"
    )
    assert progress.read_figures(campaign).clicked == 1
    clicks = Event.objects.filter(kind="clicked")
    assert sorted(clicks.values_list("link", flat=True)) == [0, 1]


def test_no_link_can_be_bent_to_another_address(anybody, token):
    assert anybody.get(f"/t/c/{token.click}/2").status_code == 404
    assert anybody.get(f"/t/c/{token.click}x/0").status_code == 404
    assert anybody.get(f"/t/c/{token.click}/0?url=https://evil.example&next=https://evil.example")[
        "Location"
    ].startswith("https://shop.example/")
    assert anybody.get(f"/t/c/{token.click}/https://evil.example").status_code == 404


def test_a_damaged_link_says_so(anybody):
    for path in ("/t/c/broken/0", "/u/broken"):
        answer = anybody.get(path)
        assert answer.status_code == 404
        assert "does not work" in answer.content.decode()
    assert anybody.get("/t/o/broken").status_code == 404
    assert anybody.post("/u/broken").status_code == 404


def test_a_scanner_that_follows_the_unsubscribe_link_changes_nothing(anybody, delivery, token):
    for method in (anybody.get, anybody.head):
        answer = method(f"/u/{token.unsubscribe}")
        assert answer.status_code == 200
        assert not answer.cookies
    assert delivery.email in anybody.get(f"/u/{token.unsubscribe}").content.decode()
    assert not Suppression.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(("sender", "said"), [
    ("Nordlicht Coffee", "Nordlicht Coffee"), ("{{ city }} shop", ""), ("{Jo|Jay}", ""),
])  # fmt: skip
def test_the_page_bears_the_name_of_the_sender_not_ours(anybody, sender, said):
    delivery = launch_campaign(1, body=BODY, body_format="html", from_name=sender).deliveries.get()
    page = anybody.get(f"/u/{tokens.sign_token(delivery.pk, Purpose.UNSUBSCRIBE)}").content.decode()
    assert re.findall(r'<p class="h2[^>]*>([^<]*)</p>', page) == ([said] if said else [])
    assert "Fanfare" not in page


def test_one_click_unsubscribes_at_once_without_cookie_login_or_redirect(anybody, campaign, delivery, token):
    for _ in range(2):
        answer = anybody.post(
            f"/u/{token.unsubscribe}",
            "List-Unsubscribe=One-Click",
            content_type="application/x-www-form-urlencoded",
            headers={"user-agent": "Gmail"},
        )
        assert answer.status_code == 200
        assert not answer.cookies
    suppression = Suppression.objects.get()
    assert (suppression.email, suppression.reason, suppression.source) == (
        delivery.email,
        "unsubscribed",
        "tracking_link",
    )
    event = Event.objects.get()
    assert (event.kind, event.how) == ("unsubscribed", "one-click")
    assert Membership.objects.get(contact=delivery.contact).unsubscribed_at
    assert progress.read_figures(campaign).unsubscribed == 1


def test_why_an_address_is_suppressed_is_stored_in_english_and_read_in_the_language_of_the_page(
    anybody, delivery, token
):
    anybody.post(f"/u/{token.unsubscribe}", headers={"accept-language": "fr"})
    said = Suppression.objects.get().detail
    assert said == f"Through a link of “{delivery.campaign}”: page."
    with translation.override("de"):
        assert translate_stored(said) == f"Über einen Link in „{delivery.campaign}“: Seite."


def test_the_button_of_the_page_unsubscribes_too(anybody, token):
    page = anybody.post(f"/u/{token.unsubscribe}")
    assert "You are unsubscribed" in page.content.decode()
    assert Event.objects.get().how == "page"


def test_an_address_suppressed_for_another_reason_keeps_it(anybody, delivery, token):
    Suppression.objects.create(email=delivery.email, reason="complaint")
    assert anybody.post(f"/u/{token.unsubscribe}").status_code == 200
    assert Suppression.objects.get().reason == "complaint"


def test_the_links_of_a_test_mail_change_nothing(anybody):
    token = tokens.sign_tokens([tokens.TEST_DELIVERY_ID])[0]
    assert anybody.get(f"/t/o/{token.open}").status_code == 200
    assert "test e-mail" in anybody.get(f"/u/{token.unsubscribe}").content.decode()
    assert anybody.post(f"/u/{token.unsubscribe}").status_code == 200
    assert not Event.objects.exists()
    assert not Suppression.objects.exists()


def test_a_link_works_after_its_contact_is_erased(anybody, delivery, token):
    delivery.contact.delete()
    assert anybody.get(f"/t/c/{token.click}/1").status_code == 302
    assert anybody.post(f"/u/{token.unsubscribe}").status_code == 200
    assert Suppression.objects.get().email == delivery.email


@pytest.mark.parametrize("path", ["/t/o/{open}", "/t/c/{click}/0", "/u/{unsubscribe}"])
def test_e10_a_link_checker_that_asks_for_the_head_counts_as_nobody(anybody, campaign, token, path):
    address = path.format(**token._asdict())
    head, get = anybody.head(address), anybody.get(address)
    assert head.status_code == get.status_code
    assert head.get("Location") == get.get("Location")
    assert Event.objects.count() == (0 if "/u/" in path else (2 if "/t/c/" in path else 1))


def test_e10_a_head_alone_leaves_no_trace(anybody, campaign, token):
    for address in (f"/t/o/{token.open}", f"/t/c/{token.click}/0", f"/u/{token.unsubscribe}"):
        anybody.head(address)
    figures = progress.read_figures(campaign)
    assert (figures.opened, figures.clicked) == (0, 0)
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "end", ["/", "%3E", ">", "%20", ".", ",", ")", "%22", "%5D", "&gt;", "//", "%E2%80%9D"]
)
def test_a_link_works_with_what_a_mail_program_leaves_at_its_end(anybody, delivery, token, end):
    assert delivery.email in anybody.get(f"/u/{token.unsubscribe}{end}").content.decode()
    assert anybody.get(f"/t/o/{token.open}{end}").status_code == 200
    assert anybody.get(f"/t/c/{token.click}/1{end}")["Location"].startswith("https://shop.example/other")
    answer = anybody.post(f"/u/{token.unsubscribe}{end}", {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert Suppression.objects.filter(email=delivery.email).exists()


def test_the_one_click_answer_is_the_same_twice_and_for_a_contact_deleted_since(anybody, delivery, token):
    for _ in range(2):
        answer = anybody.post(f"/u/{token.unsubscribe}", {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert not answer.cookies
    assert Event.objects.filter(kind="unsubscribed").count() == 1
    delivery.contact.delete()
    assert anybody.get(f"/u/{token.unsubscribe}").status_code == 200
    assert anybody.post(f"/u/{token.unsubscribe}").status_code == 200


def test_e10_a_click_is_an_open_too(anybody, campaign, delivery, token):
    anybody.get(f"/t/c/{token.click}/0")
    figures = progress.read_figures(campaign)
    assert (figures.opened, figures.clicked) == (1, 1)
    assert list(delivery.events.order_by("pk").values_list("kind", "how")) == [
        ("clicked", ""),
        ("opened", "click"),
    ]
    anybody.get(f"/t/o/{token.open}")
    assert progress.read_figures(campaign).opened == 1
    assert list(doctor.find_breaches()) == []
