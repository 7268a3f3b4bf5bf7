"""The codes that belong to a customer: listed to the till that names them, and applied where the location says so."""

from datetime import timedelta

import pytest
from django.utils import timezone

from promotions.models import Promotion
from tests.factories import ContactFactory, CouponFactory, DeliveryFactory, LocationFactory, PromotionFactory
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
C7 = {"id": "C7"}


@pytest.fixture
def till():
    return AtTill()


@pytest.fixture
def applying():
    return AtTill(location=LocationFactory(apply_personal_offers=True))


def give_code(code="AUTUMN-B", status="accepted", customer="C7", **fields):
    """A mail's code in the hands of a customer."""
    promotion = fields.pop("promotion", None) or PromotionFactory(
        name="A tenth off", trigger="coupon", standalone=True
    )
    contact = ContactFactory(customer_id=customer)
    coupon = CouponFactory(
        code=code, promotion=promotion, kind="one_time", made_for=contact.pk, batch="E-mail 1", **fields
    )
    DeliveryFactory(contact=contact, coupon=coupon, status=status, due_at=None)
    return coupon


def test_a_quote_that_names_the_customer_lists_the_codes_that_could_be_used_now(till):
    ends_at = timezone.now() + DAY
    give_code(ends_at=ends_at)
    answer = till.quote(basket(1_000, customer=C7))
    assert (answer["discount"], answer["coupons"]) == (0, [])
    (offer,) = answer["available"]
    assert (offer["code"], offer["label"]) == ("AUTUMN-B", "A tenth off")
    assert offer["ends_at"].startswith(ends_at.strftime("%Y-%m-%dT%H:%M"))


def test_a_till_is_told_from_which_spend_on_a_code_counts_and_only_where_it_is_good(till):
    coupon = give_code(min_subtotal=500)
    assert [offer["min_subtotal"] for offer in till.quote(basket(1_000, customer=C7))["available"]] == [500]
    assert "available" not in till.quote(basket(499, customer=C7)).body
    (refused,) = till.quote(basket(499, customer=C7, coupons=[coupon.code]))["coupons"]
    assert (refused["status"], refused["need"], refused["have"]) == ("coupon_min_subtotal", 500, 499)
    coupon.locations.set([LocationFactory()])
    assert "available" not in till.quote(basket(1_000, customer=C7)).body
    (refused,) = till.quote(basket(1_000, customer=C7, coupons=[coupon.code]))["coupons"]
    assert refused["status"] == "coupon_wrong_location"


def test_old_tills_see_no_difference(till):
    give_code()
    for more in ({}, {"customer": {"id": "C8"}}, {"customer": {"groups": ["vip"]}}):
        assert "available" not in till.quote(basket(1_000, **more)).body
    assert "available" not in till.put("S1", basket(1_000, customer=C7)).body


def test_a_code_made_by_hand_for_the_customers_number_is_theirs_too(till):
    CouponFactory(code="VIP7", customer="C7", promotion__standalone=True)
    assert [offer["code"] for offer in till.quote(basket(1_000, customer=C7))["available"]] == ["VIP7"]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "pending"},
        {"status": "bounced"},
        {"active": False},
        {"uses": 1},
        {"ends_at": timezone.now() - DAY},
        {"starts_at": timezone.now() + DAY},
        {"min_subtotal": 1_001},
    ],
)
def test_what_could_not_be_used_now_is_not_listed(till, fields):
    give_code(**fields)
    assert "available" not in till.quote(basket(1_000, customer=C7)).body


def test_a_code_of_a_promotion_that_is_off_or_elsewhere_is_not_listed(till):
    coupon = give_code()
    Promotion.objects.filter(pk=coupon.promotion_id).update(status="inactive")
    assert "available" not in till.quote(basket(1_000, customer=C7)).body
    Promotion.objects.filter(pk=coupon.promotion_id).update(status="active")
    assert "available" in till.quote(basket(1_000, customer=C7)).body
    coupon.promotion.locations.add(LocationFactory())
    assert "available" not in till.quote(basket(1_000, customer=C7)).body


def test_a_code_that_was_presented_is_not_listed_again(till):
    give_code()
    answer = till.quote(basket(1_000, customer=C7, coupons=["CUPN:autumn-b"]))
    assert answer["discount"] == 100
    assert "available" not in answer.body


def test_where_the_location_says_so_a_code_is_applied_as_if_it_had_been_presented(applying):
    coupon = give_code()
    answer = applying.quote(basket(1_000, customer=C7))
    assert answer["discount"] == 100
    assert answer["coupons"] == [{"code": "AUTUMN-B", "status": "applied"}]
    assert answer["applied"][0]["coupon"] == "AUTUMN-B"
    sale = applying.put("S1", basket(1_000, customer=C7, expect_discount=100))
    assert (sale.status, sale["discount"]) == (201, 100)
    coupon.refresh_from_db()
    assert coupon.uses == 1
    assert applying.put("S2", basket(1_000, customer=C7))["discount"] == 0, "it is good once"
    applying.send("POST", "sales/S1/void")
    coupon.refresh_from_db()
    assert coupon.uses == 0


def test_a_code_that_gives_nothing_is_not_named(applying):
    give_code(promotion=PromotionFactory(trigger="coupon", standalone=True, status="inactive"))
    assert applying.quote(basket(1_000, customer=C7))["coupons"] == []


def test_a_sale_made_offline_gets_no_code_that_its_till_did_not_present(applying):
    give_code()
    at = (timezone.now() - timedelta(minutes=1)).isoformat()
    assert applying.put("S1", basket(1_000, customer=C7, offline_at=at))["discount"] == 0


def test_a_quote_stays_one_query_with_codes_of_the_customer(applying, django_assert_num_queries):
    give_code()
    applying.quote(basket(1_000, customer=C7))
    with django_assert_num_queries(1):
        assert applying.quote(basket(1_000, customer=C7))["discount"] == 100
