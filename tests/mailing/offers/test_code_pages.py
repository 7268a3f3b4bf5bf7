"""What the owner of a code sees behind the signed link of the mail."""

import struct
import zlib
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.lifecycle import fire
from mailing import pictures
from mailing.sending import tokens
from mailing.sending.tokens import Purpose, read_token
from promotions.models import Coupon
from tests.factories import LocationFactory, PromotionFactory, user_in
from tests.mailing.offers.carrying import launch_mail, link, make_offer

pytestmark = pytest.mark.django_db


def read_png(data):
    """Return the rows of a picture of one bit a pixel, black as 1."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colours = struct.unpack("!IIBB", data[16:26])
    assert (depth, colours) == (1, 0)
    length = struct.unpack("!I", data[33:37])[0]
    raw, stride = zlib.decompress(data[41 : 41 + length]), (width + 7) // 8 + 1
    rows = [raw[place * stride + 1 : (place + 1) * stride] for place in range(height)]
    return [[1 - (row[x // 8] >> (7 - x % 8) & 1) for x in range(width)] for row in rows]


@pytest.fixture
def mail():
    return launch_mail(1, offer=make_offer()[0])


@pytest.fixture
def token(mail):
    return tokens.sign_token(mail.deliveries.get().pk, Purpose.OFFER)


def test_the_pictures_are_kept_for_long_and_say_the_code(client, token):
    for name in ("qr", "barcode"):
        answer = client.get(reverse(f"mailing:code_{name}", args=[token]))
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        assert "immutable" in answer["Cache-Control"]
        assert answer.content == getattr(pictures, f"draw_{name}")(Coupon.objects.get().code)


def test_a_qr_code_holds_the_modules_of_the_prefixed_code():
    import segno

    drawn = segno.make_qr("CUPN:AUTUMN-RTKMWHPXB", error="m", mask=pictures.QR_MASK, boost_error=False)
    rows = read_png(pictures.draw_qr("AUTUMN-RTKMWHPXB"))
    scale, margin = pictures.QR_SCALE, pictures.QR_MARGIN
    modules = [row[::scale] for row in rows[::scale]]
    assert [row[margin:-margin] for row in modules[margin:-margin]] == [list(row) for row in drawn.matrix]


@pytest.mark.parametrize("wrong", ["", "x", "unsubscribe"])
def test_a_token_of_another_purpose_shows_nothing(client, mail, wrong):
    if wrong == "unsubscribe":
        wrong = tokens.sign_token(mail.deliveries.get().pk, Purpose.UNSUBSCRIBE)
    for name in ("code_qr", "code_page"):
        if wrong:
            assert client.get(reverse(f"mailing:{name}", args=[wrong])).status_code == 404


def test_the_token_is_for_this_purpose_only(token):
    assert read_token(token, Purpose.OFFER)
    with pytest.raises(ValueError, match="damaged"):
        read_token(token, Purpose.UNSUBSCRIBE)


def test_the_page_shows_the_code_until_the_offer_is_over(client, mail, token):
    page = client.get(reverse("mailing:code_page", args=[token]))
    coupon = Coupon.objects.get()
    assert f'alt="{coupon.code}"' in page.text
    assert "Show this code at the till" in page.text
    Coupon.objects.update(uses=1)
    assert "This code was used" in client.get(reverse("mailing:code_page", args=[token])).text
    Coupon.objects.update(uses=0)
    fire(mail.offer.links.get().campaign, "cancel")
    answer = client.get(reverse("mailing:code_page", args=[token]))
    assert (answer.status_code, "This offer is over" in answer.text) == (200, True)


def test_the_page_of_a_coupon_says_who_got_it_and_the_promotions_page_which_mails_carry_it(client, mail):
    client.force_login(user_in("Marketers"))
    delivery = mail.deliveries.get()
    type(delivery).objects.update(status="accepted", sent_at=timezone.now(), due_at=None)
    page = client.get(reverse("promotions:coupon", args=[delivery.coupon_id])).text
    assert delivery.email in page
    assert mail.get_absolute_url() in page
    page = client.get(mail.offer.get_absolute_url()).text
    assert "Mails that carry it" in page
    assert mail.get_absolute_url() in page


def test_the_time_line_of_a_contact_names_the_code_of_a_mail(client, mail):
    client.force_login(user_in("Marketers"))
    delivery = mail.deliveries.get()
    type(delivery).objects.update(status="accepted", sent_at=timezone.now(), due_at=None)
    page = client.get(delivery.contact.get_absolute_url()).text
    assert f"{mail}</a> with the code {delivery.coupon.code}" in page


def test_a_test_mails_link_shows_a_sample(client):
    token = tokens.sign_token(tokens.TEST_DELIVERY_ID, Purpose.OFFER)
    assert "RTKMWHPX" in client.get(reverse("mailing:code_page", args=[token])).text
    assert client.get(reverse("mailing:code_qr", args=[token])).status_code == 200


def test_the_question_before_a_pause_names_the_mails_that_it_stops(client, mail):
    client.force_login(user_in("Marketers"))
    campaign = mail.offer.links.get().campaign
    page = client.get(reverse("campaigns:fire", args=[campaign.pk, "pause"])).text
    assert "It stops these mails" in page
    assert f"{mail}: 1 not sent yet" in page


def test_once_the_offer_is_over_the_page_says_what_is_on_instead_at_its_locations(client, mail, token):
    here, elsewhere = LocationFactory(), LocationFactory()
    mail.offer.locations.set([here])

    def make(name, benefit, campaign_places=(), status="active", places=(), **fields):
        promotion = PromotionFactory(name=name, benefit={"type": "percent", "percent": benefit}, **fields)
        promotion.locations.set(places)
        if not promotion.standalone:
            campaign = link(promotion, status)
            campaign.locations.set(campaign_places)
        return promotion

    make("Everywhere", 1100)
    make("Here", 1200, places=[here])
    make("By its campaign", 1300, campaign_places=[here])
    make("Alone", 1400, standalone=True)
    hidden = [
        make("Elsewhere", 2100, places=[elsewhere]),
        make("Its campaign is elsewhere", 2200, campaign_places=[elsewhere]),
        make("Paused", 2300, status="paused"),
        make("With a code", 2400, trigger="coupon"),
        make("Off", 2500, standalone=True),
        make("For some", 2600, conditions=[{"type": "in_group", "groups": ["vip"]}]),
        make("Over", 2700, standalone=True, ends_at=timezone.now() - timedelta(days=1)),
    ]
    type(hidden[4]).objects.filter(pk=hidden[4].pk).update(status="inactive")
    page = client.get(reverse("mailing:code_page", args=[token])).text
    assert "What is on now" not in page, "its own offer is good"
    fire(mail.offer.links.get().campaign, "cancel")
    page = client.get(reverse("mailing:code_page", args=[token])).text
    said = page.partition("What is on now")[2]
    for percent in (11, 12, 13, 14):
        assert f"{percent}% off" in said
    for percent in range(21, 28):
        assert f"{percent}% off" not in said
