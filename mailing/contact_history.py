"""The time line of a contact: mails, opens, clicks, codes, purchases and returns, the latest first."""

from collections.abc import Iterator
from datetime import datetime
from heapq import nlargest
from operator import attrgetter

import msgspec
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import formats
from mailing.models import Contact, Delivery, EmailCampaign, Event
from pos.models import Return, Sale
from promotions.models import Redemption

ENTRIES_SHOWN = 50
LEFT_UNREAD = ("campaign__body", "campaign__text")  # long texts of a mail that is only named
EVENTS = {
    Event.Kind.OPENED: gettext_lazy("Opened"),
    Event.Kind.CLICKED: gettext_lazy("Clicked a link in"),
    Event.Kind.UNSUBSCRIBED: gettext_lazy("Unsubscribed through"),
}


class Entry(msgspec.Struct, frozen=True):
    """Something at one moment. campaign: what it is about, or, of a sale, the campaign that it counts for."""

    at: datetime
    what: str
    campaign: EmailCampaign | None = None
    detail: str = ""
    is_sale: bool = False


def list_entries(contact: Contact, *, with_sales: bool, most: int = ENTRIES_SHOWN) -> list[Entry]:
    """Return the latest entries of a contact's time line.

    Args:
        with_sales: whether who asks may see sales.
    """
    found = [*_list_mails(contact, most), *_list_events(contact, most)]
    if with_sales:
        theirs = _choose_sales_of(contact)
        found += [*_list_sales(theirs, most), *_list_returns(theirs, most)]
    return nlargest(most, found, key=attrgetter("at"))


def _list_mails(contact: Contact, most: int) -> Iterator[Entry]:
    deliveries = contact.deliveries.select_related("campaign", "coupon").defer(*LEFT_UNREAD)
    told = Q(sent_at__isnull=False) | Q(status=Delivery.Status.HELD_OUT, campaign__prepared_at__isnull=False)
    for delivery in deliveries.filter(told).order_by("-pk")[:most]:
        if delivery.sent_at:
            bore = _("with the code %(code)s") % {"code": delivery.coupon.code} if delivery.coupon else ""
            yield Entry(delivery.sent_at, _("Was sent"), delivery.campaign, bore)
        elif delivery.campaign.prepared_at:
            yield Entry(delivery.campaign.prepared_at, _("Was held out of"), delivery.campaign)


def _list_events(contact: Contact, most: int) -> Iterator[Entry]:
    events = Event.objects.filter(delivery__contact=contact).exclude(origin=Event.Origin.MACHINE)
    events = events.select_related("campaign").defer(*LEFT_UNREAD)
    for event in events.order_by("-at")[:most]:
        yield Entry(event.at, str(EVENTS[Event.Kind(event.kind)]), event.campaign)


def list_sales_by_code(contact: Contact) -> list[int]:
    """Return the keys of the sales in which a code that they were sent took effect."""
    return list(Sale.objects.filter(_bought_by_code(contact)).values_list("pk", flat=True))


def _bought_by_code(contact: Contact) -> Q:
    return Q(conversion__delivery__contact=contact, conversion__how="code")


def _choose_sales_of(contact: Contact) -> Q:
    """Return which sales are theirs: those that name them, and those with a code that they were sent.

    Each part has an index: those that name them have one for the committed and one for all others.
    """
    own = Q(pk__in=list_sales_by_code(contact))
    if not contact.customer_id:
        return own
    is_committed = Q(state=Sale.State.COMMITTED)
    return (
        own | Q(is_committed, customer=contact.customer_id) | Q(~is_committed, customer=contact.customer_id)
    )


def _list_sales(theirs: Q, most: int) -> Iterator[Entry]:
    states = (Sale.State.COMMITTED, Sale.State.VOIDED)
    sales = Sale.objects.filter(theirs, state__in=states).defer(
        "basket", "answer", "reserved", *(f"conversion__{name}" for name in LEFT_UNREAD)
    )
    latest = list(sales.select_related("location", "conversion__campaign").order_by("-at")[:most])
    codes: dict[int, list[str]] = {}
    used = Redemption.objects.filter(sale__in=[sale.pk for sale in latest], reverses=None).exclude(
        coupon=None
    )
    for sale_id, code in used.values_list("sale", "coupon__code"):
        codes.setdefault(sale_id, []).append(code)
    for sale in latest:
        total = formats.money(sale.total, sale.currency)
        what = _("Bought for %(total)s at %(location)s") % {"total": total, "location": sale.location}
        if sale.state == Sale.State.VOIDED:
            what = _("A purchase for %(total)s at %(location)s was voided") % {
                "total": total,
                "location": sale.location,
            }
        conversion = getattr(sale, "conversion", None)
        detail = _("with %(codes)s") % {"codes": ", ".join(codes[sale.pk])} if sale.pk in codes else ""
        yield Entry(sale.at, what, conversion and conversion.campaign, detail, is_sale=True)


def _list_returns(theirs: Q, most: int) -> Iterator[Entry]:
    sales = Sale.objects.filter(theirs).values("pk")
    returns = Return.objects.filter(sale__in=sales).select_related("sale__location")
    for row in returns.defer("sale__basket", "sale__answer").order_by("-at")[:most]:
        back = formats.money(msgspec.json.decode(row.answer)["total"], row.sale.currency)
        yield Entry(
            row.at,
            _("Gave goods for %(back)s back at %(location)s") % {"back": back, "location": row.sale.location},
            is_sale=True,
        )
