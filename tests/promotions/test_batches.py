"""Codes that were generated together are switched together: by who may, after a question, from the very next sale."""

import pytest

from campaigns.refusals import Refused
from promotions import batches, coupons
from promotions.models import Change, Coupon
from tests.factories import CouponFactory, PromotionFactory, user_in
from tests.pos.tills import AtTill, basket
from tests.promotions.pages import HTMX, queries, read_page, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def coupon_promotion():
    return PromotionFactory(name="Unlocked", trigger="coupon", standalone=True)


def status(till, coupon) -> str:
    return till.quote(basket(1_000, coupons=[coupon.code]))["coupons"][0]["status"]


def test_a_till_is_told_that_a_code_of_a_batch_is_switched_off_until_it_is_on_again(coupon_promotion):
    coupons.generate_codes(coupon_promotion, 5, batch="Leaflet")
    leaked, other = Coupon.objects.filter(batch="Leaflet").first(), CouponFactory(promotion=coupon_promotion)
    till = AtTill()
    assert status(till, leaked) == "applied"
    assert batches.switch_batch(coupon_promotion, "Leaflet", False) == 5
    assert (status(till, leaked), status(till, other)) == ("coupon_inactive", "applied")
    assert till.put("S1", basket(1_000, coupons=[leaked.code]))["discount"] == 0
    assert batches.switch_batch(coupon_promotion, "Leaflet", True) == 5
    assert status(till, leaked) == "applied"


def test_only_the_batch_of_that_promotion_is_switched(coupon_promotion):
    same_name = CouponFactory(batch="Leaflet")
    other_batch = CouponFactory(promotion=coupon_promotion, batch="Leaflet 2")
    coupons.generate_codes(coupon_promotion, 2, batch="Leaflet")
    assert batches.switch_batch(coupon_promotion, "Leaflet", False) == 2
    assert set(Coupon.objects.filter(active=True)) == {same_name, other_batch}


def test_who_switched_a_batch_is_on_record_and_a_second_time_changes_nothing(coupon_promotion):
    coupons.generate_codes(coupon_promotion, 3, batch="Leaflet")
    marketer = user_in("Marketers")
    batches.switch_batch(coupon_promotion, "Leaflet", False, by=marketer)
    assert batches.switch_batch(coupon_promotion, "Leaflet", False, by=marketer) == 0
    change, made = Change.objects.all()
    assert (change.promotion, change.by, change.what) == (coupon_promotion, marketer, "codes_off")
    assert change.detail == made.detail == {"batch": "Leaflet", "codes": 3}


def test_a_batch_that_is_not_there_an_analyst_and_a_deleted_promotion_are_refused(coupon_promotion):
    coupons.generate_codes(coupon_promotion, 1, batch="Leaflet")
    with pytest.raises(Refused, match="There is no batch “Other” any more"):
        batches.switch_batch(coupon_promotion, "Other", False)
    with pytest.raises(Refused, match="There is no batch “” any more"):
        batches.switch_batch(coupon_promotion, "", False)
    with pytest.raises(Refused, match="You may not change coupons"):
        batches.switch_batch(coupon_promotion, "Leaflet", False, by=user_in("Analysts"))
    gone = CouponFactory(batch="Leaflet", promotion__deleted_at="2026-01-01T00:00Z").promotion
    with pytest.raises(Refused, match="was deleted"):
        batches.switch_batch(gone, "Leaflet", True)
    assert not Coupon.objects.filter(active=False).exists()


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_counts_the_codes_of_each_batch(client, marketer, coupon_promotion):
    coupons.generate_codes(coupon_promotion, 4, batch="Leaflet")
    Coupon.objects.filter(pk=Coupon.objects.first().pk).update(uses=1, active=False)
    CouponFactory(promotion=coupon_promotion)  # by itself: of no batch
    page = words(read_page(client.get("/coupons/batches/")))
    assert "Leaflet Unlocked 4 1 25.0% 3 on" in page
    assert "Switch on Leaflet" in page
    assert "Switch off Leaflet" in page


def test_a_batch_is_switched_off_after_a_question(client, marketer, coupon_promotion):
    coupons.generate_codes(coupon_promotion, 4, batch="Leaflet")
    asked = {"promotion": coupon_promotion.pk, "batch": "Leaflet"}
    question = words(read_page(client.get("/coupons/batches/switch/", asked, **HTMX)))
    assert "Switch off all codes of “Leaflet”? 4 codes of “Unlocked” will be refused" in question
    assert Coupon.objects.filter(active=True).count() == 4
    page = words(read_page(client.post("/coupons/batches/switch/", asked, follow=True)))
    assert "4 codes of “Leaflet” switched off." in page
    assert not Coupon.objects.filter(active=True).exists()
    client.post("/coupons/batches/switch/", asked | {"on": "1"})
    assert Coupon.objects.filter(active=True).count() == 4
    record = words(read_page(client.get(f"/promotions/{coupon_promotion.pk}/")))
    assert "Codes switched off" in record
    assert "4 of “Leaflet”" in record


def test_an_analyst_sees_the_batches_and_cannot_switch_one(client, coupon_promotion):
    coupons.generate_codes(coupon_promotion, 1, batch="Leaflet")
    client.force_login(user_in("Analysts"))
    assert "Switch off" not in read_page(client.get("/coupons/batches/"))
    for call in (client.get, client.post):
        asked = {"promotion": coupon_promotion.pk, "batch": "Leaflet"}
        assert call("/coupons/batches/switch/", asked).status_code == 403
    assert Coupon.objects.get().active


def test_a_batch_that_is_gone_is_not_found_and_a_broken_address_is_no_fault(
    client, marketer, coupon_promotion
):
    for promotion in (coupon_promotion.pk, "²", "x", ""):
        asked = {"promotion": promotion, "batch": "Leaflet"}
        assert client.get("/coupons/batches/switch/", asked).status_code == 404
    nul = {"promotion": coupon_promotion.pk, "batch": "\0"}
    assert client.get("/coupons/batches/switch/", nul).status_code == 400
    page = read_page(client.post("/coupons/batches/switch/", {"promotion": "²", "batch": "X"}, follow=True))
    assert "There is no batch “X” any more." in page


def test_the_page_asks_no_more_with_more_batches(client, marketer, coupon_promotion):
    coupons.generate_codes(coupon_promotion, 1, batch="One")
    few = queries(client, "/coupons/batches/")
    for number in range(30):
        coupons.generate_codes(coupon_promotion, 1, batch=f"Batch {number}")
    assert queries(client, "/coupons/batches/") == few
