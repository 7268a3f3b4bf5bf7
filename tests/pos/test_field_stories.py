"""What people reported of other tills, step by step at ours: coupons on hold, voids and returns, limits by customer."""

import pytest

from campaigns import doctor
from promotions import publish
from promotions.models import Coupon, Promotion
from tests.factories import CouponFactory, PromotionCampaignFactory, PromotionFactory
from tests.pos.tills import AtTill, basket, line

pytestmark = pytest.mark.django_db

C9 = {"id": "C9"}


@pytest.fixture
def till():
    return AtTill()


def code(**fields):
    return CouponFactory(promotion=PromotionFactory(trigger="coupon", standalone=True), **fields).code


def basket_of(*lines):
    return {"currency": "EUR", "lines": list(lines)}


def status(answer):
    return answer["coupons"][0]["status"]


def test_a_one_time_code_that_a_hold_gives_back_is_good_elsewhere(till):
    """Reported as woocommerce#27673: the confirmation does not count its own hold as a use."""
    other = AtTill(location=till.location)
    body = basket(1_000, coupons=[code(code="ONCE", kind="one_time")])
    assert status(till.hold("S1", body)) == "applied"
    assert status(other.quote(body)) == "coupon_used"
    assert till.post("S1", "release").status == 200
    assert status(other.hold("S2", body)) == "applied"
    confirmed = other.post("S2", "confirm")
    assert (confirmed.status, status(confirmed), confirmed["discount"]) == (200, "applied", 100)
    again = other.post("S2", "confirm")
    assert again.body == confirmed.body
    assert Coupon.objects.get().uses == 1
    assert status(till.quote(body)) == "coupon_used"
    assert not list(doctor.find_breaches())


def test_a_voided_sale_never_was_a_purchase_and_a_returned_one_was(till):
    """Reported as solidus PR#6343, magento2#12817: decided and written down in docs/promotions.md."""
    PromotionFactory(standalone=True, conditions=[{"type": "first_purchase"}])
    assert till.put("S1", basket(1_000, customer=C9))["discount"] == 100
    till.post("S1", "void")
    assert till.put("S2", basket(1_000, customer=C9))["discount"] == 100
    assert till.put("S3", basket(1_000, customer=C9))["discount"] == 0
    till.give_back("S2", "R1", {"1": 1})
    till.give_back("S3", "R1", {"1": 1})
    assert till.put("S4", basket(1_000, customer=C9))["discount"] == 0


@pytest.mark.parametrize("undo", ["void", "return"])
def test_a_code_of_one_use_by_customer_comes_back_with_the_whole_sale(till, undo):
    """When nothing is left of what the code gave, its use comes back."""
    body = basket(1_000, customer=C9, coupons=[code(max_uses_per_customer=1)])
    till.put("S1", body)
    assert status(till.quote(body)) == "coupon_customer_limit"
    if undo == "void":
        till.post("S1", "void")
    else:
        till.give_back("S1", "R1", {"1": 1})
    assert status(till.put("S2", body)) == "applied"
    assert not list(doctor.find_breaches())


def test_returns_of_a_discounted_sale_add_up_to_the_cent(till):
    """Reported as bagisto#1509, easydigitaldownloads#8076, solidus#512."""
    ten = PromotionFactory(standalone=True)
    till.put("A", basket_of(line(1, 100, 3)))
    assert [till.give_back("A", f"R{number}", {"1": 1})["total"] for number in range(3)] == [90, 90, 90]
    till.put("B", basket_of(line(1, 10_000, 3)))
    assert till.give_back("B", "R1", {"1": 2})["total"] == 18_000
    till.put("C", basket_of(line(1, 600), line(2, 400)))
    assert till.give_back("C", "R1", {"1": 1})["total"] == 540
    publish.switch_promotion(ten, False)
    one = PromotionFactory(standalone=True, level="order", benefit={"type": "fixed_total", "amount": 100})
    till.put("D", basket_of(line(1, 333, 3)))
    assert sum(till.give_back("D", f"R{number}", {"1": 1})["total"] for number in range(3)) == 899
    assert till.give_back("D", "R9", {"1": 1})["error"] == "exceeds_sold"
    publish.switch_promotion(one, False)
    PromotionFactory(
        standalone=True, target={"match": {"skus": ["SKU3"]}}, benefit={"type": "percent", "percent": 2000}
    )
    PromotionFactory(
        standalone=True, level="order", benefit={"type": "percent_of_total", "percent": 1000}, name="sale"
    )
    answer = till.put("E", basket_of(line(1, 400), line(2, 200), line(3, 500)))
    assert answer["total"] == 900
    assert till.give_back("E", "R1", {"1": 1, "2": 1, "3": 1})["total"] == 900


@pytest.mark.parametrize("change", ["edit", "delete"])
def test_what_a_return_refunds_stands_since_the_sale_whatever_becomes_of_the_promotion(till, change):
    """Reported as odoo PR#177312: buy 2, get 1 free, shared by the three units."""
    buy_get = {"type": "buy_get", "buy": {"quantity": 2}, "get": {"quantity": 1}}
    promotion = PromotionFactory(standalone=True, benefit=buy_get)
    assert till.put("S1", basket_of(line(1, 1_000, 3)))["total"] == 2_000
    refunds = [till.give_back("S1", "R1", {"1": 1})["total"]]
    if change == "edit":
        publish.save_promotion(promotion, benefit={"type": "percent", "percent": 9_000})
    else:
        publish.delete_promotion(Promotion.objects.get(pk=promotion.pk))
    refunds += [till.give_back("S1", f"R{number}", {"1": 1})["total"] for number in (2, 3)]
    assert sorted(refunds) == [666, 667, 667]


def test_ids_of_customers_differ_by_case_and_a_limit_by_customer_needs_one(till):
    """Reported as woocommerce#26108, magento2#776: the till's ids are opaque, so `c9` is another customer."""
    once = code(max_uses_per_customer=1)
    assert status(till.put("S1", basket(1_000, customer=C9, coupons=[once]))) == "applied"
    assert status(till.quote(basket(1_000, customer=C9, coupons=[once]))) == "coupon_customer_limit"
    assert status(till.put("S2", basket(1_000, customer={"id": "c9"}, coupons=[once]))) == "applied"
    answer = till.put("S3", basket(1_000, coupons=[once]))
    assert (status(answer), answer["discount"]) == ("needs_customer", 0)
    assert answer["coupons"][0]["message"] == "It needs to know the customer, and this sale names none."


def test_a_limit_by_customer_of_a_campaign_needs_one_too(till):
    PromotionCampaignFactory(discounting=True, status="active", max_uses_per_customer=1)
    assert till.quote(basket(1_000))["not_applied"][0]["reason"] == "needs_customer"
