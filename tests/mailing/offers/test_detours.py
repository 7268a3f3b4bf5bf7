"""Links of a mail whose offer is over: they lead straight on, or through a page that says so."""

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.lifecycle import fire
from mailing import detours
from mailing.models import Event
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from promotions.database import statements
from promotions.models import Coupon
from tests.factories import ContactFactory
from tests.mailing.offers.carrying import BODY, launch_mail
from tests.mailing.running import launch_campaign
from tests.mailing.visits import get

pytestmark = pytest.mark.django_db
SHOP = "https://shop.example/sale?a=1&b=2&"
LINKED = (
    f"{BODY}\n\n[Shop](https://shop.example/sale?a=1&b=2) [Mine](https://shop.example/{{{{ first_name }}}})"
)


@pytest.fixture(autouse=True)
def asks_for_page(settings):
    settings.OFFER_OVER_PAGE = True
    detours._carries_offer.cache_clear()


@pytest.fixture
def mail():
    return launch_mail([ContactFactory(first_name="Ada", language="de")], body=LINKED)


def click(mail, link=0):
    pk = mail.deliveries.get().pk
    (signed,) = tokens.sign_tokens([pk], mail.pk)
    answer = get(f"/t/c/{signed.click}/{link}")
    assert answer.status_code == 302
    return answer["Location"]


def end(mail):
    fire(mail.offer.links.get().campaign, "cancel")


def test_links_of_a_living_offer_lead_straight_on(mail):
    assert click(mail).startswith(SHOP)
    assert click(mail, 1).startswith("https://shop.example/Ada?")


@pytest.mark.parametrize("link", [0, 1])
def test_once_the_offer_is_over_a_page_says_so_and_leads_on(client, mail, settings, link):
    target = click(mail, link)
    end(mail)
    address = click(mail, link)
    token = tokens.sign_token(mail.deliveries.get().pk, Purpose.OFFER)
    assert address == f"{settings.PUBLIC_URL}/o/{token}?link={link}"
    page = client.get(address.removeprefix(settings.PUBLIC_URL)).text
    assert "Dieses Angebot ist vorbei" in page
    assert f'href="{target.replace("&", "&amp;")}"' in page
    assert "Weiter zur Seite des Links" in page
    assert Event.objects.filter(kind="clicked", link=link).exists(), "the click counts as any other"


@pytest.mark.parametrize("cause", [{"active": False}, {"ends_at": timezone.now()}])
def test_a_code_that_ended_or_was_switched_off_is_over_too(mail, cause):
    Coupon.objects.update(**cause)
    assert "/o/" in click(mail)


def test_who_has_used_their_code_is_led_straight_on(mail):
    Coupon.objects.update(uses=1)
    end(mail)
    assert click(mail).startswith(SHOP)


def test_without_the_setting_every_link_leads_straight_on(mail, settings):
    settings.OFFER_OVER_PAGE = False
    end(mail)
    assert click(mail).startswith(SHOP)


@pytest.mark.parametrize("link", ["", "x", "99", "-1", "9" * 30])
def test_a_link_that_is_none_of_the_mail_leads_nowhere(client, mail, link):
    token = tokens.sign_token(mail.deliveries.get().pk, Purpose.OFFER)
    answer = client.get(reverse("mailing:code_page", args=[token]), {"link": link})
    assert answer.status_code == 200
    assert "btn-primary" not in answer.text


def test_a_click_in_a_mail_without_an_offer_costs_no_further_statement(mail, settings, monkeypatch):
    plain = launch_campaign(1, body="[Shop](https://shop.example/) [Unsubscribe]({{ unsubscribe_url }})")
    click(plain)  # asks once in each process
    run, asked = statements.run, []
    monkeypatch.setattr(statements, "run", lambda sql, values: asked.append(sql) or run(sql, values))
    click(plain)
    assert len(asked) == 1, "the visit"
    click(mail)
    assert len(asked) == 4, "the visit, whether it carries an offer, and whether that is over"
