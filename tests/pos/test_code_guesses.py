"""Guessing coupon codes: unknown ones are throttled by till key, and a sale always goes on."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pos.sales import code_guesses
from promotions.models import Coupon
from tests.factories import CouponFactory, PromotionFactory
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    """The seconds that the count goes by."""
    now = [1000.0]
    monkeypatch.setattr(code_guesses.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def till(clock):
    return AtTill(unknown_codes_per_minute=5)


@pytest.fixture
def good():
    promotion = PromotionFactory(trigger="coupon", standalone=True)
    return [CouponFactory(promotion=promotion, code=f"GOOD{number}").code for number in range(3)]


def status(till, *codes):
    return [coupon["status"] for coupon in till.quote(basket(1_000, coupons=list(codes)))["coupons"]]


def guess(till, count, word="WRONG"):
    return [status(till, f"{word}{number}")[0] for number in range(count)]


def test_unknown_codes_past_the_tills_rate_are_throttled_and_the_sale_goes_on(till):
    assert guess(till, 8) == ["coupon_unknown"] * 5 + ["coupon_throttled"] * 3
    answer = till.put("S1", basket(1_000, coupons=["WRONG9"]))
    assert answer.status == 201
    assert answer["coupons"] == [
        {
            "code": "WRONG9",
            "status": "coupon_throttled",
            "message": "This till tried too many unknown codes: try this one again in a minute.",
        }
    ]


def test_one_request_with_many_codes_counts_each_of_them(till):
    told = status(till, *[f"X{number}" for number in range(20)])
    assert told == ["coupon_unknown"] * 5 + ["coupon_throttled"] * 15


def test_a_good_code_that_the_till_never_used_cannot_be_told_from_a_wrong_one_while_it_guesses(till, good):
    guess(till, 5)
    assert status(till, good[0], "WRONG77") == ["coupon_throttled", "coupon_throttled"]
    assert till.quote(basket(1_000, coupons=[good[0]]))["discount"] == 0


def test_a_code_that_the_key_used_before_stays_good_while_another_shop_mistypes(till, good):
    assert status(till, good[0]) == ["applied"]
    guess(till, 9)
    assert status(till, good[0].lower()) == ["applied"]
    assert till.put("S1", basket(1_000, coupons=[good[0]]))["discount"] == 100


def test_a_wrong_code_that_is_sent_with_every_change_of_the_basket_counts_once(till, good):
    for _ in range(50):
        assert status(till, "MISTYPED") == ["coupon_unknown"]
    assert status(till, good[1]) == ["applied"]


def test_good_codes_take_nothing_from_the_rate(till, good):
    till.till.unknown_codes_per_minute = 1
    till.till.save()
    assert status(till, *good) == ["applied", "excluded_by", "excluded_by"]
    assert status(till, "WRONG") == ["coupon_unknown"]


def test_the_rate_comes_back_with_time(till, clock, good):
    guess(till, 6)
    clock[0] += 12
    assert status(till, good[2]) == ["applied"]
    assert guess(till, 3, "NEW") == ["coupon_unknown"] + ["coupon_throttled"] * 2
    clock[0] += 600
    assert guess(till, 6, "LATER") == ["coupon_unknown"] * 5 + ["coupon_throttled"]


def test_each_key_has_a_rate_of_its_own_and_an_administrator_sets_it(till, good):
    guess(till, 6)
    other = AtTill(location=till.location)
    assert status(other, good[0]) == ["applied"]
    till.till.unknown_codes_per_minute = 1_000
    till.till.save()
    guesses_left = guess(till, 3, "MORE")
    assert guesses_left == ["coupon_throttled"] * 3  # it grows with time, it does not jump


def test_a_quote_stays_one_query_with_codes(till, good, django_assert_num_queries):
    status(till, "WARM")
    with django_assert_num_queries(1):
        status(till, good[0], "WRONG1")


def test_a_sale_made_offline_waits_and_is_not_recorded_without_its_code(till, clock, good):
    guess(till, 5)
    made = (timezone.now() - timedelta(hours=1)).isoformat()
    body = basket(1_000, coupons=[good[0]], offline_at=made)
    answer = till.put("S1", body)
    assert (answer.status, answer["error"]) == (429, "coupon_throttled")
    assert answer.headers["Retry-After"] == "60"
    clock[0] += 60
    answer = till.put("S1", body)
    assert (answer.status, answer["discount"]) == (201, 100)


def test_a_refused_change_tells_a_guesser_no_more_than_a_quote(till, good):
    """`expect_discount` with an impossible figure books nothing, and so would be a free try."""
    guess(till, 5)
    answer = till.put("S1", basket(1_000, coupons=[good[0]], expect_discount=999))
    assert answer["quote"]["coupons"][0]["status"] == "coupon_throttled"
    assert Coupon.objects.get(code=good[0]).uses == 0


def test_what_is_remembered_of_a_key_is_bounded(monkeypatch):
    monkeypatch.setattr(code_guesses, "MAX_REMEMBERED_CODES", 3)
    known = code_guesses.CodeGuesses()
    for number in range(10):
        known.admit(f"good{number}", exists=True, per_minute=5)
        known.admit(f"wrong{number}", exists=False, per_minute=5)
    assert [len(known._good), len(known._wrong)] == [3, 3]


def test_each_refusal_of_a_code_has_a_sentence_with_its_figures():
    till = AtTill()
    promotion = PromotionFactory(trigger="coupon", standalone=True)
    start = timezone.datetime.fromisoformat("2030-06-01T10:00:00+00:00")
    end = timezone.datetime.fromisoformat("2020-06-01T10:00:00+00:00")

    def sentence(**fields):
        coupon = CouponFactory(promotion=promotion, **fields)
        (told,) = till.quote(basket(1_000, coupons=[coupon.code], customer={"id": "C1"}))["coupons"]
        return told["message"]

    # the shop is in Berlin: its customers are told its time
    assert sentence(starts_at=start) == "The code is valid from 1 Jun 2030, 12:00 on."
    assert sentence(ends_at=end) == "The code was valid until 1 Jun 2020, 12:00."
    assert sentence(min_subtotal=2_500) == "The code needs a sale of €25.00; this one comes to €10.00."
    assert sentence(max_uses=3, uses=3) == "The code is used up: 3 of 3 uses."
    assert sentence(customer="C2") == "The code belongs to another customer."
    assert sentence(active=False) == "The code is switched off, or its promotion applies nowhere."
