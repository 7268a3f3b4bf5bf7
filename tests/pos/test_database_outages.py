"""A PostgreSQL that stops or is frozen under load: tills and pages are told so soon, and all is well afterwards."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from config import embedded_postgres
from tests.pos.servers import ROOT, call, serve
from tests.pos.tills import basket
from tests.waiting import wait_for

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


@contextmanager
def make_project():
    """The folder `var` of a project of its own, with a PostgreSQL that may be stopped."""
    folder = Path(tempfile.mkdtemp(prefix="fanfare-till-"))
    folder.chmod(0o755)  # as a project's folder is
    yield folder / "var"
    embedded_postgres.stop(folder / "var")
    shutil.rmtree(folder)


def start(var):
    """Start PostgreSQL there; return what a process needs to use it."""
    described = embedded_postgres.ensure(var)
    url = f"postgresql://{described['USER']}@/{described['NAME']}?host={described['HOST']}"
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}


@pytest.fixture(scope="module")
def stopped_shop():
    """The files of a PostgreSQL with all that a shop needs: each test has a copy of them."""
    with make_project() as var:
        environment = start(var)
        manage(environment, "migrate", "--verbosity", "0")
        manage(environment, "shell", "--verbosity", "0", "--command", SHOP)
        embedded_postgres.stop(var)
        yield var


@pytest.fixture
def shop(stopped_shop):
    with make_project() as var:
        subprocess.run(["cp", "-a", stopped_shop, var], check=True)
        yield var, start(var)


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
            wait_for(lambda: count_sold(seen) > TILLS)
            assert embedded_postgres.stop(var)
            wait_for(lambda: any(answer and answer[0] == 503 for answer in seen))
            embedded_postgres.ensure(var)
            since = len(seen)
            wait_for(lambda: count_sold(seen[since:]) > TILLS)
        finally:
            stop.set()
            for till in tills:
                till.join()
    refused = [answer for answer in seen if answer and answer[0] == 503]
    assert refused
    assert {headers["Retry-After"] for _, headers, _ in refused} == {"1"}
    assert count_sold(seen[since:]) > TILLS
    assert {answer[0] for answer in seen if answer} <= {200, 201, 503}
    # what the tills were answered is what is stored: no sale lost, none twice
    assert manage(environment, "shell", "--verbosity", "0", "--command", STORED).split() == [
        f"{len(discounts)}",
        f"{sum(discounts.values())}",
    ]
    assert "Every counter equals its ledger" in manage(environment, "doctor")


def count_sold(answers):
    return sum(answer is not None and answer[0] == 201 for answer in answers)


def send(port, number, name):
    """One sale of one of the tills."""
    return call(port, "PUT", f"/pos/v1/sales/{name}", basket(1_000), key=f"the-key-of-till-number-{number}")


def signal_all(var, number):
    """Send a signal to PostgreSQL and all its processes; to the one that starts the others first."""
    parent = embedded_postgres.Server(var).pid()
    os.kill(parent, number)
    children = subprocess.run(["pgrep", "-P", f"{parent}"], capture_output=True, text=True, check=True)
    for pid in map(int, children.stdout.split()):
        os.kill(pid, number)


def open_dashboard(port):
    """(status, headers, body) of a page for somebody whom only the database knows."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        client.request("GET", "/", headers={"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyz012345"})
        answer = client.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.mark.timeout(240)
def test_a_frozen_database_keeps_no_till_or_page_waiting_and_costs_no_sale(shop):
    var, environment = shop
    answered, discounts, stop = [], {}, threading.Event()

    def sell(port, number):
        sale = 0
        while not stop.is_set():
            name = f"S{number}-{sale}"
            while True:
                began = time.monotonic()
                answer = send(port, number, name)
                answered.append((began, time.monotonic(), answer))
                if answer is not None and answer[0] != 503:
                    break
                time.sleep(0.1)
            discounts[name] = json.loads(answer[2])["discount"]
            sale += 1

    with serve(environment | {"READYZ_TOKEN": "hush-hush"}, "--blocking-threads", "4") as port:
        assert call(port, "GET", "/login/")[0] == 200
        tills = [threading.Thread(target=sell, args=(port, number)) for number in range(4)]
        try:
            for till in tills:
                till.start()
            wait_for(lambda: count_sold(answer for *_, answer in answered) > 4)
            signal_all(var, signal.SIGSTOP)
            frozen_at = time.monotonic()
            try:
                time.sleep(0.5)
                ready = call(port, "GET", "/readyz", key="hush-hush")
                ready_after = time.monotonic() - frozen_at
                page = open_dashboard(port)
                page_after = time.monotonic() - frozen_at
                crowd_from = time.monotonic()
                with ThreadPoolExecutor(32) as crowd:  # eight times as many as there are threads
                    pages = [*crowd.map(lambda _: open_dashboard(port)[0], range(32))]
                crowd_took = time.monotonic() - crowd_from
            finally:
                signal_all(var, signal.SIGCONT)
            thawed_at = time.monotonic()
            wait_for(lambda: count_sold(answer for began, _, answer in answered if began > thawed_at) > 4)
        finally:
            stop.set()
            for till in tills:
                till.join()
        # for a moment after its last failure a process does not try to connect: both processes are ready again
        wait_for(lambda: {call(port, "GET", "/readyz")[0] for _ in range(16)} == {200})

    assert ready[0] == 503
    assert "does not answer" in json.loads(ready[2])["problems"][0]
    assert ready_after < 8
    assert (page[0], page[1]["Retry-After"]) == (503, "5")
    assert b"The database is not available" in page[2]
    assert page_after < 30
    assert pages == [503] * 32
    assert crowd_took < 10  # one thread at a time waits for some seconds, and not each for each page
    during = [
        (until - began, answer)
        for began, until, answer in answered
        # the crowd has the threads of this server, which tills have for themselves in production
        if began > frozen_at and until < crowd_from and answer is not None
    ]
    assert during
    assert {answer[0] for _, answer in during} == {503}
    assert {answer[1]["Retry-After"] for _, answer in during} == {"1"}
    assert max(waited for waited, _ in during) < 6  # 2 s, and what a busy machine adds
    assert {answer[0] for *_, answer in answered if answer} <= {200, 201, 503}
    assert count_sold(answer for began, _, answer in answered if began > thawed_at)
    # nothing is half written; each sale that was sent again counts once
    assert manage(environment, "shell", "--verbosity", "0", "--command", STORED).split() == [
        f"{len(discounts)}",
        f"{sum(discounts.values())}",
    ]
    assert "Every counter equals its ledger" in manage(environment, "doctor")
