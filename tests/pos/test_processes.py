"""Many tills over HTTP at the product's own worker processes: limits, a pause and a killed worker, as in a shop."""

import json
import os
import random
import signal
import statistics
import subprocess
import threading
import time
from itertools import pairwise

import pytest
from django.db.models import Sum

from campaigns import doctor, lifecycle
from pos.models import Sale
from promotions import publish
from promotions.models import Coupon, CustomerUse, Link, Redemption
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.servers import call, environment_of_test_database, serve
from tests.pos.tills import AtTill, basket, counter_figures, granted_amount, run_at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]


class Client:
    """A till that sends over HTTP, and sends again what was not answered."""

    def __init__(self, port):
        self.port, self.key, self.unanswered = port, AtTill().key, 0

    def send(self, method, path, body=None):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            answer = call(self.port, method, f"/pos/v1/{path}", body, key=self.key)
            if answer is not None and answer[0] != 503:
                return answer[0], json.loads(answer[2])
            self.unanswered += 1
            time.sleep(0.05)
        raise TimeoutError(f"{method} {path} was not answered for a minute")

    def put(self, sale, body):
        return self.send("PUT", f"sales/{sale}", body)

    def post(self, sale, verb):
        return self.send("POST", f"sales/{sale}/{verb}")


def test_32_tills_mixing_all_that_is_limited_pass_no_limit_by_one_and_lose_nothing():
    campaign = PromotionCampaignFactory(
        discounting=True, status="active", budget=12_000, max_uses=150, max_uses_per_customer=9
    )
    coded = PromotionFactory(trigger="coupon", max_uses=40)
    publish.link(campaign, coded)
    many = CouponFactory(promotion=coded, max_uses=25, max_uses_per_customer=3)
    once = CouponFactory(promotion=coded, kind=Coupon.Kind.ONE_TIME)

    with serve(environment_of_test_database()) as port:
        tills = [Client(port) for _ in range(32)]

        def work(number):
            chance, till = random.Random(number), tills[number]
            for turn in range(8):
                sale = f"S{number}-{turn}"
                body = basket(chance.randint(1, 4_000), chance.randint(1, 900))
                body["customer"] = {"id": f"C{chance.randint(1, 20)}"}
                body["coupons"] = chance.choice([[], [], [many.code], [once.code]])
                step = chance.random()
                if step < 0.35:
                    assert till.put(sale, body | {"state": "held"})[0] == 201
                    assert till.post(sale, chance.choice(["confirm", "release", "void"]))[0] == 200
                else:
                    assert till.put(sale, body)[0] == 201
                    assert till.put(sale, body)[0] == 200
                if step > 0.8:
                    assert till.post(sale, "void")[0] == 200

        run_at_once(32, work)
        # what is left is granted to the unit: nothing was lost on the way
        last = Client(port)
        for number in range(100):
            last.put(f"L{number}", basket(3_000))

    spent, held, uses = counter_figures(campaign=campaign)
    assert (spent, held) == (granted_amount(campaign=campaign), 0)
    assert spent == 12_000 or uses == 150
    assert spent <= 12_000
    assert uses <= 150
    assert counter_figures(promotion=coded)[2] <= 40
    many.refresh_from_db()
    once.refresh_from_db()
    assert many.uses <= 25
    assert once.uses <= 1
    used = CustomerUse.objects.filter(campaign=campaign)
    assert max(used.values_list("uses", flat=True)) <= 9
    assert CustomerUse.objects.filter(coupon=many, uses__gt=3).count() == 0
    assert uses == Redemption.objects.filter(campaign=campaign).aggregate(uses=Sum("uses"))["uses"]
    assert not list(doctor.find_breaches())


def test_each_of_several_pauses_holds_from_its_answer_on_and_is_answered_within_a_second():
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=10**9)
    sold: list[tuple[float, float, int]] = []  # when the till asked, when it had its answer, the discount
    steps: list[tuple[str, float, float]] = []
    stop = threading.Event()

    with serve(environment_of_test_database(TILL_RATE="1000")) as port:
        tills = [Client(port) for _ in range(16)]

        def work(number):
            if number == 16:
                change()
                return
            turn = 0
            while not stop.is_set():
                turn, began = turn + 1, time.monotonic()
                discount = tills[number].put(f"S{number}-{turn}", basket(1_000))[1]["discount"]
                sold.append((began, time.monotonic(), discount))

        def change():
            try:
                for verb in ["pause", "resume"] * 5:
                    seen = len(sold)
                    until = time.monotonic() + 20
                    while len(sold) < seen + 32 and time.monotonic() < until:
                        time.sleep(0.01)
                    began = time.monotonic()
                    lifecycle.fire(campaign, verb)
                    steps.append((verb, began, time.monotonic()))
                time.sleep(0.3)
            finally:
                stop.set()

        run_at_once(17, work)

    steps.append(("stop", time.monotonic(), time.monotonic()))
    for (verb, _, answered), (_, next_began, _) in pairwise(steps):
        between = {discount for asked, had, discount in sold if asked > answered and had < next_began}
        assert between == ({0} if verb == "pause" else {100}), verb
    assert statistics.median(done - began for verb, began, done in steps if verb == "pause") < 1
    total = sum(given for *_, given in sold)
    assert counter_figures(campaign=campaign)[0] == granted_amount(campaign=campaign) == total
    assert not list(doctor.find_breaches())


def test_a_worker_killed_under_load_costs_no_till_a_sale_and_counts_none_twice():
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=10**9)
    discounts: dict[str, int] = {}
    killed = threading.Event()

    with serve(environment_of_test_database(TILL_RATE="1000"), "--respawn-failed-workers") as port:
        tills = [Client(port) for _ in range(8)]

        def work(number):
            if number == 8:
                for _ in range(4):  # one that was idle when it was killed proves nothing
                    time.sleep(0.5)
                    kill_a_worker(port)
                    time.sleep(1)
                    if any(till.unanswered for till in tills):
                        break
                    time.sleep(4)  # granian gives up on workers that die within 3.5 s of their start
                killed.set()
                return
            turn = 0
            while not killed.is_set():
                turn += 1
                sale = f"S{number}-{turn}"
                discounts[sale] = tills[number].put(sale, basket(1_000))[1]["discount"]

        run_at_once(9, work)

    assert sum(till.unanswered for till in tills) > 0  # it was killed in the midst of things
    assert set(discounts.values()) == {100}
    assert Sale.objects.count() == len(discounts)
    assert counter_figures(campaign=campaign) == (100 * len(discounts), 0, len(discounts))
    assert Link.objects.count() == 1
    assert not list(doctor.find_breaches())


def kill_a_worker(port):
    """SIGKILL to one of the processes that granian, which has `port` among its words, has started."""
    of_server = subprocess.run(
        ["pgrep", "-f", f"granian.*--port {port} "], capture_output=True, text=True, check=True
    )
    parent = min(int(pid) for pid in of_server.stdout.split())
    children = subprocess.run(["pgrep", "-P", f"{parent}"], capture_output=True, text=True, check=True)
    os.kill(max(int(pid) for pid in children.stdout.split()), signal.SIGKILL)
