"""How fast one till key may ask: a till that loops keeps no other shop waiting, and is told when to come back."""

import http.client
import time

import pytest

from pos.sales import callers
from tests.pos.servers import call, environment_of_test_database, serve
from tests.pos.tills import AtTill, basket


@pytest.fixture
def clock(monkeypatch):
    """The seconds that `pos.sales.callers` sees."""
    now = [1_000.0]
    monkeypatch.setattr(callers.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.django_db
def test_a_till_may_ask_ten_seconds_worth_at_once_and_then_as_fast_as_the_rate(settings, clock):
    settings.TILL_RATE = 3
    till = AtTill()
    answers = [till.quote(basket(1_000)) for _ in range(32)]
    assert [answer.status for answer in answers] == [200] * 30 + [429] * 2
    assert answers[-1]["error"] == "too_fast"
    assert answers[-1].headers["Retry-After"] == "1"
    clock[0] += int(answers[-1].headers["Retry-After"])
    assert [till.quote(basket(1_000)).status for _ in range(4)] == [200, 200, 200, 429]
    clock[0] += 3_600
    assert [till.quote(basket(1_000)).status for _ in range(31)] == [200] * 30 + [429]


@pytest.mark.django_db
def test_every_call_of_a_key_counts_and_no_other_till_waits_for_it(settings, clock):
    settings.TILL_RATE = 1
    till = AtTill()
    calls = [
        lambda: till.quote(basket(1_000)),
        lambda: till.quote(basket(-1)),
        lambda: till.put("S1", basket(1_000)),
        lambda: till.send("GET", "sales/S1"),
        lambda: till.send("GET", "rules"),
    ]
    assert [call().status for call in calls] == [200, 422, 201, 200, 200]
    assert [call().status for call in calls] == [200, 422, 200, 200, 200]
    assert {call().status for call in calls} == {429}
    assert AtTill(location=till.location).quote(basket(1_000)).status == 200


@pytest.mark.django_db(transaction=True)
def test_over_http_each_worker_holds_a_key_to_the_rate_and_lets_it_in_again_after_the_time_it_told():
    till = AtTill()
    with serve(environment_of_test_database(TILL_RATE="2")) as port:
        began = time.monotonic()
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        one = [
            call(port, "POST", "/pos/v1/quotes", basket(1_000), key=till.key, client=kept) for _ in range(40)
        ]
        allowed = 2 * (10 + time.monotonic() - began)
        # a refusal may close the connection before the next request
        one = [answer for answer in one if answer]
        statuses = [answer[0] for answer in one]
        assert set(statuses) == {200, 429}
        assert 20 <= statuses.count(200) <= 2 * allowed + 1  # as long as it is open it stays with its worker

        many = [call(port, "POST", "/pos/v1/quotes", basket(1_000), key=till.key) for _ in range(60)]
        one += [answer for answer in many if answer]
        allowed = 2 * 2 * (10 + time.monotonic() - began)
        assert [answer[0] for answer in one].count(200) <= allowed + 2
        refused = [answer for answer in one if answer[0] == 429]
        assert refused
        assert {headers["Retry-After"] for _, headers, _ in refused} == {"1"}
        assert {headers["Content-Type"] for _, headers, _ in refused} == {"application/json"}

        time.sleep(1)
        kept.close()
        again = call(port, "POST", "/pos/v1/quotes", basket(1_000), key=till.key)
        assert again[0] == 200
