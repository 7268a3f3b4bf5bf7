"""Mails that were sent, clicks in them, and sales, without a mail server and without a till."""

from datetime import timedelta

from django.db.models.functions import Coalesce
from django.utils import timezone

from mailing import tracking
from mailing.models import Delivery, EmailCampaign, Event
from mailing.spool import Visit
from mailing.visitors import Visitor
from pos import folding
from pos.models import Location, Return, Sale, UnfoldedSale
from promotions.models import Redemption
from tests.factories import DeliveryFactory, EmailCampaignFactory, LocationFactory, SaleFactory

RULE = {"days": 5, "after_acceptance": False, "names_clicks": True, "consent": "opt-out"}
NOW = timezone.now().replace(microsecond=0)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def send_campaign(*contacts, at=NOW - 10 * DAY, status="completed", **rule):
    """Make a campaign whose mail to each of these was accepted at that moment; return it with its deliveries."""
    campaign = EmailCampaignFactory(status=status, attribution=RULE | rule, total=len(contacts))
    EmailCampaign.objects.filter(pk=campaign.pk).update(prepared_at=at, launched_at=at)
    campaign.refresh_from_db()
    return campaign, [
        DeliveryFactory(campaign=campaign, contact=each, status="accepted", sent_at=at, due_at=None)
        for each in contacts
    ]


def click(delivery, at, origin=Event.Origin.HUMAN, link=0):
    visitor = Visitor(origin=origin)
    visit = Visit(delivery=delivery.pk, kind=Event.Kind.CLICKED, visitor=visitor, link=link, at=at)
    tracking.write_visit(visit)
    delivery.refresh_from_db()


def sell(customer, at, total=1_000, *, discount=0, location=None, lines=(), **fields):
    """Make a committed sale as a till leaves it."""
    sold = list(lines) or [
        {"id": "1", "sku": "TEA", "quantity": 1, "unit_price": total + discount, "line_total": total}
    ]
    sale = SaleFactory(
        customer=customer,
        at=at,
        subtotal=total + discount,
        total=total,
        discount=discount,
        location=location or Location.objects.order_by("pk").first() or LocationFactory(),
        basket={"lines": sold},
        **fields,
    )
    UnfoldedSale.objects.create(sale_id=sale.pk)
    return sale


def redeem(sale, coupon):
    Redemption.objects.create(sale=sale, promotion=coupon.promotion, coupon=coupon, amount=100, uses=1)


def void(sale):
    Sale.objects.filter(pk=sale.pk).update(state=Sale.State.VOIDED)
    UnfoldedSale.objects.create(sale_id=sale.pk)


def give_back(sale, amount, discount=0, units=1):
    number = sale.returns.count()
    Return.objects.create(
        sale=sale,
        reference=f"R{number}",
        body_hash=b"\0" * 32,
        units={"1": units},
        discount=discount,
        answer=f'{{"total": {amount}, "lines": [{{"id": "1", "total": {amount}}}]}}',
    )
    Sale.objects.filter(pk=sale.pk).update(returned_total=Coalesce("returned_total", 0) + amount)
    UnfoldedSale.objects.create(sale_id=sale.pk)


def fold():
    while folding.fold_sales():
        pass


def refresh(delivery):
    return Delivery.objects.get(pk=delivery.pk)
