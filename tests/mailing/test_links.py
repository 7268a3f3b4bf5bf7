"""Mails as a server got them, opened: each is its recipient's own, and every link in it works."""

import re
from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from benchmarks.mailing.rig import body
from mailing import tracking
from mailing.content import TRAP
from mailing.models import Contact
from tests.mailing.running import launch_campaign, send, to

# the links lead to pages, which need every app
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("short_waits", "sound_books")]
LINKS = 20  # of the shop's


@pytest.fixture
def mails(server):
    """One in five of the mails of a sent campaign, by their recipients' addresses, with the campaign."""
    server.settings.keep_every = 5
    people = [
        Contact.objects.create(
            email=f"reader{number}@example.com",
            first_name=name,
            last_name="O'Neill <x>",
            city="Kraków",
            attributes={
                "points": 7919 * number % 5000,
                "coupon": f"SAVE-{number}",
                "manager": "Robin & Co.",
                "plan": "Team",
                "store": "Dock 5",
                "renewal": "2027-01-17",
            },
        )
        for number, name in enumerate(["Zoë", "太郎", "Ada", "José"] * 5)
    ]
    campaign = send(launch_campaign(people, connection=to(server), body=body(), body_format="html"))
    sampled = [message_from_bytes(raw, policy=policy.default) for raw in server.kept.values()]
    assert len(sampled) == 4
    return campaign, {mail["To"].addresses[0].addr_spec: mail for mail in sampled}


def addresses_in(text):
    return dict.fromkeys(re.findall(re.escape(settings.PUBLIC_URL) + r"/t/c/[^\s\"<>)]+", text))


def test_a_mail_holds_its_recipients_values_in_both_parts(mails):
    _, by_address = mails
    for address, mail in by_address.items():
        contact = Contact.objects.get(email=address)
        plain = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",)).get_content()
        for value in (contact.first_name, contact.attributes["coupon"], str(contact.attributes["points"])):
            assert value in plain
            assert value in html
        assert "O'Neill <x>" in plain
        assert "<x>" not in html, "a value is text, whatever it looks like"


def test_every_link_leads_to_the_shop_and_counts_for_its_recipient_alone(mails, monkeypatch):
    monkeypatch.setattr(tracking, "BURST_LINKS", LINKS + 1)  # this test follows them faster than a person
    campaign, by_address = mails
    browser = Client()
    for address, mail in by_address.items():
        *links, trap = addresses_in(mail.get_body(("html",)).get_content())
        assert len(links) == LINKS
        assert trap.endswith(f"/{TRAP}")
        led_to = set()
        for link in links:
            answer = browser.get(urlsplit(link).path)
            assert answer.status_code == 302
            assert answer["Location"].startswith("https://shop.example/")
            led_to.add(urlsplit(answer["Location"]).path)
        assert len(led_to) == LINKS
        assert campaign.deliveries.get(email=address).clicked_at is not None
    assert campaign.deliveries.filter(clicked_at__isnull=False).count() == len(by_address)


def test_the_list_unsubscribe_header_unsubscribes_its_recipient_alone(mails):
    campaign, by_address = mails
    address, mail = next(iter(by_address.items()))
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (link,) = re.findall(r"<(https?://[^>]+)>", mail["List-Unsubscribe"])
    answer = Client().post(urlsplit(link).path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    gone = campaign.deliveries.filter(unsubscribed_at__isnull=False)
    assert list(gone.values_list("email", flat=True)) == [address]
