"""The page of a promotion, of its campaign, and the report: what came through mails, and what without."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import database_time
from mailing import through_mails
from mailing.models import Delivery
from promotions.models import Coupon, Redemption
from tests.factories import ContactFactory
from tests.mailing.offers.carrying import launch_mail, make_offer
from tests.mailing.revenue.shops import DAY, click, fold, give_back, sell, send_campaign, void

pytestmark = pytest.mark.django_db


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.text))


def redeem(sale, promotion, campaign, coupon=None, amount=100):
    Redemption.objects.create(
        sale=sale, promotion=promotion, campaign=campaign, coupon=coupon, amount=amount, uses=1
    )


@pytest.fixture
def world():
    """Of two mails one brought two sales, of which one came back in part; a poster's code brought a third."""
    promotion, campaign = make_offer()
    people = [ContactFactory(customer_id=f"T{number}") for number in range(3)]
    mail, silent = (launch_mail(people, offer=promotion, name=name) for name in ("Autumn", "Winter"))
    for each in (mail, silent):
        Delivery.objects.filter(campaign=each).update(status="accepted", sent_at=timezone.now(), due_at=None)
    now = database_time.now()
    sales = [sell(f"T{number}", now, 3_000, discount=100) for number in range(3)]
    for sale, delivery in zip(sales, mail.deliveries.order_by("contact"), strict=True):
        redeem(sale, promotion, campaign, delivery.coupon)
    give_back(sales[0], 1_000)
    poster = sell("", now, 5_000, discount=200)
    redeem(poster, promotion, campaign, amount=200)
    delivery = mail.deliveries.order_by("contact").last()
    Redemption.objects.create(  # as a void leaves it
        sale=sales[2], promotion=promotion, campaign=campaign, amount=-100, uses=-1, coupon=delivery.coupon
    )
    Coupon.objects.filter(redemptions__uses__gt=0).update(uses=1)
    void(sales[2])
    fold()
    return promotion, campaign, mail, silent


@pytest.mark.parametrize("of", ["promotion", "campaign"])
def test_what_came_through_each_mail_and_what_without(world, of):
    promotion, campaign, mail, silent = world
    split = through_mails.split_promotion(promotion)
    if of == "campaign":
        split = through_mails.split_campaign(campaign)
    assert [each.mail.campaign for each in split.mails] == [silent, mail]
    nothing, through = (each.shares for each in split.mails)
    assert nothing == []
    assert [(each.sales, each.given, each.revenue, each.per_unit) for each in through] == [
        (2, 200, 5_000, "25.00")
    ]
    assert [(each.sales, each.given, each.revenue) for each in split.without] == [(1, 200, 5_000)]
    assert [each.mail.sent for each in split.mails] == [3, 3]


def test_the_pages_show_it_in_as_many_queries_for_many_mails_as_for_one(client, marketer, world):
    promotion, campaign, mail, _ = world
    paths = [
        promotion.get_absolute_url(),
        campaign.get_absolute_url(),
        f"/reports/promotions/?by=campaign&campaign={campaign.pk}",
    ]
    counted = {}
    for path in paths:
        assert client.get(path).status_code == 200
        with CaptureQueriesContext(connection) as queries:
            said = text_of(client.get(path))
        counted[path] = len(queries)
        told = said.partition("Mails that carry it")[2]
        assert re.search(rf"{mail} Completed|{mail} Running", told)
        assert "3 2 1 2 €2.00 €50.00 25.00" in told
        assert "Without a mail – – – 1 €2.00 €50.00 25.00" in told
    for _ in range(2):
        launch_mail(1, offer=promotion)
    for path in paths:
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        assert len(queries) == counted[path], path


def test_an_automatic_promotion_came_through_the_mail_whose_link_was_followed(client, marketer):
    contact = ContactFactory(customer_id="T9")
    promotion, campaign = make_offer(trigger="automatic")
    mail, (delivery,) = send_campaign(contact, at=timezone.now() - 3 * DAY)
    click(delivery, timezone.now() - 2 * DAY)
    sale = sell("T9", timezone.now() - DAY, 900)
    redeem(sale, promotion, campaign)
    fold()
    (through,) = through_mails.split_campaign(campaign).mails
    assert (through.mail.campaign, through.shares[0].revenue) == (mail, 900)
    assert "no code" in client.get(campaign.get_absolute_url()).text
