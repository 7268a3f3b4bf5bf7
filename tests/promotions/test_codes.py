"""One mapping of codes on both sides: the same letters in any case, however they were typed, are the same code."""

import unicodedata

import pytest

from campaigns import doctor
from campaigns.refusals import Refused
from promotions import coupons
from promotions.codes import code_as_stored, code_key, is_short
from promotions.models import Coupon
from tests.factories import CouponFactory, PromotionFactory
from tests.pos.tills import AtTill, basket

SAME = [
    ("Straße10", "straße10", "STRASSE10", "STRAẞE10", "Strasse10"),
    ("İNDİRİM10", "i̇ndi̇ri̇m10", "indirim10", "INDIRIM10", "ındırım10"),
    ("DANKEFÜR100", "dankefür100", "dankefu\u0308r100", "DANKEFU\u0308R100"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ"),
    ("ＳＡＬＥ１０", "sale10", "ｓａｌｅ１０"),
    ("ﬁnale1", "FINALE1", "Finale1"),
    ("SPRING10", " spring10 ", "spr\u200bing10", "\ufeffSpring10", "SPRING\u00ad10"),
    ("ᾼ͂12345", "ᾷ12345"),
]
OTHER = [("SPRING10", "SPRING1O"), ("CAFÉ10", "CAFE10"), ("A-10BCD", "A10BCD"), ("ÖL12345", "OL12345")]


@pytest.mark.parametrize("spellings", SAME)
def test_spellings_of_one_code_have_one_key(spellings):
    assert len({code_key(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(("one", "another"), OTHER)
def test_other_letters_are_another_code(one, another):
    assert code_key(one) != code_key(another)


def test_case_and_form_change_no_key_whatever_the_letter():
    for number in [*range(0x3000), *range(0xA640, 0xAC00), *range(0xF900, 0x10000), *range(0x10400, 0x10500)]:
        code = f"i{chr(number)}B"
        key = code_key(code)
        assert code_key(key) == code_key(code_as_stored(code)) == key
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            assert code_key(unicodedata.normalize(form, code)) == key, code
        for other in (code.upper(), code.lower(), code.swapcase(), code.casefold(), code.title()):
            assert code_key(other) == key, code


@pytest.mark.django_db
@pytest.mark.parametrize("spellings", SAME)
def test_a_code_is_good_at_the_till_in_every_spelling(spellings):
    promotion = PromotionFactory(trigger="coupon", standalone=True)
    coupons.save_coupon(None, promotion=promotion, code=spellings[0])
    till = AtTill()
    for typed in spellings:
        if any(unicodedata.category(letter) == "Cc" for letter in typed):
            continue
        answer = till.quote(basket(1_000, coupons=[typed]))
        assert [coupon["status"] for coupon in answer["coupons"]] == ["applied"], typed
    with pytest.raises(Refused, match="exists already"):
        coupons.save_coupon(None, promotion=promotion, code=spellings[1].strip("\ufeff "))


@pytest.mark.django_db
def test_two_spellings_of_one_code_in_a_basket_are_used_once():
    CouponFactory(promotion=PromotionFactory(trigger="coupon", standalone=True), code="STRASSE10")
    answer = AtTill().put("S1", basket(1_000, coupons=["straße10", "STRASSE10"]))
    assert answer["discount"] == 100
    assert Coupon.objects.get().uses == 1


@pytest.mark.django_db
def test_a_code_of_nothing_visible_is_refused():
    promotion = PromotionFactory(trigger="coupon")
    for code in ("", " ", "\u200b", "\ufe0f", "\u034f"):
        with pytest.raises(Refused):
            coupons.save_coupon(None, promotion=promotion, code=code)


@pytest.mark.django_db
def test_codes_are_found_in_any_case(client, admin_client):
    CouponFactory(code="STRASSE10")
    CouponFactory(code="OTHER10")
    page = admin_client.get("/coupons/", {"q": "straße"}).content.decode()
    assert "STRASSE10" in page
    assert "OTHER10" not in page


@pytest.mark.django_db
def test_the_doctor_finds_a_key_that_is_not_that_of_its_code():
    coupon = CouponFactory(code="STRASSE10")
    assert not list(doctor.find_breaches())
    Coupon.objects.filter(pk=coupon.pk).update(key="strase10")
    assert any("STRASSE10" in line and "key" in line for line in doctor.find_breaches())


@pytest.mark.parametrize(
    ("code", "expected"), [("VIP50", True), ("A-B-C-1", True), ("SPRING", False), ("SPRING10", False)]
)
def test_short_codes_are_told(code, expected):
    assert is_short(code) is expected
