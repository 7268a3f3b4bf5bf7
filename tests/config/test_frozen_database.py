"""A PostgreSQL that is frozen in the midst of things: tills and pages are told so soon, and all is well afterwards."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from contextlib import closing

import pytest

from config import embedded_postgres
from tests.pos.servers import call, serve
from tests.pos.test_faults import STORED, manage, send, shop  # noqa: F401 a fixture

TILLS = 4


def signal_all(var, number):
    """Send a signal to PostgreSQL and all its processes."""
    parent = embedded_postgres.Server(var).pid()
    children = subprocess.run(["pgrep", "-P", f"{parent}"], capture_output=True, text=True, check=True)
    for pid in [parent, *map(int, children.stdout.split())]:
        os.kill(pid, number)


def open_dashboard(port):
    """(status, headers, body) of a page for somebody whom only the database knows."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        client.request("GET", "/", headers={"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyz012345"})
        answer = client.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.mark.timeout(240)
def test_a_frozen_database_keeps_no_till_or_page_waiting_and_costs_no_sale(shop):  # noqa: F811
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
        tills = [threading.Thread(target=sell, args=(port, number)) for number in range(TILLS)]
        try:
            for till in tills:
                till.start()
            time.sleep(2)
            signal_all(var, signal.SIGSTOP)
            frozen_at = time.monotonic()
            try:
                time.sleep(0.5)
                ready = call(port, "GET", "/readyz", key="hush-hush")
                ready_after = time.monotonic() - frozen_at
                page = open_dashboard(port)
                page_after = time.monotonic() - frozen_at
            finally:
                signal_all(var, signal.SIGCONT)
            thawed_at = time.monotonic()
            time.sleep(5)
        finally:
            stop.set()
            for till in tills:
                till.join()
        assert call(port, "GET", "/readyz")[0] == 200

    assert ready[0] == 503
    assert "does not answer" in json.loads(ready[2])["problems"][0]
    assert ready_after < 8
    assert (page[0], page[1]["Retry-After"]) == (503, "5")
    assert b"The database is not available" in page[2]
    assert page_after < 30
    during = [
        (until - began, answer)
        for began, until, answer in answered
        if began > frozen_at and until < thawed_at and answer is not None
    ]
    assert during
    assert {answer[0] for _, answer in during} == {503}
    assert {answer[1]["Retry-After"] for _, answer in during} == {"1"}
    assert max(waited for waited, _ in during) < 6  # 2 s, and what a busy machine adds
    assert {answer[0] for *_, answer in answered if answer} <= {200, 201, 503}
    assert any(answer and answer[0] == 201 for began, _, answer in answered if began > thawed_at)
    # nothing is half written; each sale that was sent again counts once
    assert manage(environment, "shell", "--verbosity", "0", "--command", STORED).split() == [
        f"{len(discounts)}",
        f"{sum(discounts.values())}",
    ]
    assert "Every counter equals its ledger" in manage(environment, "doctor")
