"""The demo's mail with an offer: a code for each recipient, a hold-out, and three weeks of sales that followed.

The sales go through the tills' own functions, and the fold says which of them count for the mail. So the report shows
what it would show of a real campaign: codes redeemed, sales after a click, and what the mail caused.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec
from django.contrib.auth.models import User
from django.db import transaction

from campaigns import lifecycle
from demo import mails, promotions
from demo.shop import list_products
from mailing.models import ContactList, Delivery, EmailCampaign, SmtpConnection, Target
from pos import folding
from pos.sales.callers import Caller
from promotions.models import Coupon, Promotion

NAME = "A taste of autumn"
SENT_AGO = timedelta(days=19)
HELD_OUT = 20  # percent
REDEEM, BUY_AFTER_CLICK, BUY_ANYWAY = 0.3, 0.12, 0.03  # of those who clicked, of them, of everybody
LATEST_HOURS = 90  # hours after the launch within which they buy


def load(by: User | None, now: datetime) -> None:
    """Make the campaign and its sales, unless it is there."""
    if EmailCampaign.objects.filter(name=NAME).exists():
        return
    morning = now.replace(hour=9, minute=30, second=0, microsecond=0)
    sell_to_readers(make_campaign(by, morning - SENT_AGO), morning - SENT_AGO)
    while folding.fold_sales(is_patient=True):
        pass


def make_campaign(by: User | None, at: datetime) -> EmailCampaign:
    """Make the campaign as if it had gone out at `at`."""
    changes = {
        "from_name": "Nordlicht Coffee",
        "from_email": "news@nordlicht.example",
        "connection": SmtpConnection.objects.get(name="Mail catcher"),
        "offer": Promotion.objects.get(name=promotions.TASTE),
        "code_prefix": "HERBST",
        "code_ends_at": at + timedelta(days=28),
        "hold_out": HELD_OUT,
    }
    targets = [Target(list=ContactList.objects.get(name="Newsletter"))]
    with transaction.atomic():
        draft = mails.make_draft(
            NAME, by, changes | mails.read_mail_text("taste.md"), targets, at - mails.DAY
        )
        campaign = mails.launch_and_answer(draft, by, at, opened=480, clicked=450)
        Coupon.objects.filter(deliveries__campaign=campaign).update(created_at=at)
        lifecycle.fire(campaign, "complete", now=at + 3 * mails.MINUTE)
    return campaign


def sell_to_readers(campaign: EmailCampaign, launched: datetime) -> None:
    """Let recipients of a campaign buy, those who were held out too."""
    tills = promotions.make_tills()
    goods = list_products()
    for delivery, at, code in sorted(list_buyers(campaign, launched), key=lambda buyer: buyer[1]):
        chance = random.Random(delivery.email)
        till, key_hash = chance.choice(tills)
        basket = promotions.make_request(chance, goods, till)
        coffee = chance.choice([good for good in goods if good["category"] == "coffee"])
        basket["lines"].append(promotions.make_line("coffee", coffee))
        basket["coupons"] = [code] if code else []
        customer = delivery.contact.customer_id if delivery.contact else None
        basket["customer"] = {"id": customer} if customer else None
        body = msgspec.json.encode(basket)
        promotions.sell(Caller(key_hash), f"AUT-{delivery.pk}", basket, body, at)


def list_buyers(campaign: EmailCampaign, launched: datetime) -> Iterator[tuple[Delivery, datetime, str]]:
    """Yield the deliveries whose recipients buy, when they do, and the code that they show, or ""."""
    latest = launched + timedelta(hours=LATEST_HOURS)
    for delivery in Delivery.objects.filter(campaign=campaign).select_related("contact", "coupon"):
        chance = random.Random(f"{delivery.email} buys")
        begin = delivery.clicked_at or launched
        has_clicked = delivery.clicked_at is not None and begin < latest
        draw, at = chance.random(), begin + (latest - begin) * chance.random()
        in_opening_hours = at.replace(hour=8 + chance.randrange(10), minute=chance.randrange(60))
        at = in_opening_hours if begin < in_opening_hours < latest else at
        if has_clicked and draw < REDEEM:
            yield delivery, at, delivery.coupon.code if delivery.coupon else ""
        elif draw > 1 - BUY_ANYWAY or (has_clicked and draw < REDEEM + BUY_AFTER_CLICK):
            yield delivery, min(at, latest), ""
