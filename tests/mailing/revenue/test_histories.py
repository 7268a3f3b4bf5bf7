"""Random histories: after each step the conversions are what a slow reference in Python makes of everything."""

from collections import defaultdict
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailing import attribution, revenue
from mailing.models import Contact, Conversion, Delivery, Event
from pos.models import Sale
from tests.factories import ContactFactory
from tests.mailing.revenue.shops import (
    DAY,
    HOUR,
    NOW,
    click,
    fold,
    give_back,
    refresh,
    sell,
    send_campaign,
    void,
)

NUMBERS = ["A", "B", "C", None]
steps = st.one_of(
    st.tuples(st.just("sell"), st.sampled_from(["A", "B", "C", ""]), st.integers(1, 50)),
    st.tuples(st.just("click"), st.integers(0, 5), st.integers(0, 100)),  # how many hours late it is written
    st.tuples(st.just("machine"), st.integers(0, 20)),
    st.tuples(st.just("void"), st.integers(0, 20)),
    st.tuples(st.just("return"), st.integers(0, 20)),
    st.tuples(st.just("number"), st.integers(0, 2), st.sampled_from(NUMBERS)),
    st.tuples(st.just("erase"), st.integers(0, 2)),
)


class World:
    """Three contacts, three campaigns that mailed two each, and whatever happens to them, hour by hour."""

    def __init__(self):
        self.people = [ContactFactory(customer_id=number) for number in ("A", "B", None)]
        sent = NOW - 60 * DAY
        self.deliveries = []
        for pair, days, after in (((0, 1), 5, False), ((1, 2), 2, True), ((0, 2), 0, False)):
            _, made = send_campaign(
                *(self.people[place] for place in pair), at=sent, days=days, after_acceptance=after,
                names_clicks=not after,
            )  # fmt: skip
            self.deliveries += made
        self.at = sent + HOUR
        self.before = {}

    def take(self, step):
        self.at += timedelta(hours=7)
        getattr(self, f"take_{step[0]}")(*step[1:])
        fold()

    def take_sell(self, customer, amount):
        sell(customer, self.at, amount * 100, discount=amount)

    def take_click(self, place, late):
        delivery = refresh(self.deliveries[place])
        click(delivery, max(self.at - late * HOUR, delivery.sent_at))

    def take_machine(self, place):
        events = list(Event.objects.order_by("pk"))
        if events:
            Event.objects.filter(pk=events[place % len(events)].pk).update(origin="machine")
            delivery = events[place % len(events)].delivery
            left = Event.objects.filter(delivery=delivery, origin="human").order_by("at").first()
            Delivery.objects.filter(pk=delivery.pk).update(clicked_at=left and left.at)

    def pick_sale(self, place):
        sales = list(Sale.objects.filter(state="committed", returns=None).order_by("pk"))
        return sales[place % len(sales)] if sales else None

    def take_void(self, place):
        if sale := self.pick_sale(place):
            void(sale)

    def take_return(self, place):
        if sale := self.pick_sale(place):
            give_back(sale, sale.total // 2, sale.discount // 2)

    def take_number(self, place, number):
        if not Contact.objects.filter(customer_id=number).exclude(customer_id=None).exists():
            for contact in Contact.objects.filter(pk=self.people[place].pk or 0):
                contact.customer_id = number
                contact.save()

    def take_erase(self, place):
        Contact.objects.filter(pk=self.people[place].pk or 0).delete()

    def work_out(self):
        """Return what each sale counts for, the slow way."""
        contacts = {each.customer_id: each for each in Contact.objects.exclude(customer_id=None)}
        deliveries = list(Delivery.objects.select_related("campaign"))
        clicks = defaultdict(list)
        for event in Event.objects.filter(kind="clicked", origin="human"):
            clicks[event.delivery_id].append(event.at)
        sales = list(Sale.objects.filter(state="committed").order_by("at", "pk"))
        firsts = {}
        for sale in sales:
            firsts.setdefault(sale.customer, sale.pk)
        found = {}
        erased = {each.pk for each in deliveries if each.contact_id is None}
        for sale in sales:
            touches = []
            contact = contacts.get(sale.customer)
            for delivery in deliveries:
                if contact is None or delivery.contact_id != contact.pk:
                    continue
                rule = delivery.campaign.attribution
                window = timedelta(days=rule["days"])
                touches += [
                    (2, at, delivery.pk, "click")
                    for at in clicks[delivery.pk]
                    if window and at <= sale.at <= at + window
                ]
                if rule["after_acceptance"] and delivery.sent_at <= sale.at <= delivery.sent_at + window:
                    touches.append((1, delivery.sent_at, delivery.pk, "sent"))
            was = self.before.get(sale.pk)
            if was and was[1] in erased:
                _, pk, how = was[:3]
            elif touches:
                _, _, pk, how = max(touches)
            else:
                continue
            back = sum(int(each.answer.split('"total": ')[1].split(",")[0]) for each in sale.returns.all())
            given = sum(each.discount for each in sale.returns.all())
            campaign = next(each.campaign_id for each in deliveries if each.pk == pk)
            is_first = sale.customer != "" and firsts[sale.customer] == sale.pk
            found[sale.pk] = (campaign, pk, how, sale.total - back, sale.discount - given, is_first)
        self.before = found
        return found


def read_all():
    rows = Conversion.objects.values_list(
        "sale", "campaign", "delivery", "how", "net", "discount", "is_first"
    )
    return {sale: tuple(rest) for sale, *rest in rows}


@pytest.mark.django_db
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(steps, min_size=5, max_size=18))
def test_conversions_are_what_the_rule_makes_of_everything(history):
    with transaction.atomic():
        world = World()
        for step in history:
            world.take(step)
            expected = world.work_out()
            assert read_all() == expected, step
        nets = defaultdict(int)
        for campaign, _, _, net, _, _ in expected.values():
            nets[campaign] += net
        campaigns = {each.campaign_id for each in world.deliveries}
        told = revenue.read_revenue(campaigns)
        assert {pk: told[pk].attributed.net for pk in campaigns} == {pk: nets[pk] for pk in campaigns}
        assert list(attribution.list_breaches()) == []
        transaction.set_rollback(True)
