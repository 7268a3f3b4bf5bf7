"""The pages of coupons, as a browser without JavaScript sees them."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from promotions.models import (
    Coupon,
)
from tests.factories import (
    CouponFactory,
    PromotionFactory,
    user_in,
)
from tests.promotions.pages import HTMX, read_page, words

pytestmark = pytest.mark.django_db


DAY = timedelta(days=1)


# ── coupons ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def coupon_promotion():
    return PromotionFactory(name="Unlocked", trigger="coupon")


COUPON = {"discount": "promotion", "kind": "multi_use"}


def test_a_code_is_created_with_a_discount_of_its_own(client, marketer, coupon_promotion):
    answer = COUPON | {
        "code": "spring10",
        "promotion": coupon_promotion.pk,
        "active": "on",
        "min_subtotal": "20",
    }
    answer |= {"discount": "percent", "percent": "10", "max_uses": "3", "customer": "C9"}
    response = client.post("/coupons/new/", answer)
    coupon = Coupon.objects.get()
    assert response["Location"] == f"/coupons/{coupon.pk}/"
    assert (coupon.code, coupon.min_subtotal, coupon.max_uses, coupon.customer) == ("SPRING10", 2000, 3, "C9")
    assert coupon.benefit == {"type": "percent", "percent": 1000}


def test_a_code_exists_once_whatever_its_case(client, marketer, coupon_promotion):
    CouponFactory(promotion=coupon_promotion, code="SPRING")
    page = read_page(
        client.post("/coupons/new/", COUPON | {"code": "spring", "promotion": coupon_promotion.pk}), 422
    )
    assert "The code “SPRING” exists already." in page


def test_only_promotions_with_a_coupon_are_offered(client, marketer, coupon_promotion):
    PromotionFactory(name="Automatic")
    page = words(read_page(client.get("/coupons/new/")))
    assert "Unlocked" in page
    assert "Automatic" not in page


def test_a_code_is_edited_and_keeps_a_discount_the_form_cannot_show(client, marketer, coupon_promotion):
    benefit = {"type": "fixed_price", "amount": 100}
    coupon = CouponFactory(promotion=coupon_promotion, code="OLD", benefit=benefit)
    assert "its own, as it is" in read_page(client.get(f"/coupons/{coupon.pk}/"))
    client.post(f"/coupons/{coupon.pk}/", COUPON | {"code": "NEW", "discount": "kept", "active": "on"})
    coupon = Coupon.objects.get()
    assert (coupon.code, coupon.benefit, coupon.active) == ("NEW", benefit, True)


def test_an_analyst_sees_a_code_and_cannot_change_it(client, coupon_promotion):
    coupon = CouponFactory(promotion=coupon_promotion)
    client.force_login(user_in("Analysts"))
    page = read_page(client.get(f"/coupons/{coupon.pk}/"))
    assert "<button" not in page.split("<main", 1)[1]
    assert client.post(f"/coupons/{coupon.pk}/", COUPON | {"code": "NEW"}).status_code == 403


def test_codes_are_generated_and_exported(client, marketer, coupon_promotion):
    answer = COUPON | {
        "promotion": coupon_promotion.pk,
        "kind": "one_time",
        "number": "25",
        "begins": "mail-",
        "length": "8",
    }
    response = client.post("/coupons/generate/", answer | {"batch": "May mailing"})
    assert Coupon.objects.filter(batch="May mailing", code__startswith="MAIL-", kind="one_time").count() == 25
    page = read_page(client.get(response["Location"]))
    assert "25 codes" in page
    exported = client.get("/coupons/export/?batch=May mailing")
    lines = b"".join(exported.streaming_content).decode().splitlines()
    assert exported["Content-Disposition"].startswith('attachment; filename="coupons-')
    assert lines[0].startswith("code,promotion")
    assert {line.split(",")[0] for line in lines[1:]} == set(Coupon.objects.values_list("code", flat=True))


def test_a_length_that_can_be_guessed_is_refused(client, marketer, coupon_promotion):
    answer = COUPON | {"promotion": coupon_promotion.pk, "number": "5", "length": "4"}
    read_page(client.post("/coupons/generate/", answer), 422)
    page = words(
        read_page(client.post("/coupons/generate/", answer | {"length": "10", "begins": "A B"}), 422)
    )
    assert "Prefix : A code is made of letters, digits and signs without spaces." in page
    assert not Coupon.objects.exists()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ["COMING", "GONE", "GOOD", "OFF", "USED"]),
        ("q=goo", ["GOOD"]),
        ("state=usable", ["GOOD"]),
        ("state=coming", ["COMING"]),
        ("state=used_up", ["USED"]),
        ("state=ended", ["GONE"]),
        ("state=off", ["OFF"]),
        ("q=may", ["OFF"]),
        ("q=lock", ["COMING", "GONE", "GOOD", "OFF", "USED"]),
        ("q=other", []),
        ("batch=May mailing", ["OFF"]),
        ("batch=May", []),
        ("promotion=0", ["COMING", "GONE", "GOOD", "OFF", "USED"]),
    ],
)
def test_the_codes_are_narrowed(client, marketer, coupon_promotion, asked, found):
    now = timezone.now()
    for code, fields in {
        "GOOD": {},
        "COMING": {"starts_at": now + DAY},
        "USED": {"kind": "one_time", "uses": 1},
        "GONE": {"ends_at": now - DAY},
        "OFF": {"active": False, "batch": "May mailing"},
    }.items():
        CouponFactory(promotion=coupon_promotion, code=code, **fields)
    page = read_page(client.get(f"/coupons/?{asked}"))
    assert sorted(re.findall(r'href="/coupons/\d+/">(\w+)<', page)) == found


def test_a_code_is_switched_off_in_the_list(client, marketer, coupon_promotion):
    coupon = CouponFactory(promotion=coupon_promotion)
    row = read_page(client.post(f"/coupons/{coupon.pk}/switch/", **HTMX))
    assert row.strip().startswith(f'<tr id="coupon-{coupon.pk}">')
    assert "Switched off" in row
    assert not Coupon.objects.get().active
    client.post(f"/coupons/{coupon.pk}/switch/", {"on": "1"})
    assert Coupon.objects.get().active
