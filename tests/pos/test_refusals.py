"""What a till is told when it sends what cannot be: always JSON, a code for programs, a sentence for people."""

import json
import logging
import time

import pytest
from django.db import OperationalError

from pos import keys
from pos.models import Sale
from pos.sales import quotes
from tests.pos.tills import AtTill, basket, line

pytestmark = pytest.mark.django_db


@pytest.fixture
def till():
    return AtTill()


def text(**more):
    return json.dumps(basket(1_000, **more))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("[" * 100_000, "not_json"),
        (b"\xff\xfe", "not_json"),
        (text().replace("1000", "10.5"), "float"),
        (text().replace("1000", "1e3"), "float"),
        (text().replace("1000", "1000.0"), "float"),
        (text().replace('"currency"', '"currency": "USD", "currency"'), "repeated_key"),
        (text().replace('"sku"', '"sku": "X", "sku"'), "repeated_key"),
        (text().replace('"sku"', '"s\\u006bu": "X", "sku"'), "repeated_key"),
        (text().replace('"sku":', '"sku" : "X", "sku" :'), "repeated_key"),
        (text(customer={"id": "C"}).replace('{"id": "C"', '{"id": "A", "id": "C"'), "repeated_key"),
        (text().replace("1000", "9" * 5_000), "not_json"),
    ],
)
def test_what_is_not_json_as_it_should_be_is_a_400(till, body, error):
    answer = till.send("POST", "quotes", body)
    assert (answer.status, answer["error"]) == (400, error)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], "body"),
        ({}, "currency"),
        (basket(1_000, currency="XXX"), "currency"),
        (basket(1_000, currency="eur"), "currency"),
        (basket(), "lines"),
        (basket(-1), "lines.0.unit_price"),
        (basket(10**12 + 1), "lines.0.unit_price"),
        ({"currency": "EUR", "lines": [line(1, 1, 0)]}, "lines.0.quantity"),
        ({"currency": "EUR", "lines": [line(1, 1, 10**6 + 1)]}, "lines.0.quantity"),
        ({"currency": "EUR", "lines": [line(1, 1, "0.000", line_total=1)]}, "lines.0.quantity"),
        ({"currency": "EUR", "lines": [line(1, 1, "1.2345", line_total=1)]}, "lines.0.quantity"),
        ({"currency": "EUR", "lines": [line(1, 1, "1.5")]}, "lines.0.line_total"),
        ({"currency": "EUR", "lines": [line(1, 1), line(1, 2)]}, "lines.1.id"),
        ({"currency": "EUR", "lines": [line(1, 1, sku="")]}, "lines.0.sku"),
        ({"currency": "EUR", "lines": [line(1, 1, sku="x" * 65)]}, "lines.0.sku"),
        ({"currency": "EUR", "lines": [line(1, 1, sku="a\nb")]}, "lines.0.sku"),
        ({"currency": "EUR", "lines": [line(1, 1, sku="a\x00b")]}, "lines.0.sku"),
        ({"currency": "EUR", "lines": [line(1, 1, sku="a\x85b")]}, "lines.0.sku"),
        ({"currency": "EUR", "lines": [line(1, 1, colour="red")]}, "lines.0.colour"),
        ({"currency": "EUR", "lines": [line(n, 10**12, 10**6) for n in range(2)]}, "lines"),
        (basket(1_000, coupons=["A"] * 21), "coupons"),
        (basket(1_000, customer={"id": 5}), "customer.id"),
        (basket(1_000, customer={"id": "x" * 65}), "customer.id"),
    ],
)
def test_a_value_that_cannot_be_is_a_422_with_its_path(till, body, path):
    answer = till.quote(body)
    assert (answer.status, answer["error"]) == (422, "invalid")
    assert list(answer["fields"]) == [path] if path != "currency" else path in answer["fields"]
    assert all(isinstance(said, str) for said in answer["fields"][path])


def test_every_fault_is_named_at_once(till):
    body = {"lines": [line(1, -1, 0), {"id": "2", "sku": "A"}], "coupons": "X", "customer": {"id": "a\tb"}}
    assert set(till.quote(body)["fields"]) == {"customer.id"}  # texts first: nothing else is worth reading
    body["customer"]["id"] = 7
    assert set(till.quote(body)["fields"]) == {
        "currency",
        "lines.0.unit_price",
        "lines.0.quantity",
        "lines.1.quantity",
        "lines.1.unit_price",
        "coupons",
        "customer.id",
    }


STRANGE_BODIES = {
    "a key repeated after many": "{" + ",".join(f'"k{n}":1' for n in range(70_000)) + ',"k69999":1}',
    "many unknown keys": "{" + ",".join(f'"k{n}":1' for n in range(70_000)) + "}",
    "many wrong codes": json.dumps(basket(1_000) | {"coupons": [1] * 340_000}),
    "many codes": json.dumps(basket(1_000) | {"coupons": ["X"] * 200_000}),
    "many wrong categories": json.dumps(
        {"currency": "EUR", "lines": [line(n, 1, categories=[1] * 600) for n in range(500)]}
    ),
    "many control characters": json.dumps(
        {"currency": "EUR", "lines": [line(n, 1, categories=["\x01"] * 180) for n in range(500)]}
    ),
}


