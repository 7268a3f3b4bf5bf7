"""The demo's mail with an offer: what it shows is right, and tells a story."""

import random

import pytest

from campaigns import database_time, doctor
from demo import mails, people, promotions, revenue
from mailing import campaign_hold_out
from mailing.models import Conversion, Delivery, EmailCampaign
from tests.factories import user_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(monkeypatch):
    monkeypatch.setattr(people, "CONTACTS", 1500)
    monkeypatch.setattr(promotions, "SALES_A_DAY", 1)
    now, marketer = database_time.now(), user_in("Marketers")
    people.load(random.Random(18))
    promotions.load(marketer, now)
    mails.make_connections()
    revenue.load(marketer, now)
    return EmailCampaign.objects.get(name=revenue.NAME)


def test_the_mail_with_an_offer_shows_codes_clicks_and_a_lift(campaign):
    assert Delivery.objects.filter(campaign=campaign, status="held_out").exists()
    assert not Delivery.objects.filter(campaign=campaign, status="accepted", coupon=None).exists()
    ways = {how for (how,) in Conversion.objects.filter(campaign=campaign).values_list("how")}
    assert ways == {"code", "click"}
    lift = campaign_hold_out.measure_lift(campaign, database_time.now())
    assert lift.is_over
    # whether it can be told from nothing is a matter of chance with so few people; the demo itself has thrice as many
    assert lift.points > 0
    assert list(doctor.find_breaches()) == []
