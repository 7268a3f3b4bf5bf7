"""A launched campaign whose ledger and events a test writes itself."""

from datetime import timedelta

from django.utils import timezone

from mailing.models import Delivery, Event
from tests.factories import ContactFactory
from tests.mailing.running import launch_campaign

BODY = (
    '<p><a href="https://shop.example/news">News</a> <a href="https://shop.example/sale"><img alt="Sale" src="https://shop.example/sale.png"></a>'
    '<a href="https://shop.example/news">News again</a> <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>'
)


def launch(recipients=5, **fields):
    contacts = [ContactFactory(country="DE") for _ in range(recipients)]
    return launch_campaign(contacts, **{"body": BODY, "body_format": "html"} | fields)


def accept(campaign, **fields):
    """Everybody's mail was taken."""
    return campaign.deliveries.update(
        **{"status": "accepted", "due_at": None, "sent_at": timezone.now(), "stage": "dot", "code": 250}
        | fields
    )


def click(delivery, link=0, origin="human", **fields):
    """One click, counted for its recipient as tracking would."""
    if origin == "human":
        Delivery.objects.filter(pk=delivery.pk).update(opened_at=timezone.now(), clicked_at=timezone.now())
        if not delivery.events.filter(kind="opened").exists():
            add_event(delivery, "opened", **fields)
    return add_event(delivery, "clicked", link=link, origin=origin, **fields)


def open_mail(delivery, origin="human", **fields):
    if origin == "human":
        Delivery.objects.filter(pk=delivery.pk).update(opened_at=timezone.now())
    return add_event(delivery, "opened", origin=origin, **fields)


def add_event(delivery, kind, **fields):
    given = {"basis": "interest", "at": timezone.now() - timedelta(seconds=1)} | fields
    return Event.objects.create(delivery=delivery, campaign_id=delivery.campaign_id, kind=kind, **given)
