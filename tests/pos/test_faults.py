"""What breaks between a till and the database: a sale is still counted once, and a till is told when to come back."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from django.db import OperationalError, connection

from campaigns import doctor
from config import embedded_postgres
from pos.models import Sale
from promotions import usage
from promotions.database.statements import Transaction
from tests.factories import PromotionCampaignFactory
from tests.pos.servers import ROOT, call, serve
from tests.pos.tills import AtTill, basket, counter_figures


def only_campaign():
    return PromotionCampaignFactory(discounting=True, status="active", budget=1_000)


@pytest.mark.django_db(transaction=True)
def test_a_till_that_hung_up_before_the_answer_sends_again_and_is_counted_once(live_server):
    campaign, till = only_campaign(), AtTill()
    address, body = (live_server.thread.host, live_server.thread.port), json.dumps(basket(1_000))
    with socket.create_connection(address) as impatient:
        head = f"PUT /pos/v1/sales/S1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {till.key}\r\n"
        impatient.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    until = time.monotonic() + 20
    while not Sale.objects.exists() and time.monotonic() < until:
        time.sleep(0.02)
    answer = till.put("S1", basket(1_000))
    assert (answer.status, answer["discount"], answer.headers["Idempotent-Replayed"]) == (200, 100, "true")
    assert counter_figures(campaign=campaign) == (100, 0, 1)
    assert not list(doctor.find_breaches())


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_dies_before_the_commit_leaves_nothing_and_the_sale_is_done_anew(monkeypatch):
    campaign, till = only_campaign(), AtTill()
    till.quote(basket(1_000))
    take = usage.take_from_counter

    def take_and_die(wanted, now):
        monkeypatch.setattr(usage, "take_from_counter", take)
        found = take(wanted, now)
        kill(connection.connection.info.backend_pid)
        return found

    monkeypatch.setattr(usage, "take_from_counter", take_and_die)
    answer = till.put("S1", basket(1_000))
    assert (answer.status, answer["discount"]) == (201, 100)
    assert counter_figures(campaign=campaign) == (100, 0, 1)
    assert not list(doctor.find_breaches())


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_dies_after_the_commit_and_before_its_answer_counts_the_sale_once(monkeypatch):
    campaign, till = only_campaign(), AtTill()
    till.quote(basket(1_000))
    leave = Transaction.__exit__

    def commit_and_die(self, *raised):
        leave(self, *raised)
        monkeypatch.setattr(Transaction, "__exit__", leave)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(Transaction, "__exit__", commit_and_die)
    answer = till.put("S1", basket(1_000))
    assert (answer.status, answer["discount"], answer.headers["Idempotent-Replayed"]) == (200, 100, "true")
    assert counter_figures(campaign=campaign) == (100, 0, 1)
    assert not list(doctor.find_breaches())


@pytest.mark.django_db(transaction=True)
def test_an_idle_connection_that_died_is_replaced_without_a_word():
    till = AtTill()
    till.quote(basket(1_000))
    kill(connection.connection.info.backend_pid)
    assert till.quote(basket(1_000)).status == 200
    kill(connection.connection.info.backend_pid)
    assert till.put("S1", basket(1_000)).status == 201


def kill(backend):
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [backend])
    finally:
        other.close()


TILLS = 6
SHOP = f"""
from tests.factories import PromotionCampaignFactory, TillFactory
PromotionCampaignFactory(discounting=True, status="active", budget=10_000, max_uses=10_000)
for number in range({TILLS}):
    TillFactory(key=f"the-key-of-till-number-{{number}}")
"""
STORED = """
from django.db.models import Sum
from pos.models import Sale
from promotions.models import Redemption
print(Sale.objects.count(), Redemption.objects.aggregate(amount=Sum("amount"))["amount"])
"""


@pytest.fixture
def shop():
    """A project folder of its own with a PostgreSQL that may be stopped, and what a process needs to use it."""
    folder = Path(tempfile.mkdtemp(prefix="fanfare-till-"))
    folder.chmod(0o755)  # as a project's folder is
    var = folder / "var"
    described = embedded_postgres.ensure(var)
    url = f"postgresql://{described['USER']}@/{described['NAME']}?host={described['HOST']}"
    environment = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
    manage(environment, "migrate", "--verbosity", "0")
    manage(environment, "shell", "--verbosity", "0", "--command", SHOP)
    yield var, environment
    embedded_postgres.stop(var)
    shutil.rmtree(folder)


def manage(environment, *words):
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(240)
def test_postgresql_restarted_under_load_costs_the_tills_some_503s_and_nothing_else(shop):
    var, environment = shop
    seen, discounts, stop = [], {}, threading.Event()

    def sell(port, number):
        sale = 0
        while not stop.is_set():
            name = f"S{number}-{sale}"
            while (answer := send(port, number, name)) is None or answer[0] == 503:
                seen.append(answer)
                time.sleep(0.1)
            seen.append(answer)
            discounts[name] = json.loads(answer[2])["discount"]
            sale += 1
            time.sleep(0.01)

    with serve(environment) as port:
        tills = [threading.Thread(target=sell, args=(port, number)) for number in range(TILLS)]
        try:
            for till in tills:
                till.start()
            time.sleep(1)
            assert embedded_postgres.stop(var)
            time.sleep(1)
            embedded_postgres.ensure(var)
            since = len(seen)
            time.sleep(2)
        finally:
            stop.set()
            for till in tills:
                till.join()
    refused = [answer for answer in seen if answer and answer[0] == 503]
    assert refused
    assert {headers["Retry-After"] for _, headers, _ in refused} == {"1"}
    assert sum(answer is not None and answer[0] == 201 for answer in seen[since:]) > TILLS
    assert {answer[0] for answer in seen if answer} <= {200, 201, 503}
    # what the tills were answered is what is stored: no sale lost, none twice
    assert manage(environment, "shell", "--verbosity", "0", "--command", STORED).split() == [
        f"{len(discounts)}",
        f"{sum(discounts.values())}",
    ]
    assert "Every counter equals its ledger" in manage(environment, "doctor")


def send(port, number, name):
    """One sale of one of the tills."""
    return call(port, "PUT", f"/pos/v1/sales/{name}", basket(1_000), key=f"the-key-of-till-number-{number}")
