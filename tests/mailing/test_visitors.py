"""Who opens and clicks: people, machines, and what may be either; and what is kept of a request."""

import re
from email import message_from_bytes, policy

import pytest
from django.db import connection
from django.test import Client

from campaigns import doctor
from mailing import audience, content, progress, reports, tracking, visitors
from mailing.models import Event
from mailing.sending import tokens
from tests.mailing.running import launch_campaign
from tests.mailing.visits import BODY, SAFARI, get

GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Mozilla/5.0", ("machine", "", "", "")),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0",
            ("machine", "", "", ""),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            ("machine", "", "", ""),
        ),
        (GMAIL, ("unknown", "", "Gmail", "")),
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko (via ggpht.com GoogleImageProxy)",
            ("unknown", "", "Gmail", ""),
        ),
        (
            "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
            ("unknown", "", "Yahoo Mail", ""),
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
            ("human", "desktop", "Apple Mail", "macOS"),
        ),
        (SAFARI, ("human", "mobile", "Safari", "iOS")),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            ("human", "tablet", "Apple Mail", "iOS"),
        ),
        (
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.5266; "
            "ms-office; MSOffice 16)",
            ("human", "desktop", "Outlook", "Windows"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Thunderbird/115.6.0",
            ("human", "desktop", "Thunderbird", "Linux"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-S901B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 "
            "Mobile Safari/537.36",
            ("human", "mobile", "Chrome", "Android"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; SM-T870) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 "
            "Safari/537.36",
            ("human", "tablet", "Chrome", "Android"),
        ),
        ("", ("human", "", "", "")),
        ("ada@example.com/1.0 (Ada Byron)", ("human", "", "", "")),
        ("\x00\udcff" * 5000, ("human", "", "", "")),
    ],
)
def test_a_header_is_reduced_to_words_of_closed_lists(header, expected):
    found = visitors.read_visitor(header)
    assert (found.origin, found.device, found.client, found.system) == expected


@pytest.fixture
def campaign():
    return launch_campaign(2, body=BODY, body_format="html")


@pytest.mark.django_db
def test_no_ip_address_and_no_header_stands_in_any_row(campaign, token):
    get(f"/t/o/{token.open}")
    get(f"/t/c/{token.click}/0")
    Client().post(f"/u/{token.unsubscribe}", headers={"user-agent": SAFARI}, REMOTE_ADDR="192.0.2.7")
    assert Event.objects.count() == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(event::text, ' ') FROM mailing_event AS event")
        (rows,) = cursor.fetchone()
    assert "192.0.2.7" not in rows
    assert "AppleWebKit" not in rows
    event = Event.objects.get(kind="clicked")
    assert (event.device, event.client, event.system) == ("mobile", "Safari", "iOS")


@pytest.mark.django_db
@pytest.mark.parametrize(("header", "origin"), [("Mozilla/5.0", "machine"), (GMAIL, "unknown")])
def test_figures_and_segments_count_people_only(campaign, delivery, token, header, origin):
    get(f"/t/o/{token.open}", header)
    assert Event.objects.get().origin == origin
    assert progress.read_figures(campaign).opened == 0
    assert audience.count_contacts({"event": "opened"}) == 0
    delivery.refresh_from_db()
    assert delivery.opened_at is None
    get(f"/t/o/{token.open}")
    assert progress.read_figures(campaign).opened == 1
    assert audience.count_contacts({"event": "opened"}) == 1
    assert [each.opens for each in reports.count_answers(campaign).origins] == [
        1,
        int(origin == "unknown"),
        int(origin == "machine"),
    ]
    assert list(doctor.find_breaches()) == []


@pytest.mark.django_db
def test_five_links_of_one_mail_within_a_second_are_a_machine(campaign, delivery, token, monkeypatch):
    monkeypatch.setattr(tracking, "BURST_SECONDS", 60)  # a busy machine takes its time
    for number in range(4):
        assert get(f"/t/c/{token.click}/{number}").status_code == 302
    assert progress.read_figures(campaign).clicked == 1
    assert get(f"/t/c/{token.click}/4").status_code == 302
    assert set(Event.objects.filter(kind="clicked").values_list("origin", flat=True)) == {"machine"}
    figures = progress.read_figures(campaign)
    assert (figures.opened, figures.clicked) == (0, 0)
    answers = reports.count_answers(campaign)
    assert (answers.links[0].clicks, answers.links[0].people) == (0, 0)
    assert [each.clicks for each in answers.origins] == [0, 0, 5]
    assert list(doctor.find_breaches()) == []


@pytest.mark.django_db
def test_an_open_before_the_burst_stays_that_of_a_person(campaign, token, monkeypatch):
    monkeypatch.setattr(tracking, "BURST_SECONDS", 60)  # a busy machine takes its time
    get(f"/t/o/{token.open}")
    for number in range(5):
        get(f"/t/c/{token.click}/{number}")
    figures = progress.read_figures(campaign)
    assert (figures.opened, figures.clicked) == (1, 0)


@pytest.mark.django_db
def test_the_same_link_again_and_links_of_other_mails_are_no_burst(campaign, token):
    for number in (0, 0, 1, 1, 2, 2, 3):
        get(f"/t/c/{token.click}/{number}")
    other = tokens.sign_tokens([campaign.deliveries.last().pk])[0]
    get(f"/t/c/{other.click}/5")
    assert not Event.objects.filter(origin="machine").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("is_first", [True, False])
def test_the_honeypot_link_makes_the_clicks_around_it_a_machines(campaign, token, is_first):
    paths = [f"/t/c/{token.click}/{content.TRAP}", f"/t/c/{token.click}/0"]
    for path in paths if is_first else reversed(paths):
        assert get(path)["Location"].startswith("https://shop.example/0")
    assert set(Event.objects.filter(kind="clicked").values_list("origin", flat=True)) == {"machine"}
    assert progress.read_figures(campaign).clicked == 0


@pytest.mark.parametrize("body_format", ["html", "markdown", "mjml"])
def test_the_honeypot_link_is_hidden_and_not_in_the_text(body_format):
    body = {
        "html": '<style>p { color: red }</style><p><a href="https://shop.example">Shop</a> {{ unsubscribe_url }}</p>',
        "markdown": "[Shop](https://shop.example) {{ unsubscribe_url }}",
        "mjml": "<mjml><mj-body><mj-section><mj-column><mj-text><a href='https://shop.example'>Shop</a> "
        "{{ unsubscribe_url }}</mj-text></mj-column></mj-section></mj-body></mjml>",
    }[body_format]
    source = content.Source(subject="S", from_email="a@shop.test", body=body, body_format=body_format)
    mail = content.compile(source).render(
        content.Recipient("x@y.test", message_id="m"), content.Links("https://m.shop.test", "tok")
    )
    message = message_from_bytes(mail, policy=policy.default)
    page = message.get_body(["html"]).get_content()
    (tag,) = re.findall(rf"<a [^>]*/{content.TRAP}\"[^>]*>", page)
    assert 'rel="nofollow"' in tag
    assert 'aria-hidden="true"' in tag
    assert "display:none" in tag
    assert str(content.TRAP) not in message.get_body(["plain"]).get_content()
    untracked = content.compile(content.mark_as_test(source)).render(
        content.Recipient("x@y.test", message_id="m"), content.Links("https://m.shop.test", "tok")
    )
    assert str(content.TRAP).encode() not in untracked
