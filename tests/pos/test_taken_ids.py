"""An id of a sale or a return that another till of the location has: refused by name, never a silent replay."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pos import keys
from pos.models import Return, Sale
from tests.factories import PromotionCampaignFactory
from tests.pos.tills import AtTill, basket, counter_figures, line, run_at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return PromotionCampaignFactory(discounting=True, status="active", budget=100_000)


@pytest.fixture
def one():
    return AtTill(name="Till 1")


@pytest.fixture
def two(one):
    return AtTill(name="Till 2", location=one.location)


def offline(body):
    return body | {"offline_at": (timezone.now() - timedelta(hours=1)).isoformat()}


@pytest.mark.parametrize("way", [dict, lambda body: body | {"state": "held"}, offline])
def test_a_sale_id_of_another_till_is_taken_whichever_way_it_comes(campaign, one, two, way):
    body = way(basket(1_000))
    assert one.put("S1", body).status == 201
    same = two.put("S1", body)
    assert (same.status, same["error"], same["till"], same["same_body"]) == (
        409,
        "sale_id_taken",
        "Till 1",
        True,
    )
    assert same["message"] == (
        "The till “Till 1” of this location has sent the sale S1, with the same content: use another id for this sale."
    )
    other = two.put("S1", way(basket(2_000)))
    assert (other.status, other["error"], other["same_body"]) == (409, "sale_id_taken", False)
    assert one.put("S1", body).headers["Idempotent-Replayed"] == "true"
    assert one.put("S1", way(basket(3_000)))["error"] == "idempotency_mismatch"
    assert Sale.objects.count() == 1


def test_a_voided_or_lapsed_sale_keeps_its_id(campaign, one, two):
    one.put("S1", basket(1_000))
    one.post("S1", "void")
    assert two.put("S1", basket(1_000))["error"] == "sale_id_taken"
    one.hold("S2", basket(1_000))
    one.post("S2", "release")
    assert two.put("S2", basket(1_000))["error"] == "sale_id_taken"


def test_a_replaced_device_goes_on_with_a_rotated_key_of_its_till(campaign, one):
    one.put("S1", basket(1_000))
    one.key = keys.rotate(one.till)
    answer = one.put("S1", basket(1_000))
    assert (answer.status, answer.headers["Idempotent-Replayed"]) == (200, "true")


def test_another_till_of_the_location_may_confirm_release_void_and_take_back(campaign, one, two):
    one.hold("S1", basket(1_000))
    assert two.post("S1", "confirm").status == 200
    assert one.post("S1", "confirm").headers["Idempotent-Replayed"] == "true"
    assert two.give_back("S1", "R1", {"1": 1}).status == 201
    one.hold("S2", basket(1_000))
    assert two.post("S2", "release").status == 200
    one.put("S3", basket(1_000))
    assert two.post("S3", "void").status == 200
    assert two.send("GET", "sales/S3")["state"] == "voided"


def test_a_return_id_of_another_till_is_taken_too(campaign, one, two):
    """Two tills that both number their returns from 1 take back one unit each: both must count."""
    one.put("S1", {"currency": "EUR", "lines": [line(1, 1_000, 3)]})
    assert one.give_back("S1", "1", {"1": 1}).status == 201
    answer = two.give_back("S1", "1", {"1": 1})
    assert (answer.status, answer["error"], answer["till"], answer["same_body"]) == (
        409,
        "return_id_taken",
        "Till 1",
        True,
    )
    assert one.give_back("S1", "1", {"1": 1}).headers["Idempotent-Replayed"] == "true"
    assert two.give_back("S1", "2", {"1": 1}).status == 201
    assert Return.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_tills_that_send_one_id_at_once_exactly_one_has_it():
    campaign = PromotionCampaignFactory(discounting=True, status="active", budget=100_000)
    tills = [AtTill(name="Till 0")]
    tills += [AtTill(name=f"Till {number}", location=tills[0].location) for number in range(1, 6)]
    for round_number in range(5):
        answers = run_at_once(
            6, lambda number, sale=f"S{round_number}": tills[number].put(sale, basket(1_000))
        )
        assert sorted(answer.status for answer in answers) == [201, 409, 409, 409, 409, 409]
        winner = next(number for number, answer in enumerate(answers) if answer.status == 201)
        others = [answer for answer in answers if answer.status == 409]
        assert {(answer["error"], answer["till"]) for answer in others} == {
            ("sale_id_taken", f"Till {winner}")
        }
    assert counter_figures(campaign=campaign) == (500, 0, 5)
    assert Sale.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_of_tills_that_send_one_return_id_at_once_exactly_one_has_it():
    PromotionCampaignFactory(discounting=True, status="active", budget=100_000)
    tills = [AtTill(name="Till 0")]
    tills += [AtTill(name=f"Till {number}", location=tills[0].location) for number in range(1, 4)]
    tills[0].put("S1", {"currency": "EUR", "lines": [line(1, 1_000, 9)]})
    answers = run_at_once(4, lambda number: tills[number].give_back("S1", "1", {"1": 1}))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    assert Return.objects.count() == 1
