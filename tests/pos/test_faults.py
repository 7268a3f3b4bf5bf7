"""What breaks between a till and the database: a sale is still counted once, and a till is told when to come back."""

import json
import socket
import time

import pytest
from django.db import OperationalError, connection

from campaigns import doctor
from pos.models import Sale
from promotions import usage
from promotions.database.statements import Transaction
from tests.factories import PromotionCampaignFactory
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
