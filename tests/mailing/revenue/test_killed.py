"""Processes that are killed while they launch, sell and fold: each code, sale and conversion is there once."""

import json
import os
import random
import signal
import time
from contextlib import contextmanager
from functools import partial

import pytest
from django.core.management import call_command
from django.db import connection

from campaigns import doctor, lifecycle
from mailing import attribution, launch
from mailing.models import Conversion, Delivery
from pos import folding
from pos.models import Sale, SoldLine
from promotions.models import Coupon, Redemption
from tests.factories import ContactFactory
from tests.mailing.offers.carrying import draft_mail
from tests.mailing.running import wait_for_the_dead
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 40


@contextmanager
def process(act):
    """Do `act` in a process with a session of its own, whose key it gives; it is killed at the end of the block."""
    connection.close()
    pid = os.fork()
    if not pid:
        try:
            act()
        finally:
            os._exit(0)
    try:
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def kill_itself(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def run_until_killed(act, module, name):
    """Do `act` in a process that is killed when it comes to the function of this name."""

    def run():
        assert hasattr(module, name)
        setattr(module, name, kill_itself)
        act()

    with process(run) as pid:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert ended.si_status == signal.SIGKILL
    wait_for_the_dead()


@pytest.fixture
def mail():
    people = [ContactFactory(customer_id=f"C{number}") for number in range(PEOPLE)]
    return lifecycle.fire(draft_mail(people), "launch")


def read_codes(mail):
    """Return (the recipient, whom their code was made for) of each delivery."""
    return set(Delivery.objects.filter(campaign=mail).values_list("contact", "coupon__made_for"))


def test_a_launch_that_is_killed_makes_a_code_for_each_recipient_once(mail):
    def prepare():
        launch.prepare(mail.pk)

    run_until_killed(prepare, attribution, "fix_rule")  # codes and deliveries are written, and not committed
    assert (Delivery.objects.count(), Coupon.objects.count()) == (0, 0)
    run_until_killed(prepare, launch.endings, "complete_campaign")  # all is committed, and no sender was told
    prepare()
    assert Delivery.objects.count() == Coupon.objects.count() == PEOPLE
    assert {contact for contact, _ in read_codes(mail)} == {made_for for _, made_for in read_codes(mail)}
    assert list(doctor.find_breaches()) == []


def test_tills_and_folds_that_are_killed_leave_the_conversions_of_a_slow_reference(mail):
    launch.prepare(mail.pk)
    till, chance = AtTill(), random.Random(13)
    codes = list(Delivery.objects.order_by("pk").values_list("coupon__code", "contact__customer_id"))

    def sell(most=PEOPLE):
        for number, (code, customer) in enumerate(codes[:most]):
            body = basket(1_000, 500, coupons=[code])
            till.put(f"S{number}", body if number % 3 else body | {"customer": {"id": customer}})
            if not number % 4:
                till.post(f"S{number}", "void")
            if not number % 5:
                till.give_back(f"S{number}", "R", {"2": 1})

    def fold():
        while True:
            folding.fold_sales(2)

    def sell_on(most):
        while True:  # until it is killed, however late: whatever was sold is sent again
            sell(most)

    for goal in (5, 15, 25):
        with process(partial(sell_on, goal + 10)), process(fold):
            until = time.monotonic() + 20
            while Sale.objects.count() < goal and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(chance.uniform(0, 0.01))
        wait_for_the_dead()
    assert goal <= Sale.objects.count() < PEOPLE, "they were killed in the midst"
    sell()  # as tills do: whatever was not answered is sent again
    call_command("fold")
    expected = {}
    for sale in Sale.objects.filter(state="committed"):
        used = Redemption.objects.filter(sale=sale, reverses=None).exclude(coupon=None)
        for delivery in Delivery.objects.filter(coupon__in=used.values("coupon")):
            back = sum(json.loads(each.answer)["total"] for each in sale.returns.all())
            expected[sale.pk] = (mail.pk, delivery.pk, sale.total - back)
    assert len(expected) == PEOPLE - len(range(0, PEOPLE, 4))
    found = Conversion.objects.values_list("sale", "campaign", "delivery", "net")
    assert {sale: tuple(rest) for sale, *rest in found} == expected
    assert SoldLine.objects.count() == 2 * len(expected)
    assert list(doctor.find_breaches()) == []
