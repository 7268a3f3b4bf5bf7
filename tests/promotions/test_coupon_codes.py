"""Making coupons: one, or a hundred thousand."""

import csv
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.refusals import Refused
from promotions import coupons
from promotions.coupons import ALPHABET
from promotions.models import Coupon
from tests.factories import CouponFactory, LocationFactory, PromotionFactory, user_in
from tests.promotions.pages import read_page, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def coupon_promotion():
    return PromotionFactory(name="Spring", trigger="coupon")


def test_a_hundred_thousand_codes_take_seconds_and_no_two_are_alike(coupon_promotion):
    began = time.monotonic()
    batch = coupons.generate_codes(coupon_promotion, 100_000, prefix="spring-")
    # on a machine that does much else; some seconds on one that does not
    assert time.monotonic() - began < 30
    codes = list(Coupon.objects.filter(batch=batch).values_list("code", flat=True))
    assert len(codes) == len(set(codes)) == 100_000
    assert all(code.startswith("SPRING-") and set(code[7:]) <= set(ALPHABET) for code in codes)
    assert not set(ALPHABET) & set("AEIOU0O1IL2Z5S8B".replace("B", ""))


def test_codes_that_exist_already_are_made_again(coupon_promotion, monkeypatch):
    CouponFactory(promotion=coupon_promotion, code="BBBBBBBB")
    made = iter(["BBBBBBBB", "CCCCCCCC", "CCCCCCCC", "DDDDDDDD", "FFFFFFFF", "GGGGGGGG"])
    monkeypatch.setattr(coupons, "random_letters", lambda length: next(made))
    batch = coupons.generate_codes(coupon_promotion, 3, length=8)
    codes = set(Coupon.objects.filter(batch=batch).values_list("code", flat=True))
    assert codes == {"CCCCCCCC", "DDDDDDDD", "FFFFFFFF"}


def test_a_batch_has_what_each_of_its_coupons_has(coupon_promotion):
    shop, end = LocationFactory(), timezone.now() + timedelta(days=9)
    batch = coupons.generate_codes(
        coupon_promotion,
        3,
        by=user_in("Marketers"),
        batch="Leaflet",
        locations=[shop],
        kind="multi_use",
        max_uses=5,
        max_uses_per_customer=1,
        min_subtotal=2_000,
        ends_at=end,
        benefit={"type": "percent", "percent": 500},
    )
    assert batch == "Leaflet"
    for coupon in Coupon.objects.filter(batch="Leaflet"):
        assert (coupon.promotion, coupon.kind, coupon.max_uses, coupon.max_uses_per_customer) == (
            coupon_promotion,
            "multi_use",
            5,
            1,
        )
        assert (coupon.min_subtotal, coupon.ends_at, coupon.benefit["percent"]) == (2_000, end, 500)
        assert list(coupon.locations.all()) == [shop]


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 0},
        {"count": 1_000_001},
        {"length": 7},
        {"length": 31},
        {"prefix": "has space "},
        {"prefix": "x" * 35},
        {"max_uses": 0},
        {"min_subtotal": -1},
        {"benefit": {"type": "gold"}},
        {"starts_at": timezone.now(), "ends_at": timezone.now() - timedelta(1)},
        {"ends_at": timezone.now().replace(tzinfo=None)},
    ],
)
def test_a_batch_that_cannot_be_is_refused(coupon_promotion, wrong):
    with pytest.raises(Refused):
        coupons.generate_codes(coupon_promotion, **{"count": 3} | wrong)
    assert not Coupon.objects.exists()


def test_codes_unlock_promotions_that_wait_for_one_and_only_marketers_make_them():
    with pytest.raises(Refused, match="applies without a coupon"):
        coupons.generate_codes(PromotionFactory(), 1)
    with pytest.raises(Refused, match="You may not"):
        coupons.generate_codes(PromotionFactory(trigger="coupon"), 1, by=user_in("Analysts"))


def test_codes_are_exported_as_csv_that_no_spreadsheet_takes_for_a_formula(coupon_promotion):
    CouponFactory(promotion=coupon_promotion, code="=1+1", max_uses=3)
    CouponFactory(promotion=coupon_promotion, code="PLAIN")
    header, *rows = csv.reader(coupons.csv_lines(Coupon.objects.order_by("code")))
    assert header[:4] == ["code", "promotion", "kind", "active"]
    assert [row[3] for row in rows] == ["yes", "yes"]
    assert [row[0] for row in rows] == ["'=1+1", "PLAIN"]
    assert [row[1] for row in rows] == ["Spring", "Spring"]


def test_one_coupon_is_saved_without_touching_what_is_counted_on_it(coupon_promotion):
    coupon = coupons.save_coupon(None, promotion=coupon_promotion, code=" spring10 ", kind="multi_use")
    assert coupon.code == "SPRING10"
    Coupon.objects.update(uses=7)
    saved = coupons.save_coupon(coupon, max_uses=10, locations=[LocationFactory()])
    assert (saved.uses, saved.max_uses, saved.locations.count()) == (7, 10, 1)
    with pytest.raises(Refused, match="exists already"):
        coupons.save_coupon(None, promotion=coupon_promotion, code="Spring10")
    with pytest.raises(Refused, match="used 7 times"):
        coupons.save_coupon(coupon, kind="one_time")
    with pytest.raises(Refused, match="is not a field of a coupon"):
        coupons.save_coupon(coupon, uses=0)


def test_who_made_edited_and_switched_codes_is_in_the_history_of_their_promotion(client, coupon_promotion):
    marketer, shop = user_in("Marketers"), LocationFactory(code="BER")
    coupons.generate_codes(coupon_promotion, 2, batch="Leaflet", by=marketer)
    coupon = coupons.save_coupon(None, promotion=coupon_promotion, code="tea5", by=marketer)
    coupons.save_coupon(coupon, by=marketer, active=False)
    coupons.save_coupon(coupon, by=marketer, active=False, locations=[])  # changes nothing
    coupons.save_coupon(
        coupon, by=marketer, active=True, min_subtotal=2_000, kind="one_time", locations=[shop]
    )
    history = list(coupon_promotion.changes.order_by("pk"))
    assert {change.by for change in history} == {marketer}
    assert [(change.what, change.detail) for change in history] == [
        ("codes_made", {"batch": "Leaflet", "codes": 2}),
        ("code_made", {"code": "TEA5"}),
        ("code_off", {"code": "TEA5"}),
        (
            "code_edited",
            {
                "code": "TEA5",
                "changed": {
                    "active": [False, True],
                    "min_subtotal": [0, 2_000],
                    "kind": ["multi_use", "one_time"],
                    "locations": [[], ["BER"]],
                },
            },
        ),
    ]
    client.force_login(marketer)
    page = words(read_page(client.get(f"/promotions/{coupon_promotion.pk}/")))
    for said in (
        "Codes generated",
        "2 of “Leaflet”",
        "Code switched off",
        "“TEA5”",
        "locations: everywhere → BER",
    ):
        assert said in page
    assert "may be used: many times → once in all" in page
    assert "minimum subtotal: €0.00 → €20.00" in page