@pytest.mark.parametrize("body", STRANGE_BODIES.values(), ids=STRANGE_BODIES)
def test_no_body_of_a_stranger_keeps_tills_waiting(till, body):
    assert len(body) <= 1024 * 1024
    till.key = "somebody-who-has-no-key-at-all"
    began = time.process_time()
    assert till.send("POST", "quotes", body).status == 401
    assert (
        time.process_time() - began < 1.5
    )  # what grew with the square of the number of keys took three minutes


def test_an_answer_names_a_hundred_faults_at_most(till):
    lines = [line(number, 1, 0) for number in range(300)]
    named = till.quote({"currency": "EUR", "lines": lines})["fields"]
    assert list(named) == [f"lines.{number}.quantity" for number in range(100)]


def test_too_much_is_a_413(till):
    assert till.quote(basket(*range(501))).status == 413
    assert till.quote(basket(*range(500))).status == 200
    assert till.send("POST", "quotes", b" " * (1024 * 1024 + 1)).status == 413
    assert till.send("POST", "quotes", b" " * 10, content_length=f"{10**9}").status in (400, 413)


def test_a_sale_has_values_of_its_own_to_refuse(till):
    for more, path in [
        ({"state": "paid"}, "state"),
        ({"ttl": 60}, "ttl"),
        ({"expect_discount": -1}, "expect_discount"),
        ({"on_change": "perhaps"}, "on_change"),
        ({"offline_at": "2026-01-01T10:00:00"}, "offline_at"),
        ({"offline_at": "yesterday"}, "offline_at"),
    ]:
        answer = till.put("S1", basket(1_000, **more))
        assert (answer.status, list(answer["fields"])) == (422, [path])
    for name in ("x" * 65, "a%00b", "a%20b", "-a", "%C3%A4"):
        assert list(till.put(name, basket(1_000))["fields"]) == ["sale_id"]
    assert not Sale.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "quotes", "POST"),
        ("DELETE", "sales/S1", "GET, PUT"),
        ("PUT", "sales/S1/void", "POST"),
        ("POST", "rules", "GET"),
        ("TRACE", "openapi.json", "GET"),
    ],
)
def test_another_method_is_a_405_that_names_those_there_are(till, method, path, allowed):
    answer = till.send(method, path)
    assert (answer.status, answer["error"], answer.headers["Allow"]) == (405, "method", allowed)


@pytest.mark.parametrize("path", ["", "quotes/", "quote", "sales/", "sales/a/b", "../admin"])
def test_another_address_is_a_404_in_json(till, path):
    answer = till.send("POST", path)
    assert (answer.status, answer["error"]) == (404, "not_found")


def test_without_a_key_that_is_known_nothing_is_told(till):
    for headers in ({"authorization": ""}, {"authorization": "Basic abc"}, {"authorization": "Bearer short"}):
        answer = till.send("POST", "quotes", basket(1_000), **headers)
        assert (answer.status, answer["error"]) == (401, "no_key")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    for body in (basket(1_000), "{", basket(-1)):
        answer = till.send("POST", "quotes", body, authorization="Bearer a-key-that-no-till-has-at-all")
        assert (answer.status, answer["error"]) == (401, "unknown_key")


def test_a_revoked_key_is_a_403_from_the_very_next_request(till):
    assert till.quote(basket(1_000)).status == 200
    keys.revoke(till.till)
    for body in (basket(1_000), "{"):
        answer = till.send("POST", "quotes", body)
        assert (answer.status, answer["error"]) == (403, "revoked_key")
    assert till.put("S1", basket(1_000)).status == 403


def test_a_fault_of_ours_is_logged_and_shows_no_traceback(till, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise ZeroDivisionError("something secret")

    monkeypatch.setattr(quotes, "quote", fail)
    with caplog.at_level(logging.ERROR, logger="pos"):
        answer = till.quote(basket(1_000))
    assert (answer.status, answer["error"]) == (500, "failed")
    assert "secret" not in str(answer.body)
    assert "ZeroDivisionError" in caplog.text


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(till, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(quotes, "_quote", away)
    answer = till.quote(basket(1_000))
    assert (answer.status, answer["error"], answer.headers["Retry-After"]) == (503, "unavailable", "1")


@pytest.mark.parametrize("reference", ["S1%00", "S1%00x", "%00", "S1%0A", "a" * 65, "%F0%9F%A7%80"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "sales/{}"),
        ("POST", "sales/{}/confirm"),
        ("POST", "sales/{}/release"),
        ("POST", "sales/{}/void"),
        ("PUT", "sales/{}/returns/R1"),
    ],
)
def test_an_id_that_no_sale_can_have_finds_none(till, method, path, reference):
    till.put("S1", basket(1_000))
    body = {"lines": [{"id": "1", "quantity": 1}]} if method == "PUT" else None
    answer = till.send(method, path.format(reference), body)
    assert (answer.status, answer["error"]) == (404, "no_such_sale")
    assert Sale.objects.get().state == "committed"
